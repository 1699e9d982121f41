"""Do what has come due though nobody asked: take back quotas, forgotten sessions, lost events."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from ..charging.case import Case, Change
from ..charging.course import Course
from ..charging.decisions import ANSWERED, REVERSAL, Decision, Edr, EdrName
from ..charging.faults import BrokenBatch, CatalogueUnreadable
from ..charging.requests import ChargingRequest, RequestType, SessionKey
from ..charging.reversals import mark_event_answered, reverse_unclaimed
from ..charging.supervision import RESERVATION_EXPIRED, close_unclaimed, mark_answered, supervise
from ..observability import Metrics, SparingLog
from .halving import by_halves
from .passed_over import PassedOver
from .ports import Store, Work
from .unclaimed import Unanswered, Unclaimed

log = structlog.get_logger()

DUE_MAX = 128
"""Sessions that are looked at in one transaction."""


class Look(NamedTuple):
    """A session or an event, and what is to be decided about it."""

    group: int
    key: SessionKey
    decide: Callable[[Case], Decision | None]
    request: ChargingRequest | None = None
    """What is looked for in the journal as well."""


class Seen(NamedTuple):
    """A batch of looks, decided and not yet stored."""

    done: list[Look]
    changes: list[Change]


class Supervision:
    """Looks at sessions in the place of their clients; two processes may do so side by side.

    `clock` gives microseconds since 1970 UTC. The methods raise what the store raises; whatever
    is undone then is found again in the next round.
    """

    def __init__(
        self, store: Store, unclaimed: Unclaimed, clock: Callable[[], int], metrics: Metrics
    ) -> None:
        self._store = store
        self._unclaimed = unclaimed
        self._clock = clock
        self._metrics = metrics
        self._passed_over = PassedOver[tuple[int, SessionKey]](DUE_MAX)
        self._abandoned = SparingLog("session abandoned")
        self._expired = SparingLog("reservation expired")
        self._reversed = SparingLog("event reversed")

    @property
    def works(self) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Everything that it does, in its order."""
        return self.look, self.mark_answered, self.undo_unclaimed

    async def look(self) -> bool:
        """Looks at sessions that are due; returns whether to go on at once with others.

        Those that nothing could be done about are passed over until the last one was reached.
        """
        due = await self._store.due_sessions(self._clock(), self._passed_over.limit)
        left = self._passed_over.left(due)
        done = await self.decide([Look(group, key, partial(supervise, key)) for group, key in left])
        return self._passed_over.go_on(due, [(look.group, look.key) for look in done])

    async def undo_unclaimed(self) -> bool:
        """Closes sessions and reverses events that nobody claimed; returns whether to go on."""
        due = self._unclaimed.due(asyncio.get_running_loop().time(), DUE_MAX)
        looks = {_look(each, partial(self._undo, each)): each for each in due}
        done = await self.decide(list(looks))
        for look in done:
            self._unclaimed.remove(looks[look])
        return len(due) == DUE_MAX and bool(done)

    async def mark_answered(self) -> bool:
        """Marks what was answered to a repeat, for other servers to see."""
        answered = self._unclaimed.answered(DUE_MAX)
        looks = {_look(each, partial(_mark, each)): each for each in answered}
        done = await self.decide(list(looks))
        for look in done:
            self._unclaimed.marked(looks[look])
        return len(answered) == DUE_MAX and bool(done)

    def _undo(self, unanswered: Unanswered, case: Case) -> Decision | None:
        """Undoes what was stored unless it was claimed before its group was locked."""
        if unanswered not in self._unclaimed:
            return None
        _, request, stored = unanswered
        if request.request_type is RequestType.EVENT:
            return reverse_unclaimed(request, stored, case)
        return close_unclaimed(request.session_key, stored, case)

    async def decide(self, looks: Sequence[Look]) -> list[Look]:
        """Decides and stores what it can of looks, and returns those."""
        return [look for done in await by_halves(looks, self._try, _give_up) for look in done]

    async def _try(self, looks: Sequence[Look]) -> list[Look]:
        """Takes looks through one transaction; those whose group is locked wait for a round."""
        async with self._store.work() as work:
            locked = await work.lock({look.group for look in looks})
            mine = [look for look in looks if look.group in locked]
            seen = _fold(mine, await _load(work, mine, self._clock()))
            await work.apply(seen.changes)
        for edr in [edr for change in seen.changes for edr in change.edrs]:
            self._count(edr)
        return seen.done

    def _count(self, edr: Edr) -> None:
        """Counts and logs what was taken back, closed or reversed."""
        if edr.action == ANSWERED:
            return
        fields = {"account_id": edr.account_id, "session_number": edr.session_number}
        if edr.action == REVERSAL:
            self._metrics.events_reversed.inc()
            self._reversed.info(log, **fields, request_number=edr.request_number)
        elif edr.reason == RESERVATION_EXPIRED:
            self._metrics.reservations_expired.inc(len(edr.services))
            self._expired.info(log, **fields, quotas=len(edr.services))
        else:
            self._metrics.sessions_abandoned.labels(edr.reason).inc()
            self._abandoned.warning(log, **fields, reason=edr.reason)


def _look(each: Unanswered, decide: Callable[[Case], Decision | None]) -> Look:
    """Returns a look; an event that is looked at was perhaps refunded meanwhile."""
    group, request, stored = each
    if request.request_type is RequestType.EVENT:
        name = EdrName(group, stored.at, stored.number)
        request = request._replace(refunds=(str(name).encode(),))
    return Look(group, request.session_key, decide, request)


def _mark(answered: Unanswered, case: Case) -> Decision | None:
    _, request, stored = answered
    if request.request_type is RequestType.EVENT:
        return mark_event_answered(request, stored, case)
    return mark_answered(request.session_key, case)


async def _load(work: Work, looks: Sequence[Look], now: int) -> Mapping[int, Case]:
    """Reads the cases of looks, which all look into the journal or none does."""
    asked = [(look.group, look.request) for look in looks if look.request is not None]
    if asked:
        cases, _ = await work.load(asked, now)
        return cases
    return await work.load_sessions([(look.group, look.key) for look in looks], now)


def _fold(looks: Sequence[Look], cases: Mapping[int, Case]) -> Seen:
    """Decides one look after the other; one that cannot be decided harms no other."""
    course = Course(cases)
    done = []
    for look in looks:
        try:
            case = course.cases[look.group]
            decision = look.decide(case)
            if decision is not None:
                course.take(case, decision)
            done.append(look)
        except Exception:
            log.exception("session not supervised", group=look.group)
    return Seen(done, course.changes())


def _give_up(look: Look, fault: BrokenBatch) -> None:
    """Says what was left undone; of a catalogue that cannot be read the watch says it once."""
    if not isinstance(fault, CatalogueUnreadable):
        log.error("session not supervised", group=look.group, reason=str(fault))
