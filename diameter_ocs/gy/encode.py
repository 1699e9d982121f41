"""A decision as a Credit-Control-Answer (RFC 8506 section 3.2, TS 32.299 6.4.3).

The answer is as small as the standard allows, and has the layout of its request: what a client
asked in Multiple-Services-Credit-Control is answered there, and what it asked at command level is
answered at command level.

Announcements are told of services in Multiple-Services-Credit-Control alone: the grammar of an
answer has no other place for them.

An answer above ANSWER_OCTETS_MAX goes without what a client can do without, triggers first, then
thresholds, then announcements, and is sent whole otherwise: a quota that is not told is held for
nothing, a service without its code is asked for again, and the names of services, Session-Id and
Proxy-Info are the request's own, which bounds it.
"""

from itertools import product
from struct import Struct
from typing import Any, NamedTuple

from ..base.dictionary import Dictionary
from ..base.framing import HEADER_OCTETS
from ..base.message import PROXIABLE_BIT, VERSION, Identity, answer, decode
from ..base.message import request as encode_request
from ..charging.deadlines import SECOND
from ..charging.decisions import Decision, Grant, Outcome, ServiceDecision
from ..charging.final_units import TERMINATE
from ..charging.requests import RequestType, ServiceUsage
from ..charging.units import UnitType
from .announcements import announced
from .codes import COMMAND_CODES, ERROR_MESSAGES, SERVICE_CODES, SUCCESS
from .controls import UNSIGNED32_MAX, controls
from .decode import Decoded
from .events import mark_of
from .failed_avp import failed_avps, has_failed_avp
from .final_units import final_unit_indication, qos_final_unit_indication
from .forms import Form, form
from .money import cc_money
from .pools import pool_reference
from .terms import AS_USUAL, AnswerTerms, FailureHandling
from .told import told_avps

Pairs = list[tuple[str, Any]]
"""AVPs by name, each with its value or, where it is a group, its members."""

ANSWER_OCTETS_MAX = 4096
"""How long an answer may be with all that it could say."""

UNSIGNED64_MAX = 2**64 - 1

_UNITS = {
    UnitType.TIME: "CC-Time",
    UnitType.VOLUME: "CC-Total-Octets",
    UnitType.SERVICE_SPECIFIC_UNITS: "CC-Service-Specific-Units",
}

_REFUSED: Pairs = [("Credit-Control-Failure-Handling", FailureHandling.TERMINATE)]

_DATA = "32251"
_NETWORK_CHANGES = (30, 31)
"""The Trigger-Types of a change of MCC or MNC, which prices depend on; not of the cell.

A grant without triggers leaves those of the client as they are.
"""
_TRIGGERS: Pairs = [("Trigger", [("Trigger-Type", kind) for kind in _NETWORK_CHANGES])]

# Looked for in every answer; in its class each takes 0.1 µs.
_SUCCESS = Outcome.SUCCESS
_INITIAL, _, _TERMINATION, _ = RequestType
_TIME, _MONEY = UnitType.TIME, UnitType.MONEY

_COMMAND = "Credit-Control"
_START = Struct(">IB")
"""How a header begins: version, length and flags."""


_Shape = tuple[Outcome, UnitType, bool, bool, bool, bool]
"""How a usual grant is answered: final or not, with triggers, with a threshold, held for a time."""


class _Extras(NamedTuple):
    """What an answer says that a client can do without."""

    triggers: bool
    thresholds: bool
    announcements: bool
    mark: bytes | None = None
    """By what an event may be refunded."""
    currency: str | None = None
    """Of granted money."""


