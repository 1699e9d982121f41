"""Queues, batches, waits and faults: every request gets exactly one reply."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from diameter_ocs.charging.decisions import Decision, Novelty
from diameter_ocs.charging.faults import CasesUnavailable, StaleCase
from diameter_ocs.charging.requests import (
    ChargingRequest,
    EventAction,
    Identity,
    IdentityKind,
    SessionKey,
)
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import (
    NAMES_LENGTH_REMEMBERED_MAX,
    NAMES_REMEMBERED_MAX,
    SESSION_ID_REMEMBERED_MAX,
    LaneSettings,
)
from diameter_ocs.handlers.ports import Work
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.store.memory import MemoryStore
from tests.handlers.counter import (
    UNFORESEEN,
    UNSTORABLE,
    Counter,
    Faulty,
    Result,
    books_of,
    opened,
    outcomes,
)
from tests.handlers.virtual_time import play
from tests.store.scenario import (
    NOW,
    OCTETS,
    credited,
    event,
    furnish,
    imsi,
    initial,
    octets,
    terminate,
    update,
    used,
    want,
)

UNDECIDABLE = -1
"""A request number that no protocol can bring: charging raises."""
KEY = SessionKey(b"session")


def unclaimed(counter: Counter) -> list[tuple[int, SessionKey, int]]:
    """Return what waits to be claimed or undone."""
    due = counter.unclaimed.due(300, 9)
    return [(each.group, each.request.session_key, each.stored.number) for each in due]


def test_a_session_is_opened_continued_and_closed() -> None:
    async def story() -> None:
        async with opened() as counter:
            assert outcomes(await counter.ask(initial())) == ["SUCCESS"]
            assert outcomes(await counter.ask(update())) == ["SUCCESS"]
            assert outcomes(await counter.ask(terminate())) == ["SUCCESS"]
            assert outcomes(await counter.ask(update(request_number=3))) == ["SESSION_UNKNOWN"]
            assert (await octets(counter.kept)).used == 30

    play(story())


def test_fifty_requests_of_one_account_are_one_batch_in_order() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            counter.faulty.batches.clear()
            updates = [update(request_number=n, usages=(used(2, 5),)) for n in range(1, 50)]
            results = await counter.ask(*updates, terminate(request_number=50))
            assert counter.faulty.batches == [50]
            assert outcomes(results) == ["SUCCESS"] * 50
            assert counter.order == list(range(51))
            assert (await octets(counter.kept))[5:7] == (49 * 2 + 10, 0)
            (group,) = {edr.account_id for edr in counter.kept.groups[1].edrs}
            numbers = [edr.request_number for edr in counter.kept.groups[group].edrs[2:]]
            assert numbers == list(range(1, 51))

    play(story())


def test_a_batch_never_grants_one_balance_twice() -> None:
    async def story() -> None:
        async with opened() as counter:
            asked = [initial(session=b"%d" % n, usages=(want(300),)) for n in range(6)]
            results = await counter.ask(*asked)
            units = [
                service.grant.units if service.grant else 0
                for result in results
                if isinstance(result, Decision)
                for service in result.services
            ]
            assert units == [300, 300, 300, 100, 0, 0]
            assert (await octets(counter.kept)).reserved == OCTETS

    play(story())


def test_many_accounts_share_batches_and_both_lanes() -> None:
    async def story() -> None:
        async with opened(range(1, 101), batch_size=64) as counter:
            asked = [initial(n, b"%d" % n) for n in range(1, 101)]
            assert set(outcomes(await counter.ask(*asked))) == {"SUCCESS"}
            assert sum(counter.faulty.batches) == 100
            assert max(counter.faulty.batches) <= 64
            assert len(counter.faulty.batches) <= 4
            asked = [update(n, b"%d" % n) for n in range(1, 101)]
            assert set(outcomes(await counter.ask(*asked))) == {"SUCCESS"}

    play(story())


def test_a_lone_request_waits_for_no_others() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            assert asyncio.get_running_loop().time() == 0

    play(story())


def test_too_many_requests_are_refused_at_once() -> None:
    async def story() -> None:
        async with opened(queue_size=3) as counter:
            numbers = counter.submit(*(initial(session=b"%d" % n) for n in range(5)))
            assert counter.lanes.waiting == 3
            await asyncio.sleep(0)
            assert [counter.replies[number] for number in numbers[3:]] == [[Fault.TOO_BUSY]] * 2
            await counter.lanes.drain()
            assert outcomes(await counter.ask(initial(session=b"later"))) == ["SUCCESS"]

    play(story())


def test_a_request_that_waited_too_long_is_refused_unworked() -> None:
    async def story() -> None:
        async with opened(lanes=1, answer_budget_seconds=2.0) as counter:
            await counter.ask(initial(), initial(2, b"two"))
            counter.faulty.hold = asyncio.Event()
            counter.submit(update())
            await asyncio.sleep(1)
            late = counter.submit(update(2, b"two"))
            await asyncio.sleep(2)
            on_time = counter.submit(update(request_number=2))
            counter.faulty.hold.set()
            await counter.lanes.drain()
            assert counter.reply(*late) is Fault.TOO_BUSY
            assert isinstance(counter.reply(*on_time), Decision)
            assert (await octets(counter.kept, 2)).used == 0

    play(story())


def test_what_cannot_be_decided_harms_no_other() -> None:
    async def story() -> None:
        async with opened() as counter:
            results = await counter.ask(
                initial(),
                initial(session=b"bad", request_number=UNDECIDABLE),
                initial(2, b"two"),
                update(),
            )
            assert outcomes(results) == [
                "SUCCESS",
                "UNABLE_TO_COMPLY",
                "SUCCESS",
                "SUCCESS",
            ]
            assert outcomes(await counter.ask(update())) == ["SUCCESS"]
            assert (await octets(counter.kept)).reserved == 100

    play(story())


def test_a_stale_case_is_read_again() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.at_commit += [StaleCase()] * 3
            assert outcomes(await counter.ask(initial())) == ["SUCCESS"]
            assert (await octets(counter.kept)).reserved == 100

    play(story())


def test_batches_and_what_befell_them_are_counted() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.at_commit.append(StaleCase())
            await counter.ask(initial(), initial(3, b"b"))
            counter.faulty.at_lock.append(CasesUnavailable())
            await counter.ask(update())
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_batch_size_sum") == 3
            assert value("ocs_batch_seconds_count") >= 3
            assert value("ocs_database_retries_total") == 1
            assert value("ocs_database_errors_total", {"kind": "unavailable"}) == 1
            assert value("ocs_queue_depth", {"queue": "charging"}) == 0

    play(story())


def test_a_case_that_is_always_stale_is_given_up() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.at_commit += [StaleCase()] * 100
            assert outcomes(await counter.ask(initial())) == ["TOO_BUSY"]
            assert (await octets(counter.kept)).reserved == 0
            assert asyncio.get_running_loop().time() == 2.0

    play(story())


@pytest.mark.parametrize("host", [UNSTORABLE, UNFORESEEN])
def test_of_a_batch_that_cannot_be_stored_only_the_cause_is_refused(host: str) -> None:
    async def story() -> None:
        numbers = range(1, 17)
        async with opened(numbers, lanes=1) as counter:
            asked = [initial(n, b"%d" % n) for n in numbers]
            asked[4] = asked[4]._replace(origin_host=host)
            results = outcomes(await counter.ask(*asked))
            assert results.pop(4) == "UNABLE_TO_COMPLY"
            assert set(results) == {"SUCCESS"}
            assert max(counter.faulty.batches) == 16

    play(story())


def test_a_group_is_stored_around_the_request_that_cannot_be() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            asked = [update(request_number=n, usages=(used(1, 5),)) for n in range(1, 8)]
            asked[3] = asked[3]._replace(origin_host=UNSTORABLE)
            results = outcomes(await counter.ask(*asked))
            assert results.pop(3) == "UNABLE_TO_COMPLY"
            assert set(results) == {"SUCCESS"}
            assert (await octets(counter.kept)).used == 6

    play(story())


def test_a_request_that_cannot_be_resolved_harms_no_other() -> None:
    async def story() -> None:
        async with opened() as counter:
            asked = [initial(n, b"%d" % n) for n in (1, 2, 3)]
            asked[1] = asked[1]._replace(origin_realm=UNSTORABLE)
            results = outcomes(await counter.ask(*asked))
            assert results == ["SUCCESS", "UNABLE_TO_COMPLY", "SUCCESS"]

    play(story())


@pytest.mark.parametrize("when", ["at_lock", "at_commit", "at_resolve", "after_commit"])
@pytest.mark.parametrize("fault", [CasesUnavailable, StaleCase])
def test_a_fault_of_the_database_is_met_by_doing_it_again(when: str, fault: Any) -> None:
    async def story() -> None:
        async with opened() as counter:
            getattr(counter.faulty, when).extend([fault()] * 8)
            asked = [initial(), update(), update(request_number=2), initial(3, b"b")]
            assert outcomes(await counter.ask(*asked)) == ["SUCCESS"] * 4
            assert counter.order == [0, 1, 2, 3]
            assert await books_of(counter) == (20, 100)
            assert 0 < asyncio.get_running_loop().time() < 1

    play(story())


def test_requests_keep_their_order_while_the_database_is_away() -> None:
    async def story() -> None:
        async with opened(lanes=1, batch_size=4) as counter:
            await counter.ask(initial())
            counter.faulty.at_commit += [CasesUnavailable()] * 6
            numbers = counter.submit(
                *(update(request_number=n, usages=(used(1, 5),)) for n in range(1, 11))
            )
            await asyncio.sleep(0.01)
            numbers += counter.submit(terminate(request_number=11, usages=(used(1),)))
            await counter.lanes.drain()
            assert outcomes([counter.reply(n) for n in numbers]) == ["SUCCESS"] * 11
            assert counter.order[1:] == numbers
            assert await books_of(counter) == (11, 0)

    play(story())


def test_an_absent_database_costs_a_refusal_at_the_budget_and_no_restart() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial(), initial(2, b"two"))
            counter.faulty.at_lock += [CasesUnavailable()] * 1000
            refused = counter.submit(update())
            await asyncio.sleep(1.5)
            patient = counter.submit(update(2, b"two"))
            await asyncio.sleep(1.0)
            assert outcomes([counter.reply(*refused)]) == ["TOO_BUSY"]
            tries = 1000 - len(counter.faulty.at_lock)
            assert 20 < tries < 50
            counter.faulty.at_lock.clear()
            await counter.lanes.drain()
            assert outcomes([counter.reply(*patient)]) == ["SUCCESS"]
            assert await books_of(counter) == (0, 100)
            assert outcomes(await counter.ask(update(is_retransmission=True))) == ["SUCCESS"]
            assert await books_of(counter) == (10, 100)

    play(story())


def test_an_absent_database_is_not_asked_more_often_when_more_wait() -> None:
    async def story() -> None:
        numbers = range(1, 400)
        async with opened(numbers) as counter:
            counter.faulty.at_resolve += [CasesUnavailable()] * 1000
            results = await counter.ask(*(initial(n, b"%d" % n) for n in numbers))
            assert set(outcomes(results)) == {"TOO_BUSY"}
            assert 1000 - len(counter.faulty.at_resolve) < 50

    play(story())


def test_a_commit_that_is_not_known_of_is_answered_as_it_was_stored() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.after_commit += [CasesUnavailable()] * 3
            (first,) = await counter.ask(initial())
            assert isinstance(first, Decision)
            assert (first.novelty, first.services[0].grant.units) == (Novelty.REPEATED, 100)
            assert await books_of(counter) == (0, 100)
            assert len(counter.unclaimed) == 0
            assert outcomes(await counter.ask(update(), terminate())) == ["SUCCESS"] * 2
            assert await books_of(counter) == (20, 0)

    play(story())


def test_a_batch_half_of_which_is_stored_is_not_stored_twice() -> None:
    async def story() -> None:
        async with opened(range(1, 5), lanes=1) as counter:
            await counter.ask(*(initial(n, b"%d" % n) for n in range(1, 5)))
            asked = [update(n, b"%d" % n) for n in range(1, 5)]
            asked[3] = asked[3]._replace(origin_host=UNSTORABLE)
            counter.faulty.after_commit += [CasesUnavailable()] * 3
            results = outcomes(await counter.ask(*asked))
            assert results == ["SUCCESS"] * 3 + ["UNABLE_TO_COMPLY"]
            assert [(await octets(counter.kept, n)).used for n in range(1, 5)] == [10, 10, 10, 0]

    play(story())


def test_a_request_that_cannot_be_stored_is_told_so_when_the_database_is_back() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.at_lock += [CasesUnavailable()] * 5
            asked = [initial(origin_host=UNSTORABLE), initial(3, b"b")]
            results = await counter.ask(*asked)
            assert outcomes(results) == ["UNABLE_TO_COMPLY", "SUCCESS"]
            assert outcomes(await counter.ask(initial())) == ["SUCCESS"]

    play(story())


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("is_event", [True, False])
def test_what_is_stored_after_its_refusal_went_out_is_remembered(
    is_known: bool, is_event: bool
) -> None:
    asked = event(session=b"session") if is_event else initial()

    async def story() -> None:
        async with opened(lanes=1) as counter:
            if is_known:
                counter.faulty.hold = asyncio.Event()
            else:
                counter.faulty.after_commit.append(CasesUnavailable())
                counter.faulty.at_lock += [CasesUnavailable()] * 1000
                counter.faulty.at_lock.insert(0, None)
            (late,) = counter.submit(asked)
            await asyncio.sleep(2.1)
            assert counter.reply(late) is Fault.TOO_BUSY
            counter.faulty.at_lock.clear()
            if counter.faulty.hold is not None:
                counter.faulty.hold.set()
            await asyncio.sleep(1)
            assert await books_of(counter) == ((10, 0) if is_event else (0, 100))
            assert unclaimed(counter) == [(1, KEY, 2)]
            assert list(counter.unclaimed.due(200, 9)) == []
            (again,) = await counter.ask(asked._replace(is_retransmission=True))
            assert isinstance(again, Decision)
            assert again.novelty is Novelty.REPEATED
            assert len(counter.unclaimed) == 0

    play(story())


@pytest.mark.parametrize("is_event", [False, True])
def test_what_a_repeat_stored_in_the_place_of_its_lost_original_is_not_undone(
    is_event: bool,
) -> None:
    asked = event() if is_event else initial()

    async def story() -> None:
        async with opened(lanes=1) as counter:
            counter.faulty.at_commit.append(CasesUnavailable())
            counter.faulty.at_lock += [CasesUnavailable()] * 1000
            counter.faulty.at_lock.insert(0, None)
            (late,) = counter.submit(asked)
            await asyncio.sleep(2.1)
            assert counter.reply(late) is Fault.TOO_BUSY
            counter.faulty.at_lock.clear()
            await asyncio.sleep(1)
            assert await books_of(counter) == (0, 0)
            counter.now += 3_000_000
            (again,) = await counter.ask(asked._replace(is_retransmission=True))
            assert isinstance(again, Decision)
            assert again.novelty is Novelty.NEW
            await asyncio.sleep(300)
            counter.now += 300_000_000
            supervision = Supervision(
                counter.kept, counter.unclaimed, counter.clock, counter.metrics
            )
            await supervision.undo_unclaimed()
            assert await books_of(counter) == ((10, 0) if is_event else (0, 100))

    play(story())


def test_a_repeat_that_is_too_late_itself_claims_nothing() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            for request in (initial(), initial(is_retransmission=True)):
                counter.faulty.hold = asyncio.Event()
                counter.submit(request)
                await asyncio.sleep(2.1)
                counter.faulty.hold.set()
                await asyncio.sleep(0.1)
                assert unclaimed(counter) == [(1, KEY, 2)]

    play(story())


@pytest.mark.parametrize("asked", [initial(), event()], ids=["initial", "event"])
def test_a_repeat_in_the_batch_of_its_refused_original_claims_what_it_stored(
    asked: ChargingRequest,
) -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            counter.kept.locked.add(1)
            (late,) = counter.submit(asked)
            await asyncio.sleep(1.5)
            (again,) = counter.submit(asked._replace(is_retransmission=True))
            await asyncio.sleep(0.4)
            counter.faulty.hold = asyncio.Event()
            counter.kept.locked.remove(1)
            await asyncio.sleep(0.5)
            counter.faulty.hold.set()
            await asyncio.sleep(0.1)
            assert counter.faulty.batches[-1] == 2
            assert counter.reply(late) is Fault.TOO_BUSY
            assert outcomes([counter.reply(again)]) == ["SUCCESS"]
            assert len(counter.unclaimed) == 0

    play(story())


@pytest.mark.parametrize("action", [a for a in EventAction if a is not EventAction.DEBIT])
def test_a_refund_or_an_enquiry_that_came_too_late_stands(action: EventAction) -> None:
    """Its client asks again, and gets the same."""

    async def story() -> None:
        async with opened(lanes=1) as counter:
            (first,) = counter.submit(event())
            await asyncio.sleep(0.5)
            assert outcomes([counter.reply(first)]) == ["SUCCESS"]
            counter.faulty.hold = asyncio.Event()
            asked = event(request_number=1, action=action, usages=(want(4),))
            (late,) = counter.submit(asked)
            await asyncio.sleep(2.1)
            counter.faulty.hold.set()
            await asyncio.sleep(0.1)
            assert counter.reply(late) is Fault.TOO_BUSY
            assert unclaimed(counter) == []
            (again,) = counter.submit(asked._replace(is_retransmission=True))
            await asyncio.sleep(0.5)
            assert outcomes([counter.reply(again)]) == ["SUCCESS"]
            given_back = 4 if action is EventAction.REFUND else 0
            assert await books_of(counter) == (10 - given_back, 0)

    play(story())


def test_an_event_that_was_refused_leaves_nothing_to_be_undone() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            counter.faulty.hold = asyncio.Event()
            counter.submit(event(usages=(want(1, 999),)))
            await asyncio.sleep(2.1)
            counter.faulty.hold.set()
            await asyncio.sleep(1)
            assert unclaimed(counter) == []

    play(story())


def test_an_event_is_resolved_by_name_and_leaves_no_session() -> None:
    async def story() -> None:
        async with opened() as counter:
            decisions = await counter.ask(event(), event(), event(9, b"other"))
            assert outcomes(decisions) == ["SUCCESS", "SUCCESS", "USER_UNKNOWN"]
            assert await books_of(counter) == (10, 0)

    play(story())


def test_spooled_usage_that_cannot_be_decided_before_the_next_request_is_counted_as_lost() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial())
            counter.kept.locked.add(1)
            assert outcomes(await counter.ask(update())) == ["TOO_BUSY"]
            counter.kept.locked.remove(1)
            group = counter.kept.groups[1]
            ((key, sound),) = group.sessions.items()
            group.sessions[key] = sound._replace(account_id=99)
            following = update(request_number=2, end_to_end_id=99, usages=(used(1, 100),))
            results = await counter.ask(following)
            assert outcomes(results) == ["UNABLE_TO_COMPLY"]
            group.sessions[key] = sound
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "it cannot be decided"}) == 1

    play(story())


def test_whoever_drains_idle_lanes_waits_for_replies_on_their_way() -> None:
    async def story() -> None:
        async with opened() as counter:
            (number,) = counter.submit(initial())
            while counter.lanes.waiting:
                await asyncio.sleep(0)
            await counter.lanes.drain()
            assert outcomes([counter.reply(number)]) == ["SUCCESS"]

    play(story())


def test_an_opening_that_never_reached_a_commit_is_not_remembered() -> None:
    async def story() -> None:
        async with opened() as counter:
            counter.faulty.at_lock += [CasesUnavailable()] * 1000
            assert outcomes(await counter.ask(initial())) == ["TOO_BUSY"]
            counter.faulty.at_lock.clear()
            await asyncio.sleep(1)
            assert len(counter.unclaimed) == 0
            assert await books_of(counter) == (0, 0)

    play(story())


def test_what_is_asked_again_is_counted_by_kind() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(), update(end_to_end_id=1), update(end_to_end_id=1))
            await counter.ask(update(end_to_end_id=2, usages=(used(20, 100),)))
            await counter.ask(terminate(request_number=2))
            await counter.ask(update(request_number=3, end_to_end_id=4))
            value = counter.metrics.registry.get_sample_value
            kinds = ("repeated", "number_reused", "late")
            assert [value("ocs_requests_again_total", {"how": how}) for how in kinds] == [1, 1, 1]

    play(story())


def test_a_decision_that_comes_too_late_is_dropped_and_counted() -> None:
    async def story() -> None:
        async with opened(lanes=1, answer_budget_seconds=2.0) as counter:
            counter.faulty.hold = asyncio.Event()
            (late,) = counter.submit(initial())
            await asyncio.sleep(2.1)
            assert counter.reply(late) is Fault.TOO_BUSY
            counter.faulty.hold.set()
            assert outcomes(await counter.ask(update())) == ["SUCCESS"]
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_answers_dropped_total", {"reason": "late"}) == 1

    play(story())


@pytest.mark.parametrize("when", ["at_lock", "at_commit", "at_resolve", "after_commit"])
def test_a_fault_of_our_own_ends_no_lane(when: str) -> None:
    async def story() -> None:
        async with opened() as counter:
            getattr(counter.faulty, when).append(ZeroDivisionError())
            assert outcomes(await counter.ask(initial())) == ["UNABLE_TO_COMPLY"]
            assert outcomes(await counter.ask(initial())) == ["SUCCESS"]

    play(story())


def test_what_others_have_locked_is_waited_for() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            counter.kept.locked.add(1)
            held = counter.submit(initial())
            free = counter.submit(initial(2, b"two"))
            await asyncio.sleep(0.5)
            assert counter.replies[held[0]] == []
            assert isinstance(counter.reply(*free), Decision)
            counter.kept.locked.remove(1)
            await counter.lanes.drain()
            assert outcomes([counter.reply(*held)]) == ["SUCCESS"]
            assert asyncio.get_running_loop().time() <= 0.55

    play(story())


def test_requests_of_a_locked_account_keep_their_order() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial())
            counter.kept.locked.add(1)
            first = counter.submit(update())
            await asyncio.sleep(0.1)
            last = counter.submit(update(request_number=2), terminate())
            await asyncio.sleep(0.003)
            counter.kept.locked.remove(1)
            await counter.lanes.drain()
            assert outcomes([counter.reply(n) for n in first + last]) == ["SUCCESS"] * 3
            assert counter.order[-3:] == first + last
            assert (await octets(counter.kept)).used == 30

    play(story())


def test_a_locked_account_in_a_batch_that_breaks_keeps_its_order() -> None:
    async def story() -> None:
        async with opened(range(1, 5), lanes=2) as counter:
            await counter.ask(*(initial(n, b"%d" % n) for n in range(1, 5)))
            counter.kept.locked.add(1)
            asked = [update(1, b"1", request_number=n, usages=(used(1, 5),)) for n in (1, 2, 3)]
            others = [update(n, b"%d" % n) for n in (2, 3, 4)]
            others[1] = others[1]._replace(origin_host=UNSTORABLE)
            # The parts of the batch take longer than a locked account stands aside.
            counter.faulty.at_commit += [None, CasesUnavailable(), CasesUnavailable()] * 2
            numbers = counter.submit(*asked[:2], *others, asked[2])
            await asyncio.sleep(0.02)
            numbers += counter.submit(update(1, b"1", request_number=4, usages=(used(1, 5),)))
            await asyncio.sleep(0.5)
            counter.kept.locked.remove(1)
            await counter.lanes.drain()
            results = outcomes([counter.reply(number) for number in numbers])
            assert results == ["SUCCESS"] * 3 + ["UNABLE_TO_COMPLY"] + ["SUCCESS"] * 3
            of_account = [numbers[at] for at in (0, 1, 5, 6)]
            assert [number for number in counter.order if number in of_account] == of_account
            assert await books_of(counter) == (4, 5)
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_answers_dropped_total", {"reason": "late"}) is None

    play(story())


def test_a_session_may_go_on_in_the_same_look_up_as_it_begins() -> None:
    async def story() -> None:
        async with opened() as counter:
            results = await counter.ask(initial(), update(), terminate())
            assert outcomes(results) == ["SUCCESS"] * 3
            assert (await octets(counter.kept)).used == 20

    play(story())


def test_what_stays_locked_is_refused_within_its_budget() -> None:
    async def story() -> None:
        async with opened(answer_budget_seconds=2.0) as counter:
            counter.kept.locked.add(1)
            assert outcomes(await counter.ask(initial())) == ["TOO_BUSY"]
            assert 2.0 <= asyncio.get_running_loop().time() <= 2.06
            counter.kept.locked.remove(1)
            assert (await octets(counter.kept)).reserved == 0

    play(story())


def test_a_client_that_waits_less_long_is_refused_earlier() -> None:
    async def story() -> None:
        async with opened(answer_budget_seconds=2.0) as counter:
            counter.kept.locked.add(1)
            (patient,) = counter.submit(initial())
            (hasty,) = counter.submit(update(), budget_seconds=0.5)
            (late,) = counter.submit(terminate(), budget_seconds=5.0)
            await asyncio.sleep(0.6)
            assert [len(counter.replies[each]) for each in (patient, hasty, late)] == [0, 1, 0]
            assert counter.reply(hasty) is Fault.TOO_BUSY
            await asyncio.sleep(1.5)
            assert outcomes([counter.reply(each) for each in (patient, late)]) == ["TOO_BUSY"] * 2
            counter.kept.locked.remove(1)
            (served,) = counter.submit(initial(), budget_seconds=0.5)
            await asyncio.sleep(1.0)
            assert outcomes([counter.reply(served)]) == ["SUCCESS"]

    play(story())


def test_a_misplaced_request_is_looked_up_again() -> None:
    class Moving(MemoryStore):
        """Its directory is wrong once, as if the identity moved between look-up and lock."""

        wrong: Sequence[int] = ()

        async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
            found = await super().resolve(requests)
            wrong, self.wrong = self.wrong, ()
            return wrong or found

    async def story() -> None:
        store = Moving(read_stored)
        _, store.wrong, _ = ([group] for group in await furnish(store))
        counter = Counter(store, LaneSettings())
        running = asyncio.create_task(counter.lanes.run())
        assert outcomes(await counter.ask(initial())) == ["SUCCESS"]
        assert (await octets(store, 1)).reserved == 100
        assert (await octets(store, 2)).reserved == 0
        running.cancel()

    play(story())


def test_unknown_users_and_sessions_need_no_transaction() -> None:
    async def story() -> None:
        async with opened() as counter:
            results = await counter.ask(
                initial(99), update(99, session=b"none"), terminate(identities=())
            )
            assert outcomes(results) == ["USER_UNKNOWN", "SESSION_UNKNOWN", "SESSION_UNKNOWN"]
            assert counter.faulty.batches == []

    play(story())


def test_a_restarted_server_finds_its_sessions_again() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            other = Counter(counter.kept, LaneSettings())
            running = asyncio.create_task(other.lanes.run())
            assert outcomes(await other.ask(update(identities=()))) == ["SUCCESS"]
            running.cancel()

    play(story())


def test_another_tenants_gateway_does_not_reach_a_remembered_session() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(tenant="demo"))
            results = await counter.ask(update(tenant="other"), update(tenant="demo"))
            assert outcomes(results) == ["SESSION_UNKNOWN", "SUCCESS"]

    play(story())


def test_commands_and_requests_of_one_account_take_turns() -> None:
    async def story() -> None:
        async with opened() as counter:
            numbers = counter.submit(*(initial(session=b"%d" % n) for n in range(5)))
            await asyncio.gather(*(credited(counter.kept, 1, 50) for _ in range(3)))
            await counter.lanes.drain()
            assert outcomes([counter.reply(n) for n in numbers]) == ["SUCCESS"] * 5
            assert (await octets(counter.kept))[4:7] == (OCTETS + 150, 0, 500)

    play(story())


def test_draining_waits_for_every_reply() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.lanes.drain()
            counter.faulty.hold = asyncio.Event()
            (number,) = counter.submit(initial())
            draining = asyncio.create_task(counter.lanes.drain())
            await asyncio.sleep(1)
            assert not draining.done()
            counter.faulty.hold.set()
            await draining
            assert isinstance(counter.reply(number), Decision)

    play(story())


def test_when_the_work_is_cancelled_everyone_is_told() -> None:
    async def story() -> None:
        store = MemoryStore(read_stored)
        await furnish(store)
        counter = Counter(store, LaneSettings())
        counter.faulty.hold = asyncio.Event()
        running = asyncio.create_task(counter.lanes.run())
        store.locked.add(2)
        in_hand = counter.submit(initial())
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        queued = counter.submit(initial(3, b"three"), initial(1, b"more"))
        postponed = counter.submit(initial(2, b"two"))
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])
        assert counter.lanes.waiting == 0
        await counter.lanes.drain()
        after = counter.submit(initial(1, b"after"))
        await asyncio.sleep(1)
        replies = [counter.reply(n) for n in in_hand + queued + postponed + after]
        assert replies == [Fault.TOO_BUSY] * 5
        assert store.locked == {2}
        assert (await octets(store)).reserved == 0

    play(story())


def test_a_reply_that_raises_harms_no_other() -> None:
    def broken(result: Result) -> None:
        raise ZeroDivisionError

    async def story() -> None:
        async with opened() as counter:
            counter.lanes.submit(initial(session=b"a"), broken)
            results = await counter.ask(initial(session=b"b"), initial(session=b"c"))
            assert outcomes(results) == ["SUCCESS"] * 2

    play(story())


def test_the_faulty_store_keeps_the_promises_of_the_store() -> None:
    """The faulty store keeps the promises of the store that it stands for."""

    async def story() -> None:
        store = MemoryStore(read_stored)
        (group, *_) = await furnish(store)
        faulty = Faulty(store)
        manager: AbstractAsyncContextManager[Work] = faulty.work()
        async with manager as work:
            assert set(await work.lock([group])) == {group}
            cases, moved = await work.load([(group, initial())], NOW)
            assert (set(cases), list(moved)) == ({group}, [])
            await work.apply([])
        assert list(await faulty.resolve([initial()])) == [group]
        assert cases[group].version == 1

    play(story())


def test_a_subscriber_is_looked_up_once() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(session=b"a"))
            counter.faulty.at_resolve.append(AssertionError("looked up again"))
            assert outcomes(await counter.ask(initial(session=b"b"))) == ["SUCCESS"]

    play(story())


def test_a_subscriber_whose_identity_has_moved_is_looked_up_anew() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(session=b"a"))
            first, second, _ = sorted(counter.kept.groups)
            counter.kept.directory.add([(*imsi(1), "demo", second, second, second)])
            (decision,) = await counter.ask(initial(session=b"b"))
            assert isinstance(decision, Decision)
            assert decision.session is not None
            assert decision.session.account_id == second != first

    play(story())


def test_half_a_batch_calls_the_second_lane() -> None:
    async def story() -> None:
        async with opened(range(1, 41), batch_size=16) as counter:
            counter.faulty.hold = asyncio.Event()
            counter.submit(*(initial(n, b"%d" % n) for n in range(1, 9)))
            await asyncio.sleep(0.01)
            assert len(counter.kept.locked) == 8, "one lane took them all"
            counter.submit(*(initial(n, b"%d" % n) for n in range(9, 16)))
            await asyncio.sleep(0.01)
            assert len(counter.kept.locked) == 8, "seven wait for it"
            counter.submit(initial(16, b"16"))
            await asyncio.sleep(0.01)
            assert len(counter.kept.locked) == 16, "eight are worth a second one"
            counter.faulty.hold.set()
            await counter.lanes.drain()

    play(story())


def test_a_session_with_a_long_name_is_charged_and_not_remembered() -> None:
    async def story() -> None:
        async with opened() as counter:
            long = b"x" * (SESSION_ID_REMEMBERED_MAX + 1)
            await counter.ask(initial(session=long))
            looked_up: list[int] = []
            resolve = counter.faulty.resolve
            counter.faulty.resolve = lambda requests: looked_up.append(1) or resolve(requests)
            assert outcomes(await counter.ask(update(session=long))) == ["SUCCESS"]
            assert looked_up == [1]
            await counter.ask(initial(session=long[:-1]))
            assert outcomes(await counter.ask(update(session=long[:-1]))) == ["SUCCESS"]
            assert looked_up == [1]

    play(story())


def test_a_subscriber_with_long_names_is_served_and_not_remembered() -> None:
    async def story() -> None:
        async with opened() as counter:
            looked_up: list[int] = []
            resolve = counter.faulty.resolve
            counter.faulty.resolve = lambda requests: looked_up.append(1) or resolve(requests)
            stranger = Identity(IdentityKind.NAI, "x" * NAMES_LENGTH_REMEMBERED_MAX)
            many = [Identity(IdentityKind.NAI, str(n)) for n in range(NAMES_REMEMBERED_MAX)]
            for times, others in enumerate(([stranger], many, [stranger]), 1):
                named = initial(session=b"%d" % times, identities=(imsi(1), *others))
                assert outcomes(await counter.ask(named)) == ["SUCCESS"]
                assert len(looked_up) == times
            named = initial(session=b"few", identities=(imsi(1), *many[1:]))
            assert outcomes(await counter.ask(named, named)) == ["SUCCESS", "SUCCESS"]
            before = len(looked_up)
            assert outcomes(await counter.ask(named)) == ["SUCCESS"]
            assert len(looked_up) == before

    play(story())


def test_an_opening_that_is_answered_to_a_repeat_is_noted_for_other_servers() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            assert counter.unclaimed.answered(9) == []
            await counter.ask(initial(is_retransmission=True))
            ((group, request, _),) = counter.unclaimed.answered(9)
            assert (group, request.session_key) == (sorted(counter.kept.groups)[0], KEY)

    play(story())


def test_a_session_id_that_two_subscribers_have_open_is_counted() -> None:
    async def story() -> None:
        async with opened() as counter:
            shared = counter.metrics.registry
            count = "ocs_session_ids_shared_total"
            await counter.ask(
                initial(1), initial(1, session=b"other"), initial(1, request_number=5)
            )
            assert shared.get_sample_value(count) == 0
            await counter.ask(initial(2))
            assert shared.get_sample_value(count) == 1
            await counter.ask(update(2), terminate(2))
            await counter.ask(initial(3))
            assert shared.get_sample_value(count) == 1, "what has ended is nobody's"

    play(story())
