"""What a request says of its service, in charging's words (Service-Information, TS 32.299 7.2).

Who communicates stands in the group of the service, which the document of the context names; where
the subscriber is may stand in any of them.
"""

import re

from ..base.codec import Avp, Group
from ..base.text import spelled_out
from ..charging.information import Direction, ServiceInformation
from ..charging.requests import Identity
from .location import USER_LOCATION, accesses_of, reports_of
from .numbering import Numbering
from .parties import Parties, parties_of
from .parts import NOTHING, Parts, parts_of
from .party import Party

APN_LENGTH_MAX = 100
"""TS 23.003 clause 9.1."""

_ACCESS_AVPS = (
    USER_LOCATION,
    "3GPP-SGSN-MCC-MNC",
    "SGSN-Address",
    "3GPP-RAT-Type",
    "Called-Station-Id",
)
_OPERATOR_OF_APN = re.compile(r"\.mnc[0-9]{2,3}\.mcc[0-9]{3}\.gprs$")


def information_of(
    command: Group, document: str | None, identities: tuple[Identity, ...], numbering: Numbering
) -> ServiceInformation:
    """Returns what the AVPs of a request say of its service; nothing in them is refused."""
    parts = parts_of(command)
    parties = parties_of(document, parts, identities)
    accesses = accesses_of(parts.ims, numbering)
    return ServiceInformation(
        reports=reports_of(parts, accesses, parties.direction, numbering),
        direction=parties.direction,
        calling=_address(parties.calling),
        called=_address(parties.called),
        recipients=tuple([recipient.address for recipient in parties.recipients]),
        other_countries=_other_countries(parties, numbering),
        carrier=parties.carrier,
        is_emergency=parties.is_emergency,
        apn=_apn(parts),
        rat_type=_rat_type(parts),
        access=accesses.kind,
        message_octets=parts.pictures.first("Message-Size"),
    )


def access_avps(command: Group) -> list[Avp] | None:
    """Returns the AVPs from which everything follows; None: others tell something, too."""
    parts = parts_of(command)
    if any(part is not NOTHING for part in (parts.ims, parts.circuit, parts.texts, parts.pictures)):
        return None
    avps = [parts.access_avp(name) for name in _ACCESS_AVPS]
    return [avp for avp in avps if avp is not None]


def _other_countries(parties: Parties, numbering: Numbering) -> tuple[str, ...]:
    """Returns the countries of the number at the other end; of several, if those of all are one."""
    is_sent = parties.direction is not Direction.TERMINATING
    others = parties.recipients if is_sent and parties.recipients else (parties.other,)
    digits = {None if other is None else other.country_digits for other in others}
    found = {() if each is None else numbering.countries_of_number(each) for each in digits}
    return found.pop() if len(found) == 1 else ()


def _address(party: Party | None) -> str | None:
    return None if party is None else party.address


def _apn(parts: Parts) -> str | None:
    """Returns the name of the packet network, without the operator's part, in lower case."""
    text = parts.on_access("Called-Station-Id")
    if text is None:
        return None
    name = spelled_out(text).strip().lower().removesuffix(".")
    return _OPERATOR_OF_APN.sub("", name)[:APN_LENGTH_MAX] or None


def _rat_type(parts: Parts) -> int | None:
    octets = parts.on_access("3GPP-RAT-Type")
    return octets[0] if octets is not None and len(octets) == 1 else None
