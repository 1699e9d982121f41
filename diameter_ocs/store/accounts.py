"""Tenants, catalogues and accounts as commands make and list them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Any

from psycopg import errors
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    schema,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from ..charging.accounts import AccountSummary, Opening
from ..charging.catalogue import Catalogue
from ..charging.ledger import Balance
from ..charging.requests import Identity, IdentityKind
from . import edrs
from .batches import Statement, insert_batch, microseconds
from .catalogues import Catalogues
from .database import Connection, Database, renamed_faults
from .reading import Row
from .statements import INSERT_EDRS, RESOLVE_IDENTITIES
from .tables import (
    account,
    balance,
    catalogue,
    device,
    directory,
    moment,
    subscription,
    tenant,
)
from .work import PostgresStore, PostgresWork

ACCOUNT_NAME, DEVICE_NAME = 0, -1
"""Kinds of directory entries that are no identities but the operator's own names."""


_INSERT_ACCOUNTS = insert_batch(account)
_INSERT_DEVICES = insert_batch(device)
_INSERT_DIRECTORY = insert_batch(directory)
_INSERT_SUBSCRIPTIONS = insert_batch(subscription)
_INSERT_BALANCES = insert_batch(balance)
_BALANCES = (
    select(
        *list(balance.c)[1:-3],
        microseconds(balance.c.valid_from),
        microseconds(balance.c.valid_until),
        balance.c.subscription_id,
    )
    .where(balance.c.group_id == any_(bindparam("groups", type_=ARRAY(BigInteger))))
    .order_by(balance.c.id)
)
_NUMBER = schema.Sequence("account_number")


class PostgresAccounts:
    """What commands read and write; a change of balances goes through the same work as charging."""

    def __init__(self, database: Database, catalogues: Catalogues, store: PostgresStore) -> None:
        self._database = database
        self._catalogues = catalogues
        self._store = store

    def work(self) -> AbstractAsyncContextManager[PostgresWork]:
        """Begins a transaction."""
        return self._store.work()

    async def add_tenant(self, name: str) -> bool:
        """Adds a tenant; False: it is there already."""
        new = insert(tenant).values(name=name).on_conflict_do_nothing()
        async with self._database.transaction() as connection:
            added = await connection.execute(new.returning(tenant.c.name))
            return added.first() is not None

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(tenant.c.name, tenant.c.catalogue_version))
            return {row.name: row.catalogue_version for row in rows}

    async def add_catalogue(
        self, tenant_name: str, version: int, document: str, stamp: tuple[int, str]
    ) -> bool:
        """Makes a document the tenant's next version; False: somebody else was faster."""
        now, actor = stamp
        row = {
            "tenant": tenant_name,
            "version": version,
            "document": cast(literal(document, Text), JSON),
            "applied_at": moment(now),
            "actor": actor,
        }
        async with self._database.transaction() as connection:
            added = await connection.execute(
                insert(catalogue)
                .values(row)
                .on_conflict_do_nothing()
                .returning(catalogue.c.version)
            )
            if added.first() is None:
                return False
            await connection.execute(
                update(tenant).values(catalogue_version=version).where(tenant.c.name == tenant_name)
            )
            return True

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""
        with renamed_faults():
            async with self._database.connection() as connection:
                return await self._catalogues.get(connection, tenant_name, version)

    async def subscribed_plans(self, tenant_name: str) -> Collection[str]:
        """Returns the plans that accounts of a tenant have."""
        statement = (
            select(subscription.c.plan)
            .join(account, _same_account(subscription))
            .where(account.c.tenant == tenant_name)
            .distinct()
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).scalars().all()

    async def held_balance_types(self, tenant_name: str) -> Collection[str]:
        """Returns the types of the balances that accounts of a tenant have."""
        statement = (
            select(balance.c.balance_type)
            .join(account, _same_account(balance))
            .where(account.c.tenant == tenant_name)
            .distinct()
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).scalars().all()

    async def numbers(self, count: int) -> Sequence[int]:
        """Returns numbers for new accounts and balances, never given out before."""
        statement = select(_NUMBER.next_value()).select_from(
            func.generate_series(1, count).alias("number")
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).scalars().all()

    async def add_accounts(self, tenant_name: str, openings: Sequence[Opening]) -> Sequence[str]:
        """Adds accounts, all or none; the names and identities that are taken are returned."""
        entries = [entry for opening in openings for entry in _entries(tenant_name, opening)]
        with renamed_faults():
            async with self._database.connection() as connection:
                taken = await _taken(connection, tenant_name, entries)
                if taken:
                    return taken
                try:
                    await _insert(connection, tenant_name, openings, entries)
                except errors.UniqueViolation:
                    return await _taken(connection, tenant_name, entries)
                return ()

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""
        statement = select(
            account.c.group_id, account.c.id, account.c.tenant, account.c.name
        ).order_by(account.c.group_id, account.c.id)
        if name is not None:
            statement = statement.join(
                directory, (directory.c.kind == ACCOUNT_NAME) & (directory.c.value == name)
            ).where(_same_account(directory))
        if tenant_name is not None:
            statement = statement.where(account.c.tenant == tenant_name)
        async with self._database.transaction() as connection:
            found = (await connection.execute(statement.limit(limit))).all()
            groups = {"groups": [group_id for group_id, *_ in found]}
            plans = await connection.execute(
                select(subscription.c.account_id, subscription.c.plan)
                .where(_in_groups(subscription))
                .order_by(subscription.c.id),
                groups,
            )
            names = await connection.execute(
                select(directory.c.account_id, directory.c.kind, directory.c.value)
                .where(_in_groups(directory), directory.c.kind > ACCOUNT_NAME)
                .order_by(directory.c.kind, directory.c.value),
                groups,
            )
            buckets = await connection.execute(
                _BALANCES,
                groups,
            )
        return _summaries(found, plans.all(), names.all(), buckets.all())


