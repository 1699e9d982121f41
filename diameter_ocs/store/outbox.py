"""What is to leave, shared by the servers of a database, and which of them holds which peer."""

import datetime
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import delete, schema, select
from sqlalchemy.dialects.postgresql import insert

from ..charging.delivery import (
    NEVER_REACHED,
    CalledSession,
    Claimed,
    HeldPeer,
    Lease,
    Measured,
    OutboxRow,
    Settled,
    Stale,
    Waiting,
    Way,
    row_of,
    written,
)
from ..charging.outbox import OutboxKind, Outgoing
from ..charging.requests import SessionKey
from ..charging.spending_limits import SpendingLimitSession
from . import outbox_statements as statements
from .arrays import big_ints
from .batches import Statement, compiled
from .database import Connection, Database, Row, renamed_faults
from .outgoing import CHANNEL, HINT, inserted
from .spending_limits import session_of
from .statements import INSERT_OUTBOX
from .tables import moment, peer_connection

FORGOTTEN = datetime.timedelta(days=1)
"""For how long the peers of a server that ended without a word are kept."""

_NEXT_NUMBER = compiled(select(schema.Sequence("account_number").next_value()))
_Place = tuple[int, int]
"""Group and number of a session."""

_decode = msgspec.json.Decoder().decode


