"""What of a request is shown as the reason of a failure, as it came (RFC 6733 section 7.5)."""

from collections.abc import Iterator
from itertools import islice

from ..base.codec import Avp, Group
from ..base.dictionary import Dictionary
from ..base.message import Message
from ..charging.decisions import Decision, Outcome, ServiceDecision
from ..charging.information import LocationSource
from ..charging.requests import EventAction
from .decode import Decoded

_RATING_FAILED = Outcome.RATING_FAILED  # looked for in every answer; in its class it takes 0.1 µs
_SHOWN = frozenset({Outcome.LOCATION_UNKNOWN, Outcome.FOREIGN_CURRENCY, _RATING_FAILED})

SHOWN_OCTETS_MAX = 1024
"""Of one AVP; of a longer one only the kind is shown, for an answer is not long."""

_USER_LOCATION = "3GPP-User-Location-Info"

_LOCATIONS = {
    LocationSource.USER_LOCATION: (_USER_LOCATION,),
    LocationSource.SERVING_NETWORK: ("3GPP-SGSN-MCC-MNC",),
    LocationSource.ORIGINATOR: ("Originator-SCCP-Address", "Recipient-SCCP-Address"),
    LocationSource.VLR_NUMBER: ("VLR-Number",),
    LocationSource.MSC_ADDRESS: ("MSC-Address",),
    LocationSource.TRANSFER_ACCESS_NETWORK: ("Access-Network-Information",),
    LocationSource.ACCESS_NETWORK: ("Access-Network-Information",),
    LocationSource.VISITED_NETWORK: ("IMS-Visited-Network-Identifier",),
    LocationSource.CELLULAR_NETWORK: ("Cellular-Network-Information",),
    LocationSource.RECEIVED_ADDRESS: ("Originator-Received-Address",),
}
"""Where each source stands whose value may be at fault; an SGSN-Address is that of a node."""


def has_failed_avp(decision: Decision) -> bool:
    """Whether anything may be there to show."""
    if decision.outcome in _SHOWN:
        return True
    return _RATING_FAILED in [service.outcome for service in decision.services]


def failed_avps(
    decision: Decision, decoded: Decoded, message: Message, dictionary: Dictionary
) -> list[bytes]:
    """Returns what could not be read or rated (RFC 8506 section 9.2).

    That is the location, money of another currency, the Service-Context-Id when it is unknown, else
    the name of each service that is; a service without a name lacks its Rating-Group, so an example
    of one stands for it. Of a refund it is what names what is to be given back.
    """
    if decision.outcome is Outcome.LOCATION_UNKNOWN:
        return [_location(decoded, message, dictionary) or dictionary.example(_USER_LOCATION)]
    if decision.outcome is Outcome.FOREIGN_CURRENCY:
        money = _found(message.group, ("CC-Money",))
        named = islice((avp for avp in money if "Currency-Code" in avp.value), 1)
        return [_shown(avp, message, dictionary) for avp in named]
    if decoded.request.action is EventAction.REFUND:
        return _references(decision, decoded, message, dictionary)
    if decision.outcome is Outcome.RATING_FAILED and decoded.request.service_context is None:
        contexts = message.group.avps("Service-Context-Id")
        return [_shown(avp, message, dictionary) for avp in contexts]
    unrated: list[bytes] = []
    for service in decision.services:
        if service.outcome is Outcome.RATING_FAILED:
            unrated += _names(service, decoded, message) or [dictionary.example("Rating-Group")]
    return list(dict.fromkeys(unrated))


def _references(
    decision: Decision, decoded: Decoded, message: Message, dictionary: Dictionary
) -> list[bytes]:
    """Returns what names nothing that was charged; an example stands for what is not there."""
    shown: list[bytes] = []
    for usage, group in zip(decoded.request.usages, _groups(decoded, message), strict=True):
        names = usage.rating_group, usage.service_identifiers
        if any(
            service.outcome is Outcome.RATING_FAILED and _identity(service) == names
            for service in decision.services
        ):
            marks = group.avps("Refund-Information") or message.group.avps("Refund-Information")
            for avp in marks or message.group.avps("CC-Correlation-Id"):
                shown.append(_shown(avp, message, dictionary))
    return list(dict.fromkeys(shown)) or [dictionary.example("Refund-Information")]


def _location(decoded: Decoded, message: Message, dictionary: Dictionary) -> bytes | None:
    """Returns the first AVP that names a place and cannot be read, or names an unknown one."""
    for report in decoded.request.information.reports:
        names = () if report.countries else _LOCATIONS.get(report.source, ())
        found = next(_found(message.group, names), None)
        if found is not None:
            return _shown(found, message, dictionary)
    return None


def _shown(avp: Avp, message: Message, dictionary: Dictionary) -> bytes:
    """Returns an AVP as it came, or an example of it."""
    octets = message.raw(avp)
    if len(octets) <= SHOWN_OCTETS_MAX or avp.definition is None:
        return octets
    return dictionary.example(avp.definition.name)


def _found(group: Group, names: tuple[str, ...]) -> Iterator[Avp]:
    """Yields the AVPs of some names, those within groups included."""
    for avp in group.in_order():
        if avp.definition is not None and avp.definition.name in names:
            yield avp
        elif isinstance(avp.value, Group):
            yield from _found(avp.value, names)


def _names(service: ServiceDecision, decoded: Decoded, message: Message) -> list[bytes]:
    """Returns the AVPs that name a service: its Rating-Group, else its Service-Identifiers."""
    for usage, group in zip(decoded.request.usages, _groups(decoded, message), strict=True):
        if (usage.rating_group, usage.service_identifiers) == _identity(service):
            avps = group.avps("Rating-Group") or group.avps("Service-Identifier")
            return [message.raw(avp) for avp in avps]
    return []


def _identity(service: ServiceDecision) -> tuple[int | None, tuple[int, ...]]:
    return service.usage.rating_group, service.usage.service_identifiers


def _groups(decoded: Decoded, message: Message) -> list[Group]:
    """Returns the groups that the usages of a request were read from, in the same order."""
    if decoded.is_command_level:
        return [message.group]
    return message.group.all("Multiple-Services-Credit-Control")
