"""What programs that take notices may rely on: a description in AsyncAPI 3.0."""

import types
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ..charging.notice_types import NOTICE_TYPES, Format, NoticeData

VERSION = "1.0.0"
"""Of what is described: its first number changes when a program would have to."""
CONTENT_TYPE = "application/cloudevents+json"
INTRODUCTION = (
    "What an online charging system tells of the accounts and peers of a tenant, as CloudEvents 1.0"
    " in JSON. The tenant's catalogue says who is told of what. Each notice comes at least once,"
    " those of an account in their order; one that comes again has the same id. Further properties"
    " may be added: pass over what you do not know. A file has one event on each line."
)
_JSON_TYPES = {str: "string", int: "integer", bool: "boolean"}
_SIGNING = {
    "webhook-id": "The id of the event.",
    "webhook-timestamp": "When it was posted, in seconds since 1970: too old ones are not ours.",
    "webhook-signature": "v1, and the HMAC-SHA256 of id, timestamp and body, as Standard Webhooks"
    " have it.",
}


def asyncapi() -> dict[str, Any]:
    """Returns the description."""
    references = {name: {"$ref": f"#/components/messages/{name}"} for name in NOTICE_TYPES}
    channel = {
        "address": None,
        "description": "A webhook, posted to with one event at a time, or a file.",
        "messages": references,
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Notices", "version": VERSION, "description": INTRODUCTION},
        "defaultContentType": CONTENT_TYPE,
        "channels": {"notices": channel},
        "operations": {"tell": {"action": "send", "channel": {"$ref": "#/channels/notices"}}},
        "components": {
            "messages": {name: _message(data) for name, data in NOTICE_TYPES.items()},
            "schemas": {"event": _event(), "signature": _signature()},
        },
    }


def _message(data: type[NoticeData]) -> dict[str, Any]:
    told = {"properties": {"type": {"const": data.type}, "data": _schema(data)}}
    return {
        "name": data.type,
        "summary": data.__doc__,
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/signature"},
        "payload": {"allOf": [{"$ref": "#/components/schemas/event"}, told]},
    }


def _event() -> dict[str, Any]:
    """Returns what is alike in all events."""
    properties = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "The same when it comes again."},
        "source": {"type": "string", "format": "uri-reference", "description": "The tenant."},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "The account's name, or the peer's host."},
        "time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
    }
    return _object(properties)


def _signature() -> dict[str, Any]:
    return _object(
        {name: {"type": "string", "description": text} for name, text in _SIGNING.items()}
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schema(hint: Any) -> dict[str, Any]:
    """Returns the JSON Schema of what is written of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _described(_schema(arguments[0]), arguments[1:])
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin in (Union, types.UnionType):
        return _or_null(_schema(arguments[0]))
    if is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return _object({name: _schema(each) for name, each in hints.items() if name != "type"})
    return {"type": _JSON_TYPES[hint]}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    either = {**schema, "type": [schema["type"], "null"]}
    return {**either, "enum": [*schema["enum"], None]} if "enum" in schema else either


def _described(schema: dict[str, Any], about: tuple[Any, ...]) -> dict[str, Any]:
    for each in about:
        if isinstance(each, Format):
            schema = {**schema, "format": each.name}
        else:
            schema = {**schema, "description": each.replace("None:", "null:")}
    return schema
