"""What is to leave, in the store without a database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence

from ..charging.delivery import (
    NEVER_REACHED,
    CalledSession,
    Claimed,
    HeldPeer,
    Key,
    Lease,
    Measured,
    OutboxRow,
    Settled,
    Stale,
    Waiting,
    Way,
    row_of,
    stale_by,
    written,
)
from ..charging.outbox import OutboxKind, Outgoing
from ..charging.session import Session
from ..charging.spending_limits import SpendingLimitSession
from .memory import MemoryStore


class MemoryOutbox:
    """The twin of that in PostgreSQL."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._rows = store.outbox
        self._held: dict[str, tuple[Lease, Collection[HeldPeer]]] = {}
        self._hints: list[asyncio.Event] = []

    @property
    def stale(self) -> Mapping[tuple[int, int], int]:
        """Group and number of subscriptions that are not up to date, and since when."""
        return {
            (group_id, number): at
            for group_id, group in self._store.groups.items()
            for number, at in group.stale.items()
        }

    async def leave(
        self, group_id: int, make: Callable[[int], Sequence[Outgoing]], at: int
    ) -> None:
        """Has something leave that no change of a group causes; it is made with its number."""
        (number,) = self._store.next_numbers(1)
        for part, each in enumerate(make(number)):
            self._rows[group_id, number, part] = row_of((group_id, number, part), each, at)

    async def waiting(self, at: int) -> Sequence[Waiting]:
        """Returns the ways that something waits for, with those who hold their targets."""
        first: dict[Way, OutboxRow] = {}
        for row in sorted(self._waiting(), key=lambda row: row.due_at):
            first.setdefault(Way(row.kind, row.target), row)
        return [
            Waiting(way, row.realm, row.due_at, self._holders(way.target, at))
            for way, row in sorted(first.items())
        ]

    async def claim(
        self, wanted: Mapping[Way, int], now: int, lease: Lease, identifiers: Sequence[int]
    ) -> Sequence[Claimed]:
        """Returns up to so many streams of each way that are due, for this server alone."""
        free = iter(identifiers)
        return [
            self._take(row, lease, next(free))
            for way, most in wanted.items()
            for row in self._heads(way, now, lease.at)[:most]
        ]

    async def settle(self, settled: Collection[Settled], server_id: str) -> None:
        """Writes down what became of what was claimed, unless somebody else has it by now."""
        for each in settled:
            removed, changed, added, stale = written(each)
            for key in filter(lambda key: self._is_of(key, server_id), removed):
                del self._rows[key]
            self._rows |= {row.key: row for row in changed if self._is_of(row.key, server_id)}
            self._rows |= {row.key: row for row in added}
            self._mark(stale)

    async def open_sessions(self, group_id: int, account_id: int) -> Sequence[CalledSession]:
        """Returns the open credit-control sessions of an account."""
        sessions = self._store.groups[group_id].sessions.values()
        return sorted(_called(session) for session in sessions if session.account_id == account_id)

    async def expire(self, kind: OutboxKind, before: int, now: int, at: int) -> int:
        """Gives up what has been due since before a moment; returns how much it is."""
        late = [
            row
            for row in self._waiting()
            if row.kind is kind and row.due_at < before and _is_free(row, at)
        ]
        for row in late:
            self._rows[row.key] = row._replace(
                given_up_at=now,
                leased_by=None,
                leased_until=None,
                end_to_end_id=None,
                fault=row.fault or NEVER_REACHED,
            )
            self._mark(stale_by(row, now))
        return len(late)

    async def forget(self, before: int) -> None:
        """Forgets what was given up before a moment."""
        for row in list(self._rows.values()):
            if row.given_up_at is not None and row.given_up_at < before:
                del self._rows[row.key]

    async def measure(self, kind: OutboxKind) -> Measured:
        """Returns how much of a kind waits, and how much was given up."""
        since = [row.created_at for row in self._waiting() if row.kind is kind]
        all_rows = sum(row.kind is kind for row in self._rows.values())
        return Measured(len(since), min(since, default=None), all_rows - len(since))

    async def hold(self, peers: Collection[HeldPeer], lease: Lease) -> None:
        """Writes down which peers a server is connected to, for as long as its lease lasts."""
        self._held[lease.server_id] = lease, peers

    async def hint(self) -> None:
        """Tells other servers that something waits for a peer of theirs."""
        for heard in self._hints:
            heard.set()

    async def hints(self) -> AsyncIterator[None]:
        """Yields whenever another server, or a command, tells that something waits."""
        heard = asyncio.Event()
        self._hints.append(heard)
        while True:
            await heard.wait()
            heard.clear()
            yield

    def _waiting(self) -> Iterator[OutboxRow]:
        return (row for _, row in sorted(self._rows.items()) if row.given_up_at is None)

    def _holders(self, target: str, at: int) -> tuple[str, ...]:
        return tuple(
            server_id
            for server_id, (lease, peers) in self._held.items()
            if lease.until > at and any(peer.host == target.lower() for peer in peers)
        )

    def _heads(self, way: Way, now: int, at: int) -> list[OutboxRow]:
        """Returns the first rows of streams that are due and free, the longest due first."""
        heads: dict[tuple[int, str], OutboxRow] = {}
        for row in self._waiting():
            heads.setdefault((row.group_id, row.stream), row)
        due = [
            row
            for row in heads.values()
            if (row.kind, row.target) == way and row.due_at <= now and _is_free(row, at)
        ]
        return sorted(due, key=lambda row: row.due_at)

    def _take(self, head: OutboxRow, lease: Lease, identifier: int) -> Claimed:
        stream = [
            row
            for row in self._waiting()
            if (row.group_id, row.stream) == (head.group_id, head.stream)
        ]
        sent_as = stream[-1].end_to_end_id
        identifier = identifier if sent_as is None else sent_as
        taken = [
            row._replace(
                leased_by=lease.server_id, leased_until=lease.until, end_to_end_id=identifier
            )
            for row in stream
        ]
        self._rows |= {row.key: row for row in taken}
        left = sent_as is not None, any(row.end_to_end_id is not None for row in stream)
        return Claimed(tuple(taken), lease.at, identifier, *left, self._session_of(head))

    def _session_of(self, row: OutboxRow) -> SpendingLimitSession | CalledSession | None:
        group = self._store.groups[row.group_id]
        if row.kind is OutboxKind.SPENDING_LIMIT:
            limits = group.spending_limits.values()
            return next((each for each in limits if each.number == row.session_number), None)
        if row.kind is OutboxKind.REAUTHORIZATION:
            sessions = group.sessions.values()
            return next((_called(s) for s in sessions if s.number == row.session_number), None)
        return None

    def _mark(self, stale: Sequence[Stale]) -> None:
        for group_id, number, since, version in stale:
            for session in self._store.groups[group_id].spending_limits.values():
                if session.number == number and session.answered_version < version:
                    self._store.groups[group_id].stale[number] = since

    def _is_of(self, key: Key, server_id: str) -> bool:
        row = self._rows.get(key)
        return row is not None and row.leased_by == server_id


def _called(session: Session) -> CalledSession:
    origin = session.origin_host, session.origin_realm
    return CalledSession(session.number, session.key, *origin, session.last_request_at)


def _is_free(row: OutboxRow, at: int) -> bool:
    return row.leased_until is None or row.leased_until <= at
