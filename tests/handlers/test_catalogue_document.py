"""The model of a catalogue: every key explained, in the example and in the schema for editors."""

import json
from collections import defaultdict
from typing import Any

import pytest

from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_document import PARTS, Part, json_schema, part_name
from diameter_ocs.handlers.catalogue_text import read_text
from tests.handlers.catalogue_text import GOOD

EXAMPLE = resource("deploy/catalogue.example.yaml").read_text()


def keys_by_part(text: str) -> dict[type[Part], set[str]]:
    """Return the keys that a document uses, by the part of the model that they belong to."""
    found: dict[type[Part], set[str]] = defaultdict(set)

    def look(value: Any, name: str | None) -> None:
        if isinstance(value, list):
            for item in value:
                look(item, name)
        elif isinstance(value, dict) and name is not None:
            found[PARTS[name]] |= value.keys()
            for key, item in value.items():
                look(item, part_name(name, key))

    look(read_text(text)[0].plain(), "")
    return found


def test_the_example_names_every_key_and_is_without_faults() -> None:
    read_document(EXAMPLE)
    assert keys_by_part(EXAMPLE) == {part: set(part.model_fields) for part in PARTS.values()}


@pytest.mark.parametrize("part", sorted(set(PARTS.values()), key=lambda part: part.__name__))
def test_every_key_is_explained_in_words(part: type[Part]) -> None:
    assert part.__doc__
    assert [name for name, field in part.model_fields.items() if not field.description] == []


def test_the_schema_for_editors_is_current() -> None:
    committed = json.loads(resource("deploy/catalogue.schema.json").read_text())
    assert committed == json_schema(), "`catalogue schema` prints it anew"


@pytest.mark.parametrize("name", ["catalogue.example.yaml", "demo.yaml"])
def test_editors_find_the_schema_beside_the_document(name: str) -> None:
    line = resource("deploy").joinpath(name).read_text().splitlines()[0]
    assert line == "# yaml-language-server: $schema=catalogue.schema.json"


def test_a_document_knows_the_text_that_it_was_read_from() -> None:
    assert read_document(f"\ufeff{GOOD}").source == GOOD
    assert "source" not in read_document(GOOD).model_dump()
