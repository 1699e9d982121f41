"""Refuse requests without losing what they reported, and charge that when its time has come.

What is spooled of a session goes before its next request, in the same transaction. A sweep charges
what nobody asks for any more.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import structlog

from ..charging.decisions import Decision
from ..charging.faults import BrokenBatch, CatalogueUnreadable
from ..charging.requests import ChargingRequest, SessionKey, session_id_text
from ..charging.spooled import Owed, SpooledRequest, is_due, is_owed, owed
from ..observability import Metrics, SparingLog
from .credit_control import Fault, Step, fold
from .halving import by_halves
from .ports import Spool, Store
from .queues import Reply

log = structlog.get_logger()

UNWRITTEN_MAX = 20_000
"""Requests that wait for the disk; usage of one more is lost."""
SWEPT_MAX = 128
"""Sessions whose spooled usage is looked at in one transaction."""
SESSION_ID_LOGGED = 256
"""Octets of a Session-Id that a log line shows."""

SLOW = "the disk is too slow"
FULL = "the spool is full"
FAILED = "the spool failed"
UNSTORABLE = "it cannot be stored"
UNDECIDABLE = "it cannot be decided"
STRANGE = "nobody knows the subscriber"
REASONS = (SLOW, FULL, FAILED, UNSTORABLE, UNDECIDABLE, STRANGE)
"""Why usage is lost, as the metric says it."""

Name = tuple[str | None, SessionKey]
"""A session as its requests name it: tenant and key."""
Asked = tuple[int, ChargingRequest]
"""A request and its group."""


class Plan(NamedTuple):
    """The requests of a batch, with what was spooled before each."""

    steps: list[Step]
    own: Sequence[int]
    """The places of those that wait for a reply."""

    @property
    def asked(self) -> list[Asked]:
        """The requests to load cases for: also those that are only looked for in the journal."""
        steps = self.steps
        again = [(group, each) for group, owed in steps for each in owed.again]
        return [(group, owed.request) for group, owed in steps] + again


class Spooling:
    """The usage of refused requests, on its way to the disk and until it is charged.

    `clock` gives microseconds since 1970 UTC. Without a spool nothing is kept.
    """

    def __init__(self, spool: Spool | None, clock: Callable[[], int], metrics: Metrics) -> None:
        self._spool = spool
        self._clock = clock
        self._metrics = metrics
        self._kept: dict[Name, list[SpooledRequest]] = {}
        self._unwritten: list[tuple[ChargingRequest, Callable[[], None]]] = []
        self._settled: list[int] = []
        self._writing: asyncio.Task[None] | None = None
        self._lost = SparingLog("usage lost")
        metrics.usage_spooled.set_function(self._kept.__len__)
        for reason in REASONS:  # an alarm on growth misses the first of what was not there before
            metrics.usage_lost.labels(reason)
        for spooled in () if spool is None else spool.left:
            self._add(spooled)

    @property
    def sessions(self) -> Sequence[Name]:
        """The sessions with spooled usage, the longest spooled first."""
        return list(self._kept)

    def of(self, name: Name) -> Sequence[SpooledRequest]:
        """Returns what is spooled of a session and not in the hands of a transaction."""
        return self._kept.get(name, ())

    def refuse(self, request: ChargingRequest, reply: Reply, fault: Fault = Fault.TOO_BUSY) -> None:
        """Replies with a fault that will pass, as soon as what the request reports is kept."""
        is_needed = self._spool is not None and is_owed(request) and not self._is_kept(request)
        if is_needed and len(self._unwritten) < UNWRITTEN_MAX:
            self._unwritten.append((request, partial(reply, fault)))
            self._write_soon()
            return
        if is_needed:
            self._lose([request], SLOW)
        asyncio.get_running_loop().call_soon(reply, fault)

    async def drain(self) -> None:
        """Waits until everybody has a reply and nothing is left to be written."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    @contextmanager
    def taking(self) -> Iterator["Taking"]:
        """Lends spooled usage to a transaction.

        What it took is settled when it ends well; else it is as if nothing had been taken.
        """
        taking = Taking(self._kept)
        try:
            yield taking
        except BaseException:
            taking.put_back()
            raise
        self._settle(taking.taken.values())

    def lose(self, name: Name, reason: str) -> None:
        """Gives up what is spooled of a session."""
        spooled = self._kept.pop(name, [])
        self._lose([each.request for each in spooled], reason)
        self._settle([spooled])

    def lose_undecided(self, plan: Plan, results: Sequence[Decision | Fault]) -> None:
        """Counts spooled usage of a batch that was settled though it could not be decided."""
        if len(plan.own) == len(plan.steps):
            return
        own = frozenset(plan.own)
        undecided = [
            owed.request
            for at, (_, owed) in enumerate(plan.steps)
            if at not in own and isinstance(results[at], Fault)
        ]
        self._lose(undecided, UNDECIDABLE)

    def _add(self, spooled: SpooledRequest) -> None:
        name = spooled.request.tenant, spooled.request.session_key
        self._kept.setdefault(name, []).append(spooled)

    def _is_kept(self, request: ChargingRequest) -> bool:
        """Says whether an earlier sending of a request is kept, that said the same."""
        name = request.tenant, request.session_key
        said = request.request_type, request.request_number, request.usages
        return any(
            said == (each.request.request_type, each.request.request_number, each.request.usages)
            for each in self._kept.get(name, ())
        )

    def _settle(self, groups: Collection[Sequence[SpooledRequest]]) -> None:
        numbers = [each.number for spooled in groups for each in spooled]
        if numbers:
            self._settled += numbers
            self._write_soon()

    def _lose(self, requests: Sequence[ChargingRequest], reason: str) -> None:
        self._metrics.usage_lost.labels(reason).inc(len(requests))
        for request in requests:
            self._lost.info(
                log,
                reason=reason,
                identities=[identity.value for identity in request.identities],
                session_id=session_id_text(request.session_key.session_id, SESSION_ID_LOGGED),
                usages=request.usages,
            )

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="spool")

    async def _write_all(self) -> None:
        """Writes until there is nothing to write; whatever happens, everybody gets a reply."""
        while self._unwritten or self._settled:
            unwritten, self._unwritten = self._unwritten, []
            settled, self._settled = self._settled, []
            try:
                await self._write([request for request, _ in unwritten], settled)
            except Exception:
                log.exception("spool failed")
                self._lose([request for request, _ in unwritten], FAILED)
            for _, reply in unwritten:
                asyncio.get_running_loop().call_soon(reply)
            await asyncio.sleep(0)  # who drains waits for the replies as well
        self._writing = None

    async def _write(self, requests: Sequence[ChargingRequest], settled: Sequence[int]) -> None:
        assert self._spool is not None
        if requests:
            kept = await self._spool.keep(requests, self._clock())
            for request, spooled in zip(requests, kept, strict=True):
                if spooled is None:
                    self._lose([request], FULL)
                else:
                    self._add(spooled)
        if settled:
            await self._spool.settle(settled)


