"""One transaction for a batch of requests: lock, load, apply."""

import datetime
import struct
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from psycopg import AsyncCursor, AsyncRawCursor

from ..charging.case import Case, Change
from ..charging.faults import BrokenBatch, StaleCase
from ..charging.ledger import Balance
from ..charging.repeats import asked_again, kept_actions
from ..charging.requests import NAMING, ChargingRequest, SessionKey
from . import edrs, sessions, statements
from .arrays import big_ints
from .batches import Statement
from .catalogues import Catalogues
from .database import Connection, Database, renamed_faults
from .reading import (
    Newest,
    Reading,
    Row,
    by_identity,
    group_named,
    group_of_session,
    newest_groups,
)
from .tables import moment

_Cursor = AsyncCursor[Row]
_Asked = tuple[int, ChargingRequest]
"""A request and its group."""

AHEAD = datetime.timedelta(days=1)
"""How far into the future sessions may have ended: clocks differ."""


class PostgresStore:
    """Accounts, sessions, catalogues and the journal in PostgreSQL."""

    def __init__(self, database: Database, catalogues: Catalogues) -> None:
        self._database = database
        self._catalogues = catalogues

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        """Returns the group of each request; None: nobody's, or more than one group's.

        An INITIAL or an EVENT is found by its identities. Others are found by their session, be it
        open or remembered, and where nobody knows it by their identities.
        """
        naming = [r for r in requests if r.request_type in NAMING]
        others = [r for r in requests if r.request_type not in NAMING]
        found: dict[int, int | None] = {}
        with renamed_faults():
            async with self._database.connection() as connection:
                if naming:
                    found |= await _groups_named(connection, naming)
                if others:
                    newest = await _newest(connection, statements.RESOLVE_SESSIONS, others)
                    found |= {id(request): group_of_session(request, newest) for request in others}
                strangers = [request for request in others if found[id(request)] is None]
                if strangers:
                    found |= await _groups_of_strangers(connection, strangers)
        return [found[id(request)] for request in requests]

    async def due_sessions(self, now: int, limit: int) -> Sequence[tuple[int, SessionKey]]:
        """Returns (group, session) of open sessions to look at, those that wait longest first."""
        with renamed_faults():
            async with self._database.connection() as connection:
                parameters = {"now": moment(now), "limit": limit}
                rows = await connection.execute(
                    statements.FIND_DUE_SESSIONS, parameters, binary=True
                )
                return [(group, SessionKey(*key)) for group, *key in await rows.fetchall()]

    @asynccontextmanager
    async def work(self) -> AsyncIterator["PostgresWork"]:
        """Begins a transaction; it commits when it is left, and rolls back when an error leaves."""
        with renamed_faults():
            async with (
                self._database.connection() as connection,
                connection.pipeline(),
                connection.transaction(),
            ):
                yield PostgresWork(connection, self._catalogues)


class _AskedFor(NamedTuple):
    """What the database was asked for and has not been read yet."""

    keys: frozenset[tuple[int, SessionKey]]
    accounts: _Cursor
    balances: _Cursor
    sessions: _Cursor


