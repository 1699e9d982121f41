"""Whose group a request belongs to, by whom it names or by its session."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ..charging.requests import NAMING, ChargingRequest, Identity, IdentityKind, SessionKey
from . import sessions, statements
from .arrays import big_ints
from .database import Connection, Cursor, Row

Directory = Mapping[Identity, Sequence[tuple[str, int, int]]]
"""(tenant, group, account) of identities; tenants may share one."""
Newest = Mapping[SessionKey, Mapping[str, int]]
"""By session and tenant, the group whose session is the newest."""


class Naming(Protocol):
    """A request that may name somebody."""

    @property
    def tenant(self) -> str | None:
        """Whose subscribers it means; None: any tenant's."""

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Whom it names."""


async def resolve(
    connection: Connection, requests: Sequence[ChargingRequest]
) -> Sequence[int | None]:
    """Returns the group of each request; None: nobody's, or more than one group's.

    An INITIAL or an EVENT is found by its identities. Others are found by their session, be it
    open or remembered, and where nobody knows it by their identities.
    """
    naming = [request for request in requests if request.request_type in NAMING]
    others = [request for request in requests if request.request_type not in NAMING]
    found: dict[int, int | None] = {}
    if naming:
        found |= await _groups_named(connection, naming)
    if others:
        newest = await _newest(connection, statements.RESOLVE_SESSIONS, others)
        found |= {id(request): _group_of_session(request, newest) for request in others}
    strangers = [request for request in others if found[id(request)] is None]
    if strangers:
        found |= await _groups_of_strangers(connection, strangers)
    return [found[id(request)] for request in requests]


def by_identity(rows: Iterable[Row]) -> Directory:
    """Indexes rows of RESOLVE_IDENTITIES."""
    found: dict[Identity, list[tuple[str, int, int]]] = {}
    for tenant, kind, value, group_id, account_id in rows:
        identity = Identity(IdentityKind(kind), value)
        found.setdefault(identity, []).append((tenant, group_id, account_id))
    return found


def _newest_groups(rows: Iterable[Row]) -> Newest:
    """Indexes rows that come in the order in which the sessions were opened."""
    newest: dict[SessionKey, dict[str, int]] = {}
    for group_id, session_id, sub_session_id, tenant in rows:
        newest.setdefault(SessionKey(session_id, sub_session_id), {})[tenant] = group_id
    return newest


def group_named(request: Naming, directory: Directory) -> int | None:
    """Returns the only group that the identities of a request belong to."""
    found = [
        (tenant, group_id)
        for identity in request.identities
        for tenant, group_id, _ in directory.get(identity, ())
    ]
    return _only(request, found)


def _group_of_session(request: ChargingRequest, newest: Newest) -> int | None:
    """Returns the only group that has the session of a request."""
    return _only(request, newest.get(request.session_key, {}).items())


def _only(request: Naming, found: Iterable[tuple[str, int]]) -> int | None:
    """Returns the only group of (tenant, group) that the gateway may mean."""
    groups = {group_id for tenant, group_id in found if request.tenant in (None, tenant)}
    return groups.pop() if len(groups) == 1 else None


async def _groups_of_strangers(
    connection: Connection, strangers: Sequence[ChargingRequest]
) -> Mapping[int, int | None]:
    """Finds the groups of requests whose session is not open, by the id of the request."""
    newest = await _newest(connection, statements.RESOLVE_CLOSED_SESSIONS, strangers)
    named = await _groups_named(connection, strangers)
    groups = {id(request): _group_of_session(request, newest) for request in strangers}
    return {number: named[number] if group is None else group for number, group in groups.items()}


async def _groups_named(
    connection: Connection, requests: Sequence[ChargingRequest]
) -> Mapping[int, int | None]:
    """Finds the groups that the identities of requests belong to, by the id of the request."""
    cursor = await identities(connection, requests)
    directory = by_identity(await cursor.fetchall())
    return {id(request): group_named(request, directory) for request in requests}


async def _newest(
    connection: Connection, statement: str, requests: Iterable[ChargingRequest]
) -> Newest:
    """Finds the groups that have the sessions of requests."""
    digests = big_ints([sessions.digest(request.session_key) for request in requests])
    cursor = await connection.execute(statement, {"digests": digests}, binary=True)
    return _newest_groups(await cursor.fetchall())


async def identities(
    connection: Connection, requests: Iterable[Naming], others: Iterable[Identity] = ()
) -> Cursor:
    """Looks up the identities of requests, and others."""
    names = {identity for request in requests for identity in request.identities}.union(others)
    return await statements.RESOLVE_IDENTITIES.ask(connection, sorted(names))
