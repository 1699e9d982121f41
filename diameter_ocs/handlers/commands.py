"""A command is done once: its transaction id, its change and its audit are one transaction."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from ..charging.accounts import ANY, AccountSummary, Narrowed, Opening
from ..charging.case import Case
from ..charging.catalogue import Catalogue
from ..charging.commands import (
    Claim,
    Command,
    Effect,
    OpenSession,
    OpenSpendingLimit,
    SessionsAsked,
    Tenant,
)
from ..charging.delivery import Key, ListedRow, OutboxAsked
from ..charging.faults import CasesUnavailable, StaleCase
from ..charging.groups import Group, GroupChange
from ..charging.ledger import Balance
from ..charging.peers import Acceptance, AcceptedPeer
from ..charging.requests import SessionKey
from .ports import Work
from .refusals import Refusal

LOCK_TRIES = 200
LOCK_WAIT_SECONDS = 0.05
"""A command waits for an account that is being charged; never for long."""
TRANSACTION_ID_MAX = 100
NOBODYS = ""
"""The tenant of a command that concerns none."""


class Order(NamedTuple):
    """Who gives a command, and the name by which it is done once."""

    actor: str
    transaction_id: str | None = None
    """None: one is made up."""
    at: int | None = None
    """When, in microseconds since 1970; None: now, by the clock of the store."""


class Done(NamedTuple):
    """What a command answers."""

    answer: Mapping[str, Any]
    transaction_id: str
    is_repeated: bool

    def as_dict(self) -> dict[str, Any]:
        """Returns the answer as programs read it."""
        return {
            **self.answer,
            "transaction_id": self.transaction_id,
            "repeated": self.is_repeated,
        }


class FindsAccounts(Protocol):
    """Whatever accounts and their sessions can be found in."""

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int, narrowed: Narrowed = ANY
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""

    async def find_sessions(self, asked: SessionsAsked, limit: int) -> Sequence[OpenSession]:
        """Returns open sessions, by group and number."""


class CommandWork(FindsAccounts, Protocol):
    """One transaction of a command; it ends as `Work` does, and raises the same."""

    @property
    def work(self) -> Work:
        """What charging does within the transaction."""

    async def claim(self, command: Command) -> Claim:
        """Takes a transaction id; waits while somebody else works under it."""

    async def conclude(self, command: Command, at: int, effect: Effect) -> None:
        """Keeps the answer for repeats, and writes the audit."""

    async def clock_ahead(self) -> int | None:
        """Returns how far the test clock is ahead, which it stays; None: there is none."""

    async def move_clock(self, ahead: int) -> None:
        """Has the test clock be so many microseconds ahead."""

    async def tenant(self, name: str, changes: bool) -> Tenant | None:
        """Reads a tenant that stays as it is until the end; None: there is none.

        Of those who say that they change it there is one at a time, and nobody else.
        """

    async def retry_outbox(self, asked: OutboxAsked, now: int) -> Sequence[Key]:
        """Has what is to leave tried again, but for what is being delivered; returns it."""

    async def add_tenant(self, name: str) -> bool:
        """Adds a tenant; False: it is there already."""

    async def suspend_tenant(self, name: str, at: int | None) -> None:
        """Notes since when a tenant is suspended; None: it is not."""

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""

    async def add_catalogue(
        self,
        tenant_name: str,
        version: int,
        document: str,
        stamp: tuple[int, str],
        source: str | None = None,
    ) -> None:
        """Makes a document the tenant's next version; `source` is the text of it."""

    async def wake_tenant(self, tenant_name: str) -> None:
        """Has the accounts of a tenant looked at as soon as can be: other dates matter now."""

    async def subscribed_plans(self, tenant_name: str) -> Collection[str]:
        """Returns the plans that accounts of a tenant have."""

    async def held_balance_types(self, tenant_name: str) -> Collection[str]:
        """Returns the types of the balances that accounts of a tenant have."""

    async def accepted_peer(self, host: str) -> AcceptedPeer | None:
        """Reads the accepted peer of a host."""

    async def put_peer(self, acceptance: Acceptance) -> None:
        """Accepts a peer, in the place of the one of the same host."""

    async def drop_peer(self, host: str) -> None:
        """Accepts the peer of a host no more."""

    async def numbers(self, count: int) -> Sequence[int]:
        """Returns numbers for new accounts and balances, never given out before."""

    async def load_group(self, group_id: int, now: int) -> Group | None:
        """Locks and reads a group with all its open sessions; None: somebody else has locked it."""

    async def apply_group(self, change: GroupChange) -> Sequence[str]:
        """Stores what a command makes of a group; names that are taken are returned: end it."""

    async def add_accounts(self, tenant_name: str, openings: Sequence[Opening]) -> Sequence[str]:
        """Adds accounts; if names or identities are taken these are returned: then end it."""

    async def owners(
        self, tenant_name: str, names: Sequence[tuple[int, str]]
    ) -> Mapping[tuple[int, str], int]:
        """Returns the accounts that have names, by kind (0: an account's own name) and value."""


