"""A store without a database: the twin of the PostgreSQL one, for tests and trials.

It passes the same tests. Its transactions are one after the other, and what it keeps is gone with
the process.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from ..charging import groups as charging
from ..charging.accounts import ANY, AccountSummary, Narrowed, Opening
from ..charging.case import Case, Change
from ..charging.catalogue import Catalogue
from ..charging.commands import (
    AuditEntry,
    Claim,
    Command,
    Effect,
    OpenSession,
    OpenSpendingLimit,
    SessionsAsked,
    Tenant,
)
from ..charging.delivery import Key, ListedRow, OutboxAsked, OutboxRow, row_of
from ..charging.faults import CatalogueUnreadable, StaleCase
from ..charging.groups import GroupChange
from ..charging.ledger import Balance
from ..charging.peers import Acceptance, AcceptedPeer
from ..charging.requests import NAMING, ChargingRequest, Identity, SessionKey
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest, Whereabouts
from .catalogues import ReadCatalogue
from .memory_directory import MemoryDirectory
from .memory_groups import Group, answered, is_asked_for, is_meant, refundable
from .memory_listed_outbox import listed, retried
from .memory_tenants import MemoryTenants
from .names import Entry, names_of_group, names_of_opening


class MemoryStore:
    """Accounts, sessions, catalogues and the journal in dictionaries."""

    def __init__(self, read: ReadCatalogue, on_leaving: Callable[[], None] = lambda: None) -> None:
        """`on_leaving` is called after each commit of something that is to leave."""
        self.on_leaving = on_leaving
        self.known_tenants = MemoryTenants(read)
        self._last_number = 0
        self._turn = asyncio.Lock()
        self.groups: dict[int, Group] = {}
        self.directory = MemoryDirectory(self.groups)
        self.locked: set[int] = set()
        self.peers: dict[str, Acceptance] = {}
        self.commands: dict[tuple[str, str, str], tuple[bytes, Mapping[str, Any]]] = {}
        self.audit: list[AuditEntry] = []
        self.clock_ahead: int | None = None
        self.outbox: dict[Key, OutboxRow] = {}

    async def resolve(self, requests: Sequence[ChargingRequest]) -> Sequence[int | None]:
        """Returns the group of each request; None: nobody's, or more than one group's."""
        return [self.directory.group_of(request) for request in requests]

    async def whereabouts(
        self, requests: Sequence[SpendingLimitRequest | SpendingLimitEnd]
    ) -> Sequence[Whereabouts]:
        """Returns which groups each request concerns."""
        return [self.directory.whereabouts(request) for request in requests]

    async def due_sessions(self, now: int, limit: int) -> Sequence[tuple[int, SessionKey]]:
        """Returns (group, session) of open sessions to look at, those that wait longest first."""
        due = sorted(
            (session.supervise_at, number, session.number, key)
            for number, group in self.groups.items()
            for key, session in group.sessions.items()
            if session.supervise_at <= now
        )
        return [(number, key) for _, number, _, key in due[:limit]]

    @asynccontextmanager
    async def work(self) -> AsyncIterator["MemoryWork"]:
        """Begins a transaction; what it applies is kept when it is left without an error."""
        work = MemoryWork(self)
        try:
            yield work
            work.commit()
        finally:
            self.locked -= work.groups

    @asynccontextmanager
    async def commanding(self) -> AsyncIterator["MemoryCommandWork"]:
        """Begins the transaction of a command: one after the other."""
        async with self._turn, self.work() as work:
            commanding = MemoryCommandWork(self, work)
            yield commanding
            commanding.commit()

    def add_account(self, tenant_name: str, opening: Opening) -> None:
        """Adds an account whose names are free."""
        self.groups[opening.account.id] = Group(tenant_name, opening)
        self.directory.add(names_of_opening(tenant_name, opening))
        for part, each in enumerate(opening.outgoing):
            row = row_of((opening.account.id, opening.edr.number, part), each, opening.edr.at)
            self.outbox[row.key] = row

    def change_group(self, change: GroupChange) -> None:
        """Makes of a group what a command does, but for what charging reads."""
        before, after = names_of_group(change.before), names_of_group(change.after)
        self.directory.remove(before - after)
        self.directory.add(after - before)
        self.groups[change.after.case.group_id].take(change.after)

    def now(self) -> int:
        """Returns what time it is here."""
        return time.time_ns() // 1000 + (self.clock_ahead or 0)

    def next_numbers(self, count: int) -> Sequence[int]:
        """Returns numbers that were never given out before."""
        first = self._last_number + 1
        self._last_number += count
        return range(first, first + count)

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""
        return self.known_tenants.versions

    async def find_tenants(self, name: str | None) -> Sequence[Tenant]:
        """Returns tenants by name; None: all."""
        return self.known_tenants.find(name)

    async def find_sessions(self, asked: SessionsAsked, limit: int) -> Sequence[OpenSession]:
        """Returns open sessions, by group and number."""
        found = [
            OpenSession(number, group.accounts[session.account_id].name, group.tenant, session)
            for number, group in self.groups.items()
            for session in group.sessions.values()
            if asked.tenant in (None, group.tenant)
            and asked.account in (None, (number, session.account_id))
            and asked.session_id in (None, session.key.session_id)
            and asked.place in (None, (number, session.number))
        ]
        found.sort(key=lambda each: (each.group_id, each.session.number))
        return found[:limit]

    async def find_outbox(self, asked: OutboxAsked, limit: int) -> Sequence[ListedRow]:
        """Returns what is to leave, and was given up, what was caused first before the rest."""
        return listed(self.outbox.values(), self.groups, asked)[:limit]

    async def find_spending_limits(
        self, asked: SessionsAsked, limit: int
    ) -> Sequence[OpenSpendingLimit]:
        """Returns subscriptions to counters, by group and number."""
        rows = self.outbox.values()
        found = [
            each
            for number, group in sorted(self.groups.items())
            for each in group.policed(number, [row for row in rows if row.group_id == number])
            if is_asked_for(each, asked)
        ]
        return found[:limit]

    async def group_balances(self, group_id: int) -> Sequence[Balance]:
        """Returns the balances of a group, by id."""
        return sorted(self.groups[group_id].balances.values())

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""
        return self.known_tenants.catalogue(tenant_name, version)

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int, narrowed: Narrowed = ANY
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""
        now = self.now()
        found = [
            account
            for _, group in sorted(self.groups.items())
            for account in group.summaries()
            if tenant_name in (None, group.tenant)
            if name in (None, account.name) and is_meant(account, narrowed, now)
        ]
        return found[:limit]

    def case(self, number: int, requests: Sequence[ChargingRequest], now: int) -> Case:
        """Returns what is stored of a group, with the sessions and identities asked for."""
        group = self.groups[number]
        try:
            catalogue = self.known_tenants.catalogue(group.tenant)
        except CatalogueUnreadable as fault:
            groups = [n for n, each in self.groups.items() if each.tenant == group.tenant]
            raise fault.of(groups) from None
        keys = {request.session_key for request in requests}
        bearers = {request.charging_id for request in requests} - {None}
        opened = {
            key: session
            for key, session in group.sessions.items()
            if key in keys or session.charging_id in bearers
        }
        naming = {request.session_key for request in requests if request.request_type in NAMING}
        looked_for = naming | (keys - opened.keys())
        asking = [request for request in requests if request.session_key in looked_for]
        identities = {identity for request in asking for identity in request.identities}
        closed = {key: group.closed[key] for key in looked_for & group.closed.keys()}
        case = Case(
            now=max(now, group.last_at),
            group_id=number,
            version=group.version,
            catalogue=catalogue,
            directory=self.directory.accounts_named(identities, number, group.tenant),
            accounts=group.accounts,
            balances=dict(group.balances),
            sessions=opened,
            closed=closed,
            answered=answered(group, requests, opened, closed),
            is_tenant_suspended=self.known_tenants.is_suspended(group.tenant),
            on_net=self.directory.on_net(asking, group.tenant),
            refundable=refundable(group, requests, opened, closed, max(now, group.last_at)),
            spending_limits=group.spending_limits,
        )
        return group.with_all(case).case

    def case_with(
        self,
        number: int,
        keys: Collection[SessionKey],
        now: int,
        names: Collection[Identity] = (),
    ) -> Case:
        """Returns what is stored of a group, with open sessions of some keys, and some names."""
        group = self.groups[number]
        opened = {key: group.sessions[key] for key in keys if key in group.sessions}
        directory = self.directory.accounts_named(names, number, group.tenant)
        return self.case(number, (), now)._replace(sessions=opened, directory=directory)


class MemoryWork:
    """A transaction on a memory store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._changes: list[Change] = []
        self.groups: set[int] = set()

    async def lock(
        self,
        groups: Collection[int],
        requests: Sequence[tuple[int, ChargingRequest]] = (),
        now: int = 0,
    ) -> Collection[int]:
        """Locks the groups that nobody else has locked, and returns them."""
        self.groups = (set(groups) & self._store.groups.keys()) - self._store.locked
        self._store.locked |= self.groups
        return self.groups

    async def load(
        self, requests: Sequence[tuple[int, ChargingRequest]], now: int
    ) -> tuple[Mapping[int, Case], Collection[ChargingRequest]]:
        """Reads the cases of the locked groups for (group, request); `now` in microseconds."""
        cases = {
            number: self._store.case(
                number, [request for group, request in requests if group == number], now
            )
            for number in self.groups
        }
        moved = [
            request
            for group, request in requests
            if self._store.directory.is_misplaced(group, request)
        ]
        return cases, moved

    async def load_sessions(
        self,
        keys: Sequence[tuple[int, SessionKey]],
        now: int,
        names: Collection[Identity] = (),
    ) -> Mapping[int, Case]:
        """Reads the cases of the locked groups with the open sessions of (group, session)."""
        return {
            number: self._store.case_with(
                number, {key for group, key in keys if group == number}, now, names
            )
            for number in self.groups
        }

    async def apply(self, changes: Sequence[Change]) -> None:
        """Keeps the changes for the commit.

        Raises:
            StaleCase: a group is not as it was read.
        """
        for change in changes:
            if self._store.groups[change.before.group_id].version != change.before.version:
                raise StaleCase
        self._changes += changes

    def commit(self) -> None:
        """Makes the changes."""
        for before, after, edrs, outgoing in self._changes:
            group = self._store.groups[before.group_id]
            group.version = after.version
            group.last_at = after.now
            group.balances.update(after.balances)
            for key in before.sessions.keys() - after.sessions.keys():
                del group.sessions[key]
            group.sessions.update(after.sessions)
            group.closed.update(after.closed)
            group.edrs += edrs
            group.keep(after)
            for part, each in enumerate(outgoing):
                row = row_of((before.group_id, after.version, part), each, after.now)
                self._store.outbox[row.key] = row
        if any(change.outgoing for change in self._changes):
            self._store.on_leaving()


