"""The audit: what commands have changed, listed and in the end forgotten."""

from sqlalchemy import bindparam, select
from sqlalchemy.types import BigInteger

from ..charging.commands import AuditEntry
from .batches import compiled, microseconds
from .database import Database
from .tables import Moment, audit, moment

FORGOTTEN_MAX = 10_000
"""Entries that are deleted in one transaction."""

_old = (
    select(audit.c.number)
    .where(audit.c.at < bindparam("before", type_=Moment))
    .order_by(audit.c.at)
    .limit(bindparam("limit", type_=BigInteger))
)
FORGET = compiled(audit.delete().where(audit.c.number.in_(_old)))
"""Deletes the oldest entries; only the owner may."""


async def list_audit(
    database: Database, tenant: str | None, account: str | None, since: int | None, limit: int
) -> list[AuditEntry]:
    """Returns entries of a tenant and an account, the newest first; None: of all, of all times."""
    statement = (
        select(
            microseconds(audit.c.at),
            audit.c.actor,
            audit.c.operation,
            audit.c.tenant,
            audit.c.account,
            audit.c.transaction_id,
            audit.c.before,
            audit.c.after,
        )
        .order_by(audit.c.at.desc(), audit.c.number.desc())
        .limit(limit)
    )
    if tenant is not None:
        statement = statement.where(audit.c.tenant == tenant)
    if account is not None:
        statement = statement.where(audit.c.account == account)
    if since is not None:
        statement = statement.where(audit.c.at >= moment(since))
    async with database.transaction() as connection:
        return [AuditEntry(*row) for row in await connection.execute(statement)]
