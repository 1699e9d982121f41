"""Delivers what is to leave: each server what it can reach, one request at a time per stream.

A server claims what goes to peers that it holds, to peers that nobody holds where it has a relay or
a peer of their realm, and to sinks. Whatever becomes of it is written down some moments later; when
the server dies before, another one delivers it once more.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import sample, uniform
from typing import NamedTuple, Protocol

import structlog

from ..charging.delivery import (
    Claimed,
    Fate,
    HeldPeer,
    Lease,
    Result,
    Settled,
    Waiting,
    Way,
    has_expired,
    rest_seconds,
)
from ..charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from ..charging.outbox import OutboxKind
from ..handlers.halving import by_halves
from ..handlers.ports import Outbox
from ..observability import Metrics, SparingLog
from .pacing import CALLS, Pacing

log = structlog.get_logger()

POLL_SECONDS = 1.0
"""How often a server looks though nobody has told it of anything."""
ROUND_SECONDS = 0.05
"""Rounds begin so far apart at least: what has come meanwhile is claimed together."""
STREAMS_MAX = 256
"""Streams that are claimed in one round, where not many ways share them."""
SHARE_MIN = 8
"""Those of each way, however many there are."""
WAYS_MAX = 256
"""Ways of one round."""
FAULT_LENGTH_MAX = 500
"""Characters that are kept of why something was not delivered."""
CALLS_SECONDS = 0.1
"""How soon it looks again when a gateway has got as many calls as it may."""
LEASE_SECONDS = 30.0
"""How long a stream is a server's own."""
DELIVERY_SECONDS = 27.0
"""How long delivering it may take."""
HOLD_SECONDS = 5.0
"""How often a server tells which peers it holds though none came or went."""
HELD_SECONDS = 15.0
"""How long others believe it."""
JITTER = 0.2
"""By which part rests are longer or shorter than they are said to be."""


class Courier(Protocol):
    """Delivers what is of one kind."""

    def serves(self, target: str) -> bool:
        """Says whether this server can reach a target that is no peer."""

    async def deliver(self, claimed: Claimed) -> Fate:
        """Sends it and waits for what is said to it, for less than the lease lasts."""


class Peers(Protocol):
    """The peers of this server."""

    def held(self) -> Sequence[HeldPeer]:
        """Returns those that take requests now."""


class Sending(NamedTuple):
    """Who delivers what, and by which application peers know it."""

    courier: Courier
    application_id: int | None = None
    """None: it goes to no peer."""


