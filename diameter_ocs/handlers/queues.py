"""Requests on their way, and the queues in which they wait for the task that works them off."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from ..charging.decisions import Decision
from ..charging.requests import ChargingRequest
from .credit_control import Fault

LOCK_WAIT_SECONDS = 0.002
"""The first wait for a group that somebody else has locked; each next one is twice as long."""
LOCK_WAIT_SECONDS_MAX = 0.05

Reply = Callable[[Decision | Fault], None]
"""Called once for each request, after the commit of what it decided, by the event loop itself: if
it raises, no other request is harmed."""


class Job:
    """A request on its way, with the group that it belongs to once that is known."""

    __slots__ = ("deadline", "group", "key", "opened", "reply", "request", "wait_seconds")

    def __init__(self, request: ChargingRequest, reply: Reply, deadline: float) -> None:
        self.request = request
        self.key = request.tenant, request.session_key
        self.reply = reply
        self.deadline = deadline
        self.group = 0
        self.opened = 0  # the number of a session that was stored for it, as far as is known
        self.wait_seconds = LOCK_WAIT_SECONDS


class Queue:
    """Jobs that wait for one task; those of a group that somebody else has locked stand aside."""

    __slots__ = ("_filled", "_jobs", "_parked")

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._filled = asyncio.Event()
        self._parked: dict[int, list[Job]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        self._jobs.append(job)
        self._filled.set()

    async def take(self, at_most: int) -> list[Job]:
        """Waits for a job; returns all that are there, up to a number."""
        while not self._jobs:
            self._filled.clear()
            await self._filled.wait()
        return [self._jobs.popleft() for _ in range(min(at_most, len(self._jobs)))]

    def park(self, jobs: Iterable[Job]) -> None:
        """Lets the jobs of a group that somebody else has locked wait, in their order."""
        loop = asyncio.get_running_loop()
        for job in jobs:
            if job.group not in self._parked:
                self._parked[job.group] = []
                loop.call_later(job.wait_seconds, self._unpark, job.group)
            self._parked[job.group].append(job)
            job.wait_seconds = min(2 * job.wait_seconds, LOCK_WAIT_SECONDS_MAX)

    def ready(self, jobs: list[Job]) -> list[Job]:
        """Returns the jobs whose group does not wait; the others queue up behind it."""
        if not self._parked:
            return jobs
        for job in jobs:
            if job.group in self._parked:
                self._parked[job.group].append(job)
        return [job for job in jobs if job.group not in self._parked]

    def _unpark(self, group: int) -> None:
        """Lets the jobs of a group go on, before all that came after them."""
        self._jobs.extendleft(reversed(self._parked.pop(group)))
        self._filled.set()
