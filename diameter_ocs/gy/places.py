"""Where the values of a usual request stand: in the same places of all requests laid out alike.

A usual request asks, for each of its services, for octets by Rating-Group alone. Every other one is
read AVP by AVP.
"""

from typing import NamedTuple

from ..base.codec import Avp, Group
from ..base.formats import PADDING
from ..base.message import Message
from ..charging.requests import Units
from .bearer import ORIGIN_STATE_ID, charging_id_avp
from .information_reader import AccessPlaces, access_places_of

TEXT_OCTETS_MAX = 512
"""Octets of a text, or of all Subscription-Ids, of a usual request."""

_ONCE = (
    "Session-Id",
    "Origin-Host",
    "Origin-Realm",
    "Service-Context-Id",
    "Auth-Application-Id",
    "CC-Request-Type",
    "CC-Request-Number",
    "Event-Timestamp",
)
_NEVER = (
    "CC-Sub-Session-Id",
    "Requested-Service-Unit",
    "Used-Service-Unit",
    "Requested-Action",
    "AoC-Request-Type",
    "Subscription-Id-Extension",
    "Proxy-Info",
)
_NEVER_IN_SERVICES = ("Service-Identifier", "Reporting-Reason", "Tariff-Change-Usage")
_OTHER_UNITS = (
    "CC-Time",
    "CC-Money",
    "CC-Service-Specific-Units",
    "Reporting-Reason",
    "Tariff-Change-Usage",
)
_OCTETS = ("CC-Total-Octets", "CC-Input-Octets", "CC-Output-Octets")


class ServicePlaces(NamedTuple):
    """Where the values of one service stand."""

    rating_group: slice
    asked: Units | None
    """What is asked for where no octets are named: as much as is usual, None for nothing."""
    requested: slice | None
    """None: no octets are named."""
    used: tuple[slice, ...]


class Places(NamedTuple):
    """Where everything stands that is read of a request."""

    session_id_avp: slice
    """With its header."""
    session_id_padding: bytes
    session_id: slice
    origin_host: slice
    origin_realm: slice
    service_context_id: slice
    application_id: slice
    request_type: slice
    request_number: slice
    event_timestamp: slice
    indicator: slice | None
    charging_id: slice | None
    origin_state_id: slice | None
    subscriptions: slice
    """All Subscription-Ids, headers included."""
    services: tuple[ServicePlaces, ...]
    access: AccessPlaces


def places_of(message: Message) -> Places | None:
    """Returns where the values stand in a message that passed its checks; None: it is unusual."""
    group = message.group
    subscriptions = group.avps("Subscription-Id")
    access = access_places_of(message)
    if not subscriptions or access is None or not _is_usual(group):
        return None
    services = [_service(message, each) for each in group.all("Multiple-Services-Credit-Control")]
    usual = tuple([service for service in services if service is not None])
    if len(usual) < len(services):
        return None
    at = {name: _data(message, group.avps(name)[0]) for name in _ONCE}
    session_id = group.avps("Session-Id")[0]
    indicator = group.avp("Multiple-Services-Indicator")
    names = slice(subscriptions[0].start, subscriptions[-1].end)
    places = Places(
        session_id_avp=slice(session_id.start, session_id.end),
        session_id_padding=PADDING[(session_id.end - session_id.start) & 3],
        session_id=at["Session-Id"],
        origin_host=at["Origin-Host"],
        origin_realm=at["Origin-Realm"],
        service_context_id=at["Service-Context-Id"],
        application_id=at["Auth-Application-Id"],
        request_type=at["CC-Request-Type"],
        request_number=at["CC-Request-Number"],
        event_timestamp=at["Event-Timestamp"],
        indicator=_optional(message, indicator),
        charging_id=_optional(message, charging_id_avp(group)),
        origin_state_id=_optional(message, group.avp(ORIGIN_STATE_ID)),
        subscriptions=names,
        services=usual,
        access=access,
    )
    texts = (names, places.origin_host, places.origin_realm, places.service_context_id)
    is_short = all(text.stop - text.start <= TEXT_OCTETS_MAX for text in texts)
    return places if is_short else None


def _is_usual(group: Group) -> bool:
    information = group.first("Service-Information")
    return (
        all(len(group.avps(name)) == 1 for name in _ONCE)
        and not any(name in group for name in _NEVER)
        and (information is None or "Subscription-Id" not in information)
    )


def _service(message: Message, group: Group) -> ServicePlaces | None:
    """Returns where the values of a service stand; None: it is unusual."""
    rating_group = group.avp("Rating-Group")
    requested = group.first("Requested-Service-Unit")
    used = group.all("Used-Service-Unit")
    if rating_group is None or any(name in group for name in _NEVER_IN_SERVICES):
        return None
    if not all(_is_total(units) for units in used):
        return None
    if requested is not None and not (_is_total(requested) or _is_empty(requested)):
        return None
    wanted = None if requested is None else requested.avp("CC-Total-Octets")
    return ServicePlaces(
        _data(message, rating_group),
        None if requested is None else Units(),
        None if wanted is None else _data(message, wanted),
        tuple([_data(message, units.avps("CC-Total-Octets")[0]) for units in used]),
    )


def _is_total(units: Group) -> bool:
    """Whether units are a total of octets, and nothing else that is read."""
    return "CC-Total-Octets" in units and not any(name in units for name in _OTHER_UNITS)


def _is_empty(units: Group) -> bool:
    return not any(name in units for name in (*_OTHER_UNITS, *_OCTETS))


def _optional(message: Message, avp: Avp | None) -> slice | None:
    return None if avp is None else _data(message, avp)


def _data(message: Message, avp: Avp) -> slice:
    return slice(avp.end - len(message.data(avp)), avp.end)
