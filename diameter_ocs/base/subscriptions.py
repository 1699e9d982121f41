"""Whom a message names, as it was sent: the AVPs that name a subscriber (RFC 8506 section 8.46).

Several applications name subscribers by them.
"""

from collections.abc import Iterator
from enum import StrEnum

from .codec import Group
from .text import clean
from .values import required

_NAI = 3
_EXTENSIONS = {
    "Subscription-Id-E164": 0,
    "Subscription-Id-IMSI": 1,
    "Subscription-Id-SIP-URI": 2,
    "Subscription-Id-NAI": _NAI,
    "Subscription-Id-Private": 4,
}
"""The members of Subscription-Id-Extension, each with its Subscription-Id-Type."""


def names_of(group: Group, tolerated: set[StrEnum]) -> list[tuple[int, str]] | None:
    """Returns the names in a message, each with its Subscription-Id-Type.

    Those of Service-Information count too. A User-Name counts, as an NAI, where nothing else names
    anyone. None: the message names nobody.
    """
    named = list(_named(group))
    if not named:
        user_name = group.first("User-Name")
        if user_name is None:
            return None
        named.append((_NAI, user_name))
    return [(kind, clean(text, tolerated).strip()) for kind, text in named]


def _named(group: Group) -> Iterator[tuple[int, str]]:
    yield from map(_subscription, group.all("Subscription-Id"))
    service_information = group.first("Service-Information")
    if service_information is not None:
        yield from map(_subscription, service_information.all("Subscription-Id"))
    for extension in group.all("Subscription-Id-Extension"):
        for name, kind in _EXTENSIONS.items():
            if name in extension:
                yield kind, extension.first(name)


def _subscription(subscription: Group) -> tuple[int, str]:
    kind = required(subscription, "Subscription-Id-Type")
    return kind, required(subscription, "Subscription-Id-Data")
