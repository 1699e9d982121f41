"""Connects to one peer, again and again while the peer is not here (RFC 6733 section 2.1)."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from random import random
from typing import NamedTuple, Protocol

import structlog

from ..base.peer import DisconnectCause
from .absences import Absences
from .association import Handler, Place, Wire
from .peers import OpenConnection, PeerTable

log = structlog.get_logger()

FIRST_SECONDS = 1.0
"""How long the first wait is at most; it doubles while nothing else comes of it."""
TC_SECONDS = 30.0
"""Tc, the longest wait (RFC 6733 section 12)."""
CONNECT_SECONDS = 10.0
"""How long a peer may take until the transport is there, a handshake of TLS with it."""
MARGIN_SECONDS = 0.5
"""How much longer `connect` of a wire may take to say so."""
PROVED_SECONDS = 30.0
"""A connection that was open as long has proved itself: the waits begin anew after it."""
BUSY_SECONDS = 300.0
UNWANTED_SECONDS = 3600.0
HELD_BACK_SECONDS: Mapping[int, float] = {
    DisconnectCause.REBOOTING: TC_SECONDS,
    DisconnectCause.BUSY: BUSY_SECONDS,
    DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU: UNWANTED_SECONDS,
}
"""How long a peer is left alone that has disconnected, at least (RFC 6733 section 5.4.3).

