"""Requests worked off in batches by a few lanes: one transaction for many requests.

A lane claims the groups of accounts of its batch, so that two lanes of a process never meet. A
batch is what has gathered while the last one was stored: a light load is not delayed to fill it.
Under a light load one lane does everything; the others help when half a batch has gathered.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import NamedTuple, TypeVar

import structlog

from ..charging.decisions import Decision, Novelty, Outcome, Stored
from ..charging.faults import BrokenBatch, CatalogueUnreadable
from ..charging.requests import (
    NAMING,
    ChargingRequest,
    EventAction,
    Identity,
    RequestType,
    SessionKey,
)
from ..observability import Metrics, SparingLog, create_metrics
from .credit_control import Fault, fold
from .halving import by_halves
from .insisting import insist
from .ports import Store
from .queues import Job, Queue, Reply
from .spooling import Spooling
from .unclaimed import Unclaimed

log = structlog.get_logger()

SESSIONS_REMEMBERED = 200_000
"""Sessions whose group a process remembers; others are looked up."""
SESSION_ID_REMEMBERED_MAX = 512
"""Octets of a Session-Id that is remembered; sessions with a longer one are looked up each time."""
SUBSCRIBERS_REMEMBERED = 100_000
"""Subscribers, by the identities of their requests, likewise; the store says when one has moved."""

NAMES_REMEMBERED_MAX = 16
NAMES_LENGTH_REMEMBERED_MAX = 512
"""Identities of a subscriber that is remembered, and the characters of all of them."""

# A member takes 0.1 µs to be looked up in its class; these are looked for with every request.
INITIAL = RequestType.INITIAL
REPEATED = Novelty.REPEATED


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """How much is done at once, and for how long it is tried."""

    lanes: int = 2
    batch_size: int = 128
    queue_size: int = 20_000
    answer_budget_seconds: float = 2.0


_Key = TypeVar("_Key")
_Named = tuple[str | None, tuple[Identity, ...]]
"""A tenant, if one is known, and the identities of a request."""
_Work = Callable[[list[Job]], Awaitable[None]]
"""Does something for a batch, or raises before it has done anything for any job of it."""


class _Tried(NamedTuple):
    """What one transaction made of a batch."""

    decided: list[tuple[Job, Decision | Fault]]
    locked_elsewhere: list[Job]
    misplaced: list[Job]


class Lanes:
    """Takes requests from connections and replies when what they decided is stored.

    `clock` gives microseconds since 1970 UTC. `unclaimed` takes the sessions that were opened and
    the events that were charged for requests whose refusal had gone out, `spooling` the usage that
    refused requests reported.
    """

    def __init__(
        self,
        store: Store,
        settings: LaneSettings,
        clock: Callable[[], int],
        metrics: Metrics | None = None,
        unclaimed: Unclaimed | None = None,
        spooling: Spooling | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()  # asked once: it costs a system call
        self._store = store
        self._settings = settings
        self.clock = clock
        self._metrics = metrics or create_metrics()
        self._unclaimed = Unclaimed() if unclaimed is None else unclaimed
        self._spooling = spooling or Spooling(None, clock, self._metrics)
        self._unresolved = Queue()
        self._resolved = Queue()
        self._metrics.queue_depth.labels("look-up").set_function(self._unresolved.__len__)
        self._metrics.queue_depth.labels("charging").set_function(self._resolved.__len__)
        self._groups: OrderedDict[tuple[str | None, SessionKey], int] = OrderedDict()
        self._subscribers: OrderedDict[_Named, int] = OrderedDict()
        self._waiting: dict[Job, None] = {}  # in the order of their deadlines
        self._replies: list[tuple[Reply, Decision | Fault]] = []  # on their way in this turn
        self._overdue: asyncio.TimerHandle | None = None
        self._is_stopped = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._again = SparingLog("request again")

    @property
    def waiting(self) -> int:
        """Requests that were taken and have no reply yet."""
        return len(self._waiting)

    def is_busy(self, session_id: bytes) -> bool:
        """Does a request of a session wait here, or is it being replied to in this turn?"""
        return bool(self._replies) or any(
            job.request.session_key.session_id == session_id for job in self._waiting
        )

    def submit(
        self, request: ChargingRequest, reply: Reply, budget_seconds: float | None = None
    ) -> None:
        """Takes a request; refuses it at once when too many wait, or when the work has ended.

        `budget_seconds` counts where it is less than the budget of all requests.
        """
        if len(self._waiting) >= self._settings.queue_size or self._is_stopped:
            self._spooling.refuse(request, reply)
            return
        budget = self._settings.answer_budget_seconds
        job = Job(request, reply, self._loop.time() + budget)
        self._waiting[job] = None
        self._idle.clear()
        self._watch_deadlines()
        if budget_seconds is not None and budget_seconds < budget:
            self._loop.call_later(budget_seconds, self._refuse_early, job)
        if request.request_type in NAMING:
            group = self._subscribers.get((request.tenant, request.identities))
        else:
            group = self._groups.get(job.key)
        if group is None:
            self._unresolved.put(job)
        else:
            self._enqueue(job, group)

    async def run(self) -> None:
        """Works until cancelled; whoever waits then is refused."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look_up(), name="look-up")
                for number in range(self._settings.lanes):
                    at_least = max(self._settings.batch_size // 2, 1) if number else 1
                    tasks.create_task(self._lane(at_least), name=f"lane {number}")
        finally:
            self._is_stopped = True
            if self._overdue is not None:
                self._overdue.cancel()
            self._refuse(list(self._waiting))
            await self._spooling.drain()

    async def drain(self) -> None:
        """Waits until every request that was taken has its reply."""
        await self._idle.wait()
        while self._replies:
            await asyncio.sleep(0)
        await self._spooling.drain()

    @contextmanager
    def keeping_off(self, groups: Iterable[int]) -> Iterator[Collection[int]]:
        """Keeps the lanes off groups that none of them has, and gives those."""
        free = self._resolved.hold(groups)
        try:
            yield free
        finally:
            self._resolved.release(free)

    async def _look_up(self) -> None:
        """Finds the groups of requests."""
        while True:
            await self._do(self._resolve, await self._unresolved.take(self._settings.batch_size))

    async def _lane(self, at_least: int) -> None:
        """Works off the requests of groups that no other lane has."""
        queue = self._resolved
        while True:
            jobs = queue.claim(await queue.take(self._settings.batch_size, at_least))
            groups = {job.group for job in jobs}
            try:
                await self._do(self._charge, jobs)
            finally:
                queue.release(groups)

    async def _do(self, work: _Work, jobs: list[Job]) -> None:
        """Does the work of a batch; of one that cannot be done, each part that can."""
        # Requests without a group never are parked.
        await by_halves(jobs, partial(self._insist, work), self._give_up, self._resolved.unparked)

    async def _insist(self, work: _Work, jobs: Sequence[Job]) -> None:
        """Does the work of a batch, again and again while it cannot be known that it is stored.

        A batch of which nobody knows that may be done again: what was stored is recognised as a
        repeat. Whoever has been refused meanwhile is left out.
        """
        await insist(work, jobs, self._waiting.__contains__, self._refuse_hurt, self._metrics)

    def _refuse_hurt(self, jobs: Iterable[Job], fault: CatalogueUnreadable) -> None:
        """Refuses the requests of groups whose catalogue cannot be read."""
        self._refuse([job for job in jobs if job.group in fault.groups], Fault.CATALOGUE_UNREADABLE)

    def _give_up(self, job: Job, _fault: BrokenBatch) -> None:
        """Replies to a request that cannot be done alone."""
        self._metrics.database_errors.labels("refused").inc()
        self._reply(job, Fault.UNABLE_TO_COMPLY)

    async def _resolve(self, jobs: list[Job]) -> None:
        """Finds the group of each request and lets it wait for a lane."""
        groups = await self._store.resolve([job.request for job in jobs])
        for job, found in zip(jobs, groups, strict=True):
            # The session may be opened by a request just before this one.
            is_naming = job.request.request_type in NAMING
            group = found if found is not None or is_naming else self._groups.get(job.key)
            if group is not None:
                if is_naming:
                    self._remember_subscriber(job.request, group)
                self._enqueue(job, group)
            elif is_naming:
                self._reply(job, Decision(Outcome.USER_UNKNOWN))
            else:
                self._reply(job, Decision(Outcome.SESSION_UNKNOWN))

    async def _charge(self, jobs: list[Job]) -> None:
        """Decides and stores a batch of one lane, and replies."""
        with self._metrics.batch_seconds.time():
            tried = await self._try(jobs)
        self._metrics.batch_size.observe(len(tried.decided))
        for job, result in tried.decided:
            self._reply(job, result)
        self._resolved.park(tried.locked_elsewhere)
        for job in tried.misplaced:
            self._subscribers.pop((job.request.tenant, job.request.identities), None)
            job.group = 0
            self._unresolved.put(job)

    async def _try(self, jobs: list[Job]) -> _Tried:
        """Takes a batch through one transaction: lock, load, fold, apply, commit."""
        with self._spooling.taking() as spooled:
            async with self._store.work() as work:
                now = self.clock()
                asked = [(job.group, job.request) for job in jobs]
                locked = await work.lock({job.group for job in jobs}, asked, now)
                mine = [job for job in jobs if job.group in locked]
                plan = spooled.plan([(job.group, job.request) for job in mine])
                cases, moved = await work.load(plan.asked, now)
                misplaced = [job for job in mine if job.request in moved]
                if misplaced:  # planned anew: what was taken for them goes back
                    mine = [job for job in mine if job.request not in moved]
                    plan = spooled.plan([(job.group, job.request) for job in mine])
                folded = fold(plan.steps, cases)
                decided = [
                    (job, folded.results[at]) for job, at in zip(mine, plan.own, strict=True)
                ]
                self._note_stored(decided)
                await work.apply(folded.changes)
            spooled.put_back_undecided(plan, folded.results)
        folded.tell()
        self._spooling.lose_undecided(plan, folded.results)
        elsewhere = [job for job in jobs if job.group not in locked]
        return _Tried(decided, elsewhere, misplaced)

    def _note_stored(self, decided: Iterable[tuple[Job, Decision | Fault]]) -> None:
        """Notes what each INITIAL opens and each EVENT is debited, before it can be known stored.

        A repeat takes over what its original stored, while the group is locked: who undoes what is
        unclaimed comes before it or finds that it has been claimed.
        """
        for job, result in decided:
            request = job.request
            if request.request_type not in NAMING or isinstance(result, Fault):
                continue
            if result.novelty is REPEATED:
                job.stored = (
                    self._unclaimed.claim(job.group, request, result.repeated) or job.stored
                )
            elif request.request_type is INITIAL:
                job.stored = None if result.session is None else result.edrs[-1].stored
            else:
                is_debit = request.action is EventAction.DEBIT
                is_charged = is_debit and result.outcome is Outcome.SUCCESS
                job.stored = result.edrs[-1].stored if is_charged else None

    def _watch_deadlines(self) -> None:
        """Looks again when the budget of the oldest request is used up."""
        if self._overdue is None and self._waiting:
            deadline = next(iter(self._waiting)).deadline
            self._overdue = self._loop.call_at(deadline, self._refuse_overdue)

    def _refuse_overdue(self) -> None:
        """Refuses the requests whose answer would come too late, wherever they are by now."""
        self._overdue = None
        now = self._loop.time()
        self._refuse(list(takewhile(lambda job: job.deadline <= now, self._waiting)))
        self._watch_deadlines()

    def _refuse_early(self, job: Job) -> None:
        """Refuses a request whose client waits less long than others, if it still waits."""
        if job in self._waiting:
            self._refuse([job])

    def _refuse(self, jobs: Iterable[Job], fault: Fault = Fault.TOO_BUSY) -> None:
        """Refuses requests that wait; what they reported is spooled before they hear of it."""
        for job in jobs:
            self._keep_unclaimed(job)
            self._spooling.refuse(job.request, job.reply, fault)
            self._leave(job)

    def _enqueue(self, job: Job, group: int) -> None:
        job.group = group
        if job.request.request_type is INITIAL and self._groups.get(job.key, group) != group:
            self._metrics.session_ids_shared.inc()
        if len(job.request.session_key.session_id) <= SESSION_ID_REMEMBERED_MAX:
            _remember(self._groups, job.key, group, SESSIONS_REMEMBERED)
        self._resolved.put(job)

    def _remember_subscriber(self, request: ChargingRequest, group: int) -> None:
        names = request.identities
        is_long = sum(len(each.value) for each in names) > NAMES_LENGTH_REMEMBERED_MAX
        if is_long or len(names) > NAMES_REMEMBERED_MAX:
            return
        _remember(self._subscribers, (request.tenant, names), group, SUBSCRIBERS_REMEMBERED)

    def _reply(self, job: Job, result: Decision | Fault) -> None:
        """Replies, unless the request has been refused because it took too long."""
        if job not in self._waiting:
            if isinstance(result, Decision):
                self._metrics.answers_dropped.labels("late").inc()
                self._keep_unclaimed(job)
            return
        if isinstance(result, Decision):
            if result.repeated is not None and job.request.request_type in NAMING:
                self._answer_again(job, result.repeated)
            if result.session is None and result.novelty is not REPEATED:
                self._groups.pop(job.key, None)
            if result.novelty:
                self._count_again(job, result.novelty)
        if not self._replies:
            self._loop.call_soon(self._give_replies)
        self._replies.append((job.reply, result))
        self._leave(job)

    def _answer_again(self, job: Job, repeated: Stored) -> None:
        """Notes that a repeat is answered; its original may have been refused by the same batch."""
        if not self._unclaimed.claim(job.group, job.request, repeated):
            self._unclaimed.answer(job.group, job.request, repeated)

    def _give_replies(self) -> None:
        """Gives the replies of a turn; one that cannot be taken harms no other."""
        replies, self._replies = self._replies, []
        for reply, result in replies:
            try:
                reply(result)
            except Exception:
                log.exception("reply not taken")

    def _leave(self, job: Job) -> None:
        """Takes a request out whose reply is under way."""
        del self._waiting[job]
        if not self._waiting:
            self._idle.set()

    def _keep_unclaimed(self, job: Job) -> None:
        """Remembers what was stored, as far as is known, for a refused request."""
        if job.stored:
            self._unclaimed.add(job.group, job.request, job.stored, self._loop.time())

    def _count_again(self, job: Job, novelty: Novelty) -> None:
        """Counts what was asked before, or is asked of a session that has ended."""
        how = novelty.name.lower()
        self._metrics.requests_again.labels(how).inc()
        self._again.info(log, how=how, origin_host=job.request.origin_host, group=job.group)


def _remember(groups: OrderedDict[_Key, int], key: _Key, group: int, entries_max: int) -> None:
    """Remembers a group, and forgets what has been known for longest when that is too much."""
    groups[key] = group
    if len(groups) > entries_max:
        groups.popitem(last=False)
