"""What an operator writes of users who have nothing left, and what becomes of it (RFC 8506 5.6)."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from ..charging.final_units import (
    PLACEHOLDER,
    PLACEHOLDERS,
    TERMINATES,
    AddressType,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from .catalogue_reach import unreached
from .catalogue_restrictions import WhenPart, restrictions
from .catalogue_scalars import Part
from .catalogue_text import Path
from .filter_rules import RULE_CHARACTERS_MAX, checked_filter_rule
from .quantities import shortened
from .refusals import suggestion

SERVERS_MAX = 20
FILTERS_MAX = 8
"""An answer has room for so many."""
ADDRESS_CHARACTERS_MAX = 255
FILTER_ID_CHARACTERS_MAX = 100
INHERITED = "PARENT"
SIP_URI = re.compile(r"sips?:([^@]+@)?[^@:]+(:[0-9]{1,5})?.*", re.IGNORECASE)


def address_type(address: str) -> AddressType:
    """Returns what an address is.

    Raises:
        ValueError: it is none that gateways could be told.
    """
    try:
        version = ip_address(address).version
    except ValueError:
        pass
    else:
        return AddressType.IPV4 if version == 4 else AddressType.IPV6
    filled = PLACEHOLDER.sub("0", address)
    if SIP_URI.fullmatch(filled):
        return AddressType.SIP_URI
    try:
        parts = urlsplit(filled)
        is_url = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        examples = "https://pay.example/{msisdn}, sip:pay@example, 192.0.2.1 or 2001:db8::1"
        raise ValueError(f"{shortened(address)} is no address; write it like {examples}")
    return AddressType.URL


def _check_address(text: str) -> str:
    for at, bracket in _loose_brackets(text):
        name = re.match(r"\{([^{}]*)\}", text[at:])
        reason = "} closes no bracket" if bracket == "}" else "this bracket is not closed"
        if name is not None:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            near = suggestion(name[1], PLACEHOLDERS)
            reason = f"{shortened(name[0])} is not one of {known}{near}"
        raise ValueError(f"at character {at + 1}: {reason}")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("an address has no spaces, and other than ASCII is escaped, as %C3%A9")
    address_type(text)
    return text


def _loose_brackets(text: str) -> Iterator[tuple[int, str]]:
    """Yields the brackets that belong to no placeholder, with where they stand."""
    blanked = PLACEHOLDER.sub(lambda found: " " * len(found[0]), text)
    for found in re.finditer("[{}]", blanked):
        yield found.start(), found[0]


def _check_filter_id(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("a filter's name is printable and neither begins nor ends with a space")
    return text


def _alone(value: object) -> object:
    """An action that needs nothing else may stand alone; PARENT is the same as not written."""
    if value == INHERITED:
        return None
    return {"action": value} if isinstance(value, str) else value


def _address_alone(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


class RedirectServerPart(Part):
    """Where users are sent, and whom it takes; an address alone takes everybody."""

    address: Annotated[
        str, Field(min_length=1, max_length=ADDRESS_CHARACTERS_MAX), AfterValidator(_check_address)
    ]
    """A URL, a SIP URI, or an address of IPv4 or IPv6. In URLs and SIP URIs {msisdn}, {imsi},
    {account}, {rating_group} and {session_id} are filled in; what a request does not say of the
    subscriber is empty."""
    when: WhenPart | None = None
    """What must hold, else the next server is asked; not written: it takes everybody."""


class FinalUnitPart(Part):
    """What gateways do when a service has used its last units; an action may stand alone."""

    action: Literal["NONE", "TERMINATE", "REDIRECT", "RESTRICT_ACCESS"]
    """NONE: they are told nothing, and refused when they ask; TERMINATE: the service ends;
    REDIRECT: users are sent to a server; RESTRICT_ACCESS: only what the filters permit goes on."""
    servers: Annotated[
        tuple[
            Annotated[
                RedirectServerPart,
                BeforeValidator(_address_alone, json_schema_input_type=str | RedirectServerPart),
            ],
            ...,
        ],
        Field(max_length=SERVERS_MAX),
    ] = ()
    """Of REDIRECT: the first whose `when` holds counts; where none does the service ends."""
    filter_rules: Annotated[
        tuple[
            Annotated[
                str, Field(max_length=RULE_CHARACTERS_MAX), AfterValidator(checked_filter_rule)
            ],
            ...,
        ],
        Field(max_length=FILTERS_MAX),
    ] = ()
    """What goes on, as IPFilterRules of Diameter: permit out ip from 192.0.2.1 to assigned."""
    filter_ids: Annotated[
        tuple[
            Annotated[
                str,
                Field(min_length=1, max_length=FILTER_ID_CHARACTERS_MAX),
                AfterValidator(_check_filter_id),
            ],
            ...,
        ],
        Field(max_length=FILTERS_MAX),
    ] = ()
    """Likewise, by the names of filters that gateways know."""


FinalUnit = Annotated[
    FinalUnitPart | None,
    BeforeValidator(
        _alone,
        json_schema_input_type=Literal["PARENT", "NONE", "TERMINATE"] | FinalUnitPart | None,
    ),
]


def final_unit(
    part: FinalUnitPart | None, inherited: FinalUnitHandling | None
) -> FinalUnitHandling:
    """Returns what becomes of a rating group's users; what is not written is inherited."""
    if part is None:
        return inherited or TERMINATES
    return FinalUnitHandling(
        action=None if part.action == "NONE" else FinalUnitAction[part.action],
        redirect_servers=tuple(
            RedirectServer(address_type(each.address), each.address, restrictions(each.when))
            for each in part.servers
        ),
        filter_rules=part.filter_rules,
        filter_ids=part.filter_ids,
    )


def lack(part: FinalUnitPart) -> str | None:
    """Says what an action needs that is not there; None: it has everything."""
    if part.action == "REDIRECT" and not part.servers:
        return "REDIRECT needs `servers` to which users are sent"
    if part.action == "RESTRICT_ACCESS" and not (part.filter_rules or part.filter_ids):
        return "RESTRICT_ACCESS needs `filter_rules` or `filter_ids`: what goes on"
    return None


def faults(part: FinalUnitPart) -> Iterator[tuple[Path, str]]:
    """Finds what does not belong together, with paths from the final unit on."""
    action = part.action
    if action != "REDIRECT" and part.servers:
        yield ("servers",), f"only REDIRECT has servers, not {action}: leave them out"
    if action in ("NONE", "TERMINATE"):
        for key in ("filter_rules", "filter_ids"):
            if getattr(part, key):
                yield (key,), f"nothing goes on after {action}: leave them out"
    for index, taker in unreached(restrictions(each.when) for each in part.servers):
        taken = "the servers before it take" if taker is None else f"servers[{taker}] takes"
        yield ("servers", index), f"nobody comes here: {taken} all of them before"