class PostgresOutbox:
    """The outbox in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def leave(
        self, group_id: int, make: Callable[[int], Sequence[Outgoing]], at: int
    ) -> None:
        """Has something leave that no change of a group causes; it is made with its number.

        No other row of the group has that, if all of its rows leave so.
        """
        with renamed_faults():
            async with self._database.connection() as connection:
                cursor = await connection.execute(_NEXT_NUMBER)
                found = await cursor.fetchone()
                assert found is not None
                outgoing = make(found[0])
                place = group_id, found[0]
                rows = [row_of((*place, part), each, at) for part, each in enumerate(outgoing)]
                if rows:
                    await INSERT_OUTBOX.ask(connection, [inserted(row) for row in rows])

    async def waiting(self, at: int) -> Sequence[Waiting]:
        """Returns the ways that something waits for, with those who hold their targets."""
        with renamed_faults():
            async with self._database.connection() as connection:
                rows = await connection.execute(
                    statements.FIND_WAITING, {"at": moment(at)}, binary=True
                )
                return [
                    Waiting(Way(OutboxKind(kind), target), realm, due_at, tuple(holders))
                    for kind, target, realm, due_at, holders in await rows.fetchall()
                ]

    async def claim(
        self, wanted: Mapping[Way, int], now: int, lease: Lease, identifiers: Sequence[int]
    ) -> Sequence[Claimed]:
        """Returns up to so many streams of each way that are due, for this server alone.

        Each of them needs one of the identifiers.
        """
        rows = [(*way, most) for way, most in wanted.items()]
        asked = {
            "now": moment(now),
            "at": moment(lease.at),
            "until": moment(lease.until),
            "server": lease.server_id,
            "identifiers": big_ints(identifiers),
        }
        with renamed_faults():
            async with self._database.connection() as connection:
                claim = statements.CLAIM
                parameters = claim.parameters(rows) | asked
                cursor = await connection.execute(claim.text, parameters, binary=True)
                claimed = _claimed(await cursor.fetchall(), lease.at)
                return await _with_sessions(connection, claimed) if claimed else ()

    async def settle(self, settled: Collection[Settled], server_id: str) -> None:
        """Writes down what became of what was claimed, unless somebody else has it by now."""
        done = [written(each) for each in settled]
        changes: tuple[tuple[Statement, list[Row]], ...] = (
            (statements.REMOVE, [key for each in done for key in each.removed]),
            (statements.PUT_OFF, [_changed(row) for each in done for row in each.changed]),
            (INSERT_OUTBOX, [inserted(row) for each in done for row in each.added]),
            (statements.MARK_STALE, [place for each in done for place in each.stale]),
        )
        needed = [(statement, rows) for statement, rows in changes if rows]
        with renamed_faults():
            async with self._database.connection() as connection, AsyncExitStack() as stack:
                if len(needed) > 1:
                    await stack.enter_async_context(connection.pipeline())
                    await stack.enter_async_context(connection.transaction())
                for statement, rows in needed:
                    parameters = statement.parameters(sorted(rows)) | {"server": server_id}
                    await connection.execute(statement.text, parameters, binary=True)

    async def open_sessions(self, group_id: int, account_id: int) -> Sequence[CalledSession]:
        """Returns the open credit-control sessions of an account."""
        with renamed_faults():
            async with self._database.connection() as connection:
                finding = statements.FIND_OPEN_SESSIONS
                cursor = await finding.ask(connection, [(group_id, account_id)])
                return [_called(row) for row in sorted(await cursor.fetchall())]

    async def expire(self, kind: OutboxKind, before: int, now: int, at: int) -> int:
        """Gives up what has been due since before a moment; returns how much, of much some.

        `at` is the time by which leases are.
        """
        asked = {
            "kind": int(kind),
            "before": moment(before),
            "now": moment(now),
            "at": moment(at),
            "fault": NEVER_REACHED,
        }
        with renamed_faults():
            async with self._database.connection() as connection, connection.transaction():
                cursor = await connection.execute(statements.EXPIRE, asked, binary=True)
                given_up = await cursor.fetchall()
                newest: dict[_Place, int] = {}
                for group, session, number in given_up:
                    if session is not None:
                        newest[group, session] = max(number, newest.get((group, session), 0))
                if newest and kind is OutboxKind.SPENDING_LIMIT:
                    stale = [Stale(*place, now, number) for place, number in newest.items()]
                    await statements.MARK_STALE.ask(connection, sorted(stale))
                return len(given_up)

    async def forget(self, before: int) -> None:
        """Forgets what was given up before a moment."""
        with renamed_faults():
            async with self._database.connection() as connection:
                await connection.execute(statements.FORGET, {"before": moment(before)})

    async def measure(self, kind: OutboxKind) -> Measured:
        """Returns how much of a kind waits, and how much was given up, as far as it is counted."""
        with renamed_faults():
            async with self._database.connection() as connection:
                rows = await connection.execute(statements.MEASURE, {"kind": int(kind)})
                row = await rows.fetchone()
                assert row is not None
                return Measured(*row)

    async def hold(self, peers: Collection[HeldPeer], lease: Lease) -> None:
        """Writes down which peers a server is connected to, for as long as its lease lasts."""
        told = insert(peer_connection)
        names = ("realm", "is_relay", "application_ids", "leased_until")
        new = {name: told.excluded[name] for name in names}
        rows = [
            {
                "host": peer.host,
                "server_id": lease.server_id,
                "realm": peer.realm,
                "is_relay": peer.is_relay,
                "application_ids": sorted(peer.application_ids),
                "leased_until": moment(lease.until),
            }
            for peer in sorted(peers, key=lambda peer: peer.host)
        ]
        gone = delete(peer_connection).where(
            peer_connection.c.server_id == lease.server_id,
            peer_connection.c.host.not_in([peer.host for peer in peers]),
        )
        ended = delete(peer_connection).where(
            peer_connection.c.leased_until < moment(lease.at) - FORGOTTEN
        )
        async with self._database.transaction() as connection:
            await connection.execute(gone)
            await connection.execute(ended)
            if rows:
                changing = told.on_conflict_do_update(
                    index_elements=["host", "server_id"], set_=new
                )
                await connection.execute(changing, rows)

    async def hint(self) -> None:
        """Tells other servers that something waits for a peer of theirs."""
        with renamed_faults():
            async with self._database.connection() as connection:
                await connection.execute(HINT)

    async def hints(self) -> AsyncIterator[None]:
        """Yields whenever another server, or a command, tells that something waits.

        Raises:
            CasesUnavailable: the connection was lost; what was told meanwhile is not heard.
        """
        with renamed_faults():
            async with self._database.dedicated() as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                async for _ in connection.notifies():
                    yield


def _changed(row: OutboxRow) -> Row:
    facts = row.due_at, row.attempts, row.end_to_end_id, row.fault, row.given_up_at
    return (*row.key, *facts)


def _claimed(found: Sequence[Row], at: int) -> list[Claimed]:
    """Returns the rows by their streams."""
    taken = [(row_of_facts(row[:-2]), *row[-2:]) for row in found]
    taken.sort(key=lambda each: (each[0].group_id, each[0].stream, each[0].key))
    streams = groupby(taken, key=lambda each: (each[0].group_id, each[0].stream))
    claimed = []
    for _, of_stream in streams:
        rows, were_sent, have_left = zip(*of_stream, strict=True)
        identifier = rows[0].end_to_end_id
        claimed.append(Claimed(rows, at, identifier, were_sent[0], have_left[0]))
    return claimed


def row_of_facts(facts: Sequence[Any]) -> OutboxRow:
    """Reads a row of OUTBOX_FACTS."""
    row = OutboxRow(*facts)
    return row._replace(kind=OutboxKind(row.kind), content=_decode(facts[10]))


async def _with_sessions(connection: Connection, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Returns what was claimed with the sessions that it is about, as they are now."""
    found: dict[tuple[OutboxKind, _Place], SpendingLimitSession | CalledSession] = {}
    places = _places(claimed, OutboxKind.SPENDING_LIMIT)
    if places:
        cursor = await statements.FIND_SUBSCRIPTIONS.ask(connection, places)
        for row in await cursor.fetchall():
            found[OutboxKind.SPENDING_LIMIT, row[:2]] = session_of(row)
    places = _places(claimed, OutboxKind.REAUTHORIZATION)
    if places:
        cursor = await statements.FIND_CALLED.ask(connection, places)
        for row in await cursor.fetchall():
            found[OutboxKind.REAUTHORIZATION, row[:2]] = _called(row)
    if not found:
        return list(claimed)
    return [each._replace(session=found.get((each.head.kind, _place(each)))) for each in claimed]


def _called(row: Row) -> CalledSession:
    _, number, session_id, sub_session_id, *rest = row
    return CalledSession(number, SessionKey(session_id, sub_session_id), *rest)


def _places(claimed: Sequence[Claimed], kind: OutboxKind) -> list[_Place]:
    heads = [each for each in claimed if each.head.kind is kind]
    return sorted({_place(each) for each in heads if each.head.session_number is not None})


def _place(claimed: Claimed) -> _Place:
    return claimed.head.group_id, claimed.head.session_number or 0
