"""The journal as commands list it; every search has both ends of a span of time."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Select, Text, and_, cast, select, union

from ..charging.decisions import Edr, EdrKind
from ..charging.requests import SessionKey
from . import edrs, sessions
from .batches import microseconds
from .database import Database
from .tables import account, closed_session, edr, moment, session, spending_limit

FIRST_SPAN = 60_000_000
"""How much time before now is looked through first for EDRs of anybody, in microseconds."""
SPAN_FACTOR = 10


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
    """With all its sub-sessions."""
    kind: EdrKind | None = None
    action: str | None = None


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
        cast(edr.c.told, Text).label("told"),
        *(edr.c[name] for name in edrs.POSTINGS),
    )
    .join(account, and_(account.c.group_id == edr.c.group_id, account.c.id == edr.c.account_id))
    .order_by(edr.c.at.desc(), edr.c.number.desc())
)


async def list_edrs(database: Database, asked: EdrsAsked, limit: int) -> list[ListedEdr]:
    """Returns EDRs of a span of time, the newest first.

    Those of one group have an index. Others are looked for in a minute, then in more and more time
    before it: the newest of a long span are found without sorting all of it.
    """
    statement = _narrowed(asked)
    spans = [(asked.since, asked.until)]
    if asked.group_id is None and asked.session_id is None:
        spans = list(_spans(asked.since, asked.until, await database.ping()))
    found: list[ListedEdr] = []
    async with database.transaction() as connection:
        for since, until in spans:
            within = statement.where(edr.c.at >= moment(since), edr.c.at < moment(until))
            rows = await connection.execute(within.limit(limit - len(found)))
            found += [
                ListedEdr(row.group_id, row.account_name, row.tenant, edrs.edr_of(row))
                for row in rows
            ]
            if len(found) == limit:
                break
    return found


def _spans(since: int, until: int, now: int) -> Iterator[tuple[int, int]]:
    """Yields parts of a span, the latest first, each longer than the one after it."""
    length, end = FIRST_SPAN, until
    while end > since:
        begin = max(min(now, end) - length, since)
        yield begin, end
        length, end = length * SPAN_FACTOR, begin


def _narrowed(asked: EdrsAsked) -> Select[Any]:
    statement = _LISTED
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
    if asked.action is not None:
        statement = statement.where(edr.c.action == asked.action)
    if asked.session_id is not None:
        statement = statement.where(edr.c.session_id == asked.session_id)
        if asked.group_id is None:
            groups = union(
                *(
                    select(table.c.group_id).where(sessions.named(table, asked.session_id))
                    for table in (session, closed_session)
                ),
                select(spending_limit.c.group_id).where(
                    spending_limit.c.digest == sessions.digest(SessionKey(asked.session_id))
                ),
            )
            statement = statement.where(edr.c.group_id.in_(groups))
    return statement