class PostgresWork:
    """A transaction; what is locked stays so until it ends."""

    def __init__(self, connection: Connection, catalogues: Catalogues) -> None:
        self._connection = connection
        self._catalogues = catalogues
        self._locked: dict[int, tuple[int, int]] = {}
        self._asked_for: _AskedFor | None = None

    async def lock(
        self, groups: Collection[int], keys: Sequence[tuple[int, SessionKey]] = ()
    ) -> Collection[int]:
        """Locks groups in the order of their ids; returns those that nobody else holds.

        What will be read of them, and of the sessions named by `keys`, is asked for at once: the
        database does it when it has the locks, in snapshots of its own.
        """
        ordered = big_ints(sorted(groups))
        cursor = await self._connection.execute(
            statements.LOCK_GROUPS, {"groups": ordered}, binary=True
        )
        if keys:
            self._asked_for = await self._ask_for(ordered, keys)
        rows = await cursor.fetchall()
        self._locked = {group_id: (version, last_at) for group_id, version, last_at in rows}
        return self._locked.keys()

    async def load(
        self, requests: Sequence[_Asked], now: int
    ) -> tuple[Mapping[int, Case], Collection[ChargingRequest]]:
        """Reads the cases of the locked groups for (group, request); `now` in microseconds.

        It is a second statement, with a snapshot taken after the locks: what it reads is not older
        than they are. What only few requests need is read afterwards: what is remembered of
        sessions that are not open, and what requests were answered that are asked again.
        """
        naming = [asked for asked in requests if asked[1].request_type in NAMING]
        keys = [(group, request.session_key) for group, request in requests]
        about = await self._ask_about(naming, now) if naming else None
        readings = await self._read(keys, now)
        moved = await _admit(naming, about, readings) if about else []
        strangers = [asked for asked in requests if readings[asked[0]].is_stranger(asked[1])]
        if strangers:
            await _admit(strangers, await self._ask_about(strangers, now), readings)
        await self._read_answered(readings, requests)
        return await self._cases(readings), moved

    async def load_sessions(
        self, keys: Sequence[tuple[int, SessionKey]], now: int
    ) -> Mapping[int, Case]:
        """Reads the cases of the locked groups with the open sessions of (group, session)."""
        return await self._cases(await self._read(keys, now))

    async def _ask_for(self, groups: object, keys: Iterable[tuple[int, SessionKey]]) -> _AskedFor:
        """Asks for accounts, balances and open sessions."""
        connection = self._connection
        named = {"groups": groups}
        digests = {(group, sessions.digest(key)) for group, key in keys}
        return _AskedFor(
            frozenset(keys),
            await connection.execute(statements.LOAD_ACCOUNTS, named, binary=True),
            await connection.execute(statements.LOAD_BALANCES, named, binary=True),
            await _execute(connection, statements.LOAD_SESSIONS, sorted(digests)),
        )

    async def _read(
        self, keys: Sequence[tuple[int, SessionKey]], now: int
    ) -> Mapping[int, Reading]:
        """Reads accounts, balances and open sessions of the locked groups."""
        asked_for, self._asked_for = self._asked_for, None
        if asked_for is None or not asked_for.keys.issuperset(keys):
            asked_for = await self._ask_for(big_ints(list(self._locked)), keys)
        readings = {
            group: Reading(group, version, max(now, last_at))
            for group, (version, last_at) in self._locked.items()
        }
        for row in await asked_for.accounts.fetchall():
            if row[0] in readings:
                readings[row[0]].add_account(row)
        for group, *balance in await asked_for.balances.fetchall():
            if group in readings:
                readings[group].balances[balance[0]] = Balance(*balance)
        for row in await asked_for.sessions.fetchall():
            if row[0] in readings:
                readings[row[0]].add_session(sessions.session_of(row))
        return readings

    async def _ask_about(self, requests: Sequence[_Asked], now: int) -> tuple[_Cursor, _Cursor]:
        """Asks who requests name, and what is remembered of their sessions."""
        named = await _identities(self._connection, [request for _, request in requests])
        keys = sorted({(group, sessions.digest(r.session_key)) for group, r in requests})
        latest = max([now, *(last_at for _, last_at in self._locked.values())])
        statement = statements.LOAD_CLOSED_SESSIONS
        parameters = {**statement.parameters(keys), "until": moment(latest) + AHEAD}
        return named, await self._connection.execute(statement.text, parameters, binary=True)

    async def _read_answered(
        self, readings: Mapping[int, Reading], requests: Sequence[_Asked]
    ) -> None:
        """Reads the EDRs of requests that may be asked again."""
        rows = []
        for group, request in requests:
            reading = readings[group]
            session = asked_again(request, reading.sessions, reading.closed)
            if session is not None:
                span = session.opened_at, session.last_request_at
                for action in kept_actions(request):
                    rows.append((group, session.number, action, request.request_number, *span))
        if rows:
            cursor = await _execute(self._connection, statements.FIND_ANSWERED, sorted(set(rows)))
            for group, *edr in await cursor.fetchall():
                readings[group].add_answered(edrs.answered(tuple(edr)))

    async def _cases(self, readings: Mapping[int, Reading]) -> Mapping[int, Case]:
        named = {reading.catalogue_named for reading in readings.values()}
        catalogues = {name: await self._catalogues.get(self._connection, *name) for name in named}
        return {
            group: reading.case(catalogues[reading.catalogue_named])
            for group, reading in readings.items()
        }

    async def apply(self, changes: Sequence[Change]) -> None:
        """Stores what has changed between `before` and `after`, and the EDRs.

        Raises:
            StaleCase: a row is not as it was read; nothing may be committed.
            BrokenBatch: a value is too large for its column, or no text; or what a stale case
                writes breaks a rule of the schema.
        """
        rows = _rows(changes)
        if not rows["groups"]:
            return
        try:
            parameters = statements.APPLY.parameters(rows)
        except (struct.error, OverflowError, UnicodeError) as error:
            raise BrokenBatch(str(error)) from error
        cursor = AsyncRawCursor(self._connection)
        await cursor.execute(statements.APPLY.text, parameters, binary=True)
        found = await cursor.fetchone()
        expected = tuple([len(rows[name]) for name in statements.APPLY.counted])
        if found != expected:
            raise StaleCase(f"{found} rows of {expected} were as they had been read")


