"""What the use cases need of whatever keeps the accounts; `store` fits it by shape."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ..charging.case import Case, Change
from ..charging.delivery import (
    CalledSession,
    Claimed,
    HeldPeer,
    Lease,
    Measured,
    Settled,
    Waiting,
    Way,
)
from ..charging.outbox import OutboxKind, Outgoing
from ..charging.requests import ChargingRequest, Identity, SessionKey
from ..charging.restarts import GatewayState, Place, Search, Slice
from ..charging.spooled import SpooledRequest

Loaded = tuple[Mapping[int, Case], Collection[ChargingRequest]]
"""The cases of a batch by group, and the requests whose identities left their group meanwhile."""


class Work(Protocol):
    """One transaction; it commits when it is left, and rolls back when an error leaves it.

    Raises:
        StaleCase, CasesUnavailable, BrokenBatch: from every method, and when it is left.
        CatalogueUnreadable: from what reads cases, for all groups of a tenant at once.
    """

    async def lock(
        self,
        groups: Collection[int],
        requests: Sequence[tuple[int, ChargingRequest]] = (),
        now: int = 0,
    ) -> Collection[int]:
        """Locks groups in the order of their ids; returns those that nobody else holds.

        What will be loaded for (group, request) at `now` may be asked for in the same journey.
        """

    async def load(self, requests: Sequence[tuple[int, ChargingRequest]], now: int) -> Loaded:
        """Reads the cases of the locked groups for (group, request); `now` in microseconds."""

    async def load_sessions(
        self,
        keys: Sequence[tuple[int, SessionKey]],
        now: int,
        names: Collection[Identity] = (),
    ) -> Mapping[int, Case]:
        """Reads the cases of the locked groups with the open sessions of (group, session).

        The groups' directories say which of some names are theirs.
        """

    async def apply(self, changes: Sequence[Change]) -> None:
        """Stores what has changed between `before` and `after`, and the EDRs.

        That it cannot be stored may be raised only when the transaction is left.
        """


class Store(Protocol):
    """Keeps accounts, sessions, catalogues and the journal."""

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        """Returns the group of each request; None: nobody's, or more than one group's.

        An INITIAL or an EVENT is found by its identities. Others are found by their session, be it
        open or remembered, and where nobody knows it by their identities.
        """

    async def due_sessions(self, now: int, limit: int) -> Sequence[tuple[int, SessionKey]]:
        """Returns (group, session) of open sessions to look at, those that wait longest first."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """Begins a transaction."""


class Gateways(Protocol):
    """Keeps the greatest Origin-State-Id of gateways; see `store.gateways`."""

    async def note(self, state: GatewayState) -> int:
        """Returns the greatest count of a gateway; if it is this one, its search begins anew."""

    async def take_search(self, now: int, leased_until: int) -> Search | None:
        """Returns a search that nobody else is at, for this process alone until then."""

    async def slice_of(self, search: Search, limit: int) -> Slice:
        """Returns the next so many of the open sessions."""

    async def go_on(self, search: Search, after: Place, search_at: int | None) -> None:
        """Notes how far a search has come, and when it goes on; None: it has ended."""


class Outbox(Protocol):
    """Keeps what is to leave, for all servers; `at` and leases go by the machine's clock.

    Raises:
        StaleCase, CasesUnavailable, BrokenBatch: from every method.
    """

    async def leave(
        self, group_id: int, make: Callable[[int], Sequence[Outgoing]], at: int
    ) -> None:
        """Has something leave that no change of a group causes; it is made with its number."""

    async def waiting(self, at: int) -> Sequence[Waiting]:
        """Returns the ways that something waits for, with those who hold their targets."""

    async def claim(
        self, wanted: Mapping[Way, int], now: int, lease: Lease, identifiers: Sequence[int]
    ) -> Sequence[Claimed]:
        """Returns up to so many streams of each way that are due, for this server alone.

        Each of them needs one of the identifiers.
        """

    async def settle(self, settled: Collection[Settled], server_id: str) -> None:
        """Writes down what became of what was claimed, unless somebody else has it by now."""

    async def open_sessions(self, group_id: int, account_id: int) -> Sequence[CalledSession]:
        """Returns the open credit-control sessions of an account."""

    async def expire(self, kind: OutboxKind, before: int, now: int, at: int) -> int:
        """Gives up what has been due since before a moment; returns how much, of much some."""

    async def forget(self, before: int) -> None:
        """Forgets what was given up before a moment."""

    async def measure(self, kind: OutboxKind) -> Measured:
        """Returns how much of a kind waits, and how much was given up, as far as it is counted."""

    async def hold(self, peers: Collection[HeldPeer], lease: Lease) -> None:
        """Writes down which peers a server is connected to, for as long as its lease lasts."""

    async def hint(self) -> None:
        """Tells other servers that something waits for a peer of theirs."""

    def hints(self) -> AsyncIterator[None]:
        """Yields whenever another server, or a command, tells that something waits."""


class Spool(Protocol):
    """Keeps refused requests so that they outlive the process; one call after the other."""

    left: Sequence[SpooledRequest]
    """What processes that have ended left behind."""

    async def keep(
        self, requests: Sequence[ChargingRequest], at: int
    ) -> Sequence[SpooledRequest | None]:
        """Returns each request once it is on the disk; None: it could not be kept."""

    async def settle(self, numbers: Collection[int]) -> None:
        """Forgets requests that were charged or dropped."""
