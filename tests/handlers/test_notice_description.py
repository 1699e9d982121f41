"""What programs are told of notices is what notices are."""

import json
from dataclasses import fields
from typing import Any

import pytest

from diameter_ocs.charging.notice_types import (
    NOTICE_TYPES,
    PEER_TYPES,
    AccountCreated,
    CounterChanged,
    DeviceCreated,
    NamedIdentity,
    NoticeData,
    SubscriptionAdded,
)
from diameter_ocs.charging.notices import Notice, Occasion, rows_of
from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.notice_description import asyncapi
from tests.handlers.catalogue_text import GOOD

JSON_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def test_the_description_is_current() -> None:
    committed = json.loads(resource("deploy/notices.asyncapi.json").read_text())
    assert committed == asyncapi(), "`notices schema` prints it anew"


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [each for part in value.values() for each in references(part)]
    return [each for part in value for each in references(part)] if isinstance(value, list) else []


def test_whatever_it_refers_to_is_there() -> None:
    described = asyncapi()
    assert references(described)
    for reference in references(described):
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def of_data(data: type[NoticeData]) -> dict[str, Any]:
    message = asyncapi()["components"]["messages"][data.type]
    assert message["summary"]
    return message["payload"]["allOf"][1]["properties"]["data"]


@pytest.mark.parametrize("data", NOTICE_TYPES.values(), ids=NOTICE_TYPES)
def test_every_field_of_a_notice_is_described_in_words(data: type[NoticeData]) -> None:
    schema = of_data(data)
    assert list(schema["properties"]) == schema["required"] == [each.name for each in fields(data)]
    for each in schema["properties"].values():
        assert each["description"]
        assert "None" not in each["description"]


def test_families_are_named_alike() -> None:
    assert set(PEER_TYPES) <= NOTICE_TYPES.keys()
    assert all(name.count(".") == 1 and name.islower() for name in NOTICE_TYPES)


@pytest.mark.parametrize(
    "data",
    [
        AccountCreated(("plan", "extra"), None, "Europe/Berlin"),
        DeviceCreated("phone", (NamedIdentity("imsi", "1"),)),
        SubscriptionAdded(1, "plan", "2026-11-20T18:30:00.000000Z", None),
        CounterChanged("low", "data", "normal", "low", 5, True, "volume"),
        CounterChanged("slow", None, "no", "yes", None, False, None),
    ],
    ids=lambda data: data.type,
)
def test_what_is_sent_is_as_described(data: NoticeData) -> None:
    sinks = build(read_document(f"{GOOD}\nnotices: {{files: [{{name: all}}]}}\n"), 1)
    (row,) = rows_of([Notice(1, "alice", data)], sinks, Occasion(1, 2, 3))
    check(json.loads(json.dumps(row.content["data"])), of_data(type(data)))


def check(value: Any, schema: dict[str, Any]) -> None:
    """Look at a value as a program does that knows the schema."""
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None:
        assert "null" in names
        return
    assert type(value) is JSON_TYPES[names[0]]
    assert value in schema.get("enum", [value])
    for part in value if isinstance(value, list) else ():
        check(part, schema["items"])
    if isinstance(value, dict):
        assert sorted(value) == sorted(schema["required"])
        for key, part in value.items():
            check(part, schema["properties"][key])
