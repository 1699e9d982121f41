"""The catalogue as an operator writes it, checked whole, and as it was stored."""

from pydantic import ValidationError

from ..charging.catalogue import Catalogue
from ..charging.faults import CatalogueUnreadable
from . import catalogue_faults
from .catalogue_build import build
from .catalogue_document import Document
from .catalogue_text import CatalogueError, read_text

UNKNOWN_KEY = "extra_forbidden"
"""As Pydantic calls it."""
UNKNOWN_KEYS_TOLD = 5


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

    Raises:
        CatalogueUnreadable: it says what only a newer program knows. What is passed over would be
            charged wrongly, and nobody would see it.
    """
    return build(stored_document(tenant, version, text), version)


def stored_text(document: Document) -> str:
    """Returns a document as it is stored: what is as it is by default is left unsaid.

    So servers that do not know a key yet can read each document that does not use it.
    """
    return document.model_dump_json(exclude_defaults=True)


def stored_document(tenant: str, version: int, text: str) -> Document:
    """Returns a document as it was stored.

    Raises:
        CatalogueUnreadable: it says what only a newer program knows.
    """
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        raise CatalogueUnreadable(tenant, version, _reason(error)) from None


def _reason(error: ValidationError) -> str:
    """Says what a document has that this program does not know, else what is wrong with it."""
    faults = error.errors(include_url=False, include_input=False)
    paths = [".".join(map(str, fault["loc"])) for fault in faults]
    unknown = [p for p, fault in zip(paths, faults, strict=True) if fault["type"] == UNKNOWN_KEY]
    if unknown:
        return "it does not know " + ", ".join(unknown[:UNKNOWN_KEYS_TOLD])
    return f"{paths[0]}: {faults[0]['msg']}"
