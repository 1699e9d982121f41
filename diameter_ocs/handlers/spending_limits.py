"""Requests about spending limits, in batches of their own beside those of the lanes.

They are worked off one batch after the other, in the order in which they came: what a policy server
asks about one session is decided in its order. While a batch is under way the lanes keep off its
groups, so that neither makes the other's work void.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from ..charging.course import Course
from ..charging.faults import BrokenBatch, CatalogueUnreadable
from ..charging.requests import Identity
from ..charging.spending_limits import (
    SpendingLimitAnswer,
    SpendingLimitEnd,
    SpendingLimitOutcome,
    SpendingLimitRequest,
    Whereabouts,
)
from ..charging.subscribing import REPLACED, Subscribed, subscribe, unsubscribe
from ..observability import Metrics
from .credit_control import Fault
from .halving import by_halves
from .insisting import insist
from .lanes import Lanes, LaneSettings
from .ports import Work
from .queues import LOCK_WAIT_SECONDS, LOCK_WAIT_SECONDS_MAX

log = structlog.get_logger()

Request = SpendingLimitRequest | SpendingLimitEnd
Result = SpendingLimitAnswer | Fault
Reply = Callable[[Result], None]
"""Called once for each request, after the commit of what it decided."""

SUCCESS = SpendingLimitOutcome.SUCCESS
USER_UNKNOWN = SpendingLimitAnswer(SpendingLimitOutcome.USER_UNKNOWN)
SESSION_UNKNOWN = SpendingLimitAnswer(SpendingLimitOutcome.SESSION_UNKNOWN)


class Subscriptions(Protocol):
    """Keeps accounts, and who subscribes to their counters."""

    async def whereabouts(self, requests: Sequence[Request]) -> Sequence[Whereabouts]:
        """Returns which groups each request concerns."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """Begins a transaction."""


class _Job:
    """A request on its way, with the groups that it concerns once they are known."""

    __slots__ = ("groups", "overdue", "reply", "request")

    def __init__(self, request: Request, reply: Reply) -> None:
        self.request = request
        self.reply = reply
        self.overdue: asyncio.TimerHandle | None = None
        self.groups: tuple[int, ...] = ()  # the first is where it is decided

    @property
    def is_initial(self) -> bool:
        """Does it name whom it is about?"""
        return isinstance(self.request, SpendingLimitRequest) and self.request.is_initial


class SpendingLimits:
    """Takes requests of policy servers and replies when what they decided is stored."""

    def __init__(
        self, store: Subscriptions, lanes: Lanes, settings: LaneSettings, metrics: Metrics
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._settings = settings
        self._metrics = metrics
        self._jobs: deque[_Job] = deque()
        self._waiting: set[_Job] = set()
        self._busy: Counter[bytes] = Counter()
        self._is_stopped = False
        self._come = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        metrics.queue_depth.labels("spending limits").set_function(self._jobs.__len__)

    @property
    def waiting(self) -> int:
        """Requests that were taken and have no reply yet."""
        return len(self._waiting)

    def is_busy(self, session_id: bytes) -> bool:
        """Is there a request of a session that has no reply yet?"""
        return session_id in self._busy

    def submit(self, request: Request, reply: Reply, budget_seconds: float | None = None) -> None:
        """Takes a request; refuses it when too many wait, when the work has ended, and when it
        takes too long: `budget_seconds` counts where it is less than the budget of all requests.
        """
        loop, budget = asyncio.get_running_loop(), self._settings.answer_budget_seconds
        job = _Job(request, reply)
        self._busy[request.session_id] += 1
        self._idle.clear()
        if len(self._waiting) >= self._settings.queue_size or self._is_stopped:
            self._give(job, Fault.TOO_BUSY)
            return
        self._waiting.add(job)
        seconds = budget if budget_seconds is None else min(budget, budget_seconds)
        job.overdue = loop.call_later(seconds, self._reply, job, Fault.TOO_BUSY)
        self._jobs.append(job)
        self._come.set()

    async def run(self) -> None:
        """Works until cancelled; whoever waits then is refused."""
        rest = LOCK_WAIT_SECONDS
        try:
            while True:
                await self._come.wait()
                count = min(len(self._jobs), self._settings.batch_size)
                jobs = [self._jobs.popleft() for _ in range(count)]
                done = await by_halves(jobs, self._insist, self._give_up)
                left = [job for part in done for job in part or ()]
                rest = min(2 * rest, LOCK_WAIT_SECONDS_MAX) if left == jobs else LOCK_WAIT_SECONDS
                self._jobs.extendleft(reversed(left))
                if not self._jobs:
                    self._come.clear()
                elif left:
                    await asyncio.sleep(rest)
        finally:
            self._is_stopped = True
            for job in list(self._waiting):
                self._reply(job, Fault.TOO_BUSY)

    async def drain(self) -> None:
        """Waits until every request that was taken has its reply."""
        await self._idle.wait()

    async def _insist(self, jobs: Sequence[_Job]) -> list[_Job] | None:
        """Does the work of a batch; returns those that have to be looked at again."""
        waits = self._waiting.__contains__
        return await insist(self._try, jobs, waits, self._refuse, self._metrics)

    def _refuse(self, jobs: list[_Job], fault: CatalogueUnreadable) -> None:
        """Refuses the requests of groups whose catalogue cannot be read."""
        for job in jobs:
            if any(group in fault.groups for group in job.groups):
                self._reply(job, Fault.CATALOGUE_UNREADABLE)

    def _give_up(self, job: _Job, _fault: BrokenBatch) -> None:
        """Replies to a request that cannot be done alone."""
        self._metrics.database_errors.labels("refused").inc()
        self._reply(job, Fault.UNABLE_TO_COMPLY)

    async def _try(self, jobs: list[_Job]) -> list[_Job]:
        """Decides and stores what it can of a batch, and replies; returns the rest."""
        found = await self._store.whereabouts([job.request for job in jobs])
        placed = self._placed(jobs, found)
        with self._lanes.keeping_off({group for job in placed for group in job.groups}) as free:
            decided = await self._decide(placed, free) if free else {}
        for job, result in decided.items():
            self._reply(job, result)
        return [job for job in placed if job not in decided]

    def _placed(self, jobs: Sequence[_Job], found: Sequence[Whereabouts]) -> list[_Job]:
        """Returns the requests that concern somebody, and replies to the others.

        A request may go on with a session that one before it in the batch opens.
        """
        placed = []
        begun: dict[bytes, tuple[int, ...]] = {}
        for job, (named, holders) in zip(jobs, found, strict=True):
            name = job.request.session_id
            holders = (*holders, *begun.get(name, ()))
            group = named if job.is_initial else next(reversed(holders), None)
            if group is None:
                self._reply(job, USER_UNKNOWN if job.is_initial else SESSION_UNKNOWN)
                continue
            job.groups = tuple(dict.fromkeys((group, *holders)))
            begun[name] = (*holders, group)
            placed.append(job)
        return placed

    async def _decide(self, jobs: Sequence[_Job], free: Collection[int]) -> dict[_Job, Result]:
        """Decides and stores in one transaction what concerns only groups that it gets."""
        now = self._lanes.clock()
        async with self._store.work() as work:
            locked = set(await work.lock(free, (), now))
            mine = [job for job in jobs if locked.issuperset(job.groups)]
            course = Course(await work.load_sessions((), now, _names(mine)))
            decided = {}
            for job in mine:
                result = _decided(job, course)
                if result is not None:
                    decided[job] = result
            await work.apply(course.changes())
        return decided

    def _reply(self, job: _Job, result: Result) -> None:
        """Replies, unless the request has been refused because it took too long."""
        if job not in self._waiting:
            if not isinstance(result, Fault):
                self._metrics.answers_dropped.labels("late").inc()
            return
        self._waiting.remove(job)
        assert job.overdue is not None
        job.overdue.cancel()
        asyncio.get_running_loop().call_soon(self._give, job, result)

    def _give(self, job: _Job, result: Result) -> None:
        """Gives a reply; the session is busy until it is given."""
        try:
            job.reply(result)
        finally:
            name = job.request.session_id
            self._busy[name] -= 1
            if not self._busy[name]:
                del self._busy[name]
            if not self._busy:
                self._idle.set()


def _names(jobs: Sequence[_Job]) -> set[Identity]:
    """Returns whom requests name."""
    return {
        identity
        for job in jobs
        if isinstance(job.request, SpendingLimitRequest)
        for identity in job.request.identities
    }


def _decided(job: _Job, course: Course) -> Result | None:
    """Decides a request on what those before it left; one that cannot be decided harms no other.

    None: whom it names has left the group since it was looked up.
    """
    request = job.request
    try:
        if isinstance(request, SpendingLimitEnd):
            return _ended(request, job.groups, course)
        group, *others = job.groups
        case = course.cases[group]
        if request.is_initial and case.directory.keys().isdisjoint(request.identities):
            return None
        answer = _gone_on(subscribe(request, case), course)
        if answer.outcome is SUCCESS:
            whose = request.origin_host, request.origin_realm, request.tenant
            end = SpendingLimitEnd(request.session_id, *whose)
            for other in others:
                _gone_on(unsubscribe(end, course.cases[other], REPLACED), course)
        return answer
    except Exception:
        log.exception("request not decided", groups=job.groups)
        return Fault.UNABLE_TO_COMPLY


def _ended(request: SpendingLimitEnd, groups: Sequence[int], course: Course) -> Result:
    """Ends the subscription of a name; in several groups, where servers opened it at once, all."""
    answers = [_gone_on(unsubscribe(request, course.cases[group]), course) for group in groups]
    return min(answers, key=lambda answer: answer.outcome)


def _gone_on(done: Subscribed, course: Course) -> SpendingLimitAnswer:
    """Goes on with what was decided."""
    if done.edrs:
        course.go_on(course.cases[done.after.group_id], done.after, done.edrs)
    return done.answer
