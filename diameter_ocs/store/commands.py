"""The transaction of a command: its transaction id, its change and its audit, all or nothing."""

import datetime
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import JSON, Text, cast, delete, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.accounts import ANY, AccountSummary, Narrowed, Opening
from ..charging.catalogue import Catalogue
from ..charging.commands import Claim, Command, Effect, OpenSession, SessionsAsked, Tenant
from ..charging.delivery import Key, OutboxAsked
from ..charging.groups import Group, GroupChange
from ..charging.peers import Acceptance, AcceptedPeer
from . import account_rows, clocks, groups, listed_outbox, open_sessions, peers
from .batches import microseconds
from .catalogues import Catalogues
from .clocks import NOW
from .database import Connection
from .lifecycle import WAKE_TENANT
from .statements import RESOLVE_IDENTITIES
from .tables import account, audit, balance, catalogue, command, moment, subscription, tenant
from .work import PostgresWork

KEPT = datetime.timedelta(days=7)
"""How long a transaction id is remembered."""
FORGOTTEN_MAX = 100
"""Transaction ids that one command forgets, of those kept long enough."""

TENANTS = select(tenant.c.name, tenant.c.catalogue_version, microseconds(tenant.c.suspended_at))
"""Tenants, as they are read."""
_KEY = (command.c.tenant, command.c.operation, command.c.transaction_id)


