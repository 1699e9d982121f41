"""How what is to leave is delivered: who takes it, what becomes of it, when it is tried again."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from .outbox import OutboxKind, Outgoing
from .requests import SessionKey
from .spending_limits import SpendingLimitSession

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS

EXPIRY_SECONDS: Mapping[OutboxKind, int] = {
    OutboxKind.NOTICE: 7 * DAY_SECONDS,
    OutboxKind.SPENDING_LIMIT: DAY_SECONDS,
    OutboxKind.REAUTHORIZATION: HOUR_SECONDS,
    OutboxKind.ABORT: HOUR_SECONDS,
}
"""For how long it is tried to deliver something, be its target there or not.

A gateway that was called in vain for an hour has asked by itself meanwhile, as quotas are valid for
less than that.
"""
RESTS_SECONDS: Mapping[OutboxKind, tuple[float, ...]] = {
    OutboxKind.NOTICE: (1, 2, 5, 15, 60, 300, 900),
    OutboxKind.SPENDING_LIMIT: (1, 2, 5, 15, 60, 300),
    OutboxKind.REAUTHORIZATION: (1, 2, 5, 15, 60, 300),
    OutboxKind.ABORT: (1, 2, 5, 15, 60, 300),
}
"""How long it rests after each attempt in vain; the last of them counts for all that follow."""


def has_expired(row: "OutboxRow", due_at: int) -> bool:
    """Would something be tried again when its time is over?"""
    return due_at >= row.created_at + EXPIRY_SECONDS[row.kind] * 1_000_000


def rest_seconds(kind: OutboxKind, attempts: int) -> float:
    """Returns how long something rests after so many attempts in vain."""
    rests = RESTS_SECONDS[kind]
    return rests[min(attempts, len(rests)) - 1]


PARTS_OF_PART = 100_000
"""What leaves in the place of a row."""
NEVER_REACHED = "no server was connected to its target, or to a relay, in all the time"
"""Why something was given up that nobody ever tried to deliver."""

Key = tuple[int, int, int]
"""Group, number and part of a row."""


class OutboxRow(NamedTuple):
    """Something that is to leave, as it is stored; times in microseconds since 1970."""

    group_id: int
    number: int
    """The version of the group that causes it."""
    part: int
    account_id: int
    kind: OutboxKind
    stream: str
    target: str
    realm: str | None
    session_number: int | None
    session_id: bytes | None
    content: Mapping[str, Any]
    created_at: int
    """When it was caused, or when an operator had it tried again."""
    due_at: int
    """When it leaves, if it is the first of its stream."""
    attempts: int = 0
    """Those in vain."""
    leased_by: str | None = None
    """The server that delivers it."""
    leased_until: int | None = None
    end_to_end_id: int | None = None
    """Of the request that it left with; None: nobody has sent it, or it was answered."""
    fault: str | None = None
    """Why it has not been delivered yet."""
    given_up_at: int | None = None

    @property
    def key(self) -> Key:
        """What no other row has; those of a stream are in this order."""
        return self.group_id, self.number, self.part


class OutboxAsked(NamedTuple):
    """Which rows are asked for; what is None or False does not narrow them."""

    tenant: str | None = None
    account: tuple[int, int] | None = None
    """Group and account."""
    kind: OutboxKind | None = None
    key: Key | None = None
    is_given_up: bool = False


class ListedRow(NamedTuple):
    """A row with the names of whom it is about."""

    row: OutboxRow
    tenant: str | None
    """None: it is nobody's, as its account is not there any more or never was."""
    account: str | None
    is_held: bool
    """A server is connected to its target."""


class Way(NamedTuple):
    """What is sent to whom."""

    kind: OutboxKind
    target: str


class Waiting(NamedTuple):
    """A way that something waits for."""

    way: Way
    realm: str | None
    """That of the peer."""
    due_at: int
    """When the first of it is to leave, microseconds since 1970."""
    holders: tuple[str, ...]
    """The servers that the target is connected to."""


class Lease(NamedTuple):
    """What a server takes is its own for a while, by the clock of its machine.

    Test clocks do not move it. Times in microseconds since 1970.
    """

    server_id: str
    at: int
    until: int


class HeldPeer(NamedTuple):
    """A peer that a server is connected to; names are in lower case."""

    host: str
    realm: str
    is_relay: bool
    application_ids: frozenset[int]


class CalledSession(NamedTuple):
    """An open credit-control session that is called to ask again, as it is now."""

    number: int
    key: SessionKey
    origin_host: str
    origin_realm: str
    last_request_at: int
    """Microseconds since 1970."""


