"""Accounts with what belongs to them, as rows: found, and added."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    schema,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.accounts import ANY, AccountSummary, Narrowed, Opening
from ..charging.case import AccountState
from ..charging.groups import Device, Subscription
from ..charging.ledger import Balance
from ..charging.requests import Identity, IdentityKind
from . import edrs, outgoing, standings
from .batches import Statement, insert_batch, microseconds
from .clocks import NOW
from .database import Connection, Row
from .names import ACCOUNT_NAME, DEVICE_NAME, add_names, names_of_opening
from .standings import standing_of
from .statements import INSERT_EDRS, INSERT_OUTBOX
from .tables import account, balance, device, directory, standing, subscription

INSERT_ACCOUNTS = insert_batch(account)
INSERT_DEVICES = insert_batch(device)
INSERT_SUBSCRIPTIONS = insert_batch(subscription)
INSERT_BALANCES = insert_batch(balance)
INSERT_STANDINGS = insert_batch(standing)


def same_account(table: Table) -> ColumnElement[bool]:
    """Joins an account with what belongs to it."""
    return and_(account.c.group_id == table.c.group_id, account.c.id == table.c.account_id)


def in_groups(table: Table) -> ColumnElement[bool]:
    """Chooses the rows of all groups that are listed: an array is one parameter, however long."""
    return table.c.group_id == any_(bindparam("groups", type_=ARRAY(BigInteger)))


_parent = account.alias("parent")
_FIND = (
    select(
        account.c.group_id,
        account.c.id,
        account.c.tenant,
        account.c.name,
        _parent.c.name.label("parent"),
        account.c.state,
        account.c.time_zone,
        cast(standing.c.standing, Text),
    )
    .outerjoin(
        _parent,
        and_(_parent.c.group_id == account.c.group_id, _parent.c.id == account.c.parent_id),
    )
    .outerjoin(standing, same_account(standing))
    .where(account.c.state != AccountState.DELETED)
    .order_by(account.c.group_id, account.c.id)
)
SUBSCRIPTIONS = (
    select(
        subscription.c.id,
        subscription.c.account_id,
        subscription.c.plan,
        microseconds(subscription.c.subscribed_at),
        microseconds(subscription.c.valid_from),
        microseconds(subscription.c.valid_until),
    )
    .where(in_groups(subscription))
    .order_by(subscription.c.id)
)
DEVICES = (
    select(device.c.id, device.c.account_id, device.c.name)
    .where(in_groups(device))
    .order_by(device.c.id)
)
IDENTITIES = (
    select(directory.c.device_id, directory.c.kind, directory.c.value)
    .where(in_groups(directory), directory.c.kind > ACCOUNT_NAME)
    .order_by(directory.c.kind, directory.c.value)
)
_BALANCES = (
    select(
        *list(balance.c)[1:-3],
        microseconds(balance.c.valid_from),
        microseconds(balance.c.valid_until),
        balance.c.subscription_id,
    )
    .where(in_groups(balance))
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
    connection: AsyncConnection,
    named: tuple[str | None, str | None],
    limit: int,
    narrowed: Narrowed = ANY,
) -> Sequence[AccountSummary]:
    """Returns accounts by tenant and name, in the order of their ids; None: any."""
    tenant_name, name = named
    statement = _FIND.limit(limit)
    if tenant_name is not None:
        statement = statement.where(account.c.tenant == tenant_name)
    if name is not None:
        statement = statement.where(_is_called(ACCOUNT_NAME, name))
    if narrowed.device is not None:
        statement = statement.where(_is_called(DEVICE_NAME, narrowed.device))
    if narrowed.identity is not None:
        statement = statement.where(_is_called(*narrowed.identity))
    if narrowed.parent is not None:
        statement = statement.where(_parent.c.name == narrowed.parent)
    if narrowed.state is not None:
        statement = statement.where(account.c.state == narrowed.state)
    if narrowed.plan is not None:
        statement = statement.where(_has_plan(narrowed.plan))
    found = (await connection.execute(statement)).all()
    groups = {"groups": [group_id for group_id, *_ in found]}
    subscriptions = (await connection.execute(SUBSCRIPTIONS, groups)).all()
    devices = (await connection.execute(DEVICES, groups)).all()
    identities = (await connection.execute(IDENTITIES, groups)).all()
    buckets = (await connection.execute(_BALANCES, groups)).all()
    return _summaries(found, subscriptions, devices_of(devices, identities).values(), buckets)


async def balances(connection: AsyncConnection, group_id: int) -> Sequence[Balance]:
    """Returns the balances of a group, by id."""
    rows: Sequence[Row] = (await connection.execute(_BALANCES, {"groups": [group_id]})).all()
    return [Balance(*row) for row in rows]


async def add(
    connection: Connection, tenant_name: str, openings: Sequence[Opening]
) -> Sequence[str]:
    """Adds accounts in the caller's transaction; returns the names that are taken.

    If there are any the transaction must not be committed.
    """
    names = [name for opening in openings for name in names_of_opening(tenant_name, opening)]
    taken = await add_names(connection, names)
    if not taken:
        await _insert(connection, tenant_name, openings)
    return taken


def devices_of(rows: Iterable[Row], identities: Iterable[Row]) -> dict[int, Device]:
    """Returns devices by their ids, with their identities in order."""
    named = defaultdict[int, list[Identity]](list)
    for device_id, kind, value in identities:
        named[device_id].append(Identity(IdentityKind(kind), value))
    return {
        number: Device(number, account_id, name, tuple(named[number]))
        for number, account_id, name in rows
    }


def _summaries(
    found: Sequence[Row],
    subscriptions: Iterable[Row],
    devices: Iterable[Device],
    balances: Iterable[Row],
) -> list[AccountSummary]:
    subscriptions_of = defaultdict[int, list[Subscription]](list)
    devices_of_account = defaultdict[int, list[Device]](list)
    balances_of = defaultdict[int, list[Balance]](list)
    for row in subscriptions:
        subscriptions_of[row[1]].append(Subscription(*row))
    for each in devices:
        devices_of_account[each.account_id].append(each)
    for row in balances:
        balances_of[row[1]].append(Balance(*row))
    return [
        AccountSummary(
            group_id,
            number,
            tenant_name,
            name,
            parent,
            AccountState(state),
            tuple(subscriptions_of[number]),
            tuple(devices_of_account[number]),
            tuple(balances_of[number]),
            time_zone,
            standing_of(stands),
        )
        for group_id, number, tenant_name, name, parent, state, time_zone, stands in found
    ]


def _is_called(kind: int, value: str) -> ColumnElement[bool]:
    """Chooses the accounts that have a name, be it their device's."""
    named = (directory.c.kind == kind, directory.c.value == value)
    return exists().where(*named, same_account(directory), directory.c.tenant == account.c.tenant)