class Encoder:
    """Writes the answers of one node to peers that are answered on the same terms.

    What is the same in many answers is encoded once, by the names of its AVPs; what is usual is a
    form in which only numbers change.
    """

    def __init__(
        self, dictionary: Dictionary, identity: Identity, terms: AnswerTerms = AS_USUAL
    ) -> None:
        self.terms = terms
        self.changes_requests = terms.changes_requests
        self._dictionary = dictionary
        self._origin = _origin(dictionary, identity)
        self._openings = {
            key: self._opening_form(*key)
            for key in product(RequestType, set(COMMAND_CODES.values()))
        }
        self._served = dictionary.encode_avps(_served(terms))
        self._refused = dictionary.encode_avps(_REFUSED)
        self._granted: dict[_Shape, Form] = {}
        triggers, thresholds = terms.location_triggers, terms.quota_thresholds
        announcements = terms.announcements
        self._extras = (
            _Extras(triggers, thresholds, announcements),
            _Extras(False, thresholds, announcements),
            _Extras(False, False, announcements),
            _Extras(False, False, False),
        )

    def encode(self, decision: Decision, decoded: Decoded) -> bytes:
        """Returns the answer to a request, with its ids, Session-Id and Proxy-Info."""
        code = result_code(decision, decoded)
        body = b""
        for extras in self._extras:
            body = self._body(decision, decoded, code, extras)
            if HEADER_OCTETS + len(body) <= ANSWER_OCTETS_MAX:
                break
        octets = decoded.octets
        start = _START.pack(VERSION << 24 | HEADER_OCTETS + len(body), octets[4] & PROXIABLE_BIT)
        return start + octets[_START.size : HEADER_OCTETS] + body

    def _body(self, decision: Decision, decoded: Decoded, code: int, extras: _Extras) -> bytes:
        """Returns all AVPs of an answer."""
        request = decoded.request
        pack, (begin, end), _ = self._openings[request.request_type, code]
        parts = [decoded.session_id, pack(begin, request.request_number, end)]
        sub_session_id = request.session_key.sub_session_id
        if sub_session_id is not None:
            parts.append(self._dictionary.encode("CC-Sub-Session-Id", sub_session_id))
        if request.request_type is _INITIAL:
            parts.append(self._served if code == SUCCESS else self._refused)
        if decision.told is not None:
            extras = extras._replace(currency=decision.told.currency)
            told = told_avps(decision.told, self.terms, request.action)
            parts.append(self._dictionary.encode_avps(told))
        if request.request_type is not _TERMINATION:
            if request.service_context != _DATA:
                extras = extras._replace(triggers=False)
            if self.terms.refund_information:
                extras = extras._replace(mark=mark_of(decision, request))
            for service in decision.services:
                parts.append(self._service(service, decoded.is_command_level, extras))
            if extras.mark is not None and decoded.is_command_level:
                parts.append(self._dictionary.encode("Refund-Information", extras.mark))
            if has_failed_avp(decision):
                said = sum(map(len, (*parts, decoded.proxies)))
                room = ANSWER_OCTETS_MAX - HEADER_OCTETS - said
                parts.append(self._failed_avp(decision, decoded, room))
        parts.append(decoded.proxies)
        return b"".join(parts)

    def _opening_form(self, request_type: RequestType, code: int) -> Form:
        """Returns the form of who answers and what, with a gap for the CC-Request-Number.

        A failure is said in words, too.
        """
        command = self._dictionary.command_named(_COMMAND)
        pairs: Pairs = [
            ("Result-Code", code),
            ("Auth-Application-Id", command.application_id),
            ("CC-Request-Type", request_type),
        ]
        begin = self._origin + self._dictionary.encode_avps(pairs)
        encode = self._dictionary.encode
        end = encode("Error-Message", ERROR_MESSAGES[code]) if code in ERROR_MESSAGES else b""
        return form(
            begin + encode("CC-Request-Number", 0) + end,
            begin + encode("CC-Request-Number", UNSIGNED32_MAX) + end,
        )

    def _granted_form(self, shape: _Shape) -> Form:
        """Returns the form of a service that has a grant and is named by its Rating-Group alone.

        The gaps are for the units, the Rating-Group, the Validity-Time, and what it has of a
        threshold and a Quota-Holding-Time.
        """
        outcome, unit_type, is_last, has_triggers, has_threshold, has_holding = shape
        extras = _Extras(has_triggers, True, False)
        final_unit = TERMINATE if is_last else None
        least, greatest = [
            self._any_service(
                ServiceDecision(
                    ServiceUsage(number),
                    outcome,
                    Grant(
                        unit_type,
                        units,
                        number,
                        is_last,
                        has_triggers,
                        number if has_threshold else None,
                        number if has_holding else None,
                        final_unit=final_unit,
                    ),
                ),
                extras,
            )
            for units, number in ((1, 0), (UNSIGNED64_MAX, UNSIGNED32_MAX))
        ]
        return form(least, greatest)

    def _service(self, service: ServiceDecision, is_command_level: bool, extras: _Extras) -> bytes:
        """Answers one service."""
        usage, outcome, grant, announcements = service
        if is_command_level:
            return self._dictionary.encode_avps(_command_level(service, extras, self.terms))
        group, identifiers, *_ = usage
        if grant is None or group is None or identifiers or announcements:
            return self._any_service(service, extras)
        unit_type, units, seconds, _, by_place, threshold, holding, idle, final, at, pool = grant
        if seconds is None or not units or idle is not None or at is not None:
            return self._any_service(service, extras)
        if unit_type is _MONEY or pool is not None:
            return self._any_service(service, extras)
        if not (final is None or final == TERMINATE):
            return self._any_service(service, extras)
        triggers, thresholds, *_ = extras
        if not thresholds:
            threshold = holding = None
        has_threshold, has_holding = threshold is not None, holding is not None
        has_triggers = by_place and triggers
        shape = outcome, unit_type, final is not None, has_triggers, has_threshold, has_holding
        usual = self._granted.get(shape)
        if usual is None:
            usual = self._granted[shape] = self._granted_form(shape)
        if unit_type is _TIME and units > UNSIGNED32_MAX:
            units = UNSIGNED32_MAX
        if seconds > UNSIGNED32_MAX:
            seconds = UNSIGNED32_MAX
        pack, fixed, _ = usual
        if not (has_threshold or has_holding):
            begin, second, third, end = fixed
            return pack(begin, units, second, group, third, seconds, end)
        if has_threshold and has_holding:
            begin, second, third, fourth, fifth, end = fixed
            told = units, second, group, third, seconds, fourth, threshold, fifth, holding
            return pack(begin, *told, end)
        numbers = units, group, seconds, threshold, holding
        return usual.filled(*[number for number in numbers if number is not None])

    def _any_service(self, service: ServiceDecision, extras: _Extras) -> bytes:
        """Answers one service of whatever shape in Multiple-Services-Credit-Control."""
        return self._dictionary.encode(
            "Multiple-Services-Credit-Control", _multiple_services(service, extras, self.terms)
        )

    def _failed_avp(self, decision: Decision, decoded: Decoded, room: int) -> bytes:
        """Shows what could not be read or rated, only the first where there is no room for all.

        For that the request is read once more.
        """
        message = decode(decoded.octets, self._dictionary)
        failed = failed_avps(decision, decoded, message, self._dictionary)
        if not failed:
            return b""
        encode = self._dictionary.encode
        everything = encode("Failed-AVP", failed)
        return everything if len(everything) <= room else encode("Failed-AVP", failed[:1])


