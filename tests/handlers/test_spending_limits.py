"""Each request about spending limits is decided once, in its order, and answered in time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.faults import (
    BrokenBatch,
    CasesUnavailable,
    CatalogueUnreadable,
    StaleCase,
)
from diameter_ocs.charging.reporting import report_of
from diameter_ocs.charging.spending_limits import SpendingLimitAnswer, SpendingLimitOutcome
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.spending_limits import Request, Result, SpendingLimits
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.memory import MemoryStore, MemoryWork
from tests.handlers.virtual_time import play
from tests.store.policing import (
    GONE,
    LOW,
    NORMAL,
    SESSION,
    furnish_counted,
    intermediate,
    slr,
    str_,
)
from tests.store.scenario import NOW, imsi, initial, memory_faults, update, used

SUCCESS, USER_UNKNOWN, SESSION_UNKNOWN, *_ = SpendingLimitOutcome
UNSTORABLE = "unstorable.example"
"""The Origin-Host of requests that the store cannot store."""


class Frail(MemoryStore):
    """A twin that fails as it is told, and has things happen before it locks."""

    def __init__(self) -> None:
        super().__init__(read_stored)
        self.at_lock: list[Exception | Callable[[], object]] = []
        self.at_commit: list[Exception] = []
        self.hold: asyncio.Event | None = None
        self.batches: list[int] = []

    async def whereabouts(self, requests):
        self.batches.append(len(requests))
        return await super().whereabouts(requests)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[MemoryWork]:
        async with super().work() as work:
            yield _FrailWork(self, work)
            if self.at_commit:
                raise self.at_commit.pop(0)


class _FrailWork(MemoryWork):
    def __init__(self, store: Frail, within: MemoryWork) -> None:
        super().__init__(store)
        self.frail, self.within, self.commit = store, within, within.commit

    async def lock(self, groups: Collection[int], *_: object) -> Collection[int]:
        if self.frail.at_lock:
            happening = self.frail.at_lock.pop(0)
            if isinstance(happening, Exception):
                raise happening
            happening()
        self.groups = await self.within.lock(groups)
        if self.frail.hold is not None:
            await self.frail.hold.wait()
        return self.groups

    async def apply(self, changes: Sequence[Change]) -> None:
        if any(edr.origin_host == UNSTORABLE for change in changes for edr in change.edrs):
            raise BrokenBatch("unstorable")
        await self.within.apply(changes)


class Post:
    """Where a policy server's requests, and a gateway's, are handed in."""

    def __init__(self, store: Frail, settings: LaneSettings) -> None:
        self.store = store
        self.metrics = create_metrics()
        self.now = NOW
        self.lanes = Lanes(store, settings, lambda: self.now, self.metrics)
        self.limits = SpendingLimits(store, self.lanes, settings, self.metrics)
        self.first, self.second, self.third = store.groups
        self.replies: dict[int, list[Result]] = {}
        self.order: list[int] = []

    def submit(self, *requests: Request, budget_seconds: float | None = None) -> list[int]:
        numbers = []
        for request in requests:
            number = len(self.replies)
            self.replies[number] = []
            numbers.append(number)
            self.limits.submit(request, self._taker(number), budget_seconds)
        return numbers

    def _taker(self, number: int) -> Callable[[Result], None]:
        def take(result: Result) -> None:
            self.replies[number].append(result)
            self.order.append(number)

        return take

    async def ask(self, *requests: Request) -> list[Result]:
        numbers = self.submit(*requests)
        await self.limits.drain()
        return [self.reply(number) for number in numbers]

    def reply(self, number: int) -> Result:
        (result,) = self.replies[number]
        return result

    async def charge(self, *requests) -> None:
        for request in requests:
            self.lanes.submit(request, lambda result: None)
        await self.lanes.drain()

    def subscriptions(self) -> list[tuple[int, bytes]]:
        groups = self.store.groups.items()
        return [(number, name) for number, group in groups for name in group.spending_limits]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@asynccontextmanager
async def opened(**settings) -> AsyncIterator[Post]:
    """Run it over a twin with three accounts; afterwards each request has one reply."""
    store = Frail()
    await furnish_counted(store)
    post = Post(store, LaneSettings(**settings))
    running = [asyncio.create_task(each.run()) for each in (post.lanes, post.limits)]
    yield post
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    await asyncio.sleep(0)
    assert [number for number, got in post.replies.items() if len(got) != 1] == []
    assert post.limits.waiting == 0
    assert not post.limits.is_busy(SESSION)
    assert not store.locked
    assert memory_faults(store) == []


def outcomes(results: Sequence[Result]) -> list[str]:
    return [each.name if isinstance(each, Fault) else each.outcome.name for each in results]


def statuses(result: Result):
    assert isinstance(result, SpendingLimitAnswer)
    return result.statuses


def reports(post: Post) -> list[tuple[bytes | None, object]]:
    """What is to leave, in order."""
    return [(row.session_id, report_of(row.content).statuses) for row in post.store.outbox.values()]


def test_a_policy_server_hears_of_what_gateways_use() -> None:
    async def story() -> None:
        async with opened() as post:
            (answer,) = await post.ask(slr())
            assert statuses(answer) == (NORMAL,)
            await post.charge(initial(usages=()), update(usages=(used(950),)))
            assert reports(post) == [(SESSION, (LOW,))]
            (answer,) = await post.ask(intermediate())
            assert statuses(answer) == (LOW,)
            assert outcomes(await post.ask(str_())) == ["SUCCESS"]
            assert post.subscriptions() == []

    play(story())


def test_what_is_asked_about_one_session_is_decided_in_its_order() -> None:
    async def story() -> None:
        async with opened() as post:
            asked = [str_(), slr(), intermediate(), slr(), str_(), intermediate(), str_()]
            assert outcomes(await post.ask(*asked)) == [
                "SESSION_UNKNOWN",
                "SUCCESS",
                "SUCCESS",
                "SUCCESS",
                "SUCCESS",
                "SESSION_UNKNOWN",
                "SESSION_UNKNOWN",
            ]
            assert post.store.batches == [len(asked)]
            assert post.subscriptions() == []

    play(story())


def test_the_order_stays_where_a_group_has_to_be_waited_for() -> None:
    async def story() -> None:
        async with opened() as post:
            post.store.locked.add(post.first)
            numbers = post.submit(slr(), slr(2, b"of two"), intermediate(), str_())
            await asyncio.sleep(0.01)
            assert outcomes([post.reply(numbers[1])]) == ["SUCCESS"]
            later = post.submit(intermediate())
            await asyncio.sleep(0.1)
            post.store.locked.clear()
            await post.limits.drain()
            numbers = [numbers[0], *numbers[2:], *later]
            told = outcomes([post.reply(number) for number in numbers])
            assert told == ["SUCCESS", "SUCCESS", "SUCCESS", "SESSION_UNKNOWN"]

    play(story())


def test_nobody_and_several_are_unknown() -> None:
    async def story() -> None:
        async with opened() as post:
            assert outcomes(await post.ask(slr(9), intermediate(), str_())) == [
                "USER_UNKNOWN",
                "SESSION_UNKNOWN",
                "SESSION_UNKNOWN",
            ]
            assert [group.version for group in post.store.groups.values()] == [1, 1, 1]

    play(story())


def test_a_name_that_is_opened_for_another_subscriber_leaves_the_first() -> None:
    async def story() -> None:
        async with opened() as post:
            await post.ask(slr(1))
            assert outcomes(await post.ask(slr(2))) == ["SUCCESS"]
            assert post.subscriptions() == [(post.second, SESSION)]
            assert post.store.groups[post.first].edrs[-1].reason == "replaced"
            assert outcomes(await post.ask(slr(9))) == ["USER_UNKNOWN"]
            assert post.subscriptions() == [(post.second, SESSION)], "a refusal ends nothing"

    play(story())


def test_an_end_ends_what_two_servers_opened_at_once() -> None:
    async def story() -> None:
        async with opened() as post:
            await post.ask(slr(1))
            other = post.store.groups[post.first].spending_limits
            await post.ask(slr(2))
            post.store.groups[post.first].spending_limits = other
            assert outcomes(await post.ask(str_(), str_())) == ["SUCCESS", "SESSION_UNKNOWN"]
            assert post.subscriptions() == []

    play(story())


def test_lanes_keep_off_while_a_subscription_is_decided() -> None:
    async def story() -> None:
        async with opened() as post:
            post.store.hold = asyncio.Event()
            post.submit(slr())
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.1, post.store.hold.set)
            locked = []
            post.store.at_lock = [lambda: locked.append(set(post.store.locked))]
            await post.charge(initial())
            assert locked == [set()]
            assert post.value("ocs_database_retries_total") == 0
            post.store.hold = None

    play(story())


def test_subscriptions_wait_for_lanes() -> None:
    async def story() -> None:
        async with opened() as post:
            with post.lanes.keeping_off([post.first, post.second]) as mine:
                assert mine == {post.first, post.second}
                numbers = post.submit(slr(1), slr(3, b"of three"))
                await asyncio.sleep(0.5)
                assert post.replies[numbers[0]] == []
                assert outcomes([post.reply(numbers[1])]) == ["SUCCESS"]
                with post.lanes.keeping_off([post.first]) as none:
                    assert not none
            await post.limits.drain()
            assert outcomes([post.reply(numbers[0])]) == ["SUCCESS"]

    play(story())


def test_whoever_moves_after_the_look_up_is_looked_up_again() -> None:
    async def story() -> None:
        async with opened() as post:
            names = post.store.directory._names

            def move() -> None:
                key = next(key for key in names if key[1] == imsi(1).value)
                names[key] = (post.second, post.second)

            post.store.at_lock = [move]
            assert outcomes(await post.ask(slr())) == ["SUCCESS"]
            assert post.subscriptions() == [(post.second, SESSION)]

    play(story())


def test_a_batch_is_tried_again_while_the_database_is_away_or_has_moved_on() -> None:
    async def story() -> None:
        async with opened() as post:
            post.store.at_lock = [CasesUnavailable("away"), CasesUnavailable("away")]
            post.store.at_commit = [StaleCase()]
            assert outcomes(await post.ask(slr(), intermediate())) == ["SUCCESS", "SUCCESS"]
            assert post.value("ocs_database_retries_total") == 1
            assert post.value("ocs_database_errors_total", kind="unavailable") == 2

    play(story())


def test_who_waits_too_long_is_refused_and_its_late_answer_is_dropped() -> None:
    async def story() -> None:
        async with opened(answer_budget_seconds=1.0) as post:
            post.store.hold = asyncio.Event()
            numbers = post.submit(slr()) + post.submit(slr(2, b"2"), budget_seconds=0.3)
            await asyncio.sleep(0.4)
            assert [len(post.replies[number]) for number in numbers] == [0, 1]
            assert post.limits.is_busy(SESSION)
            await asyncio.sleep(0.7)
            assert outcomes([post.reply(number) for number in numbers]) == ["TOO_BUSY"] * 2
            assert not post.limits.is_busy(SESSION)
            post.store.hold.set()
            await asyncio.sleep(0.1)
            assert post.value("ocs_answers_dropped_total", reason="late") == 2
            assert len(post.subscriptions()) == 2

    play(story())


def test_too_many_are_refused_at_once_and_so_are_those_who_come_after_the_end() -> None:
    async def story() -> None:
        async with opened(queue_size=1) as post:
            assert outcomes(await post.ask(slr(), slr(2, b"2"))) == ["SUCCESS", "TOO_BUSY"]
            post.store.hold = asyncio.Event()
            post.submit(slr(3, b"3"))
        assert outcomes([post.reply(2)]) == ["TOO_BUSY"]
        assert outcomes(await post.ask(str_())) == ["TOO_BUSY"]

    play(story())


def test_a_request_that_cannot_be_stored_harms_no_other() -> None:
    async def story() -> None:
        async with opened() as post:
            bad = slr(2, b"2", origin_host=UNSTORABLE)
            told = outcomes(await post.ask(slr(), bad, slr(3, b"3")))
            assert told == ["SUCCESS", "UNABLE_TO_COMPLY", "SUCCESS"]
            assert post.value("ocs_database_errors_total", kind="refused") == 1

    play(story())


def test_a_fault_of_our_own_harms_no_other() -> None:
    async def story() -> None:
        async with opened() as post:
            post.store.at_lock = [ZeroDivisionError()]
            assert outcomes(await post.ask(slr(), slr(2, b"2"))) == ["SUCCESS", "SUCCESS"]
            bad = slr(2, b"2", counters=1)
            assert outcomes(await post.ask(bad, slr(3, b"3"))) == ["UNABLE_TO_COMPLY", "SUCCESS"]

    play(story())


def test_who_cannot_be_decided_by_an_old_program_is_refused_alone() -> None:
    async def story() -> None:
        async with opened() as post:
            post.store.at_lock = [CatalogueUnreadable("demo", 2, "new", [post.second])]
            told = outcomes(await post.ask(slr(), slr(2, b"2")))
            assert told == ["SUCCESS", "CATALOGUE_UNREADABLE"]

    play(story())


def test_a_session_is_busy_until_its_answer_is_given() -> None:
    async def story() -> None:
        async with opened() as post:
            seen = []
            post.limits.submit(slr(), lambda result: seen.append(post.limits.is_busy(SESSION)))
            assert post.limits.is_busy(SESSION)
            assert not post.limits.is_busy(b"another")
            await post.limits.drain()
            assert seen == [True]
            assert not post.limits.is_busy(SESSION)

    play(story())


def test_a_reply_that_cannot_be_taken_harms_no_other() -> None:
    async def story() -> None:
        async with opened() as post:
            faults = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: faults.append(context["exception"]))

            def refuse(result: Result) -> None:
                raise ConnectionError

            post.limits.submit(slr(), refuse)
            assert outcomes(await post.ask(slr(2, b"2"))) == ["SUCCESS"]
            assert [type(fault) for fault in faults] == [ConnectionError]

    play(story())


def test_a_great_many_at_once_are_taken_batch_by_batch() -> None:
    async def story() -> None:
        async with opened(batch_size=10) as post:
            asked = [slr(number % 3 + 1, b"%d" % number) for number in range(95)]
            assert set(outcomes(await post.ask(*asked))) == {"SUCCESS"}
            assert max(post.store.batches) == 10
            assert post.order == sorted(post.order)
            assert len(post.subscriptions()) == 95

    play(story())


def test_the_books_end_where_the_counter_says() -> None:
    async def story() -> None:
        async with opened() as post:
            await post.ask(slr())
            await post.charge(initial(usages=()), update(usages=(used(1000),)))
            assert reports(post) == [(SESSION, (GONE,))]

    play(story())
