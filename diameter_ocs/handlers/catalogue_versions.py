"""What was applied: one version of a catalogue, its history, and what differs between two."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..charging.catalogue import AppliedDocument
from .catalogue import stored_document
from .catalogue_difference import Difference, differences, summary
from .catalogue_document import Document
from .refusals import Refusal


class Versions(Protocol):
    """Whatever keeps the documents that were applied."""

    async def applied(
        self, tenant_name: str, until: int | None, limit: int
    ) -> Sequence[AppliedDocument]:
        """Returns versions, the newest first, that one and older ones; None: the running one."""


class Change(NamedTuple):
    """What one version changed of the one before it."""

    applied: AppliedDocument
    differences: Sequence[Difference]

    @property
    def summary(self) -> str:
        """Says in a line what has changed."""
        return "the first version" if self.applied.version == 1 else summary(self.differences)


class Compared(NamedTuple):
    """What a document would change of the version that is running."""

    base: int
    """That version; 0: there is none."""
    differences: Sequence[Difference]
    is_running: bool
    """It is what runs already, to the last character."""


async def version_of(versions: Versions, tenant: str, version: int | None) -> AppliedDocument:
    """Returns a version as it was applied; None: the one that is running."""
    found = await versions.applied(tenant, version, 1)
    if found and version in (None, found[0].version):
        return found[0]
    if version is None:
        reason = f"tenant {tenant!r} sells nothing yet: `catalogue apply FILE` first"
        raise Refusal("catalogue_missing", reason)
    raise Refusal(
        "version_unknown",
        f"tenant {tenant!r} has no version {version}; `catalogue history` lists what there is",
    )


async def history(versions: Versions, tenant: str, limit: int) -> Sequence[Change]:
    """Returns the newest versions, and what each of them changed."""
    found = await versions.applied(tenant, None, limit + 1)
    documents = [_document(tenant, each) for each in found]
    before: list[Document | None] = [*documents[1:], None]
    pairs = zip(found[:limit], before, documents, strict=False)
    return [Change(each, differences(old, new)) for each, old, new in pairs]


async def difference(
    versions: Versions, tenant: str, older: int | None, newer: int | None
) -> Sequence[Difference]:
    """Returns what differs between two versions.

    None for the newer one is the version that is running, for the older one the one before the
    newer; before the first there was nothing.
    """
    after = await version_of(versions, tenant, newer)
    if older is None and after.version == 1:
        return differences(None, _document(tenant, after))
    before = await version_of(versions, tenant, after.version - 1 if older is None else older)
    return differences(_document(tenant, before), _document(tenant, after))


async def difference_to(versions: Versions, document: Document) -> Compared:
    """Returns what applying a document would change."""
    running = await versions.applied(document.tenant, None, 1)
    if not running:
        return Compared(0, differences(None, document), False)
    (applied,) = running
    found = differences(_document(document.tenant, applied), document)
    return Compared(applied.version, found, not found and applied.source == document.source)


def _document(tenant: str, applied: AppliedDocument) -> Document:
    return stored_document(tenant, applied.version, applied.document)
