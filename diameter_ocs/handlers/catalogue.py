"""The catalogue as an operator writes it, checked whole, and as it was stored."""

from ..charging.catalogue import Catalogue
from . import catalogue_faults
from .catalogue_build import build
from .catalogue_document import Document
from .catalogue_text import CatalogueError, read_text


def read_document(text: str) -> Document:
    """Reads and checks a catalogue document.

    Raises:
        CatalogueError: it is no YAML, or it is wrong; with all faults.
    """
    root, faults = read_text(text)
    document, others = catalogue_faults.check(root)
    told = {(fault.line, fault.column) for fault in faults}
    faults += [fault for fault in others if (fault.line, fault.column) not in told]
    if faults:
        raise CatalogueError(faults)
    return document.read_from(text.removeprefix("\ufeff"))


def read_stored(tenant: str, version: int, text: str) -> Catalogue:
    """Returns a catalogue from the document that was stored when it was applied.

    A newer program's document may have keys that this one does not know: they are passed over, so
    that servers of both can run side by side.
    """
    del tenant  # the document names it
    return build(stored_document(text), version)


def stored_document(text: str) -> Document:
    """Returns a document as it was stored, without the keys that this program does not know."""
    return Document.model_validate_json(text, extra="ignore")
