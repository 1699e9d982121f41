"""What can go wrong with the cases themselves, whoever keeps them."""

from collections.abc import Collection


class StaleCase(Exception):
    """A case was changed by somebody else after it was read; nothing of the batch was stored."""


class CasesUnavailable(Exception):
    """Cases can neither be read nor stored now; whether the last batch was stored is not known."""


class BrokenBatch(Exception):
    """Something in a batch cannot be stored; nothing of it was."""


class CatalogueUnreadable(BrokenBatch):
    """A tenant's catalogue says what this program does not know; a newer one has applied it."""

    def __init__(
        self, tenant: str, version: int, reason: str, groups: Collection[int] = ()
    ) -> None:
        super().__init__(
            f"version {version} of the catalogue of tenant {tenant!r} was applied by a newer"
            f" program and cannot be read by this one ({reason}): upgrade this one"
        )
        self.tenant = tenant
        self.version = version
        self.reason = reason
        self.groups = groups
        """The groups of the batch that need it."""

    def of(self, groups: Collection[int]) -> "CatalogueUnreadable":
        """Returns the fault of a batch with these groups."""
        return CatalogueUnreadable(self.tenant, self.version, self.reason, groups)
