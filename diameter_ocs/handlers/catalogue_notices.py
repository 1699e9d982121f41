"""What an operator writes of notices: who is told, of what, and what becomes of it."""

import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ..charging.notice_types import (
    NOTICE_TYPES,
    BalanceExpiring,
    NoticeSink,
    SubscriptionExpiring,
    types_matching,
)
from .catalogue_scalars import Part, Positive, schema
from .quantities import shortened
from .refusals import suggestion

SINKS_MAX = 20
"""Webhooks, and likewise files."""
TYPES_MAX = 100
LEAD_TIMES_MAX = 10
LEAD_SECONDS_MAX = 366 * 86400
URL_CHARACTERS_MAX = 2000
SINK_NAME = "[a-z0-9][a-z0-9_-]{0,49}"
_URL = re.compile(r"https?://[^\s\x00-\x20\x7f-\U0010ffff]+")


def _check_sink_name(text: str) -> str:
    if not re.fullmatch(SINK_NAME, text):
        raise ValueError("write a name of small letters, digits, - and _, like crm")
    return text


def _check_type(text: str) -> str:
    if not types_matching(text):
        families = {f"{name.split('.')[0]}.*" for name in NOTICE_TYPES}
        known = suggestion(text, [*NOTICE_TYPES, *sorted(families)])
        raise ValueError(f"there are no notices {shortened(text)}{known}")
    return text


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_right = bool(_URL.fullmatch(text) and parts.hostname and parts.port != 0)
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError("write where it is called, like https://crm.example.net/notices")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no names and passwords belong here: servers sign what they send")
    if parts.fragment:
        raise ValueError("what stands behind # is not sent: leave it out")
    return text


SinkName = Annotated[
    str, AfterValidator(_check_sink_name), schema("string", pattern=f"^{SINK_NAME}$")
]
NoticeType = Annotated[str, AfterValidator(_check_type)]
NoticeTypes = Annotated[tuple[NoticeType, ...], Field(min_length=1, max_length=TYPES_MAX)]
LeadTime = Annotated[Positive, Field(le=LEAD_SECONDS_MAX)]
Url = Annotated[
    str,
    Field(max_length=URL_CHARACTERS_MAX),
    AfterValidator(_check_url),
    schema("string", pattern="^https?://", maxLength=URL_CHARACTERS_MAX),
]


class WebhookPart(Part):
    """A program that is told over HTTP."""

    name: SinkName
    """What it is called in `outbox list`, and in the configuration of servers, where its secret
    is; unique, files included."""
    url: Url
    """Where notices are posted, one at a time for each account."""
    types: NoticeTypes | None = None
    """Which ones, as counter.changed, or a family as counter.*; not written: all."""


class NoticeFilePart(Part):
    """A file that servers write, with a line for each notice."""

    name: SinkName
    """What it is called, and the file: TENANT.NAME.jsonl; unique, webhooks included."""
    types: NoticeTypes | None = None
    """Which ones, likewise."""


class NoticesPart(Part):
    """Who is told of what happens to accounts and peers."""

    webhooks: Annotated[tuple[WebhookPart, ...], Field(max_length=SINKS_MAX)] = ()
    """Programs that are told over HTTP."""
    files: Annotated[tuple[NoticeFilePart, ...], Field(max_length=SINKS_MAX)] = ()
    """Files in the folder `notices` of the servers."""
    expiring_before: Annotated[tuple[LeadTime, ...], Field(max_length=LEAD_TIMES_MAX)] = (86_400,)
    """How long before a subscription or a balance ends that is told, each time, at most 366 d."""


def notice_sinks(part: NoticesPart) -> dict[str, NoticeSink]:
    """Returns where notices are sent, by name."""
    sinks = [NoticeSink(each.name, _types(each.types), each.url) for each in part.webhooks]
    sinks += [NoticeSink(each.name, _types(each.types)) for each in part.files]
    return {sink.name: sink for sink in sinks}


def noticed(sinks: Iterable[NoticeSink]) -> dict[str, tuple[str, ...]]:
    """Returns the names of those that want a type of notice, by type."""
    sinks = list(sinks)
    wanted = {
        name: tuple(sink.name for sink in sinks if name in sink.types) for name in NOTICE_TYPES
    }
    return {name: names for name, names in wanted.items() if names}


def expiring_before(part: NoticesPart) -> tuple[int, ...]:
    """Returns how many seconds before an end it is told, the most first; () if nobody wants it."""
    wanted = noticed(notice_sinks(part).values())
    if SubscriptionExpiring.type not in wanted and BalanceExpiring.type not in wanted:
        return ()
    return tuple(sorted(part.expiring_before, reverse=True))


def _types(patterns: tuple[str, ...] | None) -> frozenset[str]:
    if patterns is None:
        return frozenset(NOTICE_TYPES)
    return frozenset(name for pattern in patterns for name in types_matching(pattern))
