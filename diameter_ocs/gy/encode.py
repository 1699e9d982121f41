"""A decision as a Credit-Control-Answer (RFC 8506 section 3.2, TS 32.299 6.4.3).

The answer is as small as the standard allows, and has the layout of its request: what a client
asked in Multiple-Services-Credit-Control is answered there, and what it asked at command level is
answered at command level.

An answer above ANSWER_OCTETS_MAX goes without what a client can do without, and is sent whole
otherwise: a quota that is not told is held for nothing, a service without its code is asked for
again, and the names of services, Session-Id and Proxy-Info are the request's own, which bounds it.
"""

from itertools import product
from struct import Struct
from typing import Any

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.framing import HEADER_OCTETS
from ..base.message import PROXIABLE_BIT, VERSION, Identity, Message, answer, decode
from ..base.message import request as encode_request
from ..charging.decisions import Decision, Grant, Outcome, ServiceDecision
from ..charging.requests import RequestType, ServiceUsage
from ..charging.units import UnitType
from .decode import Decoded
from .forms import Form, form

Pairs = list[tuple[str, Any]]
"""AVPs by name, each with its value or, where it is a group, its members."""

SUCCESS = 2001

RESULT_CODES = {
    Outcome.SUCCESS: SUCCESS,
    Outcome.SERVICE_DENIED: 4010,
    Outcome.LIMIT_REACHED: 4012,
    Outcome.SESSION_UNKNOWN: 5002,
    Outcome.USER_UNKNOWN: 5030,
    Outcome.RATING_FAILED: 5031,
}
"""How each outcome is told (RFC 6733 section 7.1, RFC 8506 section 9)."""

ANSWER_OCTETS_MAX = 4096
"""How long an answer may be with all that it could say."""

UNSIGNED32_MAX = 2**32 - 1
UNSIGNED64_MAX = 2**64 - 1

_UNITS = {
    UnitType.TIME: "CC-Time",
    UnitType.VOLUME: "CC-Total-Octets",
    UnitType.SERVICE_SPECIFIC_UNITS: "CC-Service-Specific-Units",
}

_TERMINATE = 0
_RETRY_AND_TERMINATE = 2
_TERMINATE_OR_BUFFER = 0
_FAILOVER_SUPPORTED = 1

_SERVED: Pairs = [
    ("CC-Session-Failover", _FAILOVER_SUPPORTED),
    ("Credit-Control-Failure-Handling", _RETRY_AND_TERMINATE),
    ("Direct-Debiting-Failure-Handling", _TERMINATE_OR_BUFFER),
]
_REFUSED: Pairs = [("Credit-Control-Failure-Handling", _TERMINATE)]

_COMMAND = "Credit-Control"
_START = Struct(">IB")
"""How a header begins: version, length and flags."""


class Encoder:
    """Writes the answers of one node.

    What is the same in many answers is encoded once, by the names of its AVPs; what is usual is a
    form in which only numbers change.
    """

    def __init__(self, dictionary: Dictionary, identity: Identity) -> None:
        self._dictionary = dictionary
        self._origin = _origin(dictionary, identity)
        self._openings = {
            key: self._opening_form(*key) for key in product(RequestType, RESULT_CODES.values())
        }
        self._served = dictionary.encode_avps(_SERVED)
        self._refused = dictionary.encode_avps(_REFUSED)
        self._granted = {
            key: self._granted_form(*key) for key in product(Outcome, UnitType, (False, True))
        }

    def encode(self, decision: Decision, decoded: Decoded) -> bytes:
        """Returns the answer to a request, with its ids, Session-Id and Proxy-Info."""
        request = decoded.request
        code = result_code(decision, decoded)
        pack, (begin, end) = self._openings[request.request_type, code]
        parts = [decoded.session_id, pack(begin, request.request_number, end)]
        sub_session_id = request.session_key.sub_session_id
        if sub_session_id is not None:
            parts.append(self._dictionary.encode("CC-Sub-Session-Id", sub_session_id))
        if request.request_type is RequestType.INITIAL:
            parts.append(self._served if code == SUCCESS else self._refused)
        if request.request_type is not RequestType.TERMINATION:
            for service in decision.services:
                parts.append(self._service(service, decoded.is_command_level))
            if _has_unrated(decision):
                said = sum(map(len, (*parts, decoded.proxies)))
                room = ANSWER_OCTETS_MAX - HEADER_OCTETS - said
                parts.append(self._failed_avp(decision, decoded, room))
        parts.append(decoded.proxies)
        body = b"".join(parts)
        octets = decoded.octets
        start = _START.pack(VERSION << 24 | HEADER_OCTETS + len(body), octets[4] & PROXIABLE_BIT)
        return start + octets[_START.size : HEADER_OCTETS] + body

    def _opening_form(self, request_type: RequestType, code: int) -> Form:
        """Returns the form of who answers and what, with a gap for the CC-Request-Number."""
        command = self._dictionary.command_named(_COMMAND)
        pairs: Pairs = [
            ("Result-Code", code),
            ("Auth-Application-Id", command.application_id),
            ("CC-Request-Type", request_type),
        ]
        begin = self._origin + self._dictionary.encode_avps(pairs)
        encode = self._dictionary.encode
        return form(
            begin + encode("CC-Request-Number", 0),
            begin + encode("CC-Request-Number", UNSIGNED32_MAX),
        )

    def _granted_form(self, outcome: Outcome, unit_type: UnitType, is_final: bool) -> Form:
        """Returns the form of a service that has a grant and is named by its Rating-Group alone.

        The gaps are for the units, the Rating-Group and the Validity-Time.
        """
        least, greatest = [
            self._any_service(
                ServiceDecision(
                    ServiceUsage(rating_group), outcome, Grant(unit_type, units, seconds, is_final)
                )
            )
            for units, rating_group, seconds in (
                (0, 0, 0),
                (UNSIGNED64_MAX, UNSIGNED32_MAX, UNSIGNED32_MAX),
            )
        ]
        return form(least, greatest)

    def _service(self, service: ServiceDecision, is_command_level: bool) -> bytes:
        """Answers one service."""
        usage, grant = service.usage, service.grant
        if is_command_level:
            return self._dictionary.encode_avps(_command_level(service))
        if grant is None or usage.service_identifiers or usage.rating_group is None:
            return self._any_service(service)
        if grant.validity_seconds is None:
            return self._any_service(service)
        pack, (begin, middle, later, end) = self._granted[
            service.outcome, grant.unit_type, grant.is_final
        ]
        seconds = min(grant.validity_seconds, UNSIGNED32_MAX)
        return pack(begin, _told_units(grant), middle, usage.rating_group, later, seconds, end)

    def _any_service(self, service: ServiceDecision) -> bytes:
        """Answers one service of whatever shape in Multiple-Services-Credit-Control."""
        return self._dictionary.encode(
            "Multiple-Services-Credit-Control", _multiple_services(service)
        )

    def _failed_avp(self, decision: Decision, decoded: Decoded, room: int) -> bytes:
        """Shows what could not be rated, only the first where there is no room for all.

        For that the request is read once more.
        """
        message = decode(decoded.octets, self._dictionary)
        unrated = _unrated(decision, decoded, message, self._dictionary)
        if not unrated:
            return b""
        encode = self._dictionary.encode
        everything = encode("Failed-AVP", unrated)
        return everything if len(everything) <= room else encode("Failed-AVP", unrated[:1])


