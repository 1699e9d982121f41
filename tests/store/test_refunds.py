"""Refunds in both stores: what was charged is found, and what of it was given back before."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.decisions import Decision, EdrName, Outcome
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.requests import ChargingRequest, EventAction, ServiceUsage, SessionKey
from diameter_ocs.charging.reversals import reverse_unclaimed
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault, fold
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    NOW,
    OCTETS,
    Kept,
    applied,
    case_of,
    charged,
    event,
    furnish,
    initial,
    octets,
    steps,
    terminate,
    update,
    want,
)

HOUR = 3600 * 1_000_000
SECOND = 1_000_000


def refund(
    of: Decision | None = None, session: bytes = b"refund", subscriber: int = 1, **others: object
) -> ChargingRequest:
    """Ask for a refund, of what is named by its Refund-Information where it is given."""
    marked = () if of is None else (str(of.event).encode(),)
    asked = {"usages": (ServiceUsage(),), "action": EventAction.REFUND, "refunds": marked}
    return event(subscriber, session, **{**asked, **others})


def units(decisions: Sequence[Decision | Fault]) -> list[int]:
    """Return the units of each decision, or its outcome as a negative number."""
    told = []
    for each in decisions:
        assert isinstance(each, Decision)
        granted = [service.grant.units for service in each.services if service.grant]
        told.append(sum(granted) if each.outcome is Outcome.SUCCESS else -each.outcome)
    return told


async def debited(
    kept: Kept, group: int, session: bytes = b"event", now: int = NOW, **others: object
) -> Decision:
    (decision,) = await charged(kept.store, (group, event(session=session, **others)), now=now)
    assert isinstance(decision, Decision)
    return decision


async def used(kept: Kept) -> int:
    return (await octets(kept.accounts)).used


@pytest.mark.parametrize("hours", [0, 30, 2000])
async def test_what_an_event_was_marked_with_is_good_for_long(kept: Kept, hours: int) -> None:
    (group, *_) = await furnish(kept.accounts)
    first = await debited(kept, group)
    asked = [(group, refund(first, session=b"%d" % at, usages=(want(4),))) for at in range(4)]
    at = NOW + hours * HOUR
    assert units(await charged(kept.store, asked[0], now=at)) == [4]
    assert units(await charged(kept.store, *asked[1:], now=at + SECOND)) == [4, 2, -1]
    assert await used(kept) == 0


async def test_an_event_is_refunded_in_the_batch_that_charges_it(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    name = EdrName(group, NOW, 2)
    batch = [
        (group, event()),
        (group, refund(refunds=(str(name).encode(),), usages=(want(3),))),
        (group, refund(session=b"event", request_number=1)),
        (group, refund(session=b"event", request_number=2)),
    ]
    assert units(await charged(kept.store, *batch)) == [10, 3, 7, -1]
    assert await used(kept) == 0


async def test_the_session_names_what_is_refunded(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await debited(kept, group)
    await debited(kept, group, now=NOW + SECOND, request_number=1, usages=(want(5),))
    asked = [(group, refund(session=b"event", request_number=at)) for at in (2, 3, 4)]
    for at, expected in enumerate((5, 10, -1)):
        later = NOW + (2 + at) * SECOND
        assert units(await charged(kept.store, asked[at], now=later)) == [expected]
    stranger = refund(session=b"unheard of")
    assert units(await charged(kept.store, (group, stranger), now=NOW + HOUR)) == [-5]


async def test_sessions_are_refunded_too_open_or_ended(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial()))
    await charged(kept.store, (group, update()), now=NOW + SECOND)
    half = refund(session=b"session", request_number=2, usages=(want(5),))
    assert units(await charged(kept.store, (group, half), now=NOW + 2 * SECOND)) == [5]
    await charged(kept.store, (group, terminate(request_number=3)), now=NOW + 3 * SECOND)
    rest = refund(session=b"session", request_number=4)
    assert units(await charged(kept.store, (group, rest), now=NOW + 4 * SECOND)) == [15]
    again = rest._replace(request_number=5)
    assert units(await charged(kept.store, (group, again), now=NOW + 5 * SECOND)) == [-1]
    assert await used(kept) == 0


@pytest.mark.parametrize(("hours", "expected"), [(0, 20), (48, 20), (49, -5)])
async def test_a_correlation_id_is_good_for_two_days(kept: Kept, hours: int, expected: int) -> None:
    (group, *_) = await furnish(kept.accounts)
    for session in (b"a", b"b"):
        await debited(kept, group, session, correlation_id=b"\0\xff")
    await debited(kept, group, b"c", correlation_id=b"\0")
    asked = refund(correlation_id=b"\0\xff")
    at = NOW + hours * HOUR
    assert units(await charged(kept.store, (group, asked), now=at)) == [expected]
    assert await used(kept) == 30 - max(expected, 0)


async def test_another_groups_charges_are_not_found(kept: Kept) -> None:
    first, second, _ = await furnish(kept.accounts)
    mine = await debited(kept, first, correlation_id=b"x")
    asked = [
        (second, refund(mine, b"a", 2)),
        (second, refund(None, b"event", 2)),
        (second, refund(None, b"b", 2, correlation_id=b"x")),
        (second, refund(None, b"c", 2, refunds=(b"%d-%d-2" % (second, NOW),))),
    ]
    assert units(await charged(kept.store, *asked)) == [-5] * 4
    assert await used(kept) == 10


async def test_a_repeated_refund_gives_back_nothing(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    first = await debited(kept, group)
    asked = refund(first, usages=(want(3),))
    again = asked._replace(end_to_end_id=1, is_retransmission=True)
    assert units(await charged(kept.store, (group, asked))) == [3]
    assert units(await charged(kept.store, (group, again), (group, asked), now=NOW + 1)) == [3, 3]
    assert await used(kept) == 7


async def test_what_was_given_back_is_known_after_a_restart(postgres: Kept, emptied: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    first = await debited(postgres, group, usages=(want(OCTETS),))
    await charged(postgres.store, (group, refund(first, usages=(want(OCTETS - 1),))))
    pool = Database(emptied)
    store = PostgresStore(pool, Catalogues(read_stored))
    asked = (group, refund(first, b"b"))
    assert units(await charged(store, asked, now=NOW + HOUR)) == [1]
    await pool.close()


async def test_what_was_refunded_is_not_taken_back_besides(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    first = await debited(kept, group)
    await charged(kept.store, (group, refund(first, usages=(want(4),))))
    asked = event(refunds=(str(first.event).encode(),))
    case = await case_of(kept.store, group, asked, now=NOW + HOUR)
    assert reverse_unclaimed(asked, first.edrs[0].stored, case) is None
    assert await used(kept) == 6


async def test_what_was_taken_back_is_not_refunded_besides(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    first = await debited(kept, group)
    asked = event()
    case = await case_of(kept.store, group, asked, now=NOW + HOUR)
    assert case.closed[SessionKey(b"event")]
    reversal = reverse_unclaimed(asked, first.edrs[0].stored, case)
    assert reversal is not None
    await applied(kept.store, Change(case, case.after(reversal), reversal.edrs))
    for at, each in enumerate((refund(first), refund(session=b"event", request_number=1))):
        assert units(await charged(kept.store, (group, each), now=NOW + HOUR + at)) == [-5]
    assert await used(kept) == 0


async def test_two_servers_never_give_back_the_same_units(postgres: Kept, emptied: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    first = await debited(postgres, group)
    pool = Database(emptied)
    other = PostgresStore(pool, Catalogues(read_stored))
    one, two = [(group, refund(first, b"%d" % at, usages=(want(6),))) for at in range(2)]

    async def overtaken() -> None:
        async with other.work() as work:
            await work.lock([group], [two], NOW)
            cases, _ = await work.load([two], NOW)
            folded = fold(steps(two), cases)
            assert units(folded.results) == [6]
            assert units(await charged(postgres.store, one)) == [6]
            await work.apply(folded.changes)

    with pytest.raises(StaleCase):
        await overtaken()
    assert units(await charged(other, two)) == [4]
    assert await used(postgres) == 0
    await pool.close()
