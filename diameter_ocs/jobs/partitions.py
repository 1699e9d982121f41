"""Keeps partitions ahead of the days, and raises the alarm when somebody has to help.

The job works as the owner; the watch asks the database what has come of it, so that it sees a job
that died, or may do nothing, as well.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog

from ..charging.faults import BrokenBatch, CasesUnavailable
from ..observability import Metrics

log = structlog.get_logger()

KEEP_SECONDS = 3600.0
"""How often the job looks after the partitions."""
RETRY_SECONDS = 300.0
"""How soon it comes back to what it left undone."""
MEASURE_MICROSECONDS = 60_000_000
"""How often the watch looks, by the clock of the wall."""
DAYS_AHEAD_MIN = 2
"""With partitions for fewer days than these the server asks for help."""


class Partitions(Protocol):
    """The partitions as their owner keeps them; both methods return what they left undone."""

    def make(self, now: int) -> Sequence[str]:
        """Makes the partitions of the next days; CasesUnavailable when it cannot reach them."""

    def keep(self, now: int) -> Sequence[str]:
        """Makes, empties and drops partitions; CasesUnavailable likewise."""


class Coverage(Protocol):
    """How far ahead a table has partitions, and how many rows found none."""

    @property
    def table(self) -> str: ...
    @property
    def days_ahead(self) -> int: ...
    @property
    def default_rows(self) -> int: ...


class PartitionJob:
    """Looks after the partitions every hour; no fault ends it.

    It has a thread of its own, that does not hold up the end of the process: moving and adding up
    many rows takes its time. `clock` returns microseconds since 1970.
    """

    def __init__(self, partitions: Partitions, clock: Callable[[], int], metrics: Metrics) -> None:
        self._partitions = partitions
        self._clock = clock
        self._metrics = metrics

    def prepare(self) -> bool:
        """Makes partitions before the first EDR is written; answers as `work` does."""
        return self._attempt(self._partitions.make)

    def work(self) -> bool:
        """Does all that is due; says whether nothing was left undone."""
        return self._attempt(self._partitions.keep)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Works at once and then every hour while the context lasts."""
        stopping = threading.Event()
        threading.Thread(
            target=self.run, args=(stopping.wait,), name="partitions", daemon=True
        ).start()
        try:
            yield
        finally:
            stopping.set()

    def run(self, wait: Callable[[float], bool]) -> None:
        """Works until `wait`, which waits so many seconds, says that it is time to stop."""
        seconds = 0.0
        while not wait(seconds):
            try:
                done = self.work()
            except Exception:
                log.exception("partitions not kept")
                done = False
            seconds = KEEP_SECONDS if done else RETRY_SECONDS

    def _attempt(self, work: Callable[[int], Sequence[str]]) -> bool:
        try:
            undone = work(self._clock())
        except CasesUnavailable as error:
            undone = (f"the database does not answer: {error}",)
        for reason in undone:
            log.warning("partitions not kept", reason=reason)
        self._metrics.partitions_undone.set(len(undone))
        return not undone


class PartitionWatch:
    """Asks the database once a minute how far ahead there are partitions."""

    def __init__(
        self,
        measure: Callable[[int], Awaitable[Sequence[Coverage]]],
        clock: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._measure = measure
        self._clock = clock
        self._metrics = metrics
        self._measured_at: int | None = None
        self._reason: str | None = None
        self._in_default: dict[str, int] = {}

    async def unready(self) -> str | None:
        """Returns why requests should go elsewhere, or None.

        Raises:
            CasesUnavailable, BrokenBatch: the database has not said so once; later what it said
            last counts.
        """
        now = self._clock()
        if self._measured_at is None or not 0 <= now - self._measured_at < MEASURE_MICROSECONDS:
            try:
                found = await self._measure(now)
            except (CasesUnavailable, BrokenBatch) as error:
                if self._measured_at is None:
                    raise
                log.warning("partitions not measured", reason=str(error))
            else:
                self._take(found)
            self._measured_at = now
        return self._reason

    def _take(self, found: Sequence[Coverage]) -> None:
        for coverage in found:
            table, rows = coverage.table, coverage.default_rows
            self._metrics.partition_days_ahead.labels(table).set(coverage.days_ahead)
            self._metrics.default_partition_rows.labels(table).set(rows)
            if rows and not self._in_default.get(table):
                log.warning("rows found in the default partition", table=table, rows=rows)
            self._in_default[table] = rows
        short = [coverage for coverage in found if coverage.days_ahead < DAYS_AHEAD_MIN]
        self._reason = _what_is_missing(short[0]) if short else None


def _what_is_missing(coverage: Coverage) -> str:
    return (
        f"{coverage.table} has partitions for {coverage.days_ahead} days ahead, fewer than"
        f" {DAYS_AHEAD_MIN}: run `db migrate` as a login that may, and see in the log why the"
        " server does not make them"
    )