It may come itself meanwhile. That this node has messages for it does not shorten the wait.
"""
TOLD_MAX = 16
"""Reasons that are remembered so that they are logged seldom; more, and all are logged again."""
JITTER = 0.1
"""By which part at most it is left alone longer."""

Reach = Callable[[Handler], Awaitable[None]]
"""Opens the transport of a connection, as `connect` of every wire does."""
Call = Callable[[str, Reach], Awaitable[OpenConnection]]


class Open(Protocol):
    """`connect` of a wire, with all but these settled; it raises OSError."""

    async def __call__(self, handler: Handler, places: Sequence[Place]) -> None:
        """Opens one connection to a peer that has these places."""


class Target(NamedTuple):
    """A peer to which this node connects."""

    host: str
    """Its Origin-Host."""
    wire: Wire
    places: Sequence[tuple[str, int]]
    """Addresses, or names that are looked up for every try, each with a port."""
    open: Open
    """Is given all places where the wire is SCTP, and elsewhere one after the other."""


class State(StrEnum):
    """What a connector does."""

    CONNECTING = "connecting"
    WAITING = "waiting"
    HELD_BACK = "held back"
    """Likewise, as the peer has disconnected."""
    OPEN = "open"
    """Nothing: the peer is here, whoever has connected."""


class Connector:
    """Connects to a peer.

    `attempts` counts those since the peer was here; `last_error` says why it is not here, in a
    sentence, or why it was not until now.
    """

    def __init__(self, target: Target, peers: PeerTable, absences: Absences, call: Call) -> None:
        self.target = target
        self.state = State.WAITING
        self.attempts = 0
        self.last_error: str | None = None
        self._peers = peers
        self._absences = absences
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._told: set[str] = set()
        """The reasons that were logged since the peer was here."""
        self._due = self._loop.time()
        self._waits = 0
        self._patience: asyncio.Timeout | None = None
        self._changed = asyncio.Event()
        peers.watch(self._look)

    @property
    def waits_seconds(self) -> float:
        """How long it will wait until it tries again; 0 when it does not wait."""
        if self.state in (State.WAITING, State.HELD_BACK):
            return max(self._due - self._loop.time(), 0.0)
        return 0.0

    async def run(self) -> None:
        """Connects whenever the peer is not here and it is time; does not end by itself."""
        while True:
            try:
                await self._go_on()
            except Exception:
                log.exception("connecting failed", peer=self.target.host)
                self.last_error = "a fault of this server's own: see its log"
                self._back_off()

    async def _go_on(self) -> None:
        here = self._peers.taken_of(self.target.host)
        if here is not None:
            await self._stay(here.connection)
        elif self._due > self._loop.time():
            await self._hear(self._due)
        else:
            await self._go_round()

    async def _stay(self, connection: OpenConnection) -> None:
        """Does nothing while a connection is there."""
        since = self._loop.time()
        self.state, self.attempts = State.OPEN, 0
        self._told.clear()
        while self._is_by(connection):
            await self._hear()
        if self._loop.time() - since >= PROVED_SECONDS:
            self._waits = 0
        cause = connection.disconnect_cause
        if cause is None:
            self.last_error = connection.ending or self.last_error
            self._back_off()
        else:
            self.last_error = f"the peer has disconnected: {_named(cause)}"
            seconds = HELD_BACK_SECONDS.get(cause, TC_SECONDS)
            self._wait(State.HELD_BACK, seconds * (1 + JITTER * random()))

    async def _go_round(self) -> None:
        """Tries every place once, or all together, until the peer is here."""
        places = await self._places()
        is_in_turn = self.target.wire is not Wire.SCTP
        for each in [[place] for place in places] if is_in_turn else [places] * bool(places):
            await self._try(each)
            if self._is_here:
                return
        self._back_off()

    async def _try(self, places: Sequence[Place]) -> None:
        self.state = State.CONNECTING
        self.attempts += 1
        reach = partial(self.target.open, places=places)
        try:
            async with asyncio.timeout(CONNECT_SECONDS + MARGIN_SECONDS) as self._patience:
                connection = await self._call(self.target.host, reach)
        except OSError as error:
            self._fail(", ".join(map(str, places)), _said(error))
            return
        finally:
            self._patience = None
        while connection.ending is None and not self._is_here:
            await self._hear()
        if connection.ending is not None:
            self._fail(", ".join(map(str, places)), connection.ending)

    async def _places(self) -> Sequence[Place]:
        places = []
        for host, port in self.target.places:
            try:
                places.append(Place(ip_address(host), port))
            except ValueError:
                places += await self._looked_up(host, port)
        return list(dict.fromkeys(places))

    async def _looked_up(self, name: str, port: int) -> Sequence[Place]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await self._loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except OSError as error:
            self.attempts += 1
            self._fail(name, _said(error))
            return []
        except UnicodeError:
            self.attempts += 1
            self._fail(name, "no name of a host can be so")
            return []
        return [Place(ip_address(where[0]), port) for *_, where in found]

    def _fail(self, where: str, reason: str) -> None:
        if self._is_here:
            return
        self.last_error = reason if reason.startswith(where) else f"{where}: {reason}"
        self._absences.note(self.target.host, where, self.target.wire, reason)
        is_seldom = self.attempts & (self.attempts - 1) == 0
        if is_seldom or self.last_error not in self._told:
            self._told = {*self._told, self.last_error} if len(self._told) < TOLD_MAX else set()
            told = {"peer": self.target.host, "wire": self.target.wire, "attempts": self.attempts}
            log.warning("peer not reached", **told, reason=self.last_error)

    def _back_off(self) -> None:
        seconds = min(FIRST_SECONDS * 2**self._waits, TC_SECONDS)
        if seconds < TC_SECONDS:
            self._waits += 1
        self._wait(State.WAITING, seconds * (1 + random()) / 2)

    def _wait(self, state: State, seconds: float) -> None:
        self.state, self._due = state, self._loop.time() + seconds

    @property
    def _is_here(self) -> bool:
        return self._peers.taken_of(self.target.host) is not None

    def _is_by(self, connection: OpenConnection) -> bool:
        here = self._peers.taken_of(self.target.host)
        return here is not None and here.connection is connection

    def _look(self) -> None:
        """Hears that a peer is not what it was; who is here need not be reached any more."""
        self._changed.set()
        if self._patience is not None and self._is_here and not self._patience.expired():
            self._patience.reschedule(self._loop.time())

    async def _hear(self, until: float | None = None) -> None:
        """Waits for a change of any peer."""
        self._changed.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            pass


def _named(cause: int) -> str:
    return DisconnectCause(cause).name if cause in HELD_BACK_SECONDS else f"cause {cause}"


def _said(error: OSError) -> str:
    """Returns what went wrong in the words of the system, without where."""
    if isinstance(error, ssl.SSLError | socket.gaierror):
        return str(error.strerror or error).lower()
    if error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error) or f"nobody has answered in {CONNECT_SECONDS:g} s"
