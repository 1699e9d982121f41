"""The journal as commands list it; every search has both ends of a span of time."""

from typing import NamedTuple

from sqlalchemy import Text, and_, cast, select, union

from ..charging.decisions import Edr, EdrKind
from ..charging.requests import SessionKey
from . import edrs, sessions
from .batches import microseconds
from .database import Database
from .tables import account, closed_session, edr, moment, session


class EdrsAsked(NamedTuple):
    """Which EDRs are meant; None: any. Times are in microseconds since 1970."""

    since: int
    until: int
    """Not included."""
    group_id: int | None = None
    account_id: int | None = None
    tenant: str | None = None
    account: str | None = None
    """By this name even an account is found that was deleted; without a group it takes longer."""
    session_id: bytes | None = None
    """Without a group, only a session without CC-Sub-Session-Id is found."""
    kind: EdrKind | None = None


class ListedEdr(NamedTuple):
    """An EDR, and whose it is."""

    group_id: int
    account: str
    tenant: str
    edr: Edr


_LISTED = (
    select(
        edr.c.group_id,
        account.c.name.label("account_name"),
        account.c.tenant,
        edr.c.number,
        microseconds(edr.c.at).label("at"),
        *(edr.c[name] for name in edrs.PLAIN),
        cast(edr.c.services, Text).label("services"),
        cast(edr.c.circumstances, Text).label("circumstances"),
        *(edr.c[name] for name in edrs.POSTINGS),
    )
    .join(account, and_(account.c.group_id == edr.c.group_id, account.c.id == edr.c.account_id))
    .order_by(edr.c.at.desc(), edr.c.number.desc())
)


async def list_edrs(database: Database, asked: EdrsAsked, limit: int) -> list[ListedEdr]:
    """Returns EDRs of a span of time, the newest first."""
    since, until = moment(asked.since), moment(asked.until)
    statement = _LISTED.where(edr.c.at >= since, edr.c.at < until).limit(limit)
    if asked.group_id is not None:
        statement = statement.where(edr.c.group_id == asked.group_id)
    if asked.account_id is not None:
        statement = statement.where(edr.c.account_id == asked.account_id)
    if asked.tenant is not None:
        statement = statement.where(account.c.tenant == asked.tenant)
    if asked.account is not None:
        statement = statement.where(account.c.name == asked.account)
    if asked.kind is not None:
        statement = statement.where(edr.c.kind == asked.kind)
    if asked.session_id is not None:
        statement = statement.where(edr.c.session_id == asked.session_id)
        if asked.group_id is None:
            digest = sessions.digest(SessionKey(asked.session_id))
            groups = union(
                *(
                    select(table.c.group_id).where(table.c.digest == digest)
                    for table in (session, closed_session)
                )
            )
            statement = statement.where(edr.c.group_id.in_(groups))
    async with database.transaction() as connection:
        return [
            ListedEdr(row.group_id, row.account_name, row.tenant, edrs.edr_of(row))
            for row in await connection.execute(statement)
        ]
