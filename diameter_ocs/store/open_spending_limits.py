"""Subscriptions to counters as commands list them."""

from collections.abc import Sequence

from sqlalchemy import and_, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.commands import OpenSpendingLimit, SessionsAsked
from ..charging.outbox import OutboxKind
from ..charging.requests import SessionKey
from .batches import microseconds
from .sessions import digest
from .spending_limits import session_of
from .statements import SPENDING_LIMIT_FACTS
from .tables import account, outbox, spending_limit

_waiting = (
    select(func.count())
    .where(
        outbox.c.group_id == spending_limit.c.group_id,
        outbox.c.session_number == spending_limit.c.number,
        outbox.c.kind == literal_column(str(int(OutboxKind.SPENDING_LIMIT))),
        outbox.c.given_up_at.is_(None),
    )
    .scalar_subquery()
)
_LISTED = (
    select(
        *SPENDING_LIMIT_FACTS,
        account.c.name,
        account.c.tenant,
        microseconds(spending_limit.c.stale_at),
        _waiting,
    )
    .join(
        account,
        and_(
            account.c.group_id == spending_limit.c.group_id,
            account.c.id == spending_limit.c.account_id,
        ),
    )
    .order_by(spending_limit.c.group_id, spending_limit.c.number)
)


async def find(
    connection: AsyncConnection, asked: SessionsAsked, limit: int
) -> Sequence[OpenSpendingLimit]:
    """Returns subscriptions to counters, by group and number."""
    facts, statement = spending_limit.c, _LISTED.limit(limit)
    if asked.tenant is not None:
        statement = statement.where(account.c.tenant == asked.tenant)
    if asked.account is not None:
        group_id, number = asked.account
        statement = statement.where(facts.group_id == group_id, facts.account_id == number)
    if asked.session_id is not None:
        name = digest(SessionKey(asked.session_id))
        statement = statement.where(facts.digest == name, facts.session_id == asked.session_id)
    if asked.place is not None:
        group_id, number = asked.place
        statement = statement.where(facts.group_id == group_id, facts.number == number)
    found = []
    for *row, name, tenant, stale_at, waiting in await connection.execute(statement):
        session = session_of(tuple(row))
        found.append(OpenSpendingLimit(row[0], name, tenant, session, stale_at, waiting))
    return found