class Claimed(NamedTuple):
    """The rows of one stream that a server delivers, in their order; nobody else does meanwhile."""

    rows: tuple[OutboxRow, ...]
    at: int
    """When they were claimed, by the clock of the lease."""
    end_to_end_id: int
    """Of the request that they leave with, if it is one."""
    was_sent: bool
    """They may have left under this id before, all of them and no others."""
    may_have_left: bool = False
    """Some of them may have left before, under this id or another."""
    session: SpendingLimitSession | CalledSession | None = None
    """What they are about, if it is a session and there still is one."""

    @property
    def may_be_known(self) -> bool:
        """Some of them may have arrived, even if the target has refused a later request."""
        return self.may_have_left or any(row.attempts > 0 for row in self.rows)

    @property
    def head(self) -> OutboxRow:
        """The first row."""
        return self.rows[0]

    @property
    def way(self) -> Way:
        """The way that all of them go."""
        return Way(self.head.kind, self.head.target)


class Measured(NamedTuple):
    """How much there is of a kind."""

    waiting: int
    since: int | None
    """When the oldest of that was caused, microseconds since 1970."""
    given_up: int


class Result(StrEnum):
    """What became of what was claimed."""

    DELIVERED = "delivered"
    DROPPED = "dropped"
    """There was nobody to tell any more, or nothing new to tell."""
    EXPANDED = "expanded"
    """Others leave in its place."""
    PUT_OFF = "put_off"
    GIVEN_UP = "given_up"


class Fate(NamedTuple):
    """What became of the rows that were claimed."""

    result: Result
    fault: str | None = None
    """Why they were not delivered."""
    is_answered: bool = False
    """The target said so itself: what leaves next is another request."""
    has_left: bool = True
    """Where nobody answered: the request may have arrived."""
    seconds: float | None = None
    """How long they rest; None: by the number of attempts."""
    delivered: int = 0
    """So many of the first rows were delivered before the others were put off."""
    is_attempt: bool = True
    """It counts as an attempt in vain."""
    is_target_away: bool = False
    """Nothing else will reach the target now either: all that is for it waits, this too."""
    instead: tuple[Outgoing, ...] = ()
    """What leaves in their place."""
    expired: int = 0
    """So many of the first that are put off are given up: they have waited for too long."""


class Settled(NamedTuple):
    """What was claimed, and what became of it: to be written down."""

    claimed: Claimed
    fate: Fate
    at: int
    """When it was so; microseconds since 1970, as the next."""
    due_at: int
    """When rows that were put off are tried again."""


class Stale(NamedTuple):
    """A subscription whose policy server is not up to date, unless it was answered since."""

    group_id: int
    number: int
    since: int
    version: int
    """The version of the group that it was not told of."""


class Written(NamedTuple):
    """What becomes of stored rows."""

    removed: Sequence[Key]
    changed: Sequence[OutboxRow]
    added: Sequence[OutboxRow]
    stale: Sequence[Stale]


def written(settled: Settled) -> Written:
    """Returns what becomes of the rows that were claimed."""
    claimed, fate, at, due_at = settled
    is_put_off = fate.result is Result.PUT_OFF
    is_given_up = fate.result is Result.GIVEN_UP
    kept = claimed.rows[fate.delivered :] if is_put_off or is_given_up else ()
    is_over = fate.is_answered or is_given_up or not (fate.has_left or claimed.may_have_left)
    changed = [
        row._replace(
            due_at=due_at if is_put_off else row.due_at,
            attempts=row.attempts + (fate.is_attempt and not fate.is_target_away),
            leased_by=None,
            leased_until=None,
            end_to_end_id=None if is_over else row.end_to_end_id,
            fault=fate.fault,
            given_up_at=at if is_given_up or place < fate.expired else None,
        )
        for place, row in enumerate(kept)
    ]
    head = claimed.head
    stale = stale_by(claimed.rows[-1], at) if is_given_up else []
    removed = [row.key for row in claimed.rows[: len(claimed.rows) - len(kept)]]
    return Written(removed, changed, _instead(head, fate.instead, at), stale)


def stale_by(row: OutboxRow, at: int) -> list[Stale]:
    """Returns which subscription is stale when a row is given up."""
    if row.kind is not OutboxKind.SPENDING_LIMIT or row.session_number is None:
        return []
    return [Stale(row.group_id, row.session_number, at, row.number)]


def row_of(key: Key, each: Outgoing, at: int) -> OutboxRow:
    """Returns the row of what is to leave."""
    return OutboxRow(
        *key,
        each.account_id,
        each.kind,
        each.stream,
        each.target,
        each.realm,
        each.session_number,
        each.session_id,
        each.content,
        at,
        at,
    )


def _instead(head: OutboxRow, outgoing: Sequence[Outgoing], at: int) -> Sequence[OutboxRow]:
    """Returns what leaves in the place of a row: with its number, and parts of its own."""
    first = (head.part + 1) * PARTS_OF_PART
    return [
        row_of((head.group_id, head.number, first + n), each, at) for n, each in enumerate(outgoing)
    ]