async def _groups_of_strangers(
    connection: Connection, strangers: Sequence[ChargingRequest]
) -> Mapping[int, int | None]:
    """Finds the groups of requests whose session is not open, by the id of the request."""
    newest = await _newest(connection, statements.RESOLVE_CLOSED_SESSIONS, strangers)
    named = await _groups_named(connection, strangers)
    groups = {id(request): group_of_session(request, newest) for request in strangers}
    return {number: named[number] if group is None else group for number, group in groups.items()}


async def _groups_named(
    connection: Connection, requests: Sequence[ChargingRequest]
) -> Mapping[int, int | None]:
    """Finds the groups that the identities of requests belong to, by the id of the request."""
    cursor = await _identities(connection, requests)
    directory = by_identity(await cursor.fetchall())
    return {id(request): group_named(request, directory) for request in requests}


async def _newest(
    connection: Connection, statement: str, requests: Iterable[ChargingRequest]
) -> Newest:
    """Finds the groups that have the sessions of requests."""
    digests = big_ints([sessions.digest(request.session_key) for request in requests])
    cursor = await connection.execute(statement, {"digests": digests}, binary=True)
    return newest_groups(await cursor.fetchall())


async def _identities(connection: Connection, requests: Iterable[ChargingRequest]) -> _Cursor:
    """Looks up the identities of requests."""
    names = {identity for request in requests for identity in request.identities}
    return await _execute(connection, statements.RESOLVE_IDENTITIES, sorted(names))


async def _execute(connection: Connection, statement: Statement, rows: Sequence[Row]) -> _Cursor:
    return await connection.execute(statement.text, statement.parameters(rows), binary=True)


def _rows(changes: Sequence[Change]) -> Mapping[str, list[Row]]:
    """Returns the rows of APPLY, one final row a group, balance and session, by group."""
    changes = sorted(changes, key=lambda change: change.before.group_id)
    groups, balances, opened, continued, ended, journal, closed = ([], [], [], [], [], [], [])
    for before, after, new in changes:
        group = before.group_id
        groups.append((group, before.version, after.version, after.now))
        balances += [
            (group, balance.id, balance.total, balance.used, balance.reserved)
            for balance in after.balances.values()
            if balance is not before.balances.get(balance.id, balance)
        ]
        journal += [edrs.inserted(group, edr) for edr in new]
        closed += [
            sessions.closed(group, ended_session)
            for key, ended_session in after.closed.items()
            if ended_session is not before.closed.get(key)
        ]
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
    return {
        "groups": groups,
        "balances": balances,
        "ended": ended,
        "continued": continued,
        "opened": opened,
        "closed": closed,
        "journal": journal,
    }


async def _admit(
    requests: Sequence[_Asked], about: tuple[_Cursor, _Cursor], readings: Mapping[int, Reading]
) -> list[ChargingRequest]:
    """Reads what was asked about requests; returns those that name somebody in another group."""
    named, remembered = about
    directory = by_identity(await named.fetchall())
    for row in await remembered.fetchall():
        readings[row[0]].add_closed(sessions.closed_session_of(row))
    return [r for group, r in requests if not readings[group].admit(r, directory)]
