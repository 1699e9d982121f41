"""Which requests are repeats of one that was answered, and what they get: the kept decision.

The EDR is the kept decision. A repeat has the session, the type and the number of an answered
request, and one sign more (RFC 6733 section 5.5.4, RFC 8506 section 6.6).
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from .case import Case
from .decisions import (
    ACTIONS,
    ANSWERED,
    EVENT_ACTIONS,
    REVERSAL,
    Decision,
    Edr,
    EdrName,
    Novelty,
    Outcome,
    ServiceDecision,
    ServiceRecord,
)
from .requests import ChargingRequest, EventAction, RequestType, ServiceUsage, SessionKey, Units
from .session import ClosedSession, CloseReason, Session

SAME_IDENTIFIER_MICROSECONDS = 240 * 1_000_000
"""How long an End-to-End-Id is a client's own: no less than 4 minutes (RFC 6733 section 3)."""


def may_repeat(request: ChargingRequest, session: Session) -> bool:
    """Whether the journal has to be asked: the number is one that the session has answered.

    Numbers count upwards, so that one above the highest was never answered.
    """
    return (
        request.request_type is RequestType.INITIAL
        or request.request_number <= session.request_number
    )


def kept_actions(request: ChargingRequest) -> tuple[str, ...]:
    """Returns what EDRs call such a request, and what becomes of it later."""
    if request.request_type is not RequestType.EVENT:
        return (ACTIONS[request.request_type],)
    action = EVENT_ACTIONS[request.action]
    return (action, REVERSAL, ANSWERED) if request.action is EventAction.DEBIT else (action,)


def asked_again(
    request: ChargingRequest,
    sessions: Mapping[SessionKey, Session],
    closed: Mapping[SessionKey, ClosedSession],
) -> Session | None:
    """Returns the session, open or ended, in whose journal to look for a request; None: nowhere."""
    session = sessions.get(request.session_key)
    if session is None and request.session_key in closed:
        session = closed[request.session_key].session
    return session if session is not None and may_repeat(request, session) else None


def kept_decision(request: ChargingRequest, case: Case) -> tuple[Decision | None, bool]:
    """Returns the decision that a repeat gets again, None for new work; was the number answered?"""
    edr, was_answered = _kept(request, case)
    if edr is None:
        return None, was_answered
    decision = _decision(edr)
    if request.request_type is RequestType.EVENT:
        decision = decision._replace(event=EdrName(case.group_id, edr.at, edr.number))
    return decision, was_answered


def was_stored_whole(part: ChargingRequest, case: Case) -> bool:
    """Whether the message was stored that a part of it is left of; another part may have been."""
    edr, _ = _kept(part, case)
    return (
        edr is not None
        and edr.digest == part.said
        and (edr.end_to_end_id, edr.origin_host) == (part.end_to_end_id, part.origin_host)
    )


def _kept(request: ChargingRequest, case: Case) -> tuple[Edr | None, bool]:
    """Returns the EDR that answers a repeat, None for new work; was the number answered?

    Where a session has ended, its first request is recognised by its identifier alone, or because
    it says that it is a repeat: a client that starts anew may use the same name again. Usage that
    says so, or was spooled, is looked for in the journal though its session is forgotten.
    """
    session, by_content = case.sessions.get(request.session_key), True
    if session is None:
        is_initial = request.request_type is RequestType.INITIAL
        closed = case.remembered(request.session_key)
        is_looked_for = request.is_retransmission or request.is_spooled
        if closed is None and is_looked_for and not is_initial:
            closed = case.closed.get(request.session_key)
        if closed is None:
            return None, False
        session = closed.session
        if is_initial:
            by_content = False
            if closed.reason is CloseReason.UNCLAIMED:
                return None, False
    answered = case.answered.get(session.number)
    if answered is None or not may_repeat(request, session):
        return None, False
    actions = kept_actions(request)
    same = [
        edr
        for edr in answered
        if edr.action in actions
        and edr.action != ANSWERED
        and edr.request_number == request.request_number
    ]
    edr = _original(request, same, case.now, by_content)
    if edr is not None and edr.action == REVERSAL:
        return None, False
    return edr, bool(same)


def digest(request: ChargingRequest) -> int:
    """Returns a number for what a request reports and asks for, and when it says it happened."""
    said: list[object] = [request.event_at]
    for usage in request.usages:
        said += usage.rating_group, usage.service_identifiers
        if usage.requested is not None:
            said.append("requested")
            said += _amounts(usage.requested)
        if usage.messages != 1:
            said += "messages", usage.messages
        for used in usage.used:
            said.append("used")
            said += _amounts(used)
        for used in usage.used_after:
            said.append("used after")
            said += _amounts(used)
    if request.refunds or (request.correlation_id and request.action is EventAction.REFUND):
        said += "refund", request.refunds, request.correlation_id
    return int.from_bytes(blake2b(str(said).encode(), digest_size=8).digest(), signed=True)


def _amounts(units: Units) -> tuple[object, ...]:
    """Returns what was said in units, as earlier programs wrote what names no money."""
    return units[:3] if units.money is None else units


def _original(
    request: ChargingRequest, answered: Iterable[Edr], now: int, by_content: bool
) -> Edr | None:
    """Returns the request that this one repeats; of several the newest."""
    content = None
    if by_content:
        content = digest(request) if request.said is None else request.said
    for edr in sorted(answered, key=lambda edr: -edr.number):
        is_same_message = (
            edr.end_to_end_id == request.end_to_end_id
            and edr.origin_host == request.origin_host
            and (request.is_spooled or now - edr.at <= SAME_IDENTIFIER_MICROSECONDS)
        )
        if is_same_message or request.is_retransmission or (by_content and edr.digest == content):
            return edr
    return None


def _decision(edr: Edr) -> Decision:
    """Returns what was answered, with nothing to store."""
    services = [
        ServiceDecision(
            ServiceUsage(
                record.rating_group if record.is_named else None, record.service_identifiers
            ),
            record.outcome,
            record.grant,
            record.announcements,
        )
        for record in _told(edr)
    ]
    novelty = Novelty.REPEATED
    return Decision(
        edr.outcome, tuple(services), novelty=novelty, repeated=edr.stored, told=edr.told
    )


def _told(edr: Edr) -> Sequence[ServiceRecord]:
    """Returns the services that the answer spoke of: that of a refusal, of those it was for."""
    if edr.outcome is Outcome.SUCCESS:
        return edr.services
    if edr.outcome is Outcome.SESSION_UNKNOWN:
        return ()
    return [record for record in edr.services if record.outcome is not Outcome.SUCCESS]
