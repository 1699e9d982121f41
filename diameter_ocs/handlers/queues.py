"""Requests on their way, and the queues in which they wait for the task that works them off."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from ..charging.decisions import Decision, Stored
from ..charging.requests import ChargingRequest
from .credit_control import Fault

LOCK_WAIT_SECONDS = 0.002
"""The first wait for a group that somebody else has locked; each next one is twice as long."""
LOCK_WAIT_SECONDS_MAX = 0.05

Reply = Callable[[Decision | Fault], None]
"""Called once for each request, after the commit of what it decided, in another turn of the event
loop: if it raises, no other request is harmed."""


class Job:
    """A request on its way, with the group that it belongs to once that is known."""

    __slots__ = ("deadline", "group", "key", "reply", "request", "stored", "wait_seconds")

    def __init__(self, request: ChargingRequest, reply: Reply, deadline: float) -> None:
        self.request = request
        self.key = request.tenant, request.session_key
        self.reply = reply
        self.deadline = deadline
        self.group = 0
        self.stored: Stored | None = None  # for its session, or as an event, as far as is known
        self.wait_seconds = LOCK_WAIT_SECONDS


class Queue:
    """Jobs that wait for tasks; the jobs of one group are in the hands of one task at a time.

    Those of a group that a task has claimed, or that somebody else has locked, stand aside and come
    back in their order.
    """

    __slots__ = ("_aside", "_jobs", "_parked", "_waiters")

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._aside: dict[int, list[Job]] = {}  # by group that is claimed or parked, maybe empty
        self._parked: dict[int, list[Job]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        """Adds a job behind all others."""
        self._jobs.append(job)
        self._wake()

    async def take(self, at_most: int, at_least: int = 1) -> list[Job]:
        """Waits for so many jobs; returns all that are there, up to a number."""
        while len(self._jobs) < at_least:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append((at_least, waiter))
            try:
                await waiter
            finally:
                self._waiters.remove((at_least, waiter))
        return [self._jobs.popleft() for _ in range(min(at_most, len(self._jobs)))]

    def claim(self, jobs: Iterable[Job]) -> list[Job]:
        """Returns the jobs of groups that were free, and claims those groups."""
        mine: dict[int, list[Job]] = {}
        for job in jobs:
            if job.group in mine:
                mine[job.group].append(job)
            elif job.group in self._aside:
                self._aside[job.group].append(job)
            else:
                self._aside[job.group] = []
                mine[job.group] = [job]
        return [job for of_group in mine.values() for job in of_group]

    def hold(self, groups: Iterable[int]) -> Collection[int]:
        """Claims groups as if there were jobs of them; returns those that were free."""
        free = {group for group in groups if group not in self._aside}
        self._aside.update({group: [] for group in free})
        return free

    def park(self, jobs: Iterable[Job]) -> None:
        """Puts claimed jobs aside, in their order, whose group somebody else has locked."""
        for job in jobs:
            self._parked.setdefault(job.group, []).append(job)

    def unparked(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Returns the claimed jobs whose group is not parked; the others queue up behind it."""
        if not self._parked:
            return jobs
        self.park([job for job in jobs if job.group in self._parked])
        return [job for job in jobs if job.group not in self._parked]

    def release(self, groups: Iterable[int]) -> None:
        """Frees the groups of a claim: those that are parked when they have waited."""
        loop = asyncio.get_running_loop()
        for group in groups:
            parked = self._parked.get(group)
            if parked is None:
                self._come_back(group)
                continue
            loop.call_later(parked[0].wait_seconds, self._come_back, group)
            for job in parked:
                job.wait_seconds = min(2 * job.wait_seconds, LOCK_WAIT_SECONDS_MAX)

    def _come_back(self, group: int) -> None:
        """Lets the jobs of a group go on, before all that came after them."""
        if waiting := self._parked.pop(group, []) + self._aside.pop(group):
            self._jobs.extendleft(reversed(waiting))
            self._wake()

    def _wake(self) -> None:
        """Wakes the tasks for which enough jobs are there."""
        for at_least, waiter in self._waiters:
            if len(self._jobs) >= at_least and not waiter.done():
                waiter.set_result(None)
