"""Events in both stores: paid in one transaction, and answered again out of the journal."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.decisions import Decision, EdrKind, Outcome
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.reversals import mark_event_answered, reverse_unclaimed
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    NOW,
    OCTETS,
    VOICE,
    Kept,
    applied,
    case_of,
    charged,
    event,
    furnish,
    identifiers,
    imsi,
    initial,
    octets,
    terminate,
    want,
)

HOUR = 3600 * 1_000_000


async def books(kept: Kept) -> tuple[int, int]:
    """Return what is used and what is reserved of the allowance."""
    balance = await octets(kept.accounts)
    return balance.used, balance.reserved


def novelties(decisions: Sequence[Decision | Fault]) -> str:
    return " ".join([each.novelty.name for each in decisions if isinstance(each, Decision)])


def told(decision: Decision | Fault) -> object:
    """Return what a client is told."""
    assert isinstance(decision, Decision)
    names = [(each.usage.rating_group, each[1:]) for each in decision.services]
    return decision.outcome, names


async def test_an_event_is_found_by_whom_it_names(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    requests = [event(1), event(2), event(9), event(1, identities=(imsi(1), imsi(2)))]
    assert list(await kept.store.resolve(requests)) == [first, second, None, None]


async def test_an_event_is_paid_and_remembered(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, event()))
    assert await books(kept) == (10, 0)
    case = await case_of(kept.store, group, event())
    assert not case.sessions
    closed = case.closed[SessionKey(b"event")]
    assert closed.reason is CloseReason.EVENT
    (edr,) = case.answered[closed.session.number]
    assert (edr.kind, edr.action, edr.number) == (EdrKind.BILLING, "event", 2)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("sign", ["identifier", "flag", "content"])
async def test_a_repeat_gets_the_same_answer_and_moves_nothing(
    kept: Kept, size: int, sign: str
) -> None:
    (group, *_) = await furnish(kept.accounts)
    request = event(usages=(want(OCTETS + 10),))
    again = request._replace(end_to_end_id=next(identifiers))
    if sign == "identifier":
        again = request._replace(usages=(want(3),))
    elif sign == "flag":
        again = again._replace(usages=(want(3),), is_retransmission=True)
    asked = [request, again, again]
    decisions: list[Decision | Fault] = []
    for start in range(0, 3, size):
        batch = [(group, each) for each in asked[start : start + size]]
        decisions += await charged(kept.store, *batch)
    assert novelties(decisions) == "NEW REPEATED REPEATED"
    assert told(decisions[0]) == told(decisions[1]) == told(decisions[2])
    assert await books(kept) == (OCTETS, 0)


async def test_events_of_one_name_are_told_apart_by_number(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    requests = [event(request_number=number) for number in range(3)]
    for at, request in enumerate(requests):
        assert novelties(await charged(kept.store, (group, request), now=NOW + at)) == "NEW"
    again = [(group, each._replace(end_to_end_id=next(identifiers))) for each in requests]
    assert novelties(await charged(kept.store, *again)) == "REPEATED REPEATED REPEATED"
    assert (await octets(kept.accounts)).used == 30


async def test_a_refusal_is_repeated_as_it_was(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    request = event(usages=(want(10), want(60, VOICE), want(1, 999)))
    (first,) = await charged(kept.store, (group, request))
    (again,) = await charged(kept.store, (group, request))
    assert told(again) == told(first)
    assert isinstance(first, Decision)
    assert first.outcome is Outcome.LIMIT_REACHED
    assert await books(kept) == (0, 0)


async def test_a_repeat_is_known_after_a_restart_and_after_the_day(
    postgres: Kept, emptied: str
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    (first,) = await charged(postgres.store, (group, event()))
    pool = Database(emptied)
    again = event(end_to_end_id=next(identifiers))
    store = PostgresStore(pool, Catalogues(read_stored))
    (second,) = await charged(store, (group, again), now=NOW + 30 * HOUR)
    assert novelties([second]) == "REPEATED"
    assert told(second) == told(first)
    await pool.close()


async def test_an_event_within_an_open_session_is_kept_with_it(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    request = event(session=b"session", request_number=7)
    await charged(kept.store, (group, initial()))
    await charged(kept.store, (group, request), now=NOW + 1)
    assert await books(kept) == (10, 100)
    case = await case_of(kept.store, group, request)
    assert case.sessions[SessionKey(b"session")].request_number == 7
    again = await charged(kept.store, (group, request), now=NOW + 2)
    assert novelties(again) == "REPEATED"
    last = terminate(request_number=8)
    assert novelties(await charged(kept.store, (group, last), now=NOW + 3)) == "NEW"
    assert await books(kept) == (20, 0)


async def test_a_batch_of_events_never_serves_one_balance_twice(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    asked = [(group, event(session=b"%d" % at, usages=(want(300),))) for at in range(6)]
    decisions = await charged(kept.store, *asked)
    served = [
        sum(each.grant.units for each in decision.services if each.grant is not None)
        for decision in decisions
        if isinstance(decision, Decision)
    ]
    assert served == [300, 300, 300, 100, 0, 0]
    assert await books(kept) == (OCTETS, 0)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("seconds", [0, 240])
async def test_what_was_reversed_is_charged_anew(kept: Kept, is_open: bool, seconds: int) -> None:
    """Also where the clock stands still, as that of a group may."""
    (group, *_) = await furnish(kept.accounts)
    asked, now = event(), NOW + seconds * 1_000_000
    if is_open:
        await charged(kept.store, (group, initial(session=b"event", usages=())))
    (first,) = await charged(kept.store, (group, asked))
    assert isinstance(first, Decision)
    case = await case_of(kept.store, group, asked, now=now)
    reversal = reverse_unclaimed(asked, first.edrs[0].stored, case)
    assert reversal is not None
    await applied(kept.store, Change(case, case.after(reversal), reversal.edrs))
    assert await books(kept) == (0, 0)
    case = await case_of(kept.store, group, asked, now=now)
    assert reverse_unclaimed(asked, first.edrs[0].stored, case) is None
    assert novelties(await charged(kept.store, (group, asked), now=now)) == "NEW"
    assert novelties(await charged(kept.store, (group, asked), now=now)) == "REPEATED"
    assert await books(kept) == (10, 0)


async def test_a_mark_is_seen_by_whoever_would_reverse(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    asked = event()
    (first,) = await charged(kept.store, (group, asked))
    assert isinstance(first, Decision)
    case = await case_of(kept.store, group, asked)
    mark = mark_event_answered(asked, first.edrs[0].stored, case)
    assert mark is not None
    await applied(kept.store, Change(case, case.after(mark), mark.edrs))
    case = await case_of(kept.store, group, asked)
    assert reverse_unclaimed(asked, first.edrs[0].stored, case) is None
    assert novelties(await charged(kept.store, (group, asked))) == "REPEATED"
