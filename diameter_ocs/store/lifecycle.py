"""When time changes something of groups next, and the transactions in which they are looked at."""

import datetime
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import BigInteger, Text, bindparam, delete, select, update

from ..charging.case import Case
from ..charging.groups import Group, GroupChange, Subscription
from ..charging.lifecycle import wake_at
from .account_rows import SUBSCRIPTIONS, in_groups
from .arrays import big_ints
from .batches import (
    Statement,
    batch_of,
    compiled,
    microseconds,
    same_key,
    statement_of,
    upsert_batch,
)
from .database import Connection, Database, Row, renamed_faults
from .tables import Moment, account, moment, wake
from .work import PostgresStore, PostgresWork

WAKES = select(wake.c.group_id, microseconds(wake.c.woken_at)).where(in_groups(wake))
"""Until when it is told what began and ended in groups."""

WAKE_TENANT = (
    update(wake)
    .values(wake_at=wake.c.woken_at + datetime.timedelta(microseconds=1))
    .where(
        account.c.group_id == wake.c.group_id,
        account.c.id == wake.c.group_id,
        account.c.tenant == bindparam("tenant", type_=Text),
    )
)
"""Has all groups of a tenant looked at."""

_FIND_DUE = compiled(
    select(wake.c.group_id)
    .where(wake.c.wake_at <= bindparam("now", type_=Moment))
    .order_by(wake.c.wake_at, wake.c.group_id)
    .limit(bindparam("limit", type_=BigInteger))
)
_READ_WAKES = compiled(WAKES)
_READ_SUBSCRIPTIONS = compiled(SUBSCRIPTIONS)
_KEEP = upsert_batch(wake)
_gone = (wake.c.group_id,)
_FORGET = statement_of(delete(wake).where(same_key(_gone, batch_of(*_gone))), *_gone)


class PostgresLifecycle:
    """Groups of which something begins or ends."""

    def __init__(self, database: Database, store: PostgresStore) -> None:
        self._database = database
        self._store = store

    async def due_groups(self, now: int, limit: int) -> Sequence[int]:
        """Returns groups to look at, those that wait longest first."""
        with renamed_faults():
            async with self._database.connection() as connection:
                parameters = {"now": moment(now), "limit": limit}
                rows = await connection.execute(_FIND_DUE, parameters, binary=True)
                return [group for (group,) in await rows.fetchall()]

    @asynccontextmanager
    async def waking(self) -> AsyncIterator["PostgresWaking"]:
        """Begins a transaction; it commits when it is left, and rolls back when an error leaves."""
        async with self._store.work() as work:
            yield PostgresWaking(work)


class PostgresWaking:
    """A transaction in which groups are looked at."""

    def __init__(self, work: PostgresWork) -> None:
        self._work = work

    async def load(self, groups: Collection[int], now: int) -> Mapping[int, Group]:
        """Locks groups and reads them, without their devices; those that nobody else holds."""
        locked = await self._work.lock(groups)
        cases = await self._work.load_sessions((), now)
        connection, named = self._work.connection, {"groups": big_ints(sorted(locked))}
        rows = await connection.execute(_READ_SUBSCRIPTIONS, named, binary=True)
        subscriptions = [Subscription(*row) for row in await rows.fetchall()]
        wakes = await connection.execute(_READ_WAKES, named, binary=True)
        woken: dict[int, int] = dict(await wakes.fetchall())
        return _groups(cases, subscriptions, woken)

    async def apply(self, changes: Sequence[GroupChange]) -> None:
        """Stores what time has made of groups, and when they are to be looked at again."""
        await self._work.apply([change.charged for change in changes if change.edrs])
        await write_wakes(self._work.connection, changes)


async def write_wakes(connection: Connection, changes: Sequence[GroupChange]) -> None:
    """Notes when groups are to be looked at next; nothing of those that have no dates to come."""
    kept: list[Row] = []
    forgotten: list[Row] = []
    for before, after, *_ in changes:
        group, at = after.case.group_id, wake_at(after)
        if at is not None:
            kept.append((group, after.woken_at, at))
        elif before.woken_at is not None:
            forgotten.append((group,))
    writes: tuple[tuple[Statement, list[Row]], ...] = ((_KEEP, kept), (_FORGET, forgotten))
    for statement, rows in writes:
        if rows:
            await connection.execute(statement.text, statement.parameters(rows))


def _groups(
    cases: Mapping[int, Case], subscriptions: Sequence[Subscription], woken: Mapping[int, int]
) -> Mapping[int, Group]:
    """Returns whole groups, their accounts with the plans that they have now."""
    group_of = {account: group for group, case in cases.items() for account in case.accounts}
    owned: dict[int, dict[int, Subscription]] = {group: {} for group in cases}
    for each in subscriptions:
        owned[group_of[each.account_id]][each.id] = each
    return {
        group: Group(case, owned[group], {}, woken.get(group)).renewed()
        for group, case in cases.items()
    }
