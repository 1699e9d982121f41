"""A Credit-Control-Request as a charging request (RFC 8506 section 3.1, TS 32.299 6.4.2)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.errors import MissingAvp
from ..base.formats import decode_time
from ..base.layouts import Layout
from ..base.message import Message
from ..base.subscriptions import names_of
from ..base.text import clean, note_session_id
from ..base.values import check_application, invalid, required
from ..charging.identities import identities_in
from ..charging.requests import (
    NAMING,
    ChargingRequest,
    EventAction,
    Identity,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from ..charging.tuples import new
from ..charging.units import AMOUNT_MAX
from .bearer import ORIGIN_STATE_ID, charging_id_avp, charging_id_of
from .events import action_of, correlation_id_of, marks_of
from .information_reader import InformationReader
from .money import currency_of
from .numbering import Numbering
from .places import Places, places_of
from .remembered import Remembered
from .service_context import service_context_of
from .tolerance import Tolerated
from .usages import event_usages, usages_of

EVENT_AT_MIN = 631_152_000_000_000
"""The start of 1990: a client that says it is earlier has no clock."""

EVENT_AHEAD_MAX = 24 * 3600 * 1_000_000
"""How far a client's clock may be ahead, in microseconds: a day forgives any time zone."""

NO_PRIVATE_CONTEXTS: Mapping[str, str] = MappingProxyType({})

AVPS_MAX = 128
"""AVPs of a usual request, those in groups included."""

LAYOUTS_REMEMBERED = 256
TEXTS_REMEMBERED = 1024
NAMES_REMEMBERED = 20_000

_REQUEST_TYPES = {int(request_type): request_type for request_type in RequestType}
_USUAL_TYPES = {
    int(request_type): request_type
    for request_type in RequestType
    if request_type is not RequestType.EVENT
}
_INITIAL = RequestType.INITIAL
_IS_SUPPORTED = 1
_number = int.from_bytes


class Decoded(NamedTuple):
    """A request, and what of it is the protocol's business alone.

    It holds octets and no Message: a tree of AVPs is freed while it is still at hand for the
    processor, where a thousand requests wait for their answers.
    """

    request: ChargingRequest
    is_command_level: bool
    """The units stand at command level; those of the answer will, too."""
    tolerated: tuple[StrEnum, ...]
    """What was accepted against the standard, each kind once."""
    octets: bytes
    """The whole message."""
    session_id: bytes
    """The whole AVP, as it begins the answer."""
    proxies: bytes
    """All Proxy-Info, as they end the answer."""


