"""One transaction for a batch of requests: lock, load, apply."""

import struct
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from psycopg import AsyncRawCursor

from ..charging.case import Case, Change
from ..charging.faults import BrokenBatch, CatalogueUnreadable, StaleCase
from ..charging.repeats import asked_again, kept_actions
from ..charging.requests import NAMING, ChargingRequest, Identity, SessionKey
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest, Whereabouts
from . import edrs, statements
from .arrays import big_ints
from .asking import (
    About,
    Asked,
    AskedFor,
    ask_about,
    ask_for_cases,
    read_about,
    read_cases,
    read_names,
)
from .catalogues import Catalogues
from .changed import SPREADING, changed_rows
from .database import Connection, Database, Row, renamed_faults
from .presumed import Presumed, presumed_rows
from .reading import Found, Reading, as_remembered
from .refundable import meant, read_refundable
from .remembered import Memory
from .resolving import resolve
from .tables import moment
from .whereabouts import whereabouts

AHEAD = 24 * 3600 * 1_000_000
"""How far into the future sessions may have ended, in microseconds: clocks differ."""


class PostgresStore:
    """Accounts, sessions, catalogues and the journal in PostgreSQL."""

    def __init__(
        self,
        database: Database,
        catalogues: Catalogues,
        on_leaving: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_leaving` is called after each commit of something that is to leave."""
        self._database = database
        self._catalogues = catalogues
        self._on_leaving = on_leaving
        self._memory = Memory()

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        """Returns the group of each request; None: nobody's, or more than one group's."""
        with renamed_faults():
            async with self._database.connection() as connection:
                return await resolve(connection, requests)

    async def whereabouts(
        self, requests: Sequence[SpendingLimitRequest | SpendingLimitEnd]
    ) -> Sequence[Whereabouts]:
        """Returns which groups each request concerns."""
        with renamed_faults():
            async with self._database.connection() as connection:
                return await whereabouts(connection, requests)

    async def due_sessions(self, now: int, limit: int) -> Sequence[tuple[int, SessionKey]]:
        """Returns (group, session) of open sessions to look at, those that wait longest first."""
        with renamed_faults():
            async with self._database.connection() as connection:
                parameters = {"now": moment(now), "limit": limit}
                rows = await connection.execute(
                    statements.FIND_DUE_SESSIONS, parameters, binary=True
                )
                # Sorted here: PostgreSQL 15 would sort all that are due for the rest of the order.
                due = sorted(await rows.fetchall())
                return [(group, SessionKey(*key)) for _, group, _, *key in due]

    @asynccontextmanager
    async def work(self) -> AsyncIterator["PostgresWork"]:
        """Begins a transaction; it commits when it is left, and rolls back when an error leaves."""
        memory = self._memory
        with renamed_faults():
            async with self._database.connection() as connection, AsyncExitStack() as stack:
                generation = self._database.generation
                memory.belongs_to(generation)
                work = PostgresWork(connection, self._catalogues, memory, stack)
                try:
                    yield work
                    await work.end()
                    await stack.aclose()  # commits
                except BaseException:
                    memory.forget(work.groups)
                    if not work.is_locking:
                        memory.confirm(False)
                    raise
        if generation == self._database.generation:
            memory.keep([change.after for change in work.changes])
        if any(change.outgoing for change in work.changes):
            self._on_leaving()


class PostgresWork:
    """A transaction; what is locked stays so until it ends.

    Unless changes by others are to be expected, nothing is locked before it is decided: what is
    written is one statement, which does nothing unless every group has the version that it was
    remembered or read with, and nobody holds it. Of a group that is not remembered the version is
    read first. So nothing that is read is older than the version, and what is newer has raised it.
    """

    def __init__(
        self,
        connection: Connection,
        catalogues: Catalogues,
        memory: Memory | None = None,
        stack: AsyncExitStack | None = None,
    ) -> None:
        """Is part of the caller's transaction, or begins its own on a stack when it is needed."""
        self._connection = connection
        self._catalogues = catalogues
        self._memory = Memory() if memory is None else memory
        self._stack = stack
        self._known: Mapping[int, Case] = {}  # the memory, which others change, as it was asked
        self._groups: Mapping[int, Found] = {}
        self._foreseen: Collection[int] = ()
        self._asked_for = AskedFor()
        self._is_piped = False
        self._now = 0
        self._to_be_seen: list[Presumed] = []
        self.is_locking = False
        self.changes: Sequence[Change] = ()

    @property
    def connection(self) -> Connection:
        """What it travels by, for whoever reads and writes other things in the transaction."""
        return self._connection

    @property
    def groups(self) -> Collection[int]:
        """The groups that were locked, or are trusted to stay as they were remembered or read."""
        return self._groups.keys()

    async def lock(
        self, groups: Collection[int], requests: Sequence[Asked] = (), now: int = 0
    ) -> Collection[int]:
        """Locks groups in the order of their ids; returns those that nobody else holds.

        What will have to be read for (group, request) at `now` is asked for at once: the database
        does it when it has the locks, or the versions, in snapshots of its own.
        """
        self._now = now
        trusted = self._memory.trusted(groups, now) if requests else None
        self._foreseen = {id(request) for _, request in requests}
        if trusted is not None:
            self._known = trusted
            return await self._trust(groups, requests, now)
        remembered = {group: self._memory.get(group) for group in groups}
        self._known = {group: case for group, case in remembered.items() if case is not None}
        await self._begin()
        cursor = await self._connection.execute(
            statements.LOCK_GROUPS, {"groups": big_ints(sorted(groups))}, binary=True
        )
        if requests:
            unknown = [group for group in groups if group not in self._known]
            self._asked_for = await self._ask_for(unknown, requests, now)
        self._groups = self._compared(await cursor.fetchall())
        return self._groups.keys()

    async def _trust(
        self, groups: Collection[int], requests: Sequence[Asked], now: int
    ) -> Collection[int]:
        """Takes groups as they are remembered; of others reads the version, then the rest."""
        found = {group: as_remembered(case) for group, case in self._known.items()}
        unknown = sorted([group for group in groups if group not in found])
        self._groups = found
        if not unknown:
            self._asked_for = await self._ask_for((), requests, now)
            return found.keys()
        await self._pipe()
        cursor = await self._connection.execute(
            statements.READ_GROUPS, {"groups": big_ints(unknown)}, binary=True
        )
        self._asked_for = await self._ask_for(unknown, requests, now)
        found |= {row[0]: Found(*row) for row in await cursor.fetchall()}
        return found.keys()

    def _compared(self, rows: Sequence[Row]) -> Mapping[int, Found]:
        """Returns the locked groups, with what is remembered of them if that is right."""
        found = {}
        right = []
        for row in rows:
            facts = Found(*row)
            known = self._known.get(facts.group_id)
            if known is not None:
                right.append((known.version, known.now) == (facts.version, facts.last_at))
                if right[-1]:
                    facts = facts._replace(remembered=known)
            found[facts.group_id] = facts
        if right:
            self._memory.confirm(all(right))
        return found

    async def load(
        self, requests: Sequence[Asked], now: int
    ) -> tuple[Mapping[int, Case], Collection[ChargingRequest]]:
        """Reads the cases of the locked groups for (group, request); `now` in microseconds.

        Nothing is older than the locks: what this process remembers of a group counts as long as
        the group has the same version, the rest is read by statements with snapshots of their own.
        What only few requests need is read afterwards: what is remembered of sessions that are not
        open, and what requests were answered that are asked again.
        """
        readings = self._readings(now)
        moved = await self._read(readings, self._asked_for)
        unread = {group for group, reading in readings.items() if not reading.accounts}
        ahead = {group for group, found in self._groups.items() if found.last_at > now + AHEAD}
        others = [
            (group, request)
            for group, request in requests
            if id(request) not in self._foreseen or group in unread or group in ahead
        ]
        if unread or others:
            moved += await self._read(readings, await self._ask_for(unread, others, now))
        strangers = [asked for asked in requests if readings[asked[0]].is_stranger(asked[1])]
        if strangers:
            await self._admit(strangers, await self._ask_about(strangers, now), readings)
        await self._read_answered(readings, requests)
        await read_refundable(self._connection, readings, meant(readings, requests))
        return await self._cases(readings), moved

    async def load_sessions(
        self,
        keys: Sequence[tuple[int, SessionKey]],
        now: int,
        names: Collection[Identity] = (),
    ) -> Mapping[int, Case]:
        """Reads the cases of the locked groups with the open sessions of (group, session).

        The groups' directories say which of some names are theirs.
        """
        readings = self._readings(now)
        unread = {group for group, reading in readings.items() if not reading.accounts}
        unknown = [(group, key, None) for group, key in keys if key not in readings[group].sessions]
        await self._read(readings, await self._ask_for_cases(unread, unknown))
        if names:
            await read_names(self._connection, readings, names)
        return await self._cases(readings)

    def _readings(self, now: int) -> Mapping[int, Reading]:
        """Begins to read the locked groups, with what is remembered of them."""
        return {group: Reading(found, now) for group, found in self._groups.items()}

    async def _ask_for(
        self, groups: Collection[int], requests: Sequence[Asked], now: int
    ) -> AskedFor:
        """Asks for groups, and for what requests need that is not remembered or presumed."""
        keys, naming, presumed = [], [], []
        for group, request in requests:
            known = None if group in groups else self._known.get(group)
            if request.request_type in NAMING:
                new = None if known is None else self._presumed(group, request, known)
                if new is not None:
                    presumed.append(new)
                    continue
                naming.append((group, request))
            charging_id = request.charging_id
            is_unknown = known is None or request.session_key not in known.sessions
            if is_unknown or charging_id is not None:
                keys.append((group, request.session_key, charging_id))
        asked_for = (await self._ask_for_cases(groups, keys))._replace(presumed=presumed)
        if not naming:
            return asked_for
        about = await self._ask_about(naming, now)
        return asked_for._replace(naming=naming, about=about)

    def _presumed(self, group: int, request: ChargingRequest, known: Case) -> Presumed | None:
        """Takes for granted what is seen when it is written; who has locks can read it as well."""
        return None if self.is_locking else self._memory.names.presumed(group, request, known)

    async def _ask_for_cases(
        self, groups: Collection[int], keys: Sequence[tuple[int, SessionKey, int | None]]
    ) -> AskedFor:
        """Asks for accounts and balances of groups, and for open sessions by name and bearer."""
        if groups or keys:
            await self._pipe()
        return await ask_for_cases(self._connection, groups, keys)

    async def _ask_about(self, requests: Sequence[Asked], now: int) -> About:
        """Asks whom requests name and call, and what is remembered of their sessions."""
        await self._pipe()
        return await ask_about(self._connection, requests, self._latest_end(now))

    async def _begin(self) -> None:
        """Begins the transaction that holds the locks."""
        if not self.is_locking:
            self.is_locking = True
            await self._pipe()
            if self._stack is not None:
                await self._stack.enter_async_context(self._connection.transaction())

    async def _pipe(self) -> None:
        """Lets the statements that follow travel together."""
        if not self._is_piped and self._stack is not None:
            self._is_piped = True
            await self._stack.enter_async_context(self._connection.pipeline())

    async def _read(
        self, readings: Mapping[int, Reading], asked_for: AskedFor
    ) -> list[ChargingRequest]:
        """Reads what was asked for; returns the requests that name somebody in another group."""
        await read_cases(asked_for, readings)
        for new in asked_for.presumed:
            readings[new.group_id].presume(new.request, new.accounts)
            self._to_be_seen.append(new)
        if asked_for.about is None:
            return []
        mine = [asked for asked in asked_for.naming if asked[0] in readings]
        return await self._admit(mine, asked_for.about, readings)

    async def _admit(
        self, requests: Sequence[Asked], about: About, readings: Mapping[int, Reading]
    ) -> list[ChargingRequest]:
        """Reads what was asked about requests; returns those that name somebody elsewhere."""
        directory = await read_about(about, readings)
        for group, request in requests:
            self._memory.names.remember(group, request, directory)
        return [r for group, r in requests if not readings[group].admit(r, directory)]

    def _latest_end(self, now: int) -> int:
        """Returns when sessions of these groups may have ended at the latest."""
        return max([now, *(found.last_at for found in self._groups.values())]) + AHEAD

    async def _read_answered(
        self, readings: Mapping[int, Reading], requests: Sequence[Asked]
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
            cursor = await statements.FIND_ANSWERED.ask(self._connection, sorted(set(rows)))
            for group, *edr in await cursor.fetchall():
                readings[group].add_answered(edrs.answered(tuple(edr)))

    async def _cases(self, readings: Mapping[int, Reading]) -> Mapping[int, Case]:
        catalogues = {}
        for name in {reading.catalogue_named for reading in readings.values()}:
            try:
                catalogues[name] = await self._catalogues.get(self._connection, *name)
            except CatalogueUnreadable as fault:
                groups = [g for g, reading in readings.items() if reading.catalogue_named == name]
                raise fault.of(groups) from None
        return {
            group: reading.case(catalogues[reading.catalogue_named])
            for group, reading in readings.items()
        }

    async def apply(self, changes: Sequence[Change]) -> None:
        """Stores what has changed between `before` and `after`, and the EDRs.

        It travels with the end of the transaction, so that what it raises may be raised there:
            StaleCase: something is not as it was read; nothing is stored.
            BrokenBatch: a value is too large for its column, or no text; or what a stale case
                writes breaks a rule of the schema.
        """
        self.changes = changes
        if self.is_locking:
            await self._write()

    async def end(self) -> None:
        """Stores what was decided on trust: one statement, which is a transaction of its own."""
        if not self.is_locking:
            await self._see_unwritten()
            await self._write()

    async def _see_unwritten(self) -> None:
        """Sees that groups are as they were trusted to be though nothing is written for them.

        A repeat changes nothing; nor does what cannot be decided, which may be so because the
        memory is older than the sessions that were read.

        Raises:
            StaleCase: one has changed since, or somebody holds it.
        """
        written = {change.before.group_id for change in self.changes}
        unwritten = sorted(self._groups.keys() - written)
        if not unwritten:
            return
        cursor = await self._connection.execute(
            statements.LOCK_GROUPS, {"groups": big_ints(unwritten)}, binary=True
        )
        found = [Found(*row) for row in await cursor.fetchall()]
        if found != [self._groups[group]._replace(remembered=None) for group in unwritten]:
            raise StaleCase("what was only read is not as it was remembered")

    async def _write(self) -> None:
        rows = changed_rows(self.changes)
        is_presuming = bool(self._to_be_seen)
        if is_presuming:
            until = self._latest_end(self._now)
            rows = {**rows, **presumed_rows(self._to_be_seen, until)}
        elif not rows["groups"]:
            return
        is_spreading = any(rows[name] for name in SPREADING)
        statement = statements.APPLYING[is_presuming, is_spreading]
        try:
            parameters = statement.parameters(rows)
        except (struct.error, OverflowError, UnicodeError) as error:
            raise BrokenBatch(str(error)) from error
        cursor = AsyncRawCursor(self._connection)
        await cursor.execute(statement.text, parameters, binary=True)
