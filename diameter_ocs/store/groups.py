"""A group of accounts as commands read and write it, within a transaction of charging's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.groups import Group, GroupChange, Subscription
from ..charging.requests import SessionKey
from .account_rows import (
    DEVICES,
    IDENTITIES,
    INSERT_ACCOUNTS,
    INSERT_BALANCES,
    INSERT_DEVICES,
    INSERT_SUBSCRIPTIONS,
    SUBSCRIPTIONS,
    devices_of,
    in_groups,
)
from .batches import Statement, batch_of, same_key, statement_of, update_batch
from .database import Connection, Row
from .lifecycle import WAKES, write_wakes
from .names import add_names, names_of_group, remove_names
from .tables import account, balance, device, session, subscription
from .work import PostgresWork

T = TypeVar("T")


_SESSIONS = select(session.c.session_id, session.c.sub_session_id).where(in_groups(session))


def _removing(table: Table) -> Statement:
    key = table.c.group_id, table.c.id
    return statement_of(delete(table).where(same_key(key, batch_of(*key))), *key)


def _updating(table: Table, *names: str) -> Statement:
    return update_batch(table, (table.c.group_id, table.c.id), [table.c[name] for name in names])


_UPDATE_ACCOUNTS = _updating(account, "state", "time_zone")
_UPDATE_SUBSCRIPTIONS = _updating(subscription, "valid_from", "valid_until")
_UPDATE_BALANCES = _updating(balance, "priority", "valid_from", "valid_until")
_REMOVE_DEVICES, _REMOVE_SUBSCRIPTIONS, _REMOVE_BALANCES = map(
    _removing, (device, subscription, balance)
)


async def load_group(
    work: PostgresWork, connection: AsyncConnection, group_id: int, now: int
) -> Group | None:
    """Locks and reads a group with all its open sessions; None: somebody else has locked it."""
    if not await work.lock([group_id]):
        return None
    named = {"groups": [group_id]}
    sessions = (await connection.execute(_SESSIONS, named)).all()
    subscriptions = (await connection.execute(SUBSCRIPTIONS, named)).all()
    devices = (await connection.execute(DEVICES, named)).all()
    identities = (await connection.execute(IDENTITIES, named)).all()
    wake = (await connection.execute(WAKES, named)).first()
    keys = [(group_id, SessionKey(bytes(name), part)) for name, part in sessions]
    cases = await work.load_sessions(keys, now)
    return Group(
        cases[group_id],
        {number: Subscription(number, *row) for number, *row in subscriptions},
        devices_of(devices, identities),
        None if wake is None else wake[1],
    )


async def apply_group(
    work: PostgresWork, connection: Connection, change: GroupChange
) -> Sequence[str]:
    """Stores what a command makes of a group; returns names that are taken: then end it.

    Raises:
        StaleCase: the group is not as it was read.
    """
    await work.apply([change.charged])
    before, after = names_of_group(change.before), names_of_group(change.after)
    await remove_names(connection, [entry[:3] for entry in before - after])
    for statement, rows in _writes(change):
        if rows:
            await connection.execute(statement.text, statement.parameters(rows))
    await write_wakes(connection, [change])
    return await add_names(connection, after - before)


def _writes(change: GroupChange) -> list[tuple[Statement, list[Row]]]:
    """Returns what is to be written but for names, in an order that keeps references whole."""
    before, after = change.before, change.after
    group, tenant, now = after.case.group_id, after.case.catalogue.tenant, after.case.now
    accounts = _compared(
        before.case.accounts, after.case.accounts, lambda a: (a.state, a.time_zone)
    )
    devices = _compared(before.devices, after.devices, lambda d: ())
    subscriptions = _compared(
        before.subscriptions, after.subscriptions, lambda s: (s.valid_from, s.valid_until)
    )
    balances = _compared(
        before.case.balances,
        after.case.balances,
        lambda b: (b.priority, b.valid_from, b.valid_until),
    )
    new_accounts = [
        (group, new.id, tenant, new.name, 0, now, new.parent_id, new.state, new.time_zone)
        for new in accounts.added
    ]
    return [
        (_REMOVE_DEVICES, [(group, number) for number in devices.gone]),
        (_REMOVE_SUBSCRIPTIONS, [(group, number) for number in subscriptions.gone]),
        (_REMOVE_BALANCES, [(group, number) for number in balances.gone]),
        (_UPDATE_ACCOUNTS, [(group, *row) for row in accounts.changed]),
        (_UPDATE_SUBSCRIPTIONS, [(group, *row) for row in subscriptions.changed]),
        (_UPDATE_BALANCES, [(group, *row) for row in balances.changed]),
        (INSERT_ACCOUNTS, sorted(new_accounts)),
        (INSERT_DEVICES, [(group, new.id, new.account_id, new.name) for new in devices.added]),
        (INSERT_SUBSCRIPTIONS, [(group, *new) for new in subscriptions.added]),
        (INSERT_BALANCES, [(group, *new) for new in balances.added]),
    ]


class _Compared(NamedTuple, Generic[T]):
    """How two states of the rows of one table differ."""

    added: list[T]
    changed: list[Row]
    """Of those that were there, the id and what may change."""
    gone: list[int]


def _compared(
    before: Mapping[int, T], after: Mapping[int, T], terms: Callable[[T], Row]
) -> _Compared[T]:
    kept = before.keys() & after.keys()
    return _Compared(
        [each for number, each in after.items() if number not in before],
        [
            (number, *terms(after[number]))
            for number in sorted(kept)
            if terms(before[number]) != terms(after[number])
        ],
        sorted(before.keys() - after.keys()),
    )
