"""The tenants of the store without a database, and the versions of their catalogues."""

from collections.abc import Mapping, Sequence

from ..charging.catalogue import Catalogue
from ..charging.commands import Tenant
from .catalogues import ReadCatalogue


class MemoryTenants:
    """Tenants by name, in dictionaries."""

    def __init__(self, read: ReadCatalogue) -> None:
        self._read = read
        self._documents: dict[tuple[str, int], str] = {}
        self._catalogues: dict[tuple[str, int], Catalogue] = {}
        self._versions: dict[str, int | None] = {}
        self._suspended: dict[str, int | None] = {}

    @property
    def versions(self) -> Mapping[str, int | None]:
        """The version of each tenant's catalogue; None: none was applied yet."""
        return dict(self._versions)

    def find(self, name: str | None) -> Sequence[Tenant]:
        """Returns tenants by name; None: all."""
        return [
            Tenant(each, version, self._suspended.get(each))
            for each, version in sorted(self._versions.items())
            if name in (None, each)
        ]

    def add(self, name: str) -> None:
        """Adds a tenant that is not there."""
        self._versions[name] = None

    def suspend(self, name: str, at: int | None) -> None:
        """Notes since when a tenant is suspended; None: it is not."""
        self._suspended[name] = at

    def is_suspended(self, name: str) -> bool:
        """Says whether nobody of a tenant is served."""
        return self._suspended.get(name) is not None

    def add_catalogue(self, name: str, version: int, document: str) -> None:
        """Makes a document the tenant's next version."""
        self._documents[name, version] = document
        self._versions[name] = version

    def catalogue(self, name: str, version: int | None = None) -> Catalogue:
        """Returns a version of a tenant's catalogue; None: the one that runs.

        Raises:
            CatalogueUnreadable: it was written for a newer program.
        """
        version = self._versions[name] if version is None else version
        assert version is not None
        key = name, version
        if key not in self._catalogues:
            self._catalogues[key] = self._read(name, version, self._documents[key])
        return self._catalogues[key]