class Taking:
    """Spooled usage in the hands of one transaction, whose groups are locked."""

    def __init__(self, kept: dict[Name, list[SpooledRequest]]) -> None:
        self._kept = kept
        self.taken: dict[Name, list[SpooledRequest]] = {}

    def take(self, name: Name) -> list[SpooledRequest]:
        """Takes what is spooled of a session."""
        spooled = self._kept.pop(name, [])
        if spooled:
            self.taken[name] = spooled
        return spooled

    def put_back(self, names: Collection[Name] | None = None) -> None:
        """Puts back what was taken of sessions, of all by default, before what has come since."""
        for name in list(self.taken) if names is None else names:
            self._kept[name] = self.taken.pop(name) + self._kept.get(name, [])

    def put_back_undecided(self, plan: Plan, results: Sequence[Decision | Fault]) -> None:
        """Puts back what requests report once more that could not be decided themselves."""
        for at in plan.own:
            request = plan.steps[at][1].request
            name = request.tenant, request.session_key
            if isinstance(results[at], Fault) and name in self.taken:
                self.put_back([name])

    def plan(self, requests: Sequence[Asked]) -> Plan:
        """Returns a batch with what is spooled of each session before its first request."""
        self.put_back()
        if not self._kept:
            steps = [(group, Owed(request)) for group, request in requests]
            return Plan(steps, range(len(steps)))
        planned: list[Step] = []
        own = []
        for group, request in requests:
            spooled = self.take((request.tenant, request.session_key))
            planned += [(group, each) for each in owed([each.request for each in spooled], request)]
            own.append(len(planned) - 1)
        return Plan(planned, own)


class Sweep:
    """Charges what is spooled of sessions that have ended, or hold no quota any more."""

    def __init__(self, store: Store, spooling: Spooling, clock: Callable[[], int]) -> None:
        self._store = store
        self._spooling = spooling
        self._clock = clock

    async def sweep(self) -> bool:
        """Looks at every session with spooled usage once; there is nothing to go on with then."""
        names = self._spooling.sessions
        for at in range(0, len(names), SWEPT_MAX):
            await by_halves(names[at : at + SWEPT_MAX], self._try, self._give_up)
        return False

    def _give_up(self, name: Name, fault: BrokenBatch) -> None:
        """Gives up usage that cannot be stored; what cannot be rated yet waits."""
        if isinstance(fault, CatalogueUnreadable):
            return
        log.error("spooled usage cannot be stored", reason=str(fault))
        self._spooling.lose(name, UNSTORABLE)

    async def _try(self, names: Sequence[Name]) -> None:
        """Takes sessions through one transaction; those whose group is locked wait for a sweep."""
        groups = await self._resolved(names)
        with self._spooling.taking() as taking:
            async with self._store.work() as work:
                locked = await work.lock(set(groups.values()))
                mine = {name: group for name, group in groups.items() if group in locked}
                taken = {name: taking.take(name) for name in mine}
                steps = {name: _owed_by(taken[name], mine[name]) for name in mine}
                asked = Plan(_joined(steps.values()), ()).asked
                cases, _ = await work.load(asked, self._clock())
                for name, group in mine.items():
                    if taken[name] and not is_due(taken[name], cases[group]):
                        taking.put_back([name])
                        del steps[name]
                plan = Plan(_joined(steps.values()), ())
                folded = fold(plan.steps, cases)
                await work.apply(folded.changes)
        folded.tell()
        self._spooling.lose_undecided(plan, folded.results)

    async def _resolved(self, names: Sequence[Name]) -> dict[Name, int]:
        """Returns the groups of sessions; usage of a subscriber whom nobody knows is given up."""
        asked = {name: spooled for name in names if (spooled := self._spooling.of(name))}
        groups = await self._store.resolve([spooled[-1].request for spooled in asked.values()])
        found = dict(zip(asked, groups, strict=True))
        for name, group in found.items():
            if group is None:
                self._spooling.lose(name, STRANGE)
        return {name: group for name, group in found.items() if group is not None}


def _owed_by(spooled: Sequence[SpooledRequest], group: int) -> list[Step]:
    """Returns what is owed of a session that stays silent."""
    return [(group, each) for each in owed([each.request for each in spooled], None)]


def _joined(parts: Iterable[list[Step]]) -> list[Step]:
    return [step for part in parts for step in part]