def _summaries(
    found: Sequence[Row], plans: Sequence[Row], names: Sequence[Row], buckets: Sequence[Row]
) -> list[AccountSummary]:
    plans_of, names_of, balances_of = (defaultdict[int, list[Any]](list) for _ in range(3))
    for owner, plan in plans:
        plans_of[owner].append(plan)
    for owner, kind, value in names:
        names_of[owner].append(Identity(IdentityKind(kind), value))
    for bucket in buckets:
        balances_of[bucket[1]].append(Balance(*bucket))
    return [
        AccountSummary(
            group_id,
            number,
            tenant_name,
            name,
            tuple(plans_of[number]),
            tuple(names_of[number]),
            tuple(balances_of[number]),
        )
        for group_id, number, tenant_name, name in found
    ]


def _entries(tenant_name: str, opening: Opening) -> list[Row]:
    """Returns the directory's rows of an account: its name, its device's, and the identities."""
    number, name = opening.account.id, opening.account.name
    named: list[Row] = [(ACCOUNT_NAME, name, tenant_name, number, number, None)]
    if opening.identities:
        named.append((DEVICE_NAME, name, tenant_name, number, number, number))
    return named + [
        (identity.kind, identity.value, tenant_name, number, number, number)
        for identity in opening.identities
    ]


async def _taken(connection: Connection, tenant_name: str, entries: Sequence[Row]) -> list[str]:
    """Returns the names that belong to accounts of the tenant, or stand twice in the entries."""
    keys = sorted((kind, value) for kind, value, *_ in entries)
    twice = {value for (kind, value), following in pairwise(keys) if following == (kind, value)}
    parameters = RESOLVE_IDENTITIES.parameters(keys)
    cursor = await connection.execute(RESOLVE_IDENTITIES.text, parameters)
    stored = {value for tenant, _, value, *_ in await cursor.fetchall() if tenant == tenant_name}
    return sorted(twice | stored)


async def _insert(
    connection: Connection,
    tenant_name: str,
    openings: Sequence[Opening],
    entries: Sequence[Row],
) -> None:
    """Adds the rows of new accounts in one transaction."""
    accounts, devices, subscriptions, balances, journal = ([], [], [], [], [])
    for new, identities, buckets, edr in openings:
        number = new.id
        accounts.append(
            (number, number, tenant_name, new.name, edr.number, edr.at, None, new.state)
        )
        if identities:
            devices.append((number, number, number, new.name))
        subscriptions += [
            (number, index, number, plan, edr.at, None, None)
            for index, plan in enumerate(new.plans, 1)
        ]
        balances += [(number, *bucket) for bucket in buckets]
        journal.append(edrs.inserted(number, edr))
    writes: list[tuple[Statement, Sequence[Row]]] = [
        (_INSERT_ACCOUNTS, accounts),
        (_INSERT_DEVICES, devices),
        (_INSERT_DIRECTORY, entries),
        (_INSERT_SUBSCRIPTIONS, subscriptions),
        (_INSERT_BALANCES, balances),
        (INSERT_EDRS, journal),
    ]
    async with connection.transaction():
        for statement, rows in writes:
            if rows:
                await connection.execute(statement.text, statement.parameters(rows))


def _same_account(table: Table) -> ColumnElement[bool]:
    return and_(account.c.group_id == table.c.group_id, account.c.id == table.c.account_id)


def _in_groups(table: Table) -> ColumnElement[bool]:
    """Chooses the rows of all groups that are listed: an array is one parameter, however long."""
    return table.c.group_id == any_(bindparam("groups", type_=ARRAY(BigInteger)))