class Decoder:
    """Reads requests, and remembers where in usual ones the values stand and what texts mean.

    `private_contexts` maps whole Service-Context-Ids that no standard knows to the document that
    describes them.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        numbering: Numbering,
        private_contexts: Mapping[str, str] = NO_PRIVATE_CONTEXTS,
    ) -> None:
        self._dictionary = dictionary
        self._private_contexts = private_contexts
        # Once met, False; met again and looked at, True.
        self._met: Remembered[Layout, bool] = Remembered(LAYOUTS_REMEMBERED)
        self._places: Remembered[Layout, Places] = Remembered(LAYOUTS_REMEMBERED)
        self._hosts: Remembered[bytes, str] = Remembered(TEXTS_REMEMBERED)
        self._contexts: Remembered[bytes, str] = Remembered(TEXTS_REMEMBERED)
        self._names: Remembered[bytes, tuple[Identity, ...]] = Remembered(NAMES_REMEMBERED)
        self._information = InformationReader(numbering)

    def decode(self, message: Message, tenant: str | None, received_at: int) -> Decoded:
        """Returns what a request asks; the message has passed the checks of its command.

        `received_at` is in microseconds since 1970.

        Raises:
            InvalidAvpValue: a request type or an action that is not served, another application
                than the header's, a number too large to be stored, or money below nothing.
            MissingAvp: an initial request or an event that names nobody, or an event that does not
                say what is to be done.
            AvpOccursTooManyTimes: more services than SERVICES_MAX.
        """
        layout = message.group.layout
        places = self._places.get(layout)
        if places is not None:
            usual = self._decode_usual(message, places, tenant, received_at)
            if usual is not None:
                return usual
        decoded = self._decode_any(message, tenant, received_at)
        if places is not None:
            self._remember_texts(message, places, decoded)
        elif layout.avps <= AVPS_MAX:
            self._remember_places(message)
        return decoded

    def _decode_usual(
        self, message: Message, places: Places, tenant: str | None, received_at: int
    ) -> Decoded | None:
        """Reads a request at known places, as `_decode_any` would; None: something is peculiar."""
        octets = message.octets
        service_context = self._contexts.get(octets[places.service_context_id])
        origin_host = self._hosts.get(octets[places.origin_host])
        origin_realm = self._hosts.get(octets[places.origin_realm])
        if service_context is None or origin_host is None or origin_realm is None:
            return None
        identities = self._identities(message, octets[places.subscriptions])
        request_type = _USUAL_TYPES.get(_number(octets[places.request_type]))
        session_id = octets[places.session_id]
        event_at = decode_time(octets[places.event_timestamp]) * 1_000_000
        usages = _usages_at(octets, places)
        if (
            identities is None
            or request_type is None
            or usages is None
            or session_id.find(b";") < 1
            or b"\0" in session_id
            or not session_id.isascii()
            or not EVENT_AT_MIN <= event_at <= received_at + EVENT_AHEAD_MAX
            or _number(octets[places.application_id]) != message.application_id
        ):
            return None
        if request_type is _INITIAL and places.services:
            indicator = places.indicator
            if indicator is None or _number(octets[indicator]) != _IS_SUPPORTED:
                return None
        is_spooled = tells_free = is_its_service = tells_money = wants_default = has_pool = False
        said = charging_id = origin_state_id = correlation_id = currency = None
        refunds: tuple[bytes, ...] = ()
        if places.charging_id is not None and request_type is _INITIAL:
            charging_id = charging_id_of(octets[places.charging_id])
        if places.origin_state_id is not None:
            origin_state_id = _number(octets[places.origin_state_id]) or None
        request = new(
            ChargingRequest,
            (
                request_type,
                _number(octets[places.request_number]),
                new(SessionKey, (session_id, None)),
                service_context,
                origin_host,
                origin_realm,
                message.end_to_end,
                message.is_retransmission,
                tenant,
                identities,
                event_at,
                usages,
                is_spooled,
                said,
                self._information.at(message, places.access),
                tells_free,
                is_its_service,
                EventAction.DEBIT,
                tells_money,
                charging_id,
                origin_state_id,
                correlation_id,
                refunds,
                currency,
                wants_default,
                has_pool,
            ),
        )
        session_id_avp = octets[places.session_id_avp] + places.session_id_padding
        return Decoded(request, False, (), octets, session_id_avp, b"")

    def _decode_any(self, message: Message, tenant: str | None, received_at: int) -> Decoded:
        """Reads a request AVP by AVP."""
        group = message.group
        tolerated: set[StrEnum] = set()
        check_application(message)
        request_type = _request_type(message)
        identities = identities_in(names_of(group, tolerated))
        if identities is None and request_type in NAMING:
            raise MissingAvp(
                "Nobody is named; send a Subscription-Id",
                self._dictionary.example("Subscription-Id"),
            )
        services = group.all("Multiple-Services-Credit-Control")
        action, correlation_id = EventAction.DEBIT, None
        refunds: tuple[bytes, ...] = ()
        if request_type is RequestType.EVENT:
            action = action_of(message, self._dictionary)
            correlation_id = correlation_id_of(group)
            if action is EventAction.REFUND:
                refunds = marks_of(services or [group], group)
            usages = event_usages(message, services, tolerated)
        else:
            usages = usages_of(message, services, tolerated)
        _note_strangers(group, request_type, tolerated)
        if services:
            _note_services(group, request_type, usages, tolerated)
        service_context_id = clean(required(group, "Service-Context-Id"), tolerated)
        session_id = group.avp("Session-Id")
        assert session_id is not None
        note_session_id(session_id.value, tolerated)
        service_context = service_context_of(service_context_id, self._private_contexts, tolerated)
        is_command_level = not services and bool(usages)
        bearer = charging_id_avp(group) if request_type is RequestType.INITIAL else None
        request = ChargingRequest(
            request_type,
            required(group, "CC-Request-Number"),
            SessionKey(message.data(session_id), _sub_session_id(message)),
            service_context,
            clean(required(group, "Origin-Host"), tolerated),
            clean(required(group, "Origin-Realm"), tolerated),
            message.end_to_end,
            message.is_retransmission,
            tenant,
            identities or (),
            _event_at(group, received_at, tolerated),
            usages,
            information=self._information.read(message, service_context, identities or ()),
            is_its_service=is_command_level,
            action=action,
            correlation_id=correlation_id,
            refunds=refunds,
            charging_id=None if bearer is None else charging_id_of(message.data(bearer)),
            origin_state_id=group.first(ORIGIN_STATE_ID) or None,
            currency=currency_of(message, services) if _names_money(usages) else None,
        )
        return Decoded(
            request,
            is_command_level,
            tuple(sorted(tolerated)) if tolerated else (),
            message.octets,
            message.raw(session_id),
            b"".join([message.raw(avp) for avp in group.avps("Proxy-Info")]),
        )

    def _identities(self, message: Message, subscriptions: bytes) -> tuple[Identity, ...] | None:
        """Returns the names in a usual request, by its Subscription-Ids; None: one is peculiar."""
        identities = self._names.get(subscriptions)
        if identities is None:
            tolerated: set[StrEnum] = set()
            identities = identities_in(names_of(message.group, tolerated))
            if identities is None or tolerated:
                return None
            self._names.keep(subscriptions, identities)
        return identities

    def _remember_places(self, message: Message) -> None:
        """Takes note of where values stand, when a layout is met again that is usual."""
        layout = message.group.layout
        is_looked_at = self._met.get(layout)
        if is_looked_at:
            return
        self._met.keep(layout, is_looked_at is not None)
        if is_looked_at is None:
            return
        places = places_of(message)
        if places is not None:
            self._places.keep(layout, places)
        self._information.learn(message)

    def _remember_texts(self, message: Message, places: Places, decoded: Decoded) -> None:
        """Takes note of what the octets at known places mean, unless they are peculiar."""
        if decoded.tolerated:
            return
        octets, request = message.octets, decoded.request
        self._hosts.keep(octets[places.origin_host], request.origin_host)
        self._hosts.keep(octets[places.origin_realm], request.origin_realm)
        if request.service_context is not None:
            self._contexts.keep(octets[places.service_context_id], request.service_context)


def _usages_at(octets: bytes, places: Places) -> tuple[ServiceUsage, ...] | None:
    """Reads services at known places; None: one stands there twice."""
    usages = []
    rating_groups = set()
    for at, asked, requested, used in places.services:
        rating_group = _number(octets[at])
        rating_groups.add(rating_group)
        if requested is not None:
            asked = new(Units, (min(_number(octets[requested]), AMOUNT_MAX), None, None, None, 0))
        reports = tuple([new(Units, (_number(octets[at]), None, None, None, 0)) for at in used])
        usages.append(new(ServiceUsage, (rating_group, (), asked, reports, False, None, 1, ())))
    return tuple(usages) if len(rating_groups) == len(usages) else None


def _names_money(usages: tuple[ServiceUsage, ...]) -> bool:
    return any(
        units is not None and units.money is not None
        for usage in usages
        for units in (usage.requested, *usage.used)
    )


def _request_type(message: Message) -> RequestType:
    number = required(message.group, "CC-Request-Type")
    request_type = _REQUEST_TYPES.get(number)
    if request_type is None:
        raise invalid(message, "CC-Request-Type", f"CC-Request-Type {number} is unknown")
    return request_type


def _sub_session_id(message: Message) -> int | None:
    sub_session_id: int | None = message.group.first("CC-Sub-Session-Id")
    if sub_session_id is not None and sub_session_id > AMOUNT_MAX:
        reason = f"CC-Sub-Session-Id {sub_session_id} is above {AMOUNT_MAX}"
        raise invalid(message, "CC-Sub-Session-Id", reason)
    return sub_session_id


def _event_at(group: Group, received_at: int, tolerated: set[StrEnum]) -> int | None:
    seconds = group.first("Event-Timestamp")
    if seconds is None:
        return None
    event_at: int = seconds * 1_000_000
    if EVENT_AT_MIN <= event_at <= received_at + EVENT_AHEAD_MAX:
        return event_at
    tolerated.add(Tolerated.ABSURD_TIME)
    return None


def _note_strangers(group: Group, request_type: RequestType, tolerated: set[StrEnum]) -> None:
    """Notes what belongs to requests of another kind."""
    if "Requested-Action" in group and request_type is not RequestType.EVENT:
        tolerated.add(Tolerated.REQUESTED_ACTION)
    if group.first("AoC-Request-Type"):
        tolerated.add(Tolerated.ADVICE_OF_CHARGE)


def _note_services(
    group: Group,
    request_type: RequestType,
    usages: tuple[ServiceUsage, ...],
    tolerated: set[StrEnum],
) -> None:
    """Notes how services stand in Multiple-Services-Credit-Control otherwise than they should."""
    indicator = group.first("Multiple-Services-Indicator")
    if request_type is RequestType.INITIAL and indicator != _IS_SUPPORTED:
        tolerated.add(Tolerated.MULTIPLE_SERVICES_NOT_INDICATED)
    rating_groups = {usage.rating_group for usage in usages}
    if len(rating_groups) == len(usages) and None not in rating_groups:
        return
    names = {(usage.rating_group, usage.service_identifiers) for usage in usages}
    if len(names) < len(usages):
        tolerated.add(Tolerated.REPEATED_SERVICE)
    if (None, ()) in names:
        tolerated.add(Tolerated.SERVICE_WITHOUT_NAME)