class MemoryCommandWork:
    """A transaction of a command on a memory store; what it writes is kept for the commit."""

    def __init__(self, store: MemoryStore, work: MemoryWork) -> None:
        self._store = store
        self._writes: list[Callable[[], object]] = []
        self._names: list[Entry] = []
        self.work = work

    async def claim(self, asked: Command) -> Claim:
        """Looks whether the transaction id is known."""
        kept = self._store.commands.get((asked.tenant, asked.operation, asked.transaction_id))
        return Claim(self._store.now() if asked.at is None else asked.at, kept)

    async def conclude(self, asked: Command, at: int, effect: Effect) -> None:
        """Keeps the answer for repeats, and writes the audit."""
        key = asked.tenant, asked.operation, asked.transaction_id
        kept = asked.digest, json.loads(json.dumps(effect.answer))
        self._writes.append(lambda: self._store.commands.update({key: kept}))
        entry = AuditEntry(
            at,
            asked.actor,
            asked.operation,
            asked.tenant,
            effect.account,
            asked.transaction_id,
            effect.before,
            effect.after,
        )
        self._writes.append(lambda: self._store.audit.append(entry))

    async def clock_ahead(self) -> int | None:
        """Returns how far the test clock is ahead; None: there is none."""
        return self._store.clock_ahead

    async def move_clock(self, ahead: int) -> None:
        """Has the test clock be so many microseconds ahead."""
        self._writes.append(lambda: setattr(self._store, "clock_ahead", ahead))

    async def tenant(self, name: str, changes: bool) -> Tenant | None:
        """Reads a tenant; None: there is none."""
        return next(iter(await self._store.find_tenants(name)), None)

    async def suspend_tenant(self, name: str, at: int | None) -> None:
        """Notes since when a tenant is suspended; None: it is not."""
        self._writes.append(lambda: self._store.known_tenants.suspend(name, at))

    async def find_sessions(self, asked: SessionsAsked, limit: int) -> Sequence[OpenSession]:
        """Returns open sessions, by group and number."""
        return await self._store.find_sessions(asked, limit)

    async def retry_outbox(self, asked: OutboxAsked, now: int) -> Sequence[Key]:
        """Has what is to leave tried again, but for what is being delivered; returns it."""
        again = retried(self._store.outbox, self._store.groups, asked, now)
        self._writes.append(partial(self._store.outbox.update, again))
        self._writes.append(self._store.on_leaving)
        return sorted(again)

    async def add_tenant(self, name: str) -> bool:
        """Adds a tenant; False: it is there already."""
        self._writes.append(lambda: self._store.known_tenants.add(name))
        return name not in await self._store.tenants()

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""
        return await self._store.read_catalogue(tenant_name, version)

    async def add_catalogue(
        self,
        tenant_name: str,
        version: int,
        document: str,
        stamp: tuple[int, str],
        source: str | None = None,
    ) -> None:
        """Makes a document the tenant's next version; nobody reads its text here."""
        add = partial(self._store.known_tenants.add_catalogue, tenant_name, version, document)
        self._writes.append(add)

    async def wake_tenant(self, tenant_name: str) -> None:
        """Has the accounts of a tenant looked at as soon as can be: other dates matter now."""
        groups = [each for each in self._store.groups.values() if each.tenant == tenant_name]
        self._writes += [group.wake_soon for group in groups]

    async def subscribed_plans(self, tenant_name: str) -> Collection[str]:
        """Returns the plans that accounts of a tenant have, or will have."""
        now = self._store.now()
        groups = self._store.groups.values()
        return {
            each.plan
            for group in groups
            if group.tenant == tenant_name
            for each in group.subscriptions.values()
            if each.valid_until is None or each.valid_until > now
        }

    async def held_balance_types(self, tenant_name: str) -> Collection[str]:
        """Returns the types of the balances that accounts of a tenant have."""
        return {
            balance.balance_type
            for group in self._store.groups.values()
            if group.tenant == tenant_name
            for balance in group.balances.values()
        }

    async def accepted_peer(self, host: str) -> AcceptedPeer | None:
        """Reads the accepted peer of a host."""
        found = self._store.peers.get(host)
        return None if found is None else found.peer

    async def put_peer(self, acceptance: Acceptance) -> None:
        """Accepts a peer, in the place of the one of the same host."""
        accepted = {acceptance.peer.host: acceptance}
        self._writes.append(partial(self._store.peers.update, accepted))

    async def drop_peer(self, host: str) -> None:
        """Accepts the peer of a host no more."""
        self._writes.append(partial(self._store.peers.pop, host))

    async def numbers(self, count: int) -> Sequence[int]:
        """Returns numbers for new accounts and balances, never given out before."""
        return self._store.next_numbers(count)

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int, narrowed: Narrowed = ANY
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""
        return await self._store.find_accounts(tenant_name, name, limit, narrowed)

    async def load_group(self, group_id: int, now: int) -> charging.Group | None:
        """Locks and reads a group with all its open sessions; None: somebody else has locked it."""
        if not await self.work.lock([group_id]):
            return None
        group = self._store.groups[group_id]
        return group.with_all(self._store.case_with(group_id, group.sessions, now))

    async def apply_group(self, change: GroupChange) -> Sequence[str]:
        """Stores what a command makes of a group; names that are taken are returned: end it."""
        before, after = names_of_group(change.before), names_of_group(change.after)
        await self.work.apply([change.charged])
        self._writes.append(partial(self._store.change_group, change))
        return self._store.directory.taken(after - before, before - after)

    async def add_accounts(self, tenant_name: str, openings: Sequence[Opening]) -> Sequence[str]:
        """Adds accounts; if names or identities are taken these are returned: then end it."""
        for opening in openings:
            self._writes.append(partial(self._store.add_account, tenant_name, opening))
        self._names += [name for each in openings for name in names_of_opening(tenant_name, each)]
        return self._store.directory.taken(self._names)

    async def owners(
        self, tenant_name: str, names: Sequence[tuple[int, str]]
    ) -> Mapping[tuple[int, str], int]:
        """Returns the accounts that have names, by kind (0: an account's own name) and value."""
        new = {entry[:3]: entry[4] for entry in reversed(self._names)}
        keys = [(kind, value, tenant_name) for kind, value in names]
        found = {key[:2]: self._store.directory.owner(key) or new.get(key) for key in keys}
        return {name: owner for name, owner in found.items() if owner is not None}

    def commit(self) -> None:
        """Makes the writes."""
        for write in self._writes:
            write()