class Accounts(FindsAccounts, Protocol):
    """What the commands need of whatever keeps the accounts."""

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""

    async def find_spending_limits(
        self, asked: SessionsAsked, limit: int
    ) -> Sequence[OpenSpendingLimit]:
        """Returns subscriptions to counters, by group and number."""

    async def find_outbox(self, asked: OutboxAsked, limit: int) -> Sequence[ListedRow]:
        """Returns what is to leave, and was given up, what was caused first before the rest."""

    async def group_balances(self, group_id: int) -> Sequence[Balance]:
        """Returns the balances of a group, by id."""

    async def find_tenants(self, name: str | None) -> Sequence[Tenant]:
        """Returns tenants by name; None: all."""

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""

    def commanding(self) -> AbstractAsyncContextManager[CommandWork]:
        """Begins the transaction of a command."""


Change = Callable[[CommandWork, tuple[int, str]], Awaitable[Effect]]
"""Makes a change, given when (microseconds since 1970) and by whom."""


class Busy(Exception):
    """A group is locked by somebody else, or was changed before it was: try once more."""


async def perform(
    accounts: Accounts, order: Order, operation: str, subject: tuple[str, Any], change: Change
) -> Done:
    """Makes a change once, however often it is asked for under one transaction id.

    `subject` is the tenant and the body: what was asked, as it can be written as JSON. A change
    that is refused leaves nothing, and may be asked for again under the same transaction id. Of
    what the change reads all that matters must be read within its transaction.

    Raises:
        Refusal: by the change; or the transaction id was used for something else.
        CasesUnavailable: the store is away; after a loss the sentence says how to ask again.
    """
    command = _command(order, operation, *subject)
    for _ in range(LOCK_TRIES):
        has_claimed = False
        try:
            async with accounts.commanding() as work:
                claim = await work.claim(command)
                if claim.kept is not None:
                    return _repeated(command, *claim.kept)
                has_claimed = True
                effect = await change(work, (claim.at, command.actor))
                await work.conclude(command, claim.at, effect)
            return Done(effect.answer, command.transaction_id, False)
        except CasesUnavailable as fault:
            if not has_claimed:
                raise
            again = f"give it again with --transaction-id {command.transaction_id}"
            raise CasesUnavailable(f"{fault}; whether it was done is not known, {again}") from fault
        except (StaleCase, Busy):
            await asyncio.sleep(LOCK_WAIT_SECONDS)
    raise Refusal("busy", f"{operation}: the account is busy: try again")


async def locked_case(
    work: CommandWork, group: int, now: int, sessions: Collection[SessionKey] = ()
) -> Case:
    """Locks a group and reads it, with some of its open sessions.

    Raises:
        Busy: somebody else has locked it, or it is not there any more.
    """
    if not await work.work.lock([group]):
        raise Busy
    cases = await work.work.load_sessions([(group, key) for key in sessions], now)
    return cases[group]


def _command(order: Order, operation: str, tenant: str, body: Any) -> Command:
    transaction_id = str(uuid.uuid4()) if order.transaction_id is None else order.transaction_id
    if not (0 < len(transaction_id) <= TRANSACTION_ID_MAX and transaction_id.isprintable()):
        raise Refusal(
            "invalid_transaction_id",
            f"a transaction id has 1 to {TRANSACTION_ID_MAX} printable characters",
        )
    text = json.dumps(body, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(text.encode()).digest()
    return Command(tenant, operation, transaction_id, order.actor, order.at, digest)


def _repeated(command: Command, digest: bytes, answer: Mapping[str, Any]) -> Done:
    if digest != command.digest:
        raise Refusal(
            "transaction_id_reused",
            f"{command.operation} was done with transaction id {command.transaction_id!r} and"
            " asked for something else: choose another id",
        )
    return Done(answer, command.transaction_id, True)
