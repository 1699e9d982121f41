"""The keys that a document says, and those that a program knows: servers may be older than both."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..charging.peers import RunningServer
from .catalogue import stored_text
from .catalogue_document import PARTS, Document, part_name
from .refusals import Refusal

KEYS_TOLD = 5


def known_keys() -> tuple[str, ...]:
    """Returns the keys that this program knows, each below the name of the mapping that has it."""
    keys = [_key(name, field) for name, part in PARTS.items() for field in part.model_fields]
    return tuple(sorted(keys))


def check_servers(document: Document, servers: Sequence[RunningServer]) -> None:
    """Refuses a document that a server which runs could not read."""
    said = dict(_said("", json.loads(stored_text(document)), ""))
    for server in servers:
        unknown = [path for key, path in said.items() if key not in server.catalogue_keys]
        if unknown:
            raise Refusal(
                "server_outdated",
                f"server {server.origin_host} is older than this program and does not know"
                f" {', '.join(unknown[:KEYS_TOLD])}: upgrade it first, or leave that out",
            )


def _said(name: str, mapping: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yields the keys of a mapping and of those below it, each with where it stands."""
    for field, value in mapping.items():
        place = f"{path}{field}"
        yield _key(name, field), place
        below_name = part_name(name, field)
        if below_name is None:
            continue
        parts = value if isinstance(value, list) else [value]
        for number, part in enumerate(parts):
            below = f"{place}[{number}]." if isinstance(value, list) else f"{place}."
            if isinstance(part, dict):
                yield from _said(below_name, part, below)


def _key(name: str, field: str) -> str:
    return f"{name}.{field}" if name else field
