"""Whatever is changed in a catalogue, it is one still or its faults are told with their places."""

import copy
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from diameter_ocs.handlers.catalogue_text import CatalogueError, Path, read_text

EXAMPLE = read_text(resource("deploy/catalogue.example.yaml").read_text())[0].plain()
REFERENCE = read_document(resource("deploy/demo.yaml").read_text())
VALUES = (None, [], {}, "x", "-1", "300", "1e9", "9" * 25, "volume", "money", ["x"], [[]], [{}],
          [None], {"a": "b"})  # fmt: skip


def places(value: Any, path: Path = ()) -> list[Path]:
    """Return the paths of all that is in a value."""
    keys: Any = ()
    if isinstance(value, dict):
        keys = value
    elif isinstance(value, list):
        keys = range(len(value))
    return [(*path, key) for key in keys] + [
        place for key in keys for place in places(value[key], (*path, key))
    ]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Write the example with some values gone, doubled or replaced, and some keys more."""
    document = copy.deepcopy(EXAMPLE)
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(places(document)))
        parent = document
        for step in way:
            parent = parent[step]
        value = copy.deepcopy(draw(st.sampled_from(VALUES)))
        action = draw(st.sampled_from(("drop", "double", "replace")))
        if action == "drop":
            del parent[last]
        elif action == "replace":
            parent[last] = value
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        else:
            parent["unheard_of"] = value
    return yaml.safe_dump(document, sort_keys=False)


@settings(max_examples=100, deadline=None)
@given(text=damaged())
def test_whatever_is_changed_is_read_or_told_with_its_place(text: str) -> None:
    try:
        document = read_document(text)
    except CatalogueError as error:
        document, faults = None, error.faults
    if document is None:
        assert faults
        assert all(fault.line and fault.column and fault.reason for fault in faults)
        return
    build(document, 1)
    assert differences(REFERENCE, document)
    assert differences(document, document) == []
