"""One transaction for a batch of requests: lock, load, apply."""

import struct
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncCursor, AsyncPipeline

from ..charging.case import Account, Case, Change
from ..charging.catalogue import Catalogue
from ..charging.faults import BrokenBatch, StaleCase
from ..charging.ledger import Balance
from ..charging.requests import ChargingRequest, Identity, IdentityKind, RequestType, SessionKey
from ..charging.session import Session
from . import edrs, sessions, statements
from .arrays import big_ints
from .batches import Statement
from .catalogues import Catalogues
from .database import Connection, Database, renamed_faults

Row = tuple[Any, ...]
_Cursor = AsyncCursor[Row]


class PostgresStore:
    """Accounts, sessions, catalogues and the journal in PostgreSQL."""

    def __init__(self, database: Database, catalogues: Catalogues) -> None:
        self._database = database
        self._catalogues = catalogues

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        """Returns the group of each request; None: nobody's, or more than one group's."""
        digests = [
            sessions.digest(request.session_key)
            for request in requests
            if request.request_type is not RequestType.INITIAL
        ]
        with renamed_faults():
            async with self._database.connection() as connection, connection.pipeline():
                identities = await _identities(connection, requests)
                found = await connection.execute(
                    statements.RESOLVE_SESSIONS, {"digests": big_ints(digests)}, binary=True
                )
                by_identity = _by_identity(await identities.fetchall())
                newest = _newest(await found.fetchall())
        return [_group_of(request, by_identity, newest) for request in requests]

    @asynccontextmanager
    async def work(self) -> AsyncIterator["PostgresWork"]:
        """Begins a transaction; it commits when it is left, and rolls back when an error leaves."""
        with renamed_faults():
            async with (
                self._database.connection() as connection,
                connection.pipeline() as pipeline,
                connection.transaction(),
            ):
                yield PostgresWork(connection, pipeline, self._catalogues)


class PostgresWork:
    """A transaction; what is locked stays so until it ends."""

    def __init__(
        self, connection: Connection, pipeline: AsyncPipeline, catalogues: Catalogues
    ) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._catalogues = catalogues
        self._locked: dict[int, tuple[int, int]] = {}

    async def lock(self, groups: Collection[int]) -> Collection[int]:
        """Locks groups in the order of their ids; returns those that nobody else holds."""
        cursor = await self._connection.execute(
            statements.LOCK_GROUPS, {"groups": big_ints(sorted(groups))}, binary=True
        )
        rows = await cursor.fetchall()
        self._locked = {group_id: (version, last_at) for group_id, version, last_at in rows}
        return self._locked.keys()

    async def load(
        self, requests: Sequence[tuple[int, ChargingRequest]], now: int
    ) -> tuple[Mapping[int, Case], Collection[ChargingRequest]]:
        """Reads the cases of the locked groups for (group, request); `now` in microseconds.

        It is a second statement, with a snapshot taken after the locks: what it reads is not older
        than they are.
        """
        connection = self._connection
        groups = big_ints(list(self._locked))
        keys = {(group, sessions.digest(request.session_key)) for group, request in requests}
        accounts = await connection.execute(
            statements.LOAD_ACCOUNTS, {"groups": groups}, binary=True
        )
        balances = await connection.execute(
            statements.LOAD_BALANCES, {"groups": groups}, binary=True
        )
        opened = await _execute(connection, statements.LOAD_SESSIONS, sorted(keys))
        identities = await _identities(connection, [request for _, request in requests])
        cases = {
            group: _Reading(group, version, max(now, last_at))
            for group, (version, last_at) in self._locked.items()
        }
        for group, number, name, plans, tenant, version in await accounts.fetchall():
            cases[group].accounts[number] = Account(number, name, tuple(plans))
            cases[group].catalogue_named = tenant, version
        for group, *balance in await balances.fetchall():
            cases[group].balances[balance[0]] = Balance(*balance)
        for row in await opened.fetchall():
            cases[row[0]].add_session(sessions.session_of(row))
        found = _by_identity(await identities.fetchall())
        moved = [request for group, request in requests if not cases[group].admit(request, found)]
        named = {reading.catalogue_named for reading in cases.values()}
        catalogues = {name: await self._catalogues.get(connection, *name) for name in named}
        return {
            group: reading.case(catalogues[reading.catalogue_named])
            for group, reading in cases.items()
        }, moved

    async def apply(self, changes: Sequence[Change]) -> None:
        """Stores what has changed between `before` and `after`, and the EDRs.

        Raises:
            StaleCase: a row is not as it was read; nothing may be committed.
            BrokenBatch: a value is too large for its column, or no text.
        """
        try:
            writes = [
                (statement.text, statement.parameters(rows), len(rows))
                for statement, rows in _writes(changes)
                if rows
            ]
        except (struct.error, OverflowError, UnicodeError) as error:
            raise BrokenBatch(str(error)) from error
        counted = [
            (await self._connection.execute(text, parameters), expected)
            for text, parameters, expected in writes
        ]
        try:
            await self._pipeline.sync()
        except psycopg.Error:
            # What a stale case writes may break rules; that it is stale is the better reason.
            _check_counts(counted[:1])
            raise
        _check_counts(counted)