class PostgresCommandWork:
    """A transaction; `connection` is in it, and `driver` is psycopg's view of the same."""

    def __init__(
        self, connection: AsyncConnection, driver: Connection, catalogues: Catalogues
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._catalogues = catalogues
        self.work = PostgresWork(driver, catalogues)
        self._has_left = False

    @property
    def makes_leave(self) -> bool:
        """Is there something to leave when it is committed?"""
        return self._has_left or any(change.outgoing for change in self.work.changes)

    async def claim(self, asked: Command) -> Claim:
        """Takes a transaction id; waits while somebody else works under it.

        One that was kept long enough counts as forgotten, even where it has not been deleted yet.
        """
        key = (asked.tenant, asked.operation, asked.transaction_id)
        new = postgresql.insert(command).values([(*key, asked.digest, NOW, None)])
        taken = new.on_conflict_do_update(
            index_elements=_KEY,
            set_={"digest": asked.digest, "at": NOW, "answer": None},
            where=command.c.at < NOW - KEPT,
        ).returning(microseconds(command.c.at))
        at = (await self._connection.execute(taken)).scalar()
        if at is not None:
            return Claim(at if asked.at is None else asked.at, None)
        kept = select(command.c.digest, command.c.answer, microseconds(command.c.at))
        found = await self._connection.execute(kept.where(tuple_(*_KEY) == key))
        digest, answer, done_at = found.one()
        return Claim(done_at, (bytes(digest), answer))

    async def conclude(self, asked: Command, at: int, effect: Effect) -> None:
        """Keeps the answer for repeats, writes the audit, and forgets some old transaction ids.

        How long it is kept counts from now, which the command itself may have moved.
        """
        key = (asked.tenant, asked.operation, asked.transaction_id)
        kept = {"answer": dict(effect.answer), "at": NOW}
        await self._connection.execute(update(command).values(kept).where(tuple_(*_KEY) == key))
        await self._connection.execute(
            insert(audit).values(
                at=moment(at),
                tenant=asked.tenant,
                operation=asked.operation,
                account=effect.account,
                actor=asked.actor,
                transaction_id=asked.transaction_id,
                before=effect.before,
                after=effect.after,
            )
        )
        old = (
            select(*_KEY)
            .where(command.c.at < NOW - KEPT)
            .limit(FORGOTTEN_MAX)
            .with_for_update(skip_locked=True)
            .cte("old")
        )
        forgotten = tuple_(*_KEY).in_(select(old))
        await self._connection.execute(delete(command).where(forgotten))

    async def clock_ahead(self) -> int | None:
        """Returns how far the test clock is ahead, which it stays; None: there is none."""
        return await clocks.locked_ahead(self._connection)

    async def move_clock(self, ahead: int) -> None:
        """Has the test clock be so many microseconds ahead."""
        await clocks.move(self._connection, ahead)

    async def tenant(self, name: str, changes: bool) -> Tenant | None:
        """Reads a tenant that stays as it is until the end; None: there is none."""
        statement = TENANTS.where(tenant.c.name == name)
        locking = statement.with_for_update(read=not changes, key_share=changes)
        found = (await self._connection.execute(locking)).first()
        return None if found is None else Tenant(*found)

    async def suspend_tenant(self, name: str, at: int | None) -> None:
        """Notes since when a tenant is suspended; None: it is not."""
        since = None if at is None else moment(at)
        await self._connection.execute(
            update(tenant).values(suspended_at=since).where(tenant.c.name == name)
        )

    async def find_sessions(self, asked: SessionsAsked, limit: int) -> Sequence[OpenSession]:
        """Returns open sessions, by group and number."""
        return await open_sessions.find(self._connection, asked, limit)

    async def retry_outbox(self, asked: OutboxAsked, now: int) -> Sequence[Key]:
        """Has what is to leave tried again, but for what is being delivered; returns it."""
        self._has_left = True
        return await listed_outbox.retry(self._connection, asked, now)

    async def add_tenant(self, name: str) -> bool:
        """Adds a tenant; False: it is there already."""
        new = postgresql.insert(tenant).values(name=name).on_conflict_do_nothing()
        added = await self._connection.execute(new.returning(tenant.c.name))
        return added.first() is not None

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""
        return await self._catalogues.get(self._driver, tenant_name, version)

    async def add_catalogue(
        self,
        tenant_name: str,
        version: int,
        document: str,
        stamp: tuple[int, str],
        source: str | None = None,
    ) -> None:
        """Makes a document the tenant's next version; `source` is the text of it."""
        now, actor = stamp
        row = {
            "tenant": tenant_name,
            "version": version,
            "document": cast(literal(document, Text), JSON),
            "applied_at": moment(now),
            "actor": actor,
            "source": source,
        }
        await self._connection.execute(insert(catalogue).values(row))
        await self._connection.execute(
            update(tenant).values(catalogue_version=version).where(tenant.c.name == tenant_name)
        )

    async def wake_tenant(self, tenant_name: str) -> None:
        """Has the accounts of a tenant looked at as soon as can be: other dates matter now."""
        await self._connection.execute(WAKE_TENANT, {"tenant": tenant_name})

    async def subscribed_plans(self, tenant_name: str) -> Collection[str]:
        """Returns the plans that accounts of a tenant have, or will have."""
        ends = subscription.c.valid_until
        statement = (
            select(subscription.c.plan)
            .join(account, account_rows.same_account(subscription))
            .where(account.c.tenant == tenant_name)
            .where(or_(ends.is_(None), ends > NOW))
            .distinct()
        )
        return (await self._connection.execute(statement)).scalars().all()

    async def held_balance_types(self, tenant_name: str) -> Collection[str]:
        """Returns the types of the balances that accounts of a tenant have."""
        statement = (
            select(balance.c.balance_type)
            .join(account, account_rows.same_account(balance))
            .where(account.c.tenant == tenant_name)
            .distinct()
        )
        return (await self._connection.execute(statement)).scalars().all()

    async def accepted_peer(self, host: str) -> AcceptedPeer | None:
        """Reads the accepted peer of a host."""
        return await peers.find(self._connection, host)

    async def put_peer(self, acceptance: Acceptance) -> None:
        """Accepts a peer, in the place of the one of the same host."""
        await peers.put(self._connection, acceptance)

    async def drop_peer(self, host: str) -> None:
        """Accepts the peer of a host no more."""
        await peers.drop(self._connection, host)

    async def numbers(self, count: int) -> Sequence[int]:
        """Returns numbers for new accounts and balances, never given out before."""
        return await account_rows.numbers(self._connection, count)

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int, narrowed: Narrowed = ANY
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""
        return await account_rows.find(self._connection, (tenant_name, name), limit, narrowed)

    async def load_group(self, group_id: int, now: int) -> Group | None:
        """Locks and reads a group with all its open sessions; None: somebody else has locked it."""
        return await groups.load_group(self.work, self._connection, group_id, now)

    async def apply_group(self, change: GroupChange) -> Sequence[str]:
        """Stores what a command makes of a group; names that are taken are returned: end it."""
        return await groups.apply_group(self.work, self._driver, change)

    async def add_accounts(self, tenant_name: str, openings: Sequence[Opening]) -> Sequence[str]:
        """Adds accounts; if names or identities are taken these are returned: then end it."""
        self._has_left = self._has_left or any(opening.outgoing for opening in openings)
        return await account_rows.add(self._driver, tenant_name, openings)

    async def owners(
        self, tenant_name: str, names: Sequence[tuple[int, str]]
    ) -> Mapping[tuple[int, str], int]:
        """Returns the accounts that have names, by kind (0: an account's own name) and value."""
        parameters = RESOLVE_IDENTITIES.parameters(sorted(set(names)))
        cursor = await self._driver.execute(RESOLVE_IDENTITIES.text, parameters)
        found = await cursor.fetchall()
        return {(kind, value): owner for of, kind, value, _, owner in found if of == tenant_name}
