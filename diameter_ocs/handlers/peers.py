"""What operators do about peers: accept, remove, list."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Protocol

from ..charging.commands import Effect
from ..charging.peers import (
    Acceptance,
    AcceptedPeer,
    ConfiguredPeer,
    RefusedPeer,
    RunningServer,
)
from .commands import NOBODYS, Accounts, CommandWork, Done, Order, perform
from .refusals import Refusal, no_tenant, suggestion

SEEN_MICROSECONDS = 30_000_000
"""A server that has told nothing for so long has ended, or has no database."""


class Register(Protocol):
    """What the commands need of whatever keeps the peers."""

    async def acceptances(self) -> Sequence[Acceptance]:
        """Returns the accepted peers by their hosts."""

    async def refused(self) -> Sequence[RefusedPeer]:
        """Returns the peers that were refused, the latest first."""

    async def forget_refused(self, is_meant: Callable[[str, str], bool]) -> None:
        """Forgets refused peers by their host and realm."""

    async def servers(self, seen_since: int) -> Sequence[RunningServer]:
        """Returns the servers that were seen since a moment, in the order of their starts."""


class Peers(NamedTuple):
    """All that is known of peers."""

    servers: Sequence[RunningServer]
    accepted: Sequence[Acceptance]
    refused: Sequence[RefusedPeer]


async def accept(accounts: Accounts, register: Register, peer: AcceptedPeer, order: Order) -> Done:
    """Accepts a peer, in the place of the one of the same host."""

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, actor = stamp
        if peer.tenant is not None and await work.tenant(peer.tenant, changes=False) is None:
            raise no_tenant(peer.tenant)
        servers = await seen(register, now)
        _check_profile(peer.profile, servers)
        before = await work.accepted_peer(peer.host)
        await work.put_peer(Acceptance(peer, now, actor))
        winners = [each.origin_host for each in servers if _is_configured(peer, each.configured)]
        followers = [each.origin_host for each in servers]
        answer = {**peer_answer(peer), "servers": followers, "configured_on": winners}
        return Effect(answer, None if before is None else peer_answer(before), peer_answer(peer))

    done = await perform(
        accounts, order, "peer accept", (peer.tenant or NOBODYS, peer_answer(peer)), change
    )
    await register.forget_refused(lambda host, realm: _is_of(peer, host, realm))
    return done


async def seen(register: Register, now: int) -> Sequence[RunningServer]:
    """Returns the servers that run."""
    return await register.servers(now - SEEN_MICROSECONDS)


def check_profiles(servers: Sequence[RunningServer], names: Collection[str]) -> None:
    """Refuses profiles that no server knows."""
    for name in names:
        _check_profile(name, servers)


async def remove(accounts: Accounts, register: Register, host: str, order: Order) -> Done:
    """Takes an accepted peer back."""
    name = host.lower()

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, _ = stamp
        before = await work.accepted_peer(name)
        if before is None:
            raise _not_accepted(host, await seen(register, now))
        await work.drop_peer(name)
        return Effect({"host": name}, peer_answer(before), None)

    return await perform(accounts, order, "peer remove", (NOBODYS, {"host": name}), change)


async def all_peers(register: Register, now: int) -> Peers:
    """Returns all that is known of peers."""
    return Peers(
        await seen(register, now),
        await register.acceptances(),
        await register.refused(),
    )


def _not_accepted(host: str, servers: Sequence[RunningServer]) -> Refusal:
    for server in servers:
        if any(_is_named(host.lower(), each.host) for each in server.configured):
            return Refusal(
                "peer_configured",
                f"{host} is a peer by the configuration of {server.origin_host}:"
                " take it out there, then start that server again",
            )
    return Refusal(
        "peer_unknown", f"no peer {host} was accepted: `peer list` shows those that were"
    )


def peer_answer(peer: AcceptedPeer) -> dict[str, Any]:
    """Describes an accepted peer."""
    return {**asdict(peer), "addresses": list(peer.addresses), "wires": list(peer.wires)}


def _check_profile(name: str | None, servers: Sequence[RunningServer]) -> None:
    """Refuses a profile that no server knows; without a server nobody can say."""
    known = {profile for server in servers for profile in server.profiles}
    if name is not None and servers and name not in known:
        reason = f"no server that runs has a [profiles.{name}] in its configuration"
        raise Refusal("profile_unknown", reason + suggestion(name, known))


def _is_configured(peer: AcceptedPeer, configured: Sequence[ConfiguredPeer]) -> bool:
    return any(
        (each.host is None or _is_named(peer.host, each.host))
        and (each.realm is None or each.realm.lower() == (peer.realm or "").lower())
        for each in configured
    )


def _is_named(host: str, pattern: str | None) -> bool:
    return pattern is not None and (host == pattern.lower() or fnmatchcase(host, pattern.lower()))


def _is_of(peer: AcceptedPeer, host: str, realm: str) -> bool:
    return _is_named(host.lower(), peer.host) and (
        peer.realm is None or peer.realm.lower() == realm.lower()
    )