class _Reading:
    """A case while its rows come in."""

    __slots__ = (
        "accounts",
        "balances",
        "catalogue_named",
        "directory",
        "group_id",
        "now",
        "sessions",
        "version",
    )

    def __init__(self, group_id: int, version: int, now: int) -> None:
        self.group_id = group_id
        self.version = version
        self.now = now
        self.catalogue_named = ("", 0)  # tenant and version: all accounts of a group have one
        self.directory: dict[Identity, int] = {}
        self.accounts: dict[int, Account] = {}
        self.balances: dict[int, Balance] = {}
        self.sessions: dict[SessionKey, Session] = {}

    def case(self, catalogue: Catalogue) -> Case:
        """Returns what was read."""
        return Case(
            self.now,
            self.group_id,
            self.version,
            catalogue,
            self.directory,
            self.accounts,
            self.balances,
            self.sessions,
        )

    def add_session(self, session: Session) -> None:
        """Takes a session; of two with one key the newer counts."""
        old = self.sessions.get(session.key)
        if old is None or old.number < session.number:
            self.sessions[session.key] = session

    def admit(self, request: ChargingRequest, found: "_Directory") -> bool:
        """Takes what the directory says of an INITIAL; is it still a request of this group?"""
        if request.request_type is not RequestType.INITIAL:
            return True
        for identity in request.identities:
            for tenant, group_id, account_id in found.get(identity, ()):
                if group_id == self.group_id:
                    self.directory[identity] = account_id
                elif request.tenant in (None, tenant):
                    return False
        return True


_Directory = Mapping[Identity, Sequence[tuple[str, int, int]]]
"""(tenant, group, account) of identities; tenants may share one."""


def _by_identity(rows: Iterable[Row]) -> _Directory:
    found: dict[Identity, list[tuple[str, int, int]]] = {}
    for tenant, kind, value, group_id, account_id in rows:
        identity = Identity(IdentityKind(kind), value)
        found.setdefault(identity, []).append((tenant, group_id, account_id))
    return found


_Newest = Mapping[SessionKey, Mapping[str, int]]
"""By session and tenant, the group whose session is the newest."""


def _newest(rows: Iterable[Row]) -> _Newest:
    """Indexes rows that come in the order in which the sessions were opened."""
    newest: dict[SessionKey, dict[str, int]] = {}
    for group_id, session_id, sub_session_id, tenant in rows:
        newest.setdefault(SessionKey(session_id, sub_session_id), {})[tenant] = group_id
    return newest


def _group_of(request: ChargingRequest, directory: _Directory, newest: _Newest) -> int | None:
    if request.request_type is RequestType.INITIAL:
        groups = {
            group_id
            for identity in request.identities
            for tenant, group_id, _ in directory.get(identity, ())
            if request.tenant in (None, tenant)
        }
    else:
        groups = {
            group_id
            for tenant, group_id in newest.get(request.session_key, {}).items()
            if request.tenant in (None, tenant)
        }
    return groups.pop() if len(groups) == 1 else None


async def _identities(connection: Connection, requests: Iterable[ChargingRequest]) -> _Cursor:
    """Looks up the identities of the INITIAL requests."""
    names = {
        identity
        for request in requests
        if request.request_type is RequestType.INITIAL
        for identity in request.identities
    }
    return await _execute(connection, statements.RESOLVE_IDENTITIES, sorted(names))


async def _execute(connection: Connection, statement: Statement, rows: Sequence[Row]) -> _Cursor:
    return await connection.execute(statement.text, statement.parameters(rows), binary=True)


def _check_counts(counted: Iterable[tuple[_Cursor, int]]) -> None:
    for cursor, expected in counted:
        if cursor.rowcount != expected:
            raise StaleCase(f"{cursor.rowcount} of {expected} rows were as they had been read")


def _writes(changes: Sequence[Change]) -> list[tuple[Statement, list[Row]]]:
    """Returns the rows that a batch writes, one final row a group, balance and session.

    The groups come first and in the order of their ids.
    """
    changes = sorted(changes, key=lambda change: change.before.group_id)
    groups, balances, opened, continued, ended, journal = ([], [], [], [], [], [])
    for before, after, new in changes:
        group = before.group_id
        groups.append((group, before.version, after.version, after.now))
        balances += [
            (group, balance.id, balance.total, balance.used, balance.reserved)
            for balance in after.balances.values()
            if balance is not before.balances[balance.id]
        ]
        journal += [edrs.inserted(group, edr) for edr in new]
        for key in before.sessions.keys() | after.sessions.keys():
            was, now = before.sessions.get(key), after.sessions.get(key)
            if now is was:
                continue
            if was is not None and (now is None or now.number != was.number):
                ended.append((group, was.number))
                was = None
            if now is not None and was is None:
                opened.append(sessions.inserted(group, now))
            elif now is not None:
                continued.append(sessions.updated(group, now))
    return [
        (statements.UPDATE_GROUPS, groups),
        (statements.UPDATE_BALANCES, balances),
        (statements.DELETE_SESSIONS, ended),
        (statements.INSERT_SESSIONS, opened),
        (statements.UPDATE_SESSIONS, continued),
        (statements.INSERT_EDRS, journal),
    ]
