"""What is to leave as commands list it, and try it again."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, func, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.delivery import Key, ListedRow, OutboxAsked
from .outbox import row_of_facts
from .outbox_statements import OUTBOX_FACTS
from .tables import account, moment, outbox, peer_connection

_is_held = exists().where(
    peer_connection.c.host == func.lower(outbox.c.target),
    peer_connection.c.leased_until > func.clock_timestamp(),
)
_of_account = and_(account.c.group_id == outbox.c.group_id, account.c.id == outbox.c.account_id)
_LISTED = (
    select(*OUTBOX_FACTS, account.c.tenant, account.c.name, _is_held)
    .join_from(outbox, account, _of_account, isouter=True)
    .order_by(outbox.c.created_at, outbox.c.group_id, outbox.c.number, outbox.c.part)
)
_is_free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= func.clock_timestamp())


async def find(connection: AsyncConnection, asked: OutboxAsked, limit: int) -> Sequence[ListedRow]:
    """Returns rows, those that were caused first before others."""
    statement = _LISTED.where(*_meant(asked)).limit(limit)
    if asked.tenant is not None:
        statement = statement.where(account.c.tenant == asked.tenant)
    return [
        ListedRow(row_of_facts(facts), *names)
        for *facts, tenant, name, is_held in await connection.execute(statement)
        for names in [(tenant, name, is_held)]
    ]


async def retry(connection: AsyncConnection, asked: OutboxAsked, now: int) -> Sequence[Key]:
    """Has rows tried again from now on, but for those that are being delivered; returns them."""
    again = (
        update(outbox)
        .where(*_meant(asked), _is_free)
        .values(
            attempts=0,
            created_at=moment(now),
            due_at=moment(now),
            fault=null(),
            given_up_at=null(),
            leased_by=null(),
            leased_until=null(),
        )
        .returning(outbox.c.group_id, outbox.c.number, outbox.c.part)
    )
    if asked.tenant is not None:
        again = again.where(_of_account, account.c.tenant == asked.tenant)
    return sorted((group, number, part) for group, number, part in await connection.execute(again))


def _meant(asked: OutboxAsked) -> list[ColumnElement[bool]]:
    """Returns what rows have that are asked for; of whose tenant they are is left to others."""
    meant: list[ColumnElement[bool]] = []
    if asked.account is not None:
        group_id, number = asked.account
        meant += [outbox.c.group_id == group_id, outbox.c.account_id == number]
    if asked.kind is not None:
        meant.append(outbox.c.kind == int(asked.kind))
    if asked.key is not None:
        names = outbox.c.group_id, outbox.c.number, outbox.c.part
        meant += [name == value for name, value in zip(names, asked.key, strict=True)]
    if asked.is_given_up:
        meant.append(outbox.c.given_up_at.is_not(None))
    return meant
