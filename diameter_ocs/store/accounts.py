"""What commands read, and the transactions in which they change it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import select

from ..charging.accounts import ANY, AccountSummary, Narrowed
from ..charging.catalogue import Catalogue
from ..charging.commands import OpenSession, OpenSpendingLimit, SessionsAsked, Tenant
from ..charging.delivery import ListedRow, OutboxAsked
from ..charging.ledger import Balance
from . import account_rows, listed_outbox, open_sessions, open_spending_limits
from .catalogues import Catalogues
from .commands import TENANTS, PostgresCommandWork
from .database import Connection, Database, renamed_faults
from .outgoing import HINT
from .tables import tenant


class PostgresAccounts:
    """What commands read, and the transactions in which they change it."""

    def __init__(self, database: Database, catalogues: Catalogues) -> None:
        self._database = database
        self._catalogues = catalogues

    @asynccontextmanager
    async def commanding(self) -> AsyncIterator[PostgresCommandWork]:
        """Begins the transaction of a command; servers hear at once of what is to leave."""
        async with self._database.transaction() as connection:
            pooled = await connection.get_raw_connection()
            driver = cast(Connection, pooled.driver_connection)
            commanding = PostgresCommandWork(connection, driver, self._catalogues)
            yield commanding
            if commanding.makes_leave:
                await driver.execute(HINT)

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(tenant.c.name, tenant.c.catalogue_version))
            return {row.name: row.catalogue_version for row in rows}

    async def find_tenants(self, name: str | None) -> Sequence[Tenant]:
        """Returns tenants by name; None: all."""
        statement = TENANTS.order_by(tenant.c.name)
        if name is not None:
            statement = statement.where(tenant.c.name == name)
        async with self._database.transaction() as connection:
            return [Tenant(*row) for row in await connection.execute(statement)]

    async def find_sessions(self, asked: SessionsAsked, limit: int) -> Sequence[OpenSession]:
        """Returns open sessions, by group and number."""
        async with self._database.transaction() as connection:
            return await open_sessions.find(connection, asked, limit)

    async def find_spending_limits(
        self, asked: SessionsAsked, limit: int
    ) -> Sequence[OpenSpendingLimit]:
        """Returns subscriptions to counters, by group and number."""
        async with self._database.transaction() as connection:
            return await open_spending_limits.find(connection, asked, limit)

    async def find_outbox(self, asked: OutboxAsked, limit: int) -> Sequence[ListedRow]:
        """Returns what is to leave, and was given up, what was caused first before the rest."""
        async with self._database.transaction() as connection:
            return await listed_outbox.find(connection, asked, limit)

    async def group_balances(self, group_id: int) -> Sequence[Balance]:
        """Returns the balances of a group, by id."""
        async with self._database.transaction() as connection:
            return await account_rows.balances(connection, group_id)

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""
        with renamed_faults():
            async with self._database.connection() as connection:
                return await self._catalogues.get(connection, tenant_name, version)

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int, narrowed: Narrowed = ANY
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""
        async with self._database.transaction() as connection:
            return await account_rows.find(connection, (tenant_name, name), limit, narrowed)
