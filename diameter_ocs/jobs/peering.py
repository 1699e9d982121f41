"""Has a server take the peers that operators accept, and tells them which ones come."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import structlog

from ..charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from ..charging.peers import (
    AbsentPeer,
    Acceptance,
    AcceptedPeer,
    ConnectedPeer,
    NamedProfile,
    RefusedPeer,
    RunningServer,
)

log = structlog.get_logger()

ROUND_SECONDS = 2.0
"""How soon a peer that was accepted may come, and one that was removed has to go."""
TELL_MICROSECONDS = 10_000_000
"""How often a server tells of itself though no peer came or went."""
REFUSED_MICROSECONDS = 5_000_000
"""How often refused peers are written down at most, however many they are."""
FORGOTTEN_MICROSECONDS = 24 * 3600 * 1_000_000
"""For how long a server that ended without a word is remembered."""


class Register(Protocol):
    """What is needed of the database."""

    async def acceptances(self) -> Sequence[Acceptance]:
        """Returns the accepted peers by their hosts."""

    async def catalogue_versions(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""

    async def named_profiles(self) -> Sequence[NamedProfile]:
        """Returns the profiles that the tenants' catalogues name, in their order."""

    async def add_refused(self, peers: Sequence[RefusedPeer]) -> None:
        """Adds refused peers to those that are there, and keeps the latest."""

    async def tell(self, server: RunningServer) -> None:
        """Writes down what a server tells of itself."""

    async def forget_servers(self, seen_before: int, server_id: str | None = None) -> None:
        """Forgets the servers that were not seen since a moment, and the one of an id."""


class Gate(Protocol):
    """What is needed of the connections."""

    def admit(self, accepted: Sequence[AcceptedPeer], named: Sequence[NamedProfile] = ()) -> None:
        """Takes these peers, besides those of the configuration, and no others from now on.

        `named` says how tenants want peers treated when they connect.
        """

    def refused(self, now: int) -> Sequence[RefusedPeer]:
        """Returns the peers that were refused since it was asked last."""

    def connected(self) -> tuple[ConnectedPeer, ...]:
        """Returns the peers that are here."""

    def absent(self) -> tuple[AbsentPeer, ...]:
        """Returns the peers that are not."""


class Peering:
    """One server's share; `server` is what it tells of itself, without times and peers.

    `clock` gives microseconds since 1970 UTC.
    """

    def __init__(
        self, register: Register, gate: Gate, server: RunningServer, clock: Callable[[], int]
    ) -> None:
        self._register = register
        self._gate = gate
        self._server = server
        self._clock = clock
        self._accepted: list[AcceptedPeer] = []
        self._versions: Mapping[str, int | None] = {}
        self._named: list[NamedProfile] = []
        self._told: set[tuple[object, ...]] | None = None
        self._told_at = 0
        self._refused_at = 0

    async def round(self) -> bool:
        """Follows the operators, and tells them what is new; nothing is left to do then."""
        await self._follow()
        await self._tell()
        await self._list_refused()
        return False

    async def end(self) -> None:
        """Takes the server out of the list, if the database is there."""
        with suppress(CasesUnavailable, BrokenBatch, StaleCase):
            seen_before = self._clock() - FORGOTTEN_MICROSECONDS
            await self._register.forget_servers(seen_before, self._server.id)

    async def _follow(self) -> None:
        accepted = [each.peer for each in await self._register.acceptances()]
        versions, named = await self._register.catalogue_versions(), self._named
        if versions != self._versions:
            named = list(await self._register.named_profiles())
            self._versions = versions
        if accepted != self._accepted or named != self._named:
            log.info("accepted peers changed", peers=len(accepted), profiles=len(named))
            self._accepted, self._named = accepted, named
            self._gate.admit(accepted, named)

    async def _tell(self) -> None:
        now = self._clock()
        connected, absent = self._gate.connected(), self._gate.absent()
        here: set[tuple[object, ...]] = {
            (peer.host, peer.opened_at, peer.state, peer.paths) for peer in connected
        }
        here |= {
            (peer.host or peer.address, peer.reason, peer.state, peer.attempts) for peer in absent
        }
        if here == self._told and 0 <= now - self._told_at < TELL_MICROSECONDS:
            return
        if self._told is None:
            await self._register.forget_servers(now - FORGOTTEN_MICROSECONDS)
        told = replace(self._server, seen_at=now, connected=connected, absent=absent)
        await self._register.tell(told)
        self._told, self._told_at = here, now

    async def _list_refused(self) -> None:
        now = self._clock()
        if 0 <= now - self._refused_at < REFUSED_MICROSECONDS:
            return
        refused = self._gate.refused(now)
        if refused:
            self._refused_at = now
            await self._register.add_refused(refused)
