"""Versions of the tenants' catalogues."""

import asyncio
from collections.abc import Callable

from sqlalchemy import Text, bindparam, cast, select

from ..charging.bounded import keep
from ..charging.catalogue import Catalogue
from ..charging.faults import CatalogueUnreadable
from .batches import compiled
from .database import Connection
from .tables import catalogue

_GET = compiled(
    select(cast(catalogue.c.document, Text)).where(
        catalogue.c.tenant == bindparam("tenant"), catalogue.c.version == bindparam("version")
    )
)

CATALOGUES_REMEMBERED = 256
"""Versions kept in memory, those of all tenants together."""

ReadCatalogue = Callable[[str, int, str], Catalogue]
"""Builds a catalogue from tenant, version and document; raises CatalogueUnreadable."""


class Catalogues:
    """The versions that this process has seen; a version never changes."""

    def __init__(self, read: ReadCatalogue) -> None:
        self._read = read
        self._known: dict[tuple[str, int], Catalogue | CatalogueUnreadable] = {}
        self._reading = asyncio.Lock()

    async def get(self, connection: Connection, tenant: str, version: int) -> Catalogue:
        """Returns a version, reading it within the caller's transaction if it is new here.

        Raises:
            CatalogueUnreadable: it was written for a newer program.
        """
        known = self._known.get((tenant, version))
        if known is None:
            cursor = await connection.execute(_GET, {"tenant": tenant, "version": version})
            row = await cursor.fetchone()
            assert row is not None, f"catalogue {version} of {tenant} is named and not there"
            known = await self._read_once(tenant, version, row[0])
        if isinstance(known, CatalogueUnreadable):
            raise known.of(())  # each its own: an exception carries who has met it
        return known

    async def _read_once(
        self, tenant: str, version: int, document: str
    ) -> Catalogue | CatalogueUnreadable:
        """Reads a document while others are charged on: a long one takes a second."""
        async with self._reading:
            known = self._known.get((tenant, version))
            if known is None:
                known = await asyncio.to_thread(self._try, tenant, version, document)
                keep(self._known, (tenant, version), known, CATALOGUES_REMEMBERED)
            return known

    def _try(self, tenant: str, version: int, document: str) -> Catalogue | CatalogueUnreadable:
        try:
            return self._read(tenant, version, document)
        except CatalogueUnreadable as fault:
            return fault
