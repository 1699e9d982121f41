"""Operators find open sessions and close them; the same in both stores."""

from collections.abc import Awaitable

import pytest

from diameter_ocs.charging.commands import SessionsAsked
from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.sessions import close_session, find_session, session_name, show_session
from diameter_ocs.store.journal import EdrsAsked, list_edrs
from tests.store.scenario import (
    NOW,
    OCTETS,
    ORDER,
    Kept,
    afresh,
    charged,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
    want,
)

ONE = b"gateway;1;2"


async def code_of(command: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await command
    return caught.value.code


def forgetful(kept: Kept) -> Store:
    """Return the store as a process sees it that remembers nothing from before the command."""
    return kept.store if kept.database is None else afresh(kept)


async def opened(kept: Kept) -> list[int]:
    """Open two sessions of account 1 and one of account 2; return the groups."""
    one, two = await furnish(kept.accounts, [1, 2])
    await charged(kept.store, (one, initial(1, ONE)), (two, initial(2, b"two")))
    await charged(kept.store, (one, initial(1, b"\xff")), now=NOW + 1)
    return [one, two]


async def test_sessions_are_found_by_what_one_knows(kept: Kept) -> None:
    one, two = await opened(kept)

    async def found(*asked: object, limit: int = 9) -> list[bytes]:
        listed = await kept.accounts.find_sessions(SessionsAsked(*asked), limit)  # type: ignore[arg-type]
        return [each.session.key.session_id for each in listed]

    assert await found() == [ONE, b"\xff", b"two"]
    assert await found(limit=2) == [ONE, b"\xff"]
    assert await found("other") == []
    assert await found("demo", (two, two)) == [b"two"]
    assert await found(None, None, ONE) == [ONE]
    assert await found(None, None, None, (one, 3)) == [b"\xff"]
    assert await found(None, None, None, (two, 3)) == []


async def test_a_session_is_meant_by_its_id_or_its_session_id(kept: Kept) -> None:
    one, _ = await opened(kept)
    by_name = await find_session(kept.accounts, None, ONE.decode())
    assert session_name(by_name) == f"{one}-2"
    assert (by_name.account, by_name.tenant) == ("account 1", "demo")
    assert await find_session(kept.accounts, "demo", f"{one}-2") == by_name
    for name in ("three", f"{one}-9", ""):
        assert await code_of(find_session(kept.accounts, None, name)) == "session_unknown"
    assert await code_of(find_session(kept.accounts, "other", ONE.decode())) == "session_unknown"


async def test_a_session_id_of_two_tenants_needs_more(kept: Kept) -> None:
    for tenant in ("first", "second"):
        (group,) = await furnish(kept.accounts, [1], tenant)
        await charged(kept.store, (group, initial(1, ONE)))
    assert await code_of(find_session(kept.accounts, None, ONE.decode())) == "session_needed"
    assert (await find_session(kept.accounts, "second", ONE.decode())).tenant == "second"


async def test_a_session_is_shown_with_what_it_holds(kept: Kept) -> None:
    await opened(kept)
    answer = await show_session(kept.accounts, None, ONE.decode())
    assert answer["session_id"] == ONE.decode()
    balance = await octets(kept.accounts)
    held = {"balance": balance.id, "balance_type": "octets", "unit_type": "volume", "reserved": 100}
    assert answer["held"] == [held]
    (reservation,), (line,) = answer["reservations"], answer["lines"]
    assert (reservation["rating_group"], reservation["granted"]) == (300, 100)
    assert (line["rating_group"], line["used"], line["unit_type"]) == (300, 0, "volume")


async def test_a_closed_session_holds_nothing_and_leaves_an_edr(postgres: Kept) -> None:
    assert postgres.database is not None
    one, _ = await opened(postgres)
    order = Order("anna", "one", NOW + 5)
    done = await close_session(postgres.accounts, None, ONE.decode(), order)
    balance = await octets(postgres.accounts)
    assert done.answer["released"] == [{"balance": balance.id, "reserved": 100}]
    assert (balance.used, balance.reserved) == (0, 100)
    (listed,) = await list_edrs(postgres.database, EdrsAsked(NOW, NOW + 10, one), 1)
    edr = listed.edr
    assert (edr.action, edr.reason, edr.actor) == ("close", "closed_by_command", "anna")
    assert (edr.kind, edr.at, edr.session_id) == (EdrKind.BILLING, NOW + 5, ONE)
    assert [posting.reserved for posting in edr.postings] == [-100]
    assert (await close_session(postgres.accounts, None, ONE.decode(), order)).is_repeated


async def test_what_a_closed_session_reports_is_charged_once(kept: Kept) -> None:
    one, _ = await opened(kept)
    await close_session(kept.accounts, "demo", ONE.decode(), ORDER)
    assert await code_of(close_session(kept.accounts, "demo", ONE.decode(), ORDER)) == (
        "session_unknown"
    )
    late = update(1, ONE, usages=(used(60, 100),))
    store = forgetful(kept)
    for _ in range(2):
        await charged(store, (one, late))
    assert (await octets(kept.accounts))[4:7] == (OCTETS, 60, 100)
    await charged(store, (one, terminate(1, ONE, request_number=2, usages=(used(5),))))
    assert (await octets(kept.accounts))[4:7] == (OCTETS, 65, 100)


async def test_a_new_session_may_have_the_name_of_a_closed_one(kept: Kept) -> None:
    one, _ = await opened(kept)
    await close_session(kept.accounts, None, ONE.decode(), ORDER)
    await charged(forgetful(kept), (one, initial(1, ONE, usages=(want(7),))), now=NOW + 9)
    (found,) = await kept.accounts.find_sessions(SessionsAsked(session_id=ONE), 9)
    assert found.session.key == SessionKey(ONE)
    assert sum(found.session.held().values()) == 7


async def test_sub_sessions_are_named_by_what_they_belong_to_and_chosen_by_their_id(
    kept: Kept,
) -> None:
    one, _ = await opened(kept)
    keys = [SessionKey(b"shared", number) for number in range(2)]
    await charged(kept.store, *((one, initial(1, session_key=key)) for key in keys))
    found = await kept.accounts.find_sessions(SessionsAsked(session_id=b"shared"), 9)
    assert [each.session.key for each in found] == keys
    names = [session_name(each) for each in found]
    with pytest.raises(Refusal, match=f"several sessions .*: name {names[0]}, {names[1]}"):
        await close_session(kept.accounts, None, "shared", ORDER)
    await close_session(kept.accounts, None, names[0], ORDER)
    (left,) = await kept.accounts.find_sessions(SessionsAsked(session_id=b"shared"), 9)
    assert left.session.key == keys[1]
