"""Accounts with what belongs to them, as rows: found, and added."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    any_,
    bindparam,
    func,
    schema,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.accounts import AccountSummary, Opening
from ..charging.ledger import Balance
from ..charging.requests import Identity, IdentityKind
from . import edrs
from .batches import Statement, batch_of, insert_batch, microseconds, statement_of
from .database import Connection
from .reading import Row
from .statements import INSERT_EDRS
from .tables import account, balance, device, directory, subscription

ACCOUNT_NAME, DEVICE_NAME = 0, -1
"""Kinds of directory entries that are no identities but the operator's own names."""


_INSERT_ACCOUNTS = insert_batch(account)
_INSERT_DEVICES = insert_batch(device)
_INSERT_SUBSCRIPTIONS = insert_batch(subscription)
_INSERT_BALANCES = insert_batch(balance)
_names = batch_of(*directory.c)
_ADD_NAMES = statement_of(
    insert(directory)
    .from_select(list(directory.c.keys()), select(*_names.c))
    .on_conflict_do_nothing()
    .returning(directory.c.kind, directory.c.value),
    *directory.c,
)
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


async def numbers(connection: AsyncConnection, count: int) -> Sequence[int]:
    """Returns numbers for new accounts and balances, never given out before."""
    statement = select(_NUMBER.next_value()).select_from(
        func.generate_series(1, count).alias("number")
    )
    return (await connection.execute(statement)).scalars().all()


async def find(
    connection: AsyncConnection, named: tuple[str | None, str | None], limit: int
) -> Sequence[AccountSummary]:
    """Returns accounts by tenant and name, in the order of their ids; None: any."""
    tenant_name, name = named
    statement = select(account.c.group_id, account.c.id, account.c.tenant, account.c.name).order_by(
        account.c.group_id, account.c.id
    )
    if name is not None:
        statement = statement.join(
            directory, (directory.c.kind == ACCOUNT_NAME) & (directory.c.value == name)
        ).where(same_account(directory))
    if tenant_name is not None:
        statement = statement.where(account.c.tenant == tenant_name)
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
    buckets = await connection.execute(_BALANCES, groups)
    return _summaries(found, plans.all(), names.all(), buckets.all())


async def add(
    connection: Connection, tenant_name: str, openings: Sequence[Opening]
) -> Sequence[str]:
    """Adds accounts in the caller's transaction; returns the names that are taken.

    If there are any the transaction must not be committed. Whoever takes the same name meanwhile is
    waited for.
    """
    entries = sorted(entry for opening in openings for entry in _entries(tenant_name, opening))
    if not entries:
        return ()
    cursor = await connection.execute(_ADD_NAMES.text, _ADD_NAMES.parameters(entries))
    added = set(await cursor.fetchall())
    keys = [(kind, value) for kind, value, *_ in entries]
    twice = {value for (kind, value), following in pairwise(keys) if following == (kind, value)}
    taken = twice | {value for kind, value in keys if (kind, value) not in added}
    if not taken:
        await _insert(connection, tenant_name, openings)
    return sorted(taken)


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


async def _insert(connection: Connection, tenant_name: str, openings: Sequence[Opening]) -> None:
    """Adds the rows of new accounts, but for their names."""
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
        (_INSERT_SUBSCRIPTIONS, subscriptions),
        (_INSERT_BALANCES, balances),
        (INSERT_EDRS, journal),
    ]
    for statement, rows in writes:
        if rows:
            await connection.execute(statement.text, statement.parameters(rows))


def same_account(table: Table) -> ColumnElement[bool]:
    """Joins an account with what belongs to it."""
    return and_(account.c.group_id == table.c.group_id, account.c.id == table.c.account_id)


def _in_groups(table: Table) -> ColumnElement[bool]:
    """Chooses the rows of all groups that are listed: an array is one parameter, however long."""
    return table.c.group_id == any_(bindparam("groups", type_=ARRAY(BigInteger)))
