"""Open sessions as commands list them."""

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.commands import OpenSession, SessionsAsked
from . import sessions
from .statements import SESSION_FACTS
from .tables import account, session

_LISTED = (
    select(*SESSION_FACTS, account.c.name, account.c.tenant)
    .join(
        account,
        and_(account.c.group_id == session.c.group_id, account.c.id == session.c.account_id),
    )
    .order_by(session.c.group_id, session.c.number)
)


async def find(
    connection: AsyncConnection, asked: SessionsAsked, limit: int
) -> Sequence[OpenSession]:
    """Returns open sessions, by group and number."""
    statement = _LISTED.limit(limit)
    if asked.tenant is not None:
        statement = statement.where(account.c.tenant == asked.tenant)
    if asked.account is not None:
        group_id, number = asked.account
        statement = statement.where(session.c.group_id == group_id, session.c.account_id == number)
    if asked.session_id is not None:
        statement = statement.where(sessions.named(session, asked.session_id))
    if asked.place is not None:
        group_id, number = asked.place
        statement = statement.where(session.c.group_id == group_id, session.c.number == number)
    found = []
    for *row, name, tenant in await connection.execute(statement):
        found.append(OpenSession(row[0], name, tenant, sessions.session_of(tuple(row))))
    return found