def result_code(decision: Decision, decoded: Decoded) -> int:
    """Returns the code at command level: where the units stand there, their service's."""
    outcome = decision.outcome
    if outcome is _SUCCESS and decision.services and _mirrors_service(decoded):
        return SERVICE_CODES[decision.services[0].outcome]
    return COMMAND_CODES[outcome]


def _mirrors_service(decoded: Decoded) -> bool:
    """Whether the command carries its only service; a termination succeeds whatever it reported."""
    return decoded.is_command_level and decoded.request.request_type is not _TERMINATION


def _origin(dictionary: Dictionary, identity: Identity) -> bytes:
    """Returns what every answer says of who sends it, cut out of an answer that says only that."""
    message = decode(encode_request(dictionary, _COMMAND, 0, 0, ()), dictionary)
    return answer(message, dictionary, identity, ())[HEADER_OCTETS:]


def _served(terms: AnswerTerms) -> Pairs:
    """Says what a client does that gets no answer, and whether another server may go on."""
    return [
        ("CC-Session-Failover", terms.session_failover),
        ("Credit-Control-Failure-Handling", terms.failure_handling),
        ("Direct-Debiting-Failure-Handling", terms.debiting_failure_handling),
    ]


def _command_level(service: ServiceDecision, extras: _Extras, terms: AnswerTerms) -> Pairs:
    grant = service.grant
    return [] if grant is None else [*_quota(grant, extras), *_until(grant, terms)]


def _multiple_services(service: ServiceDecision, extras: _Extras, terms: AnswerTerms) -> Pairs:
    """Answers one service under the names by which it was asked for."""
    usage, grant = service.usage, service.grant
    members: Pairs = [] if grant is None else _quota(grant, extras)
    members += [("Service-Identifier", number) for number in usage.service_identifiers]
    if usage.rating_group is not None:
        members.append(("Rating-Group", usage.rating_group))
    members.append(("Result-Code", _service_code(service, terms)))
    if grant is not None:
        members += _until(grant, terms)
        members += pool_reference(grant)
        if extras.thresholds:
            members += controls(grant)
        if grant.depends_on_location and extras.triggers:
            members += _TRIGGERS
    if extras.mark is not None:
        members.append(("Refund-Information", extras.mark))
    if extras.announcements:
        members += [("Announcement-Information", announced(each)) for each in service.announcements]
    return members


def _service_code(service: ServiceDecision, terms: AnswerTerms) -> int:
    """Returns the code of a service; where it is to do something instead, the peer's usual one."""
    grant = service.grant
    begins_at_once = grant is not None and grant.is_final and not grant.units
    outcome = Outcome.LIMIT_REACHED if begins_at_once and terms.refuses_at_end else service.outcome
    return SERVICE_CODES[outcome]


def _quota(grant: Grant, extras: _Extras) -> Pairs:
    """Returns what may be used; nothing is no quota."""
    if not grant.units:
        return []
    if grant.unit_type is _MONEY:
        return [("Granted-Service-Unit", cc_money(grant.units, extras.currency))]
    units: Pairs = [(_UNITS[grant.unit_type], _told_units(grant))]
    if grant.tariff_change_at is not None:
        units.insert(0, ("Tariff-Time-Change", grant.tariff_change_at // SECOND))
    return [("Granted-Service-Unit", units)]


def _told_units(grant: Grant) -> int:
    """Returns the units as far as their AVP can say them."""
    if grant.unit_type is UnitType.TIME:
        return min(grant.units, UNSIGNED32_MAX)
    return grant.units


def _until(grant: Grant, terms: AnswerTerms) -> Pairs:
    """Says how long a quota is good for, and what follows it when nothing does."""
    pairs: Pairs = []
    if grant.validity_seconds is not None:
        pairs.append(("Validity-Time", min(grant.validity_seconds, UNSIGNED32_MAX)))
    if grant.final_unit is not None:
        pairs.append(("Final-Unit-Indication", final_unit_indication(grant.final_unit)))
        qos = qos_final_unit_indication(grant.final_unit) if terms.qos_final_units else None
        if qos is not None:
            pairs.append(("QoS-Final-Unit-Indication", qos))
    return pairs
