"""A decision as a Credit-Control-Answer (RFC 8506 section 3.2, TS 32.299 6.4.3).

The answer is as small as the standard allows, and has the layout of its request: what a client
asked in Multiple-Services-Credit-Control is answered there, and what it asked at command level is
answered at command level.
"""

from typing import Any

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.message import Identity, Message, answer
from ..charging.decisions import Decision, Grant, Outcome, ServiceDecision
from ..charging.requests import RequestType
from ..charging.units import UnitType
from .decode import Decoded

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

UNSIGNED32_MAX = 2**32 - 1

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


def encode(
    decision: Decision,
    decoded: Decoded,
    message: Message,
    dictionary: Dictionary,
    identity: Identity,
) -> bytes:
    """Returns the answer to a request; the message lends its ids, Session-Id and Proxy-Info."""
    request = decoded.request
    code = result_code(decision, decoded)
    pairs: Pairs = [
        ("Result-Code", code),
        ("Auth-Application-Id", message.application_id),
        ("CC-Request-Type", request.request_type),
        ("CC-Request-Number", request.request_number),
    ]
    if request.session_key.sub_session_id is not None:
        pairs.append(("CC-Sub-Session-Id", request.session_key.sub_session_id))
    if request.request_type is RequestType.INITIAL:
        pairs += _SERVED if code == SUCCESS else _REFUSED
    if request.request_type is not RequestType.TERMINATION:
        pairs += _services(decision, decoded)
    unrated = _unrated(decision, decoded, message, dictionary)
    if unrated:
        pairs.append(("Failed-AVP", unrated))
    return answer(message, dictionary, identity, pairs)


def result_code(decision: Decision, decoded: Decoded) -> int:
    """Returns the code at command level: where the units stand there, their service's."""
    outcome = decision.outcome
    if outcome is Outcome.SUCCESS and decision.services and _mirrors_service(decoded):
        outcome = decision.services[0].outcome
    return RESULT_CODES[outcome]


def _mirrors_service(decoded: Decoded) -> bool:
    """Whether the command carries its only service; a termination succeeds whatever it reported."""
    return decoded.is_command_level and decoded.request.request_type is not RequestType.TERMINATION


def _services(decision: Decision, decoded: Decoded) -> Pairs:
    if decoded.is_command_level:
        return [pair for service in decision.services for pair in _command_level(service)]
    return [
        ("Multiple-Services-Credit-Control", _multiple_services(service))
        for service in decision.services
    ]


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
    units = grant.units
    if grant.unit_type is UnitType.TIME:
        units = min(units, UNSIGNED32_MAX)
    return [("Granted-Service-Unit", [(_UNITS[grant.unit_type], units)])]


def _until(grant: Grant) -> Pairs:
    """Says how long a quota is good for, and what follows it when nothing does."""
    pairs: Pairs = [("Validity-Time", min(grant.validity_seconds, UNSIGNED32_MAX))]
    if grant.is_final:
        pairs.append(("Final-Unit-Indication", [("Final-Unit-Action", _TERMINATE)]))
    return pairs


def _unrated(
    decision: Decision, decoded: Decoded, message: Message, dictionary: Dictionary
) -> list[bytes]:
    """Returns what could not be rated, as it came (RFC 8506 section 9.2).

    That is the Service-Context-Id when it is unknown, else the name of each service that is; a
    service without a name lacks its Rating-Group, so an example of one stands for it.
    """
    request, group = decoded.request, message.group
    if request.request_type is RequestType.TERMINATION:
        return []
    if decision.outcome is Outcome.RATING_FAILED and request.service_context is None:
        return [message.raw(avp) for avp in group.avps("Service-Context-Id")]
    unrated: list[bytes] = []
    for service in decision.services:
        if service.outcome is Outcome.RATING_FAILED:
            unrated += _names(service, decoded, message) or [dictionary.avp("Rating-Group").example]
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