def result_code(decision: Decision, decoded: Decoded) -> int:
    """Returns the code at command level: where the units stand there, their service's."""
    outcome = decision.outcome
    if outcome is Outcome.SUCCESS and decision.services and _mirrors_service(decoded):
        outcome = decision.services[0].outcome
    return RESULT_CODES[outcome]


def _mirrors_service(decoded: Decoded) -> bool:
    """Whether the command carries its only service; a termination succeeds whatever it reported."""
    return decoded.is_command_level and decoded.request.request_type is not RequestType.TERMINATION


def _origin(dictionary: Dictionary, identity: Identity) -> bytes:
    """Returns what every answer says of who sends it, cut out of an answer that says only that."""
    message = decode(encode_request(dictionary, _COMMAND, 0, 0, ()), dictionary)
    return answer(message, dictionary, identity, ())[HEADER_OCTETS:]


def _command_level(service: ServiceDecision) -> Pairs:
    return [] if service.grant is None else [*_quota(service.grant), *_until(service.grant)]


def _multiple_services(service: ServiceDecision) -> Pairs:
    """Answers one service under the names by which it was asked for."""
    usage, grant = service.usage, service.grant
    members: Pairs = [] if grant is None else _quota(grant)
    members += [("Service-Identifier", number) for number in usage.service_identifiers]
    if usage.rating_group is not None:
        members.append(("Rating-Group", usage.rating_group))
    members.append(("Result-Code", RESULT_CODES[service.outcome]))
    if grant is not None:
        members += _until(grant)
    return members


def _quota(grant: Grant) -> Pairs:
    return [("Granted-Service-Unit", [(_UNITS[grant.unit_type], _told_units(grant))])]


def _told_units(grant: Grant) -> int:
    """Returns the units as far as their AVP can say them."""
    if grant.unit_type is UnitType.TIME:
        return min(grant.units, UNSIGNED32_MAX)
    return grant.units


def _until(grant: Grant) -> Pairs:
    """Says how long a quota is good for, and what follows it when nothing does."""
    pairs: Pairs = []
    if grant.validity_seconds is not None:
        pairs.append(("Validity-Time", min(grant.validity_seconds, UNSIGNED32_MAX)))
    if grant.is_final:
        pairs.append(("Final-Unit-Indication", [("Final-Unit-Action", _TERMINATE)]))
    return pairs


def _has_unrated(decision: Decision) -> bool:
    """Whether anything may be there that could not be rated."""
    outcomes = [service.outcome for service in decision.services]
    return Outcome.RATING_FAILED in (decision.outcome, *outcomes)


def _unrated(
    decision: Decision, decoded: Decoded, message: Message, dictionary: Dictionary
) -> list[bytes]:
    """Returns what could not be rated, as it came (RFC 8506 section 9.2).

    That is the Service-Context-Id when it is unknown, else the name of each service that is; a
    service without a name lacks its Rating-Group, so an example of one stands for it.
    """
    if decision.outcome is Outcome.RATING_FAILED and decoded.request.service_context is None:
        return [message.raw(avp) for avp in message.group.avps("Service-Context-Id")]
    unrated: list[bytes] = []
    for service in decision.services:
        if service.outcome is Outcome.RATING_FAILED:
            unrated += _names(service, decoded, message) or [dictionary.example("Rating-Group")]
    return list(dict.fromkeys(unrated))


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
