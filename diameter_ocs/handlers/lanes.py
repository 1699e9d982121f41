"""Queues of requests, one a lane, worked off in batches: one transaction for many requests.

The group of accounts decides the lane, so that two lanes of a process never meet. A batch is what
has gathered while the last one was stored: a light load is not delayed to fill it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

import structlog

from ..charging.decisions import Decision, Outcome
from ..charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from ..charging.requests import ChargingRequest, RequestType, SessionKey
from ..observability import Metrics, create_metrics
from .credit_control import Fault, fold
from .ports import Store

log = structlog.get_logger()

LOCK_WAIT_SECONDS = 0.002
"""The first wait for a group that somebody else has locked; each next one is twice as long."""
LOCK_WAIT_SECONDS_MAX = 0.05
ATTEMPTS_MAX = 4
"""How often a batch is tried when others have changed what it read."""
RECONNECT_SECONDS = 0.1
"""How long a lane rests after a fault of the database."""
SESSIONS_REMEMBERED = 200_000
"""Sessions whose group a process remembers; others are looked up."""

Reply = Callable[[Decision | Fault], None]
"""Called once for each request, after the commit of what it decided, by the event loop itself: if
it raises, no other request is harmed."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How much is done at once, and for how long it is tried."""

    lanes: int = 2
    batch_size: int = 128
    queue_size: int = 20_000
    answer_budget_seconds: float = 2.0


class _Job:
    """A request on its way, with the group that it belongs to once that is known."""

    __slots__ = ("deadline", "group", "key", "reply", "request", "wait_seconds")

    def __init__(self, request: ChargingRequest, reply: Reply, deadline: float) -> None:
        self.request = request
        self.key = request.tenant, request.session_key
        self.reply = reply
        self.deadline = deadline
        self.group = 0
        self.wait_seconds = LOCK_WAIT_SECONDS


class _Queue:
    """Jobs that wait for one task."""

    __slots__ = ("_filled", "_jobs")

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._filled = asyncio.Event()

    def put(self, job: _Job) -> None:
        self._jobs.append(job)
        self._filled.set()

    def put_first(self, jobs: list[_Job]) -> None:
        """Puts jobs before all others, in their order."""
        self._jobs.extendleft(reversed(jobs))
        self._filled.set()

    def __len__(self) -> int:
        return len(self._jobs)

    async def take(self, at_most: int) -> list[_Job]:
        """Waits for a job; returns all that are there, up to a number."""
        while not self._jobs:
            self._filled.clear()
            await self._filled.wait()
        return [self._jobs.popleft() for _ in range(min(at_most, len(self._jobs)))]


_Work = Callable[[list[_Job]], Awaitable[None]]


class _Tried(NamedTuple):
    """What one transaction made of a batch."""

    decided: list[tuple[_Job, Decision | Fault]]
    locked_elsewhere: list[_Job]
    misplaced: list[_Job]


