"""The documents of catalogues, every version that was applied."""

from collections.abc import Sequence

from sqlalchemy import Text, cast, select

from ..charging.catalogue import AppliedDocument
from .batches import microseconds
from .database import Database
from .tables import catalogue, tenant

_FIELDS = (
    catalogue.c.version,
    microseconds(catalogue.c.applied_at),
    catalogue.c.actor,
    cast(catalogue.c.document, Text),
    catalogue.c.source,
)


class CatalogueVersions:
    """What was applied, as it was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def applied(
        self, tenant_name: str, until: int | None, limit: int
    ) -> Sequence[AppliedDocument]:
        """Returns versions, the newest first, that one and older ones; None: the running one."""
        statement = (
            select(*_FIELDS)
            .join(tenant, tenant.c.name == catalogue.c.tenant)
            .where(catalogue.c.tenant == tenant_name)
            .where(catalogue.c.version <= (tenant.c.catalogue_version if until is None else until))
            .order_by(catalogue.c.version.desc())
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return [AppliedDocument(*row) for row in await connection.execute(statement)]
