"""The job survives what befalls it; the watch tells whether its work is done."""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
import structlog

from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable
from diameter_ocs.jobs.partitions import (
    DAYS_AHEAD_MIN,
    MEASURE_MICROSECONDS,
    PartitionJob,
    PartitionWatch,
)
from diameter_ocs.observability import Metrics, create_metrics

START = 1_900_000_000_000_000


class Covered(NamedTuple):
    """What a database may say."""

    table: str
    days_ahead: int
    default_rows: int = 0


class Partitions:
    """Partitions that do what they are told, and remember when they were looked after."""

    def __init__(self, outcome: Sequence[str] | Exception = ()) -> None:
        self.outcome = outcome
        self.made: list[int] = []
        self.kept: list[int] = []

    def make(self, now: int) -> Sequence[str]:
        self.made.append(now)
        return self._end()

    def keep(self, now: int) -> Sequence[str]:
        self.kept.append(now)
        return self._end()

    def _end(self) -> Sequence[str]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def metrics() -> Metrics:
    return create_metrics()


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ocs_{name}", labels)


def test_before_anything_is_written_partitions_are_only_made(metrics: Metrics) -> None:
    partitions = Partitions()
    PartitionJob(partitions, lambda: START, metrics).prepare()
    assert (partitions.made, partitions.kept) == ([START], [])


def test_each_look_takes_the_time_anew(metrics: Metrics) -> None:
    partitions, times = Partitions(), iter(range(3))
    job = PartitionJob(partitions, lambda: next(times), metrics)
    assert [job.work() for _ in range(3)] == [True] * 3
    assert partitions.kept == [0, 1, 2]


@pytest.mark.parametrize(
    ("outcome", "reasons"),
    [
        (["one was not made", "one was not dropped"], ["one was not made", "one was not dropped"]),
        (CasesUnavailable("gone"), ["the database does not answer: gone"]),
    ],
)
def test_what_is_left_undone_is_told_and_tried_again(
    metrics: Metrics, outcome: Sequence[str] | Exception, reasons: list[str]
) -> None:
    partitions = Partitions(outcome)
    job = PartitionJob(partitions, lambda: START, metrics)
    for look in (job.work, job.prepare):
        with structlog.testing.capture_logs() as lines:
            assert not look()
        assert [line["reason"] for line in lines] == reasons
        assert sample(metrics, "partitions_undone") == len(reasons)
    partitions.outcome = ()
    with structlog.testing.capture_logs() as lines:
        assert job.work()
    assert lines == []
    assert sample(metrics, "partitions_undone") == 0


class Pauses:
    """Counts the job's pauses, and ends it after a number of them."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) > self.end


def test_no_fault_ends_the_job(metrics: Metrics) -> None:
    partitions = Partitions()
    outcomes = iter([CasesUnavailable("gone"), ValueError("wrong"), ["busy"], ()])

    def clock() -> int:
        partitions.outcome = next(outcomes)
        return START

    pauses = Pauses(4)
    PartitionJob(partitions, clock, metrics).run(pauses.wait)
    assert len(partitions.kept) == 4
    assert pauses.seconds == [0, 300, 300, 300, 3600]


class Blocking(Partitions):
    """Partitions whose keeping never ends by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.ended = threading.Event(), threading.Event()

    def keep(self, now: int) -> Sequence[str]:
        self.begun.set()
        self.ended.wait()
        return super().keep(now)


def test_a_job_that_hangs_holds_up_no_end(metrics: Metrics) -> None:
    partitions = Blocking()
    with PartitionJob(partitions, lambda: START, metrics).running():
        assert partitions.begun.wait(10)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "partitions"]
    assert thread.daemon
    partitions.ended.set()
    thread.join(10)
    assert not thread.is_alive()
    assert partitions.kept == [START]


class Answers:
    """Measures as it is told, and counts how often it was asked."""

    def __init__(self, *found: Covered) -> None:
        self.found: Sequence[Covered] | Exception = found
        self.asked = 0

    async def __call__(self, now: int) -> Sequence[Covered]:
        self.asked += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


Watched = Callable[..., tuple[PartitionWatch, Answers, Clock]]


@pytest.fixture
def watched(metrics: Metrics) -> Watched:
    def start(*found: Covered) -> tuple[PartitionWatch, Answers, Clock]:
        answers, clock = Answers(*found), Clock()
        return PartitionWatch(answers, clock, metrics), answers, clock

    return start


@pytest.mark.parametrize(("days", "is_ready"), [(14, True), (2, True), (1, False), (0, False)])
async def test_two_days_ahead_are_needed(watched: Watched, days: int, is_ready: bool) -> None:
    watch, _, _ = watched(Covered("edr", 14), Covered("closed_session", days))
    reason = await watch.unready()
    assert (reason is None) is is_ready
    if reason is not None:
        assert f"closed_session has partitions for {days} days ahead" in reason
        assert f"fewer than {DAYS_AHEAD_MIN}" in reason
        assert "run `db migrate`" in reason


async def test_the_database_is_asked_once_a_minute(watched: Watched) -> None:
    watch, answers, clock = watched(Covered("edr", 1))
    assert await watch.unready()
    answers.found = (Covered("edr", 14),)
    clock.now += MEASURE_MICROSECONDS - 1
    assert await watch.unready()
    assert answers.asked == 1
    clock.now += 1
    assert await watch.unready() is None
    assert answers.asked == 2


async def test_a_clock_set_back_does_not_blind_the_watch(watched: Watched) -> None:
    watch, answers, clock = watched(Covered("edr", 14))
    await watch.unready()
    clock.now -= 10**12
    await watch.unready()
    assert answers.asked == 2


@pytest.mark.parametrize("fault", [CasesUnavailable("gone"), BrokenBatch("odd")])
async def test_what_was_measured_last_counts_while_nothing_can_be(
    watched: Watched, fault: Exception
) -> None:
    watch, answers, clock = watched(Covered("edr", 14))
    answers.found, last = fault, answers.found
    with pytest.raises(type(fault)):
        await watch.unready()
    answers.found = last
    assert await watch.unready() is None
    answers.found = fault
    clock.now += MEASURE_MICROSECONDS
    assert await watch.unready() is None


async def test_the_metrics_show_what_was_measured(watched: Watched, metrics: Metrics) -> None:
    watch, _, _ = watched(Covered("edr", 13, 7), Covered("closed_session", 14))
    await watch.unready()
    assert sample(metrics, "partition_days_ahead", table="edr") == 13
    assert sample(metrics, "partition_days_ahead", table="closed_session") == 14
    assert sample(metrics, "default_partition_rows", table="edr") == 7
    assert sample(metrics, "default_partition_rows", table="closed_session") == 0


async def test_rows_without_a_partition_are_told_once_each_time_they_appear(
    watched: Watched,
) -> None:
    watch, answers, clock = watched()
    with structlog.testing.capture_logs() as lines:
        for number in (0, 3, 4, 0, 5):
            answers.found = (Covered("edr", 14, number),)
            clock.now += MEASURE_MICROSECONDS
            assert await watch.unready() is None
    rows = [line["rows"] for line in lines]
    assert rows == [3, 5]