class Lanes:
    """Takes requests from connections and replies when what they decided is stored.

    `clock` gives microseconds since 1970 UTC.
    """

    def __init__(
        self,
        store: Store,
        settings: LaneSettings,
        clock: Callable[[], int],
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._metrics = metrics or create_metrics()
        self._unresolved = _Queue()
        self._lanes = [_Queue() for _ in range(settings.lanes)]
        self._parked: dict[int, list[_Job]] = {}
        for number, lane in enumerate(self._lanes):
            self._metrics.queue_depth.labels(str(number)).set_function(lane.__len__)
        self._groups: OrderedDict[tuple[str | None, SessionKey], int] = OrderedDict()
        self._waiting: dict[_Job, None] = {}  # in the order of their deadlines
        self._overdue: asyncio.TimerHandle | None = None
        self._is_stopped = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Requests that were taken and have no reply yet."""
        return len(self._waiting)

    def submit(self, request: ChargingRequest, reply: Reply) -> None:
        """Takes a request; refuses it at once when too many wait, or when the work has ended."""
        if len(self._waiting) >= self._settings.queue_size or self._is_stopped:
            reply(Fault.TOO_BUSY)
            return
        budget = self._settings.answer_budget_seconds
        job = _Job(request, reply, asyncio.get_running_loop().time() + budget)
        self._waiting[job] = None
        self._idle.clear()
        self._watch_deadlines()
        group = self._groups.get(job.key)
        if group is None or request.request_type is RequestType.INITIAL:
            self._unresolved.put(job)
        else:
            self._enqueue(job, group)

    async def run(self) -> None:
        """Works until cancelled; whoever waits then is refused."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._serve(self._unresolved, self._resolve), name="resolver")
                for number, lane in enumerate(self._lanes):
                    tasks.create_task(self._serve(lane, self._charge), name=f"lane {number}")
        finally:
            self._is_stopped = True
            if self._overdue is not None:
                self._overdue.cancel()
            self._fail(list(self._waiting), Fault.TOO_BUSY)

    async def drain(self) -> None:
        """Waits until every request that was taken has its reply."""
        await self._idle.wait()

    async def _serve(self, queue: _Queue, work: _Work) -> None:
        """Works off one queue, whatever happens to a batch of it."""
        while True:
            taken = await queue.take(self._settings.batch_size)
            jobs = [job for job in taken if job in self._waiting]
            if not jobs:
                continue
            try:
                await work(jobs)
            except CasesUnavailable as fault:
                log.warning("database unavailable", reason=str(fault), requests=len(jobs))
                self._metrics.database_errors.labels("unavailable").inc()
                self._fail(jobs, Fault.TOO_BUSY)
                await asyncio.sleep(RECONNECT_SECONDS)
            except Exception:
                log.exception("batch failed", requests=len(jobs))
                self._fail(jobs, Fault.UNABLE_TO_COMPLY)

    async def _resolve(self, jobs: list[_Job]) -> None:
        """Finds the group of each request, and with it the lane."""
        try:
            groups = await self._store.resolve([job.request for job in jobs])
        except BrokenBatch as fault:
            await self._bisect(jobs, self._resolve, fault)
            return
        for job, found in zip(jobs, groups, strict=True):
            # The session may be opened by a request just before this one.
            is_initial = job.request.request_type is RequestType.INITIAL
            group = found if found is not None or is_initial else self._groups.get(job.key)
            if group is not None:
                self._enqueue(job, group)
            elif is_initial:
                self._reply(job, Decision(Outcome.USER_UNKNOWN))
            else:
                self._reply(job, Decision(Outcome.SESSION_UNKNOWN))

    async def _charge(self, jobs: list[_Job]) -> None:
        """Decides and stores a batch; tries again what others got in the way of."""
        jobs = self._not_parked(jobs)
        if not jobs:
            return
        for _ in range(ATTEMPTS_MAX):
            try:
                with self._metrics.batch_seconds.time():
                    tried = await self._try(jobs)
            except StaleCase:
                self._metrics.database_retries.inc()
                continue
            except BrokenBatch as fault:
                await self._bisect(jobs, self._charge, fault)
                return
            self._metrics.batch_size.observe(len(tried.decided))
            for job, result in tried.decided:
                self._reply(job, result)
            self._park(tried.locked_elsewhere)
            for job in tried.misplaced:
                self._unresolved.put(job)
            return
        self._fail(jobs, Fault.TOO_BUSY)

    async def _try(self, jobs: list[_Job]) -> _Tried:
        """Takes a batch through one transaction: lock, load, fold, apply, commit."""
        async with self._store.work() as work:
            locked = await work.lock({job.group for job in jobs})
            mine = [job for job in jobs if job.group in locked]
            pairs = [(job.group, job.request) for job in mine]
            cases, moved = await work.load(pairs, self._clock())
            misplaced = [job for job in mine if job.request in moved]
            if misplaced:
                mine = [job for job in mine if job.request not in moved]
                pairs = [(job.group, job.request) for job in mine]
            folded = fold(pairs, cases)
            await work.apply(folded.changes)
        elsewhere = [job for job in jobs if job.group not in locked]
        return _Tried(list(zip(mine, folded.results, strict=True)), elsewhere, misplaced)

    async def _bisect(self, jobs: list[_Job], work: _Work, fault: BrokenBatch) -> None:
        """Does what can be done of a batch that as a whole cannot."""
        if len(jobs) == 1:
            log.error("request cannot be stored", reason=str(fault))
            self._metrics.database_errors.labels("refused").inc()
            self._fail(jobs, Fault.UNABLE_TO_COMPLY)
            return
        half = len(jobs) // 2
        await work(jobs[:half])
        await work(jobs[half:])

    def _watch_deadlines(self) -> None:
        """Looks again when the budget of the oldest request is used up."""
        if self._overdue is None and self._waiting:
            deadline = next(iter(self._waiting)).deadline
            loop = asyncio.get_running_loop()
            self._overdue = loop.call_at(deadline, self._refuse_overdue)

    def _refuse_overdue(self) -> None:
        """Refuses the requests whose answer would come too late, wherever they are by now."""
        self._overdue = None
        now = asyncio.get_running_loop().time()
        overdue = takewhile(lambda job: job.deadline <= now, self._waiting)
        self._fail(list(overdue), Fault.TOO_BUSY)
        self._watch_deadlines()

    def _park(self, jobs: Iterable[_Job]) -> None:
        """Lets the requests of a group that somebody else has locked wait, in their order."""
        loop = asyncio.get_running_loop()
        for job in jobs:
            if job.group not in self._parked:
                self._parked[job.group] = []
                loop.call_later(job.wait_seconds, self._unpark, job.group)
            self._parked[job.group].append(job)
            job.wait_seconds = min(2 * job.wait_seconds, LOCK_WAIT_SECONDS_MAX)

    def _unpark(self, group: int) -> None:
        """Lets the requests of a group go on, before all that came after them."""
        self._lane(group).put_first(self._parked.pop(group))

    def _not_parked(self, jobs: list[_Job]) -> list[_Job]:
        """Returns the jobs whose group does not wait; the others queue up behind it."""
        if not self._parked:
            return jobs
        for job in jobs:
            if job.group in self._parked:
                self._parked[job.group].append(job)
        return [job for job in jobs if job.group not in self._parked]

    def _enqueue(self, job: _Job, group: int) -> None:
        job.group = group
        self._groups[job.key] = group
        if len(self._groups) > SESSIONS_REMEMBERED:
            self._groups.popitem(last=False)
        self._lane(group).put(job)

    def _lane(self, group: int) -> _Queue:
        return self._lanes[group % len(self._lanes)]

    def _fail(self, jobs: Iterable[_Job], fault: Fault) -> None:
        for job in jobs:
            self._reply(job, fault)

    def _reply(self, job: _Job, result: Decision | Fault) -> None:
        if job not in self._waiting:
            if isinstance(result, Decision):
                self._metrics.answers_dropped.labels("late").inc()
            return
        del self._waiting[job]
        if isinstance(result, Decision) and result.session is None:
            self._groups.pop(job.key, None)
        asyncio.get_running_loop().call_soon(job.reply, result)
        if not self._waiting:
            self._idle.set()