def _has_plan(plan: str) -> ColumnElement[bool]:
    """Chooses the accounts that have a plan now."""
    begins, ends = subscription.c.valid_from, subscription.c.valid_until
    return exists().where(
        same_account(subscription),
        subscription.c.plan == plan,
        or_(begins.is_(None), begins <= NOW),
        or_(ends.is_(None), ends > NOW),
    )


async def _insert(connection: Connection, tenant_name: str, openings: Sequence[Opening]) -> None:
    """Adds the rows of new accounts, but for their names."""
    accounts, devices, subscriptions, balances, journal, outbox = ([], [], [], [], [], [])
    stand: list[Row] = []
    for opening in openings:
        new, first_device, plans, buckets, edr, _ = opening
        number = new.id
        times = edr.number, edr.at
        accounts.append(
            (number, number, tenant_name, new.name, *times, None, new.state, new.time_zone)
        )
        if first_device is not None:
            devices.append((number, first_device.id, number, first_device.name))
        subscriptions += [(number, *plan) for plan in plans]
        balances += [(number, *bucket) for bucket in buckets]
        journal.append(edrs.inserted(number, edr))
        outbox += outgoing.leaving_opening(opening)
        stand += standings.begun(new)
    writes: list[tuple[Statement, Sequence[Row]]] = [
        (INSERT_ACCOUNTS, accounts),
        (INSERT_DEVICES, devices),
        (INSERT_SUBSCRIPTIONS, subscriptions),
        (INSERT_BALANCES, balances),
        (INSERT_EDRS, journal),
        (INSERT_OUTBOX, outbox),
        (INSERT_STANDINGS, stand),
    ]
    for statement, rows in writes:
        if rows:
            await connection.execute(statement.text, statement.parameters(rows))
