"""One transaction: resolve, lock, load, apply; the same promises from both stores."""

import pytest

from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.decisions import (
    Decision,
    Edr,
    EdrKind,
    Outcome,
)
from diameter_ocs.charging.faults import BrokenBatch, StaleCase
from diameter_ocs.charging.ledger import Posting
from diameter_ocs.charging.requests import Identity, IdentityKind, SessionKey
from diameter_ocs.charging.session import Hold, Line, Reservation, Session
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from diameter_ocs.handlers.credit_control import fold
from tests.store.scenario import (
    NOW,
    OCTETS,
    Kept,
    afresh,
    applied,
    case_of,
    charged,
    furnish,
    imsi,
    initial,
    keep,
    octets,
    steps,
    terminate,
    update,
    used,
    want,
)


class Interrupted(Exception):
    """Stands for whatever may go wrong within a transaction."""


async def test_a_session_is_opened_continued_and_closed(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    decision = (await charged(kept.store, (group, initial())))[0]
    assert isinstance(decision, Decision)
    assert decision.services[0].grant is not None
    assert (await octets(kept.accounts))[5:7] == (0, 100)
    await charged(kept.store, (group, update()))
    assert (await octets(kept.accounts))[5:7] == (10, 100)
    await charged(kept.store, (group, terminate()))
    assert (await octets(kept.accounts))[5:7] == (20, 0)
    assert not (await case_of(kept.store, group, update())).sessions


async def test_an_initial_is_resolved_by_its_identity(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    requests = [initial(3), initial(1), initial(99), initial(3)]
    assert list(await kept.store.resolve(requests)) == [groups[2], groups[0], None, groups[2]]


async def test_the_others_are_resolved_by_their_session(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    await charged(kept.store, (groups[1], initial(2, b"two")))
    requests = [update(1, b"two"), terminate(1, b"two"), update(99, b"two"), initial(2, b"two")]
    assert list(await kept.store.resolve(requests)) == [groups[1]] * 4


async def test_nothing_is_resolved_to_nothing(kept: Kept) -> None:
    assert list(await kept.store.resolve([])) == []


async def test_identities_of_two_accounts_are_nobodys(kept: Kept) -> None:
    await furnish(kept.accounts)
    both = initial(identities=(imsi(1), imsi(2)))
    assert list(await kept.store.resolve([both])) == [None]


async def test_an_unknown_identity_beside_a_known_one_does_no_harm(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    request = initial(identities=(imsi(77), imsi(2)))
    assert list(await kept.store.resolve([request])) == [groups[1]]


async def test_an_identity_in_two_tenants_needs_a_tenant(kept: Kept) -> None:
    (first,) = await furnish(kept.accounts, [1], "first")
    (second,) = await furnish(kept.accounts, [1], "second")
    requests = [initial(tenant=name) for name in (None, "first", "second", "third")]
    assert list(await kept.store.resolve(requests)) == [None, first, second, None]


async def test_a_session_belongs_to_its_tenants_gateways(kept: Kept) -> None:
    (first,) = await furnish(kept.accounts, [1], "first")
    (second,) = await furnish(kept.accounts, [1], "second")
    await charged(kept.store, (first, initial(tenant="first")))
    requests = [update(99, tenant=name) for name in (None, "first", "second")]
    assert list(await kept.store.resolve(requests)) == [first, first, None]
    await charged(kept.store, (second, initial(tenant="second")))
    assert list(await kept.store.resolve(requests)) == [None, first, second]


async def test_of_two_sessions_under_one_key_the_newest_counts(kept: Kept) -> None:
    groups = await furnish(kept.accounts)
    await charged(kept.store, (groups[2], initial(3)), now=NOW + 1)
    await charged(kept.store, (groups[0], initial(1)), now=NOW + 3)
    await charged(kept.store, (groups[1], initial(2)), now=NOW + 2)
    assert list(await kept.store.resolve([update()])) == [groups[0]]


async def test_locked_groups_are_not_had_twice(kept: Kept) -> None:
    first, second, third = await furnish(kept.accounts)
    async with kept.store.work() as one:
        assert set(await one.lock([second])) == {second}
        async with kept.store.work() as other:
            assert set(await other.lock([first, second, third])) == {first, third}
            cases, _ = await other.load([], NOW)
            assert set(cases) == {first, third}
    async with kept.store.work() as again:
        assert set(await again.lock([first, second, third])) == {first, second, third}


async def test_an_unknown_group_is_not_locked(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    async with kept.store.work() as work:
        assert set(await work.lock([group, 10**15])) == {group}


async def test_an_empty_transaction_does_nothing(kept: Kept) -> None:
    async with kept.store.work() as work:
        assert not await work.lock([])
        cases, moved = await work.load([], NOW)
        assert not cases
        assert not moved
        await work.apply([])


async def test_an_error_within_leaves_nothing_stored_and_nothing_locked(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    before = await case_of(kept.store, group, initial())
    with pytest.raises(Interrupted):
        await applied(kept.store, _opening_change(before), fault=Interrupted())
    async with kept.store.work() as work:
        assert set(await work.lock([group])) == {group}
    assert await case_of(kept.store, group, initial()) == before


async def test_a_change_of_a_stale_case_is_refused_with_the_whole_batch(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    fresh = await case_of(kept.store, first)
    stale = (await case_of(kept.store, second))._replace(version=0)
    with pytest.raises(StaleCase):
        await applied(kept.store, _opening_change(fresh), _opening_change(stale))
    assert await case_of(kept.store, first) == fresh
    assert (await octets(kept.accounts)).reserved == 0


async def test_a_case_that_was_changed_since_it_was_read_is_stale(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    before = await case_of(kept.store, group, initial())
    await charged(kept.store, (group, initial(session=b"other")))
    with pytest.raises((StaleCase, BrokenBatch)):  # what is stale may break rules before it counts
        await applied(kept.store, _opening_change(before))
    assert (await octets(kept.accounts)).reserved == 100


async def test_a_case_is_read_alike_twice(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    async with kept.store.work() as work:
        await work.lock([group])
        once = await work.load([(group, update())], NOW)
        assert await work.load([(group, update())], NOW) == once


async def test_a_case_holds_what_its_requests_ask_for_and_no_more(
    kept: Kept,
) -> None:
    first, second, _ = await furnish(kept.accounts)
    await charged(kept.store, (first, initial()), (first, initial(session=b"other")))
    await charged(kept.store, (second, initial(2, b"third")))
    case = await case_of(kept.store, first, update(), initial(session=b"new"))
    assert list(case.sessions) == [SessionKey(b"session")]
    assert case.directory == {imsi(1): first}
    assert {balance.balance_type for balance in case.balances.values()} == {"octets", "money"}
    assert [account.plans for account in case.accounts.values()] == [("plan",)]


async def test_time_never_runs_backwards_for_a_group(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()), now=NOW + 1_000_001)
    assert (await case_of(kept.store, group, now=NOW)).now == NOW + 1_000_001
    assert (await case_of(kept.store, group, now=NOW + 2_000_003)).now == NOW + 2_000_003


async def test_a_request_that_is_not_of_the_group_is_misplaced(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    wrong, right = initial(2), initial(1)
    async with kept.store.work() as work:
        await work.lock([first, second])
        _, moved = await work.load([(first, wrong), (first, right)], NOW)
        assert list(moved) == [wrong]


async def test_an_identity_that_nobody_has_is_not_misplaced(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    async with kept.store.work() as work:
        await work.lock([group])
        cases, moved = await work.load([(group, initial(99))], NOW)
        assert not moved
        assert not cases[group].directory


async def test_another_tenants_namesake_is_not_misplaced(kept: Kept) -> None:
    (first,) = await furnish(kept.accounts, [1], "first")
    await furnish(kept.accounts, [1], "second")
    async with kept.store.work() as work:
        await work.lock([first])
        cases, moved = await work.load([(first, initial(tenant="first"))], NOW)
        assert not moved
        assert cases[first].directory == {imsi(1): first}


async def test_every_field_of_a_session_is_kept(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts, money=50)
    before = await case_of(kept.store, group)
    data, money = sorted(before.balances)
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
            Line(
                1,
                300,
                Price(7, 10, 190_000),
                1,
                2,
                3,
                (_hold(data, 5), _hold(money, 7)),
                UnitType.TIME,
                60,
            ),
            Line(2, 2**32 - 1, None, AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX),
        ),
        reservations=(Reservation(300, (1, 2**32 - 1), AMOUNT_MAX, 1), Reservation(0, (), 1, 2)),
    )
    await _keep_session(kept, before, session)
    case = await case_of(kept.store, group, update(session_key=session.key))
    assert case.sessions == {session.key: session}
    assert isinstance(case.sessions[session.key].lines[0].price, Price)

    changed = session._replace(
        origin_host="other",
        origin_realm="realm",
        last_request_at=NOW + 200_000,
        request_number=0,
        catalogue_version=2,
        lines=session.lines[:1],
        reservations=(),
    )
    await keep(
        kept.store,
        case,
        case._replace(version=3, sessions={session.key: changed}),
        _edr(3, group, ()),
    )
    case = await case_of(kept.store, group, update(session_key=session.key))
    assert case.sessions == {session.key: changed}


@pytest.mark.parametrize(
    "key",
    [
        SessionKey(b"\xff"),
        SessionKey(b"x" * 60_000),
        SessionKey(b"a;1;2", 1),
        SessionKey(b"a;1;2", 2**63 - 1),
        SessionKey("späte Sitzung".encode("latin-1")),
    ],
    ids=["one octet", "60,000 octets", "sub-session", "largest sub-session", "no UTF-8"],
)
async def test_a_session_is_found_by_its_whole_key(kept: Kept, key: SessionKey) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial(session_key=key)))
    assert list(await kept.store.resolve([update(session_key=key)])) == [group]
    case = await case_of(kept.store, group, update(session_key=key))
    assert list(case.sessions) == [key]


async def test_sub_sessions_are_sessions_of_their_own(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    keys = [SessionKey(b"one"), SessionKey(b"one", 0), SessionKey(b"one", 1)]
    await charged(kept.store, *((group, initial(session_key=key)) for key in keys))
    await charged(kept.store, (group, terminate(session_key=keys[1], usages=())))
    case = await case_of(kept.store, group, *(update(session_key=key) for key in keys))
    assert set(case.sessions) == {keys[0], keys[2]}
    assert (await octets(kept.accounts)).reserved == 200


async def test_a_session_may_be_replaced_and_closed_within_one_batch(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    again = initial(request_number=2)
    await charged(kept.store, (group, update()), (group, again), (group, update()))
    case = await case_of(kept.store, group, update())
    assert [session.number for session in case.sessions.values()] == [5]
    await charged(
        kept.store,
        (group, terminate(request_number=3)),
        (group, initial(request_number=4)),
        (group, terminate(request_number=5)),
        (group, initial(session=b"brief")),
        (group, terminate(session=b"brief")),
    )
    assert not (await case_of(kept.store, group, update(), update(session=b"brief"))).sessions
    assert (await octets(kept.accounts)).reserved == 0


async def test_balances_hold_the_largest_amounts(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    before = await case_of(kept.store, group)
    data, _ = before.balances.values()
    full = data._replace(total=AMOUNT_MAX, used=AMOUNT_MAX)
    posting = Posting(data.id, AMOUNT_MAX - OCTETS, AMOUNT_MAX, 0)
    after = before._replace(version=2, balances={**before.balances, data.id: full})
    await keep(kept.store, before, after, _edr(2, group, (posting,)))
    assert (await case_of(kept.store, group)).balances[data.id] == full


@pytest.mark.parametrize(
    "other",
    [{"end_to_end_id": 2**63}, {"origin_host": "nul\0"}, {"session_key": SessionKey(b"", 2**63)}],
    ids=["number too large", "NUL in a text", "sub-session too large"],
)
async def test_a_value_that_cannot_be_stored_breaks_the_batch(
    postgres: Kept, other: dict[str, object]
) -> None:
    first, second, _ = await furnish(postgres.accounts)
    broken = initial(2, b"broken", **other)
    with pytest.raises(BrokenBatch):
        await charged(postgres.store, (first, initial()), (second, broken))
    assert (await octets(postgres.accounts, 1)).reserved == 0
    await charged(postgres.store, (first, initial()))
    assert (await octets(postgres.accounts, 1)).reserved == 100


async def test_an_identity_that_is_no_text_breaks_its_look_up_and_no_other(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts)
    broken = initial(identities=(Identity(IdentityKind.NAI, "a\0"),))
    with pytest.raises(BrokenBatch):
        await postgres.store.resolve([initial(), broken])
    with pytest.raises(BrokenBatch):
        await charged(postgres.store, (group, broken))
    assert await postgres.store.resolve([initial()]) == [group]


async def test_octets_that_are_no_text_are_spelled_out(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial(origin_host="gate\udcff")))
    case = await case_of(afresh(postgres), group, update())
    assert [session.origin_host for session in case.sessions.values()] == ["gate\\udcff"]


async def test_a_batch_of_many_groups_keeps_each_groups_own(kept: Kept) -> None:
    groups = await furnish(kept.accounts, range(1, 61))
    pairs = [(group, initial(number, b"%d" % number)) for number, group in enumerate(groups, 1)]
    pairs = pairs[::-1]
    await charged(kept.store, *pairs)
    wanted = [
        (group, update(number, b"%d" % number, usages=(used(number, 5),)))
        for number, group in enumerate(groups, 1)
    ]
    results = await charged(kept.store, *wanted)
    assert {result.outcome for result in results if isinstance(result, Decision)} == {
        Outcome.SUCCESS
    }
    for number in (1, 7, 60):
        assert (await octets(kept.accounts, number))[5:7] == (number, 5)


async def test_what_is_refused_changes_nothing(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    before = await case_of(kept.store, group)
    idle = update(usages=(want(10),))
    results = await charged(kept.store, (group, idle), (group, initial(99)))
    assert [result.outcome for result in results if isinstance(result, Decision)] == [
        Outcome.SESSION_UNKNOWN,
        Outcome.USER_UNKNOWN,
    ]
    assert await case_of(kept.store, group) == before


async def test_identities_are_told_apart_by_their_kind(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    as_msisdn = Identity(IdentityKind.MSISDN, imsi(1).value)
    requests = [initial(), initial(identities=(as_msisdn,))]
    assert list(await kept.store.resolve(requests)) == [group, None]


async def test_a_new_catalogue_is_used_from_the_next_batch(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    assert (await case_of(kept.store, group)).catalogue.version == 1
    from_first = await kept.accounts.read_catalogue("demo", 1)
    assert (await case_of(kept.store, group)).catalogue == from_first


def _opening_change(case: Case) -> Change:
    """Return what an INITIAL of its account makes of a case."""
    request = initial(int(next(iter(case.accounts.values())).name.removeprefix("account ")))
    case = case._replace(directory={request.identities[0]: case.group_id})
    folded = fold(steps((case.group_id, request)), {case.group_id: case})
    return folded.changes[0]


def _hold(balance_id: int, amount: int) -> Hold:
    return Hold("a service", balance_id % 2 == 0, amount, ((balance_id, amount),))


def _edr(number: int, account_id: int, postings: tuple[Posting, ...]) -> Edr:
    return Edr(number, NOW, account_id, EdrKind.CHARGING, "update", Outcome.SUCCESS, postings)


async def _keep_session(kept: Kept, before: Case, session: Session) -> None:
    """Store a session with what it holds, as if it had been charged."""
    balances = dict(before.balances)
    postings = []
    for number, amount in session.held().items():
        balances[number] = balances[number]._replace(reserved=amount)
        postings.append(Posting(number, 0, 0, amount))
    await keep(
        kept.store,
        before,
        before._replace(version=2, balances=balances, sessions={session.key: session}),
        _edr(2, session.account_id, tuple(postings)),
    )
