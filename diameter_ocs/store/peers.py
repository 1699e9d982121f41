"""Peers that were accepted or refused, and the servers with their connections."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.peers import (
    AbsentPeer,
    Acceptance,
    AcceptedPeer,
    ConfiguredPeer,
    ConnectedPeer,
    NamedProfile,
    RefusedPeer,
    RunningServer,
)
from .database import Database
from .tables import (
    accepted_peer,
    catalogue,
    microseconds_of,
    moment,
    refused_peer,
    running_server,
    tenant,
)

REFUSED_MAX = 500
"""Refused peers that are kept: those that came last."""


class PostgresPeers:
    """What commands and servers read and write of peers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acceptances(self) -> Sequence[Acceptance]:
        """Returns the accepted peers by their hosts."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(accepted_peer).order_by(accepted_peer.c.host))
            return [_acceptance(row) for row in rows]

    async def catalogue_versions(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(tenant.c.name, tenant.c.catalogue_version))
            return {row.name: row.catalogue_version for row in rows}

    async def named_profiles(self) -> Sequence[NamedProfile]:
        """Returns the profiles that the tenants' catalogues name, in their order."""
        running = (catalogue.c.tenant == tenant.c.name) & (
            catalogue.c.version == tenant.c.catalogue_version
        )
        named = catalogue.c.document["peers"]
        statement = select(tenant.c.name, named).join(catalogue, running).order_by(tenant.c.name)
        async with self._database.transaction() as connection:
            return [
                NamedProfile(name, peer["host"], peer["profile"])
                for name, peers in await connection.execute(statement)
                for peer in peers or ()
            ]

    async def refused(self) -> Sequence[RefusedPeer]:
        """Returns the peers that were refused, the latest first."""
        latest = select(refused_peer).order_by(refused_peer.c.last_at.desc()).limit(REFUSED_MAX)
        async with self._database.transaction() as connection:
            return [
                RefusedPeer(
                    row.host,
                    row.realm,
                    row.reason,
                    row.address,
                    row.product_name,
                    tuple(row.application_ids),
                    microseconds_of(row.first_at),
                    microseconds_of(row.last_at),
                    row.times,
                )
                for row in await connection.execute(latest)
            ]

    async def add_refused(self, peers: Sequence[RefusedPeer]) -> None:
        """Adds refused peers to those that are there, and keeps the latest."""
        rows = [_refused_row(peer) for peer in sorted(peers, key=lambda p: (p.host, p.realm))]
        new = insert(refused_peer)
        latest = {
            column: new.excluded[column]
            for column in ("reason", "address", "product_name", "application_ids", "last_at")
        }
        merged = new.on_conflict_do_update(
            index_elements=["host", "realm"],
            set_={**latest, "times": refused_peer.c.times + new.excluded.times},
        )
        too_many = (
            select(refused_peer.c.last_at)
            .order_by(refused_peer.c.last_at.desc())
            .offset(REFUSED_MAX)
            .limit(1)
            .scalar_subquery()
        )
        async with self._database.transaction() as connection:
            await connection.execute(merged, rows)
            await connection.execute(delete(refused_peer).where(refused_peer.c.last_at <= too_many))

    async def forget_refused(self, is_meant: Callable[[str, str], bool]) -> None:
        """Forgets refused peers by their host and realm."""
        key = tuple_(refused_peer.c.host, refused_peer.c.realm)
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(refused_peer.c.host, refused_peer.c.realm))
            meant = [tuple(row) for row in rows if is_meant(row.host, row.realm)]
            if meant:
                await connection.execute(delete(refused_peer).where(key.in_(meant)))

    async def servers(self, seen_since: int) -> Sequence[RunningServer]:
        """Returns the servers that were seen since a moment, in the order of their starts."""
        seen = running_server.c.seen_at >= moment(seen_since)
        rows = select(running_server).where(seen).order_by(running_server.c.started_at)
        async with self._database.transaction() as connection:
            return [
                RunningServer(
                    row.id,
                    row.origin_host,
                    microseconds_of(row.started_at),
                    microseconds_of(row.seen_at),
                    tuple(row.profiles),
                    msgspec.convert(row.configured, tuple[ConfiguredPeer, ...]),
                    msgspec.convert(row.connected, tuple[ConnectedPeer, ...]),
                    tuple(row.catalogue_keys),
                    msgspec.convert(row.absent, tuple[AbsentPeer, ...]),
                )
                for row in await connection.execute(rows)
            ]

    async def tell(self, server: RunningServer) -> None:
        """Writes down what a server tells of itself."""
        row = {
            "id": server.id,
            "origin_host": server.origin_host,
            "started_at": moment(server.started_at),
            "seen_at": moment(server.seen_at),
            "profiles": list(server.profiles),
            "configured": msgspec.to_builtins(server.configured),
            "connected": msgspec.to_builtins(server.connected),
            "catalogue_keys": list(server.catalogue_keys),
            "absent": msgspec.to_builtins(server.absent),
        }
        told = insert(running_server).values(row)
        changing = {name: row[name] for name in ("seen_at", "connected", "absent")}
        async with self._database.transaction() as connection:
            await connection.execute(
                told.on_conflict_do_update(index_elements=["id"], set_=changing)
            )

    async def forget_servers(self, seen_before: int, server_id: str | None = None) -> None:
        """Forgets the servers that were not seen since a moment, and the one of an id."""
        gone = running_server.c.seen_at < moment(seen_before)
        if server_id is not None:
            gone = gone | (running_server.c.id == server_id)
        async with self._database.transaction() as connection:
            await connection.execute(delete(running_server).where(gone))


async def find(connection: AsyncConnection, host: str) -> AcceptedPeer | None:
    """Reads the accepted peer of a host."""
    of_host = select(accepted_peer).where(accepted_peer.c.host == host)
    row = (await connection.execute(of_host)).first()
    return None if row is None else _acceptance(row).peer


async def put(connection: AsyncConnection, acceptance: Acceptance) -> None:
    """Accepts a peer, in the place of the one of the same host."""
    peer = acceptance.peer
    row = {
        "realm": peer.realm,
        "tenant": peer.tenant,
        "profile": peer.profile,
        "addresses": list(peer.addresses),
        "wires": list(peer.wires),
        "certificate": peer.certificate,
        "accepted_at": moment(acceptance.at),
        "actor": acceptance.actor,
    }
    new = insert(accepted_peer).values(host=peer.host, **row)
    await connection.execute(new.on_conflict_do_update(index_elements=["host"], set_=row))


async def drop(connection: AsyncConnection, host: str) -> None:
    """Accepts the peer of a host no more."""
    await connection.execute(delete(accepted_peer).where(accepted_peer.c.host == host))


def _acceptance(row: Row[Any]) -> Acceptance:
    peer = AcceptedPeer(
        row.host,
        row.realm,
        row.tenant,
        row.profile,
        tuple(row.addresses),
        tuple(row.wires),
        row.certificate,
    )
    return Acceptance(peer, microseconds_of(row.accepted_at), row.actor)


def _refused_row(peer: RefusedPeer) -> dict[str, Any]:
    return {
        "host": peer.host,
        "realm": peer.realm,
        "reason": peer.reason,
        "address": peer.address,
        "product_name": peer.product_name,
        "application_ids": list(peer.application_ids),
        "first_at": moment(peer.first_at),
        "last_at": moment(peer.last_at),
        "times": peer.times,
    }
