"""Which services were looked at for a rating group and why each was passed over, in a few octets.

A group is written as `300:0.1c,0.2n,1.0p4!`: its number, then in the order in which they were asked
the plan and the service, counted from 0 as the catalogue has them, and a letter of `Reason`; after
`p` the number of the rate that counts, after `!` nothing more was asked. Groups are parted by a
space. In full plans and services have their names, in which all but plain letters is written as in
URLs: `300:gold/all%20data/c`. Where something was cut a `~` stands at the end.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote, unquote

LENGTH_MAX = 60
"""Of the short form of all groups together, in octets."""
FULL_LENGTH_MAX = 2000
SERVICES_MAX = FULL_LENGTH_MAX // 5
"""Of one group, those looked at first: more of them would be cut from either form."""
CUT = "~"


class Reason(StrEnum):
    """What a service was to a usage: the letter that the journal keeps."""

    PAYS = "p"
    """It pays, when its turn comes and as long as it has something."""
    DENIES = "d"
    """It is there to pay for nothing."""
    NO_RATE = "n"
    """None of its rates is for these circumstances."""
    LOCATION_UNKNOWN = "l"
    """It, or the rates it has, are sold by place, and nobody says where the subscriber is."""
    COUNTRY = "c"
    """Not for where the subscriber is; so are the next ones."""
    NETWORK = "w"
    ROAMING = "r"
    SAME_COUNTRY = "s"
    OTHER_COUNTRY = "t"
    """Not for the number at the other end; so are the next ones."""
    NUMBER = "b"
    ON_NET = "o"
    DIRECTION = "i"
    HOURS = "h"
    """Not at this time."""
    EMERGENCY = "e"
    """Nothing was asked: it is served for nothing."""


Name = Callable[[int, int], tuple[str, str]]
"""Returns the names of a plan and a service by their places in the catalogue."""


class Considered(NamedTuple):
    """A service that was looked at."""

    plan: str
    """Its name, or its place in the catalogue as digits."""
    service: str
    reason: Reason
    rate: int | None = None
    """Which of its rates counts, from 0."""
    ends_search: bool = False
    """It denied all that come after it."""


class GroupConsidered(NamedTuple):
    """What was looked at for one rating group."""

    rating_group: int
    services: tuple[Considered, ...]
    """Empty: nobody sells it, or a service of an emergency."""
    is_emergency: bool = False


class Considerations(NamedTuple):
    """What was looked at for a request."""

    groups: tuple[GroupConsidered, ...]
    is_cut: bool = False
    """There was more."""


_REASON = f"([{''.join(Reason)}])([0-9]*)(!?)"
_SHORT = re.compile(rf"([0-9]+)\.([0-9]+){_REASON}")
_FULL = re.compile(rf"([^/]*)/([^/]*)/{_REASON}")


def short_text(group: GroupConsidered) -> str:
    """Writes a group whose plans and services are counted."""
    return _text(group, [f"{each.plan}.{each.service}" for each in group.services])


def full_text(group: GroupConsidered) -> str:
    """Writes a group whose plans and services have names."""
    return _text(
        group, [f"{_quoted(each.plan)}/{_quoted(each.service)}/" for each in group.services]
    )


def joined(texts: Iterable[str], length_max: int = LENGTH_MAX) -> str:
    """Joins the texts of groups; of what is too long only whole services are kept."""
    text = " ".join(texts)
    if len(text) <= length_max:
        return text
    head = text[: length_max - len(CUT)]
    return head[: max(head.rfind(","), head.rfind(" "), 0)] + CUT


def parse(text: str) -> Considerations:
    """Reads what `joined` has written.

    Raises:
        ValueError: it is something else.
    """
    groups = [_group(part) for part in text.removesuffix(CUT).split()]
    return Considerations(tuple(groups), text.endswith(CUT))


def named(found: Considerations, name: Name) -> Considerations:
    """Returns it with names for numbers."""
    return found._replace(groups=tuple([_named(group, name) for group in found.groups]))


def _text(group: GroupConsidered, names: Iterable[str]) -> str:
    if group.is_emergency:
        return f"{group.rating_group}:{Reason.EMERGENCY}"
    services = [
        f"{name}{each.reason}{'' if each.rate is None else each.rate}{'!' * each.ends_search}"
        for name, each in zip(names, group.services, strict=True)
    ]
    return f"{group.rating_group}:{','.join(services)}"


def _quoted(name: str) -> str:
    return quote(name, safe="").replace(CUT, "%7E")


def _group(text: str) -> GroupConsidered:
    number, colon, services = text.partition(":")
    if not (colon and number.isdecimal()):
        raise ValueError(f"{text!r} is no rating group for which services were considered")
    if services == Reason.EMERGENCY:
        return GroupConsidered(int(number), (), True)
    found = [_service(service) for service in services.split(",") if service]
    return GroupConsidered(int(number), tuple(found))


def _service(text: str) -> Considered:
    found = _SHORT.fullmatch(text) or _FULL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no service that was considered")
    plan, service, reason, rate, end = found.groups()
    return Considered(
        unquote(plan), unquote(service), Reason(reason), int(rate) if rate else None, end == "!"
    )


def _named(group: GroupConsidered, name: Name) -> GroupConsidered:
    services = []
    for each in group.services:
        plan, service = name(int(each.plan), int(each.service))
        services.append(each._replace(plan=plan, service=service))
    return group._replace(services=tuple(services))