class Bell:
    """Tells a server that something may wait."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._is_ours = False

    def ring(self) -> None:
        """Has it looked after at once."""
        self._rung.set()

    def committed(self) -> None:
        """Likewise, because this server has made something leave, of which others know nothing."""
        self._is_ours = True
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Waits until it rings, or for so long; says whether something of ours may wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
        is_ours, self._is_ours = self._is_ours, False
        return is_ours


class Here(NamedTuple):
    """Which server it is; times in microseconds since 1970."""

    server_id: str
    now: Callable[[], int]
    """Which may be a test clock."""
    machine: Callable[[], int]
    """The clock of the machine, by which leases are."""
    next_identifier: Callable[[], int]
    """Gives end-to-end ids that no other request of this node has."""


class Deliverer:
    """Delivers for one server."""

    def __init__(
        self,
        outbox: Outbox,
        sendings: Mapping[OutboxKind, Sending],
        peers: Peers,
        here: Here,
        bell: Bell,
        metrics: Metrics,
    ) -> None:
        self._outbox = outbox
        self._sendings = sendings
        self._peers = peers
        self._here = here
        self._bell = bell
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._pacing = Pacing(self._loop.time)
        self._under_way: dict[tuple[int, str], Claimed] = {}
        self._settled: list[Settled] = []
        self._told: Sequence[HeldPeer] | None = None
        self._told_at = 0.0
        self._is_failing = False
        self._put_off = SparingLog("delivery put off")
        self._given_up = SparingLog("delivery given up")

    async def run(self) -> None:
        """Delivers until cancelled; what is under way then is left to whoever comes next."""
        is_ours = True
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    began = self._loop.time()
                    seconds = await self._safe_round(tasks, is_ours)
                    await asyncio.sleep(max(began + ROUND_SECONDS - self._loop.time(), 0))
                    is_ours = await self._bell.wait(seconds)
        finally:
            await self._leave()

    async def listen(self) -> None:
        """Looks at once when others say that something waits, until cancelled."""
        while True:
            try:
                async for _ in self._outbox.hints():
                    self._bell.ring()
            except (CasesUnavailable, StaleCase, BrokenBatch) as fault:
                log.info("hints not heard", reason=str(fault))
            await asyncio.sleep(POLL_SECONDS)

    async def _safe_round(self, tasks: asyncio.TaskGroup, is_ours: bool) -> float:
        """Does a round, or says once that it cannot; returns how long to wait then."""
        try:
            seconds = await self._round(tasks, is_ours)
        except (CasesUnavailable, StaleCase, BrokenBatch) as fault:
            if not self._is_failing:
                log.warning("deliveries put off", reason=str(fault))
        except Exception:
            log.exception("deliveries put off")
        else:
            self._is_failing = False
            return seconds
        self._is_failing = True
        return POLL_SECONDS

    async def _round(self, tasks: asyncio.TaskGroup, is_ours: bool) -> float:
        """Writes down what is delivered and claims what is due; returns how long to wait then."""
        await self._settle()
        peers = self._peers.held()
        await self._tell(peers)
        now, at = self._here.now(), self._here.machine()
        waiting = await self._outbox.waiting(at)
        due = [each for each in waiting if each.due_at <= now]
        mine = {each.way for each in due if self._serves(each, peers)}
        if is_ours and any(each.holders and each.way not in mine for each in due):
            await self._outbox.hint()
        wanted = {way: self._pacing.streams_now(way) for way in sorted(mine)}
        claimable = _bounded(wanted)
        for claimed in await self._claim(claimable, now, at) if claimable else ():
            self._begin(tasks, claimed)
        if any(way.kind in CALLS and not streams for way, streams in wanted.items()):
            return CALLS_SECONDS
        later = [(each.due_at - now) / 1e6 for each in waiting if each.due_at > now]
        return min([POLL_SECONDS, *later])

    def _serves(self, waiting: Waiting, peers: Sequence[HeldPeer]) -> bool:
        """Says whether this server can reach whom something is for."""
        way, realm, _, holders = waiting
        sending = self._sendings.get(way.kind)
        if sending is None:
            return False
        if sending.application_id is None or not way.target:
            return sending.courier.serves(way.target)
        host = way.target.lower()
        if any(peer.host == host for peer in peers):
            return True
        of_realm = [peer for peer in peers if realm is not None and peer.realm == realm.lower()]
        return not holders and (
            any(peer.is_relay for peer in peers)
            or any(sending.application_id in peer.application_ids for peer in of_realm)
        )

    async def _claim(self, wanted: Mapping[Way, int], now: int, at: int) -> Sequence[Claimed]:
        lease = Lease(self._here.server_id, at, at + int(LEASE_SECONDS * 1e6))
        identifiers = [self._here.next_identifier() for _ in range(sum(wanted.values()))]
        return await self._outbox.claim(wanted, now, lease, identifiers)

    def _begin(self, tasks: asyncio.TaskGroup, claimed: Claimed) -> None:
        stream = claimed.head.group_id, claimed.head.stream
        if stream in self._under_way:  # for longer than the lease: its end is near
            return
        self._under_way[stream] = claimed
        self._pacing.begin(claimed.way)
        tasks.create_task(self._deliver(claimed), name=f"delivery {claimed.head.stream}")

    async def _deliver(self, claimed: Claimed) -> None:
        """Delivers a stream, whatever befalls it."""
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                fate = await self._sendings[claimed.head.kind].courier.deliver(claimed)
        except Exception as fault:
            log.exception("delivery failed", stream=claimed.head.stream)
            fate = Fate(Result.PUT_OFF, f"{type(fault).__name__}: {fault}")
        del self._under_way[claimed.head.group_id, claimed.head.stream]
        self._pacing.end(claimed.way, fate.is_target_away)
        self._settled.append(self._judge(claimed, fate))
        self._bell.ring()

    def _judge(self, claimed: Claimed, fate: Fate) -> Settled:
        """Says when it is tried again, or that it has been tried for long enough."""
        now, seconds = self._here.now(), fate.seconds
        if fate.fault is not None:
            fate = fate._replace(fault=fate.fault.replace("\0", "")[:FAULT_LENGTH_MAX])
        row = claimed.rows[min(fate.delivered, len(claimed.rows) - 1)]
        if fate.is_target_away:
            seconds = 0
        elif seconds is None:
            seconds = rest_seconds(row.kind, row.attempts + 1) * uniform(1 - JITTER, 1 + JITTER)
        due_at = now + int(seconds * 1e6)
        if fate.result is Result.PUT_OFF and has_expired(row, due_at):
            fate = _expired(claimed, fate, due_at)
        self._count(row.kind.name.lower(), row.target, fate)
        return Settled(claimed, fate, now, due_at)

    def _count(self, kind: str, target: str, fate: Fate) -> None:
        self._metrics.deliveries.labels(kind, fate.result).inc()
        if fate.result is Result.PUT_OFF:
            self._put_off.info(log, kind=kind, target=target, reason=fate.fault)
        elif fate.result is Result.GIVEN_UP:
            self._given_up.warning(log, kind=kind, target=target, reason=fate.fault)

    async def _settle(self) -> None:
        """Writes down what became of what was claimed; what cannot be written is done again."""
        settled, self._settled = self._settled, []
        try:
            await by_halves(settled, self._write, _not_written)
        except (CasesUnavailable, StaleCase):
            self._settled = settled + self._settled
            raise

    async def _write(self, settled: Sequence[Settled]) -> None:
        await self._outbox.settle(settled, self._here.server_id)

    async def _tell(self, peers: Sequence[HeldPeer]) -> None:
        """Tells others which peers are here, when that has changed, and now and then."""
        peers = sorted(peers, key=lambda peer: peer.host)
        since = self._loop.time() - self._told_at
        if peers != self._told or (peers and since >= HOLD_SECONDS):
            await self._hold(peers)
            self._told, self._told_at = peers, self._loop.time()

    async def _hold(self, peers: Sequence[HeldPeer]) -> None:
        at = self._here.machine()
        lease = Lease(self._here.server_id, at, at + int(HELD_SECONDS * 1e6))
        await self._outbox.hold(peers, lease)

    async def _leave(self) -> None:
        """Lets others have what is under way, if the database is there."""
        now, released = self._here.now(), Fate(Result.PUT_OFF, is_target_away=True)
        for claimed in self._under_way.values():
            self._settled.append(Settled(claimed, released, now, claimed.head.due_at))
        with suppress(CasesUnavailable, StaleCase, BrokenBatch):
            await self._settle()
            await self._hold([])


def _bounded(wanted: Mapping[Way, int]) -> Mapping[Way, int]:
    """Returns how many streams of each way are claimed: all ways get their share, in some round."""
    open_ways = [way for way, streams in wanted.items() if streams]
    if len(open_ways) > WAYS_MAX:
        open_ways = sample(open_ways, WAYS_MAX)
    share = max(STREAMS_MAX // max(len(open_ways), 1), SHARE_MIN)
    return {way: min(wanted[way], share) for way in open_ways}


def _expired(claimed: Claimed, fate: Fate, due_at: int) -> Fate:
    """Gives up what has waited for too long: of notices those alone, else all that leave as one."""
    rest = claimed.rows[fate.delivered :]
    late = sum(has_expired(row, due_at) for row in rest)
    if claimed.head.kind is not OutboxKind.NOTICE or late == len(rest):
        return fate._replace(result=Result.GIVEN_UP)
    return fate._replace(expired=late)


def _not_written(settled: Settled, fault: BrokenBatch) -> None:
    """Says that something will be delivered again when its lease is over."""
    log.error("delivery not written", stream=settled.claimed.head.stream, reason=str(fault))
