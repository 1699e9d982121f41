"""What was answered is answered again: the stores keep what repeats and late usage need."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.case import Case
from diameter_ocs.charging.catalogue import Price, SessionRules
from diameter_ocs.charging.decisions import Decision, Edr, EdrKind, Novelty, Outcome
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.requests import ChargingRequest, RequestType, ServiceUsage, SessionKey
from diameter_ocs.charging.session import ClosedSession, CloseReason, Line, Session
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.statements import ANSWERED_MAX
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    ORDER,
    VOICE,
    Kept,
    case_of,
    charged,
    charged_anew,
    furnish,
    initial,
    keep,
    octets,
    shown,
    terminate,
    update,
    used,
    want,
)

SECOND = 1_000_000
HOUR = 3600 * SECOND
MONEY = 1_000_000
KEY = SessionKey(b"session")


def told(decision: Decision | Fault) -> object:
    """Return what a client is told."""
    assert isinstance(decision, Decision)
    return decision.outcome, [
        (service.usage.rating_group, service.usage.service_identifiers, service[1:])
        for service in decision.services
    ]


def novelties(decisions: Sequence[Decision | Fault]) -> list[str]:
    assert all(isinstance(decision, Decision) for decision in decisions)
    return [decision.novelty.name for decision in decisions if isinstance(decision, Decision)]


def outcomes(decisions: Sequence[Decision | Fault]) -> list[str]:
    assert all(isinstance(decision, Decision) for decision in decisions)
    return [decision.outcome.name for decision in decisions if isinstance(decision, Decision)]


def rebuilt(request: ChargingRequest) -> ChargingRequest:
    """Return a request as a client makes it that has lost its answer: in a new message."""
    made = {RequestType.INITIAL: initial, RequestType.UPDATE: update}
    again = made.get(request.request_type, terminate)()
    return request._replace(end_to_end_id=again.end_to_end_id)


async def money(kept: Kept) -> Balance:
    balances = (await shown(kept.accounts, 1)).balances
    (found,) = [balance for balance in balances if balance.balance_type == "money"]
    return found


async def version(kept: Kept, group: int) -> int:
    return (await case_of(kept.store, group)).version


CHANGED = (want(333),)
SIGNS = {
    "the same message": lambda request: request._replace(usages=CHANGED),
    "a retransmission": lambda request: rebuilt(request)._replace(
        is_retransmission=True, usages=CHANGED, origin_host="another.example"
    ),
    "the same content": rebuilt,
}


@pytest.mark.parametrize("sign", SIGNS)
async def test_each_sign_of_a_repeat_is_kept(kept: Kept, sign: str) -> None:
    (group, *_) = await furnish(kept.accounts)
    requests = [initial(), update(request_number=7), update(request_number=8)]
    firsts = [(await charged(kept.store, (group, request)))[0] for request in requests]
    stored = await version(kept, group)
    for request, first in zip(requests, firsts, strict=True):
        (again,) = await charged(kept.store, (group, SIGNS[sign](request)))
        assert told(again) == told(first)
        assert novelties([again]) == ["REPEATED"]
    assert await version(kept, group) == stored
    assert (await octets(kept.accounts))[5:7] == (20, 100)


async def test_another_message_under_an_answered_number_is_new_work(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, update()))
    other = update(usages=(used(11, 100),))
    assert novelties(await charged(kept.store, (group, other))) == ["NUMBER_REUSED"]
    assert (await octets(kept.accounts)).used == 21
    assert novelties(await charged(kept.store, (group, rebuilt(other)))) == ["REPEATED"]


async def test_of_requests_that_are_numbered_alike_the_latest_are_known(
    postgres: Kept, emptied: str
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    alike = [update(request_number=0, usages=(used(1, n),)) for n in range(ANSWERED_MAX + 2)]
    new = await charged(postgres.store, (group, initial()), *[(group, each) for each in alike])
    assert set(novelties(new[2:])) == {"NUMBER_REUSED"}
    (found,) = (await case_of(postgres.store, group, alike[0])).answered.values()
    assert len(found) == ANSWERED_MAX
    again = [(group, rebuilt(each)) for each in alike[2:]]
    assert set(novelties(await charged(postgres.store, *again))) == {"REPEATED"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("II", "NEW REPEATED"),
        ("IUU", "NEW NEW REPEATED"),
        ("IUI", "NEW NEW REPEATED"),
        ("ITT", "NEW NEW REPEATED"),
        ("IUTU", "NEW NEW NEW REPEATED"),
        ("IUTUTI", "NEW NEW NEW REPEATED REPEATED REPEATED"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 6])
async def test_repeats_are_known_within_one_batch_and_in_later_ones(
    kept: Kept, asked: str, expected: str, size: int
) -> None:
    (group, *_) = await furnish(kept.accounts)
    requests = {"I": initial(), "U": update(), "T": terminate(request_number=2)}
    decisions = []
    for start in range(0, len(asked), size):
        batch = [(group, requests[letter]) for letter in asked[start : start + size]]
        decisions += await charged_anew(kept.store, *batch)
    assert " ".join(novelties(decisions)) == expected
    first = dict(zip(reversed(asked), reversed(decisions), strict=True))
    assert [told(decision) for decision in decisions] == [told(first[name]) for name in asked]
    assert await version(kept, group) == 1 + len(set(asked))
    assert (await octets(kept.accounts)).used == 10 * len(set(asked) - {"I"})


async def test_a_repeat_is_known_after_a_restart(postgres: Kept, emptied: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    requests = [initial(), update(), terminate(request_number=2), update(request_number=3)]
    decisions = await charged(postgres.store, *((group, request) for request in requests))
    other = Database(emptied)
    restarted = PostgresStore(other, Catalogues(read_stored))
    assert list(await restarted.resolve(requests)) == [group] * 4
    again = await charged(restarted, *((group, request) for request in requests))
    await other.close()
    assert [told(decision) for decision in again] == [told(decision) for decision in decisions]
    assert novelties(again) == ["REPEATED"] * 4
    assert await version(postgres, group) == 5


async def test_an_old_request_is_repeated_as_it_was_answered(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    requests = [update(request_number=n, usages=(used(1, 10 + n),)) for n in range(1, 40)]
    firsts = [
        (await charged(kept.store, (group, request), now=NOW + n * HOUR))[0]
        for n, request in enumerate(requests)
    ]
    again = await charged(
        kept.store, *((group, rebuilt(r)) for r in requests[::-5]), now=NOW + 39 * HOUR
    )
    assert [told(decision) for decision in again] == [told(first) for first in firsts[::-5]]
    assert set(novelties(again)) == {"REPEATED"}


async def test_the_end_to_end_id_is_believed_for_four_minutes(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, request := update()))
    request = request._replace(usages=CHANGED)
    (again,) = await charged(kept.store, (group, request), now=NOW + 240 * SECOND)
    assert novelties([again]) == ["REPEATED"]
    (again,) = await charged(kept.store, (group, request), now=NOW + 240 * SECOND + 1)
    assert novelties([again]) == ["NUMBER_REUSED"]


async def test_two_accounts_do_not_share_what_was_answered(kept: Kept) -> None:
    """Their sessions have the same number, and their requests the same type and number."""
    first, second, _ = await furnish(kept.accounts)
    mine, others = initial(1, b"mine", usages=(want(7),)), initial(2, b"theirs")
    await charged(kept.store, (first, mine), (second, others))
    pairs = [(first, update(1, b"mine", usages=(used(n, 7),))) for n in (1, 2)]
    pairs += [(second, update(2, b"theirs", usages=(used(n, 9),))) for n in (3, 4)]
    firsts = await charged(kept.store, *pairs)
    again = await charged(kept.store, *pairs[::-1])
    assert [told(decision) for decision in again[::-1]] == [told(first) for first in firsts]
    case = await case_of(kept.store, first, pairs[0][1])
    assert {edr.account_id for edrs in case.answered.values() for edr in edrs} == {first}


async def test_two_tenants_may_use_one_session_id(kept: Kept) -> None:
    groups = {name: (await furnish(kept.accounts, [1], name))[0] for name in ("first", "second")}
    units = {"first": 11, "second": 22}
    requests = {
        name: [
            initial(tenant=name, end_to_end_id=1),
            update(tenant=name, end_to_end_id=2, usages=(used(units[name], units[name]),)),
            terminate(tenant=name, end_to_end_id=3, request_number=2, usages=()),
        ]
        for name in groups
    }
    firsts = {
        name: await charged(kept.store, *((group, r) for r in requests[name]))
        for name, group in groups.items()
    }
    for name, group in groups.items():
        assert list(await kept.store.resolve(requests[name])) == [group] * 3
        again = await charged(kept.store, *((group, r) for r in requests[name]))
        assert [told(decision) for decision in again] == [told(d) for d in firsts[name]]
        assert novelties(again) == ["REPEATED"] * 3
        assert (await octets(kept.accounts, 1, name)).used == units[name]


async def test_sub_sessions_are_repeated_apart(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    keys = [SessionKey(b"one"), SessionKey(b"one", 0), SessionKey(b"one", 1)]
    requests = [
        initial(session_key=key, end_to_end_id=7, usages=(want(n),))
        for n, key in enumerate(keys, 1)
    ]
    firsts = await charged(kept.store, *((group, request) for request in requests))
    assert novelties(firsts) == ["NEW"] * 3
    again = await charged(kept.store, *((group, request) for request in requests))
    assert [told(decision) for decision in again] == [told(first) for first in firsts]
    await charged(kept.store, (group, terminate(session_key=keys[1], usages=())))
    case = await case_of(kept.store, group, *(update(session_key=key) for key in keys))
    assert set(case.closed) == {keys[1]}


async def test_an_ended_session_is_found_by_its_name(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    await charged(kept.store, (groups[1], initial(2)), (groups[1], terminate(2)))
    assert list(await kept.store.resolve([update(1), terminate(99)])) == [groups[1]] * 2
    assert list(await kept.store.resolve([initial(1)])) == [groups[0]]


async def test_an_open_session_goes_before_one_that_has_ended(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    await charged(kept.store, (second, initial(2)), now=NOW)
    await charged(kept.store, (first, initial(1)), (first, terminate(1)), now=NOW + HOUR)
    assert list(await kept.store.resolve([update(99)])) == [second]
    await charged(kept.store, (second, terminate(2)), now=NOW + 2 * HOUR)
    assert list(await kept.store.resolve([update(99)])) == [second]
    await charged(kept.store, (first, terminate(1)), now=NOW + 3 * HOUR)
    assert list(await kept.store.resolve([update(99)])) == [second], "that was a repeat"
    late = update(1, request_number=5)
    await charged(kept.store, (first, late), now=NOW + 4 * HOUR)
    assert list(await kept.store.resolve([update(99)])) == [first]


async def test_every_field_of_a_closed_session_is_kept(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    before = await case_of(kept.store, group)
    session = Session(
        number=2,
        account_id=group,
        key=SessionKey(b"every\0field\xff", 0),
        service_context=None,
        origin_host="höst.example",
        origin_realm="",
        opened_at=NOW + 1,
        last_request_at=NOW + 123_456,
        request_number=2**32 - 1,
        catalogue_version=1,
        lines=(
            Line(1, 300, Price(7, 10, 190_000), 1, 2, 3, (), UnitType.TIME, 60),
            Line(2, 2**32 - 1, None, AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX),
        ),
    )
    for version, reason in enumerate(CloseReason, 2):
        closed = ClosedSession(session, NOW + 200_000 + version, reason)
        after = before._replace(version=version, closed={session.key: closed})
        await keep(kept.store, before, after, _edr(version, group))
        before = await case_of(kept.store, group, update(session_key=session.key))
        assert before.closed == {session.key: closed}
    assert isinstance(before.closed[session.key].session.lines[0].price, Price)


def _edr(number: int, account_id: int) -> Edr:
    return Edr(number, NOW, account_id, EdrKind.BILLING, "terminate", Outcome.SUCCESS, ())


@pytest.mark.parametrize("pause", [0, SECOND])
async def test_of_several_sessions_of_one_name_the_newest_is_remembered(
    kept: Kept, pause: int
) -> None:
    """Also where a clock stands still, as it does for a group that is ahead of it."""
    (group, *_) = await furnish(kept.accounts)
    for n in range(5):
        now = NOW + n * pause
        await charged_anew(kept.store, (group, initial(request_number=9 - n)), now=now)
        await charged(kept.store, (group, terminate(request_number=9 - n)), now=now)
        case = await case_of(kept.store, group, update(), now=now)
        assert case.closed[KEY].session.number == 2 + 2 * n
        assert case.closed[KEY].session.request_number == 9 - n


@pytest.mark.parametrize("pause", [0, SECOND])
@pytest.mark.parametrize("number", [1, 6])
async def test_of_a_session_that_was_charged_late_the_last_state_is_remembered(
    kept: Kept, number: int, pause: int
) -> None:
    (group, *_) = await furnish(kept.accounts, money=MONEY)
    await charged(kept.store, (group, initial(usages=(want(60, VOICE),))))
    await charged(kept.store, (group, terminate(request_number=5, usages=(_voice(50),))))
    assert (await money(kept)).used == 60_000
    for n in range(4):
        late = update(request_number=number + n, usages=(_voice(20),))
        await charged(kept.store, (group, late), now=NOW + (n + 1) * pause)
    assert (await money(kept)).used == 180_000, "130 s are three minutes"


async def test_late_usage_is_charged_once_whatever_becomes_of_the_answer(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, terminate()))
    late = update(request_number=2, usages=(used(30),))
    decisions = await charged(kept.store, (group, late), (group, late))
    decisions += await charged(kept.store, (group, rebuilt(late)), now=NOW + HOUR)
    assert outcomes(decisions) == ["SESSION_UNKNOWN"] * 3
    assert novelties(decisions) == ["LATE", "REPEATED", "REPEATED"]
    assert (await octets(kept.accounts)).used == 40
    ended = terminate(request_number=3, usages=(used(5),))
    decisions = await charged(kept.store, (group, ended), (group, ended), now=NOW + 2 * HOUR)
    assert outcomes(decisions) == ["SUCCESS"] * 2
    assert (await octets(kept.accounts)).used == 45
    (again,) = await charged(kept.store, (group, rebuilt(late)), now=NOW + 3 * HOUR)
    assert novelties([again]) == ["REPEATED"]


@pytest.mark.parametrize("charges_unknown_sessions", [False, True])
async def test_a_retransmission_is_not_charged_again_when_its_session_is_forgotten(
    kept: Kept, charges_unknown_sessions: bool
) -> None:
    (group, *_) = await furnish(kept.accounts)
    if charges_unknown_sessions:
        document = read_document(DOCUMENT + "settings: {charge_unknown_session: true}\n")
        await apply_catalogue(kept.accounts, document, ORDER)
    requests = [update(), terminate(request_number=2)]
    firsts = await charged(kept.store, (group, initial()), *((group, r) for r in requests))
    stored = await version(kept, group)
    now = NOW + (SessionRules().tombstone_seconds + 1) * SECOND
    again = [rebuilt(request)._replace(is_retransmission=True) for request in requests]
    decisions = await charged(kept.store, *((group, request) for request in again), now=now)
    assert [told(decision) for decision in decisions] == [told(first) for first in firsts[1:]]
    assert await version(kept, group) == stored
    new = update(request_number=3, is_retransmission=True)
    (decision,) = await charged(kept.store, (group, new), now=now)
    assert outcomes([decision]) == ["SESSION_UNKNOWN"]
    expected = 30 if charges_unknown_sessions else 20
    assert (await octets(kept.accounts)).used == expected


async def test_an_ended_session_may_be_opened_anew_under_its_name(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    old = initial()
    await charged(kept.store, (group, old), (group, terminate()))
    assert novelties(await charged_anew(kept.store, (group, old))) == ["REPEATED"]
    new = rebuilt(old)
    (opened,) = await charged_anew(kept.store, (group, new))
    assert novelties([opened]) == ["NUMBER_REUSED"]
    assert list((await case_of(kept.store, group, update())).sessions) == [KEY]
    assert novelties(await charged(kept.store, (group, new), (group, old))) == ["REPEATED"] * 2
    assert novelties(await charged(kept.store, (group, terminate()))) == ["NEW"]
    assert (await octets(kept.accounts))[5:7] == (20, 0)


async def test_usage_of_an_unknown_session_of_a_known_account_is_recorded_once(
    kept: Kept,
) -> None:
    groups = await furnish(kept.accounts)
    request = update(2, request_number=3)
    assert list(await kept.store.resolve([request])) == [groups[1]]
    pair = groups[1], request
    decisions = await charged(kept.store, pair, pair)
    decisions += await charged(kept.store, pair, (groups[1], rebuilt(request)))
    assert outcomes(decisions) == ["SESSION_UNKNOWN"] * 4
    assert novelties(decisions) == ["LATE", "REPEATED", "REPEATED", "REPEATED"]
    assert await version(kept, groups[1]) == 2
    assert (await octets(kept.accounts, 2)).used == 0
    case = await case_of(kept.store, groups[1], request)
    assert case.closed[KEY].reason is CloseReason.UNKNOWN
    assert list(await kept.store.resolve([update(99)])) == [groups[1]], "it is remembered"


async def test_an_unknown_session_without_a_known_account_is_nobodys(kept: Kept) -> None:
    await furnish(kept.accounts)
    await furnish(kept.accounts, [1], "second")
    requests = [update(99), update(identities=()), update(1), update(1, tenant="third")]
    assert list(await kept.store.resolve(requests)) == [None] * 4, "1 is known to two tenants"


async def test_a_batch_mixes_repeats_late_usage_and_new_work(kept: Kept) -> None:
    groups = await furnish(kept.accounts, range(1, 6))
    opened = [(group, initial(n, b"%d" % n)) for n, group in enumerate(groups, 1)]
    await charged(kept.store, *opened)
    two, three = (groups[1], terminate(2, b"2")), (groups[2], update(3, b"3"))
    await charged(kept.store, two, three)
    decisions = await charged(
        kept.store,
        opened[0],
        (groups[0], update(1, b"1")),
        (groups[1], update(2, b"2", request_number=4)),
        two,
        three,
        (groups[2], update(3, b"3", request_number=2)),
        (groups[3], update(4, b"nowhere")),
        (groups[4], terminate(5, b"5")),
        (groups[4], update(5, b"5", request_number=2)),
        (groups[4], terminate(5, b"5")),
    )
    assert novelties(decisions) == [
        *("REPEATED", "NEW", "LATE", "REPEATED", "REPEATED", "NEW", "LATE", "NEW", "LATE"),
        "REPEATED",
    ]
    used_now = [(await octets(kept.accounts, n)).used for n in range(1, 6)]
    assert used_now == [10, 20, 20, 0, 20]


async def test_what_need_not_be_known_is_not_read(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), (group, update()), (group, terminate()))
    await charged_anew(kept.store, (group, initial()), (group, update()))

    async def read(*requests: ChargingRequest) -> Case:
        return await case_of(kept.store, group, *requests)

    number = next(iter((await read(update())).sessions.values())).number
    assert (await read(update(request_number=2))).answered == {}
    assert (await read(update(request_number=2))).closed == {}
    asked = (await read(update(), terminate())).answered
    assert {owner: [edr.action for edr in edrs] for owner, edrs in asked.items()} == {
        number: ["update"]
    }
    assert Novelty.REPEATED.name in novelties(await charged(kept.store, (group, update())))


def _voice(seconds: int) -> ServiceUsage:
    return used(seconds, rating_group=VOICE)
