"""Reads the catalogues that run before requests need them, and tells of those it cannot read."""

from collections.abc import Mapping
from typing import Protocol

import structlog

from ..charging.faults import CatalogueUnreadable
from ..observability import Metrics

log = structlog.get_logger()

REASONS_MAX = 3
"""Catalogues that `/readyz` tells of."""


class Applied(Protocol):
    """What is needed of the store."""

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""

    async def read_catalogue(self, tenant_name: str, version: int) -> object:
        """Returns a version that was applied."""


class CatalogueWatch:
    """Looks at each version that comes to run, once."""

    def __init__(self, applied: Applied, metrics: Metrics) -> None:
        self._applied = applied
        self._metrics = metrics
        self._seen: dict[str, int | None] = {}
        self._unreadable: dict[str, str] = {}

    async def unready(self) -> str | None:
        """Returns which catalogues cannot be read; None: none.

        Raises:
            CasesUnavailable, BrokenBatch: the store does not answer.
        """
        running = await self._applied.tenants()
        for tenant, version in running.items():
            if version is not None and self._seen.get(tenant) != version:
                await self._look(tenant, version)
                self._seen[tenant] = version
        self._metrics.catalogues_unreadable.set(len(self._unreadable))
        return "; ".join(list(self._unreadable.values())[:REASONS_MAX]) or None

    async def _look(self, tenant: str, version: int) -> None:
        self._unreadable.pop(tenant, None)
        try:
            await self._applied.read_catalogue(tenant, version)
        except CatalogueUnreadable as fault:
            self._unreadable[tenant] = str(fault)
            log.error("catalogue unreadable", tenant=tenant, version=version, reason=fault.reason)
