"""Usage of refused requests: on the disk before the refusal, and charged exactly once after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.charging.spooled import SpooledRequest
from diameter_ocs.handlers import spooling
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.spooling import REASONS, Spooling, Sweep, Taking
from diameter_ocs.handlers.supervision import Supervision
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.observability import create_metrics
from tests.handlers.counter import UNSTORABLE, Counter, opened, outcomes
from tests.handlers.virtual_time import play
from tests.store.memory_spool import MemorySpool
from tests.store.scenario import NOW, VOICE, initial, octets, terminate, update, used

HOUR = 3600 * 1_000_000


@asynccontextmanager
async def away(counter: Counter) -> AsyncIterator[None]:
    """Take the database away for a while."""
    counter.faulty.at_lock += [CasesUnavailable()] * 10_000
    yield
    counter.faulty.at_lock.clear()


async def refused(counter: Counter, *requests: ChargingRequest) -> None:
    """Ask while the database is away, until the refusals are out."""
    async with away(counter):
        assert set(outcomes(await counter.ask(*requests))) == {"TOO_BUSY"}


async def spent(counter: Counter, number: int = 1) -> int:
    return (await octets(counter.kept, number)).used


def kept(counter: Counter) -> list[ChargingRequest]:
    return [each.request for each in counter.spool.outstanding.values()]


def reasons(counter: Counter) -> list[str | None]:
    return [edr.reason for group in counter.kept.groups.values() for edr in group.edrs[2:]]


async def later(counter: Counter, hours: int) -> None:
    """Let supervision come and the sweep, after hours of silence."""
    counter.now += hours * HOUR
    await Supervision(counter.faulty.kept, Unclaimed(), counter.clock, counter.metrics).look()
    await Sweep(counter.faulty, counter.spooling, counter.clock).sweep()
    await counter.spooling.drain()


def test_usage_is_kept_before_its_refusal_goes_out() -> None:
    class Slow(MemorySpool):
        """A spool on a slow disk."""

        async def keep(self, requests, at):
            await asyncio.sleep(1)
            return await super().keep(requests, at)

    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            counter.spooling._spool = slow = Slow()
            counter.faulty.at_lock += [CasesUnavailable()] * 1000
            (number,) = counter.submit(asked := update())
            await asyncio.sleep(2.5)
            assert counter.replies[number] == []
            await counter.lanes.drain()
            assert asyncio.get_running_loop().time() == 3
            assert counter.reply(number) is Fault.TOO_BUSY
            assert [each.request for each in slow.outstanding.values()] == [asked]

    play(story())


def test_all_that_is_overdue_at_a_time_is_one_write() -> None:
    async def story() -> None:
        async with opened(range(1, 51)) as counter:
            await counter.ask(*(initial(n, b"%d" % n) for n in range(1, 51)))
            await refused(counter, *(update(n, b"%d" % n) for n in range(1, 51)))
            assert counter.spool.writes <= 2
            assert len(counter.spool.outstanding) == 50

    play(story())


def test_what_reports_nothing_is_not_kept() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            await refused(counter, initial(session=b"b"), update(usages=()))
            assert kept(counter) == []

    play(story())


@pytest.mark.parametrize("was_stored", [False, True])
@pytest.mark.parametrize("way", ["repeats", "larger", "smaller", "ends", "silent", "silent long"])
def test_refused_usage_is_charged_once_whichever_way_its_gateway_goes_on(
    way: str, was_stored: bool
) -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial())
            asked = update(usages=(used(10, 100),))
            if was_stored:
                counter.faulty.after_commit.append(CasesUnavailable())
                counter.faulty.at_lock.append(None)
            await refused(counter, asked)
            assert await spent(counter) == (10 if was_stored else 0)
            assert kept(counter) == [asked]
            if way == "repeats":
                await counter.ask(asked._replace(end_to_end_id=99))
                expected = 10
            elif way == "larger":
                await counter.ask(update(request_number=2, usages=(used(30, 100),)))
                expected = 30
            elif way == "smaller":
                await counter.ask(update(request_number=2, usages=(used(7, 100),)))
                expected = 17
            elif way == "ends":
                await counter.ask(terminate(request_number=2, usages=(used(3),)))
                expected = 13
            else:
                await later(counter, 3 if way == "silent" else 49)
                expected = 10
            await counter.spooling.drain()
            assert await spent(counter) == expected
            assert kept(counter) == []
            assert (way == "larger") == ("spooled_usage_dropped" in reasons(counter))

    play(story())


def test_usage_waits_for_its_session_while_a_quota_stands() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            await refused(counter, asked := update())
            await later(counter, 1)
            assert kept(counter) == [asked]
            assert await spent(counter) == 0

    play(story())


def test_a_refused_termination_ends_its_session_at_the_next_sweep() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            await refused(counter, asked := terminate(request_number=5))
            await later(counter, 0)
            assert not counter.kept.groups[1].sessions
            assert await spent(counter) == 10
            (again,) = await counter.ask(asked._replace(is_retransmission=True))
            assert isinstance(again, Decision)
            assert (again.novelty, again.outcome.name) == (Novelty.REPEATED, "SUCCESS")
            assert await spent(counter) == 10

    play(story())


def test_a_gateway_that_repeats_all_through_an_outage_is_kept_once() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            asked = update()
            for n in range(5):
                await refused(counter, asked._replace(end_to_end_id=n))
            assert len(kept(counter)) == 1
            await counter.ask(terminate(request_number=2, usages=(used(1, rating_group=VOICE),)))
            assert await spent(counter) == 10

    play(story())


def test_a_batch_with_spooled_usage_that_fails_is_done_again_with_it() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial())
            await refused(counter, update())
            counter.faulty.after_commit += [CasesUnavailable()] * 2
            counter.faulty.at_commit += [CasesUnavailable()] * 2
            results = await counter.ask(
                update(request_number=2, usages=(used(1, 50),)),
                update(request_number=3, usages=(used(1, 50),)),
            )
            assert outcomes(results) == ["SUCCESS"] * 2
            assert await spent(counter) == 12
            await counter.spooling.drain()
            assert kept(counter) == []

    play(story())


def test_spooled_usage_that_cannot_be_decided_or_stored_holds_up_nobody() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(), initial(2, b"two"))
            await refused(
                counter, update(request_number=-1), update(2, b"two", origin_host=UNSTORABLE)
            )
            assert outcomes(await counter.ask(update(request_number=2))) == ["SUCCESS"]
            await later(counter, 3)
            assert kept(counter) == []
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "it cannot be stored"}) == 1
            results = await counter.ask(update(2, b"two", request_number=2))
            assert outcomes(results) == ["SUCCESS"]

    play(story())


def test_usage_that_the_sweep_cannot_decide_is_counted_as_lost() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(), initial(2, b"two"))
            await refused(counter, update(request_number=-1), update(2, b"two"))
            await later(counter, 3)
            assert kept(counter) == []
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "it cannot be decided"}) == 1
            assert await spent(counter, 2) == 10

    play(story())


def test_the_alarm_of_lost_usage_stands_at_0_from_the_start() -> None:
    async def story() -> None:
        async with opened() as counter:
            value = counter.metrics.registry.get_sample_value
            for reason in REASONS:
                assert value("ocs_usage_lost_total", {"reason": reason}) == 0

    play(story())


def test_only_usage_is_lost_when_the_disk_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            monkeypatch.setattr(spooling, "UNWRITTEN_MAX", 0)
            await refused(counter, initial(2, b"two"), update())
            assert kept(counter) == []
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "the disk is too slow"}) == 1

    play(story())


def test_a_full_queue_refuses_usage_that_is_kept() -> None:
    async def story() -> None:
        async with opened(queue_size=1) as counter:
            await counter.ask(initial())
            counter.submit(update(request_number=1), update(request_number=2))
            await counter.lanes.drain()
            assert [request.request_number for request in kept(counter)] == [2]
            await later(counter, 3)
            assert await spent(counter) == 20

    play(story())


def test_a_full_spool_costs_the_usage_and_not_the_refusal() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            counter.spool.is_full = True
            await refused(counter, update())
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "the spool is full"}) == 1
            assert asyncio.get_running_loop().time() == 2

    play(story())


def test_a_spool_that_fails_leaves_nobody_without_a_reply() -> None:
    class Broken(MemorySpool):
        """A spool with a fault."""

        async def keep(self, requests, at):
            raise ZeroDivisionError

    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            counter.spooling._spool = Broken()
            await refused(counter, update())
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "the spool failed"}) == 1

    play(story())


def test_who_is_refused_at_the_end_leaves_usage_for_the_next_process() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            counter.faulty.at_lock += [CasesUnavailable()] * 1000
            counter.submit(asked := update())
            await asyncio.sleep(0.5)
        assert kept(counter) == [asked]
        spool = MemorySpool(list(counter.spool.outstanding.values()))
        metrics = create_metrics()
        successor = Spooling(spool, counter.clock, metrics)
        assert metrics.registry.get_sample_value("ocs_usage_spooled") == 1
        lanes = Lanes(counter.kept, LaneSettings(), counter.clock, metrics, Unclaimed(), successor)
        running = asyncio.create_task(lanes.run())
        lanes.submit(terminate(request_number=2, usages=(used(4),)), lambda _: None)
        await lanes.drain()
        assert await spent(counter) == 14
        assert spool.outstanding == {}
        running.cancel()

    play(story())


def test_usage_of_somebody_whom_nobody_knows_is_given_up() -> None:
    async def story() -> None:
        async with opened() as counter:
            async with away(counter):
                counter.faulty.at_resolve += [CasesUnavailable()] * 1000
                assert outcomes(await counter.ask(update(99, b"none"))) == ["TOO_BUSY"]
                counter.faulty.at_resolve.clear()
            assert len(kept(counter)) == 1
            await later(counter, 0)
            assert kept(counter) == []
            value = counter.metrics.registry.get_sample_value
            assert value("ocs_usage_lost_total", {"reason": "nobody knows the subscriber"}) == 1

    play(story())


def test_a_sweep_waits_for_what_others_have_locked_and_for_an_absent_database() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial(), initial(2, b"two"))
            await refused(counter, terminate(), terminate(2, b"two"))
            sweep = Sweep(counter.faulty, counter.spooling, counter.clock)
            counter.faulty.at_commit.append(CasesUnavailable())
            with pytest.raises(CasesUnavailable):
                await sweep.sweep()
            assert len(counter.spooling.sessions) == 2
            counter.kept.locked.add(1)
            await sweep.sweep()
            await counter.spooling.drain()
            assert [request.session_key.session_id for request in kept(counter)] == [b"session"]
            counter.kept.locked.remove(1)
            await sweep.sweep()
            await counter.spooling.drain()
            assert kept(counter) == []
            assert (await spent(counter), await spent(counter, 2)) == (10, 10)

    play(story())


def test_a_sweep_and_a_request_never_have_the_same_usage() -> None:
    async def story() -> None:
        async with opened(lanes=1) as counter:
            await counter.ask(initial())
            await refused(counter, terminate())
            counter.faulty.hold = asyncio.Event()
            sweep = asyncio.create_task(
                Sweep(counter.faulty, counter.spooling, counter.clock).sweep()
            )
            await asyncio.sleep(0.01)
            counter.submit(update(request_number=2, usages=(used(50, 60),)))
            await asyncio.sleep(0.1)
            counter.faulty.hold.set()
            await sweep
            await counter.lanes.drain()
            assert kept(counter) == []
            assert await spent(counter) == 60

    play(story())


def test_what_an_undecided_request_reports_once_more_stays_spooled() -> None:
    asked = update(usages=(used(10, 100),))
    more = update(request_number=2, usages=(used(30, 100),))
    name = asked.tenant, asked.session_key
    spooled = SpooledRequest(1, NOW, asked)
    taking = Taking({name: [spooled]})
    plan = taking.plan([(1, more)])
    assert [step.request for _, step in plan.steps] == [more]
    taking.put_back_undecided(plan, [Fault.UNABLE_TO_COMPLY])
    assert taking.taken == {}
    plan = taking.plan([(1, more)])
    taking.put_back_undecided(plan, [Decision(Outcome.SUCCESS)])
    assert taking.taken == {name: [spooled]}
