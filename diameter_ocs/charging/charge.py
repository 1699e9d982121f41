"""Decide a charging request. Nothing here reads, writes or waits.

The states of RFC 8506 section 7 are few on the server: a session is open or it is not; of one that
has ended something is remembered for a while, for requests that come late or once more.
"""

from .announcing import announce
from .case import Case
from .currencies import NUMBERS
from .decisions import Decision, Edr, Novelty, Outcome, ServiceDecision
from .events import charge_event
from .granting import served
from .identification import subscriber
from .ledger import Balance
from .progress import EVENT, INITIAL, TERMINATION, Progress, new_session
from .repeats import kept_decision
from .replacement import replaced_by
from .requests import ChargingRequest
from .services import SERVED, SUCCESS, Service
from .session import ClosedSession, CloseReason, Session
from .supervision import close
from .usage import go_by_last_lines, recorded, settled


def charge(request: ChargingRequest, case: Case) -> Decision:
    """Returns what a request is answered and what it moves on its account."""
    kept, was_answered = kept_decision(request, case)
    if kept is not None:
        return kept
    decision = _decide(request, case)
    if was_answered and decision.novelty is Novelty.NEW:
        return decision._replace(novelty=Novelty.NUMBER_REUSED)
    return decision


def _decide(request: ChargingRequest, case: Case) -> Decision:
    if request.currency and request.currency != NUMBERS.get(case.catalogue.currency):
        return Decision(Outcome.FOREIGN_CURRENCY)
    if request.request_type is INITIAL:
        return _open(request, case)
    if request.request_type is EVENT:
        return charge_event(request, case)
    session = case.sessions.get(request.session_key)
    if session is not None:
        return _continue(request, case, session)
    closed = case.remembered(request.session_key)
    if closed is None or closed.reason in (CloseReason.UNKNOWN, CloseReason.EVENT):
        return _unknown(request, case, closed)
    return _late(request, case, closed.session, closed.reason)


def _open(request: ChargingRequest, case: Case) -> Decision:
    """Opens a session; those that are open in its place are abandoned first."""
    account_id = subscriber(request.identities, case.directory)
    if account_id is None:
        return Decision(Outcome.USER_UNKNOWN)
    replaced = replaced_by(request, account_id, case.sessions)
    if not replaced:
        return _opened(request, case, account_id)
    edrs: tuple[Edr, ...] = ()
    closed: tuple[ClosedSession, ...] = ()
    balances: dict[int, Balance] = {}
    for old in replaced:
        abandoned = close(old, CloseReason.REPLACED, case)
        case = case.after(abandoned)
        edrs += abandoned.edrs
        closed += abandoned.closed
        balances.update(abandoned.balances)
    opened = _opened(request, case, account_id)
    return opened._replace(
        edrs=edrs + opened.edrs,
        closed=closed + opened.closed,
        balances={**balances, **opened.balances},
    )


def _opened(request: ChargingRequest, case: Case, account_id: int) -> Decision:
    """Opens a session in nobody's place."""
    progress = Progress(case, new_session(request, case, account_id), request.information)
    is_known = request.service_context is not None or progress.is_emergency
    services = served(request, progress) if is_known else []
    outcomes = {service.outcome for service in services}
    if not is_known or outcomes == {Outcome.RATING_FAILED}:
        return _ended(request, progress, services, Outcome.RATING_FAILED, CloseReason.REFUSED)
    if Outcome.LOCATION_UNKNOWN in outcomes and outcomes.isdisjoint(SERVED):
        return _ended(request, progress, services, Outcome.LOCATION_UNKNOWN, CloseReason.REFUSED)
    if progress.is_denied:
        return _ended(request, progress, services, Outcome.SERVICE_DENIED, CloseReason.REFUSED)
    return _refused_or_going_on(request, progress, services)


def _continue(request: ChargingRequest, case: Case, session: Session) -> Decision:
    """Settles and grants within an open session; a termination releases everything and ends it."""
    progress = Progress(case, session, request.information)
    services = served(request, progress)
    if request.request_type is not TERMINATION:
        return _refused_or_going_on(request, progress, services)
    progress.release_all()
    return _ended(request, progress, services, SUCCESS, CloseReason.TERMINATED)


def _late(request: ChargingRequest, case: Case, session: Session, reason: CloseReason) -> Decision:
    """Charges what is reported after the end; a client that ends what has ended is content.

    One that goes on with what ended when its account was suspended is told so.
    """
    is_termination = request.request_type is TERMINATION
    progress = Progress(case, session, request.information)
    go_by_last_lines(request, progress)
    if reason is CloseReason.SUSPENDED and not is_termination and progress.is_denied:
        services = served(request, progress)
        outcome = _mirrored(request, progress, services) or SUCCESS
        return _marked(_ended(request, progress, services, outcome, reason), "late")
    outcome = SUCCESS if is_termination else Outcome.SESSION_UNKNOWN
    if not any(usage.used for usage in request.usages):
        return Decision(outcome, novelty=Novelty.LATE)
    services = settled(request, progress)
    decision = _ended(request, progress, services, outcome, reason)
    return _marked(decision, "late")


def _unknown(request: ChargingRequest, case: Case, closed: ClosedSession | None) -> Decision:
    """Records usage of a session that nobody knows, where its account is known.

    The tenant may have it charged. Either way it is remembered as a session that has ended, so that
    a repeat is recognised.
    """
    account_id = subscriber(request.identities, case.directory)
    if closed is not None:
        account_id = closed.session.account_id
    if account_id is None or not any(usage.used for usage in request.usages):
        return Decision(Outcome.SESSION_UNKNOWN)
    session = closed.session if closed else new_session(request, case, account_id)
    progress = Progress(case, session, request.information)
    if case.catalogue.session_rules.charges_unknown_sessions:
        services = settled(request, progress)
    else:
        services = recorded(request, progress)
    decision = _ended(request, progress, services, Outcome.SESSION_UNKNOWN, CloseReason.UNKNOWN)
    return _marked(decision, "session_unknown")


def _refused_or_going_on(
    request: ChargingRequest, progress: Progress, services: list[Service]
) -> Decision:
    """Refuses the whole request where a service's refusal is that, and ends its session."""
    outcome = _mirrored(request, progress, services)
    if outcome is None:
        return _going_on(request, progress, services)
    progress.release_all()
    for service in services:
        service.grant = None
    return _ended(request, progress, services, outcome, CloseReason.REFUSED)


def _mirrored(
    request: ChargingRequest, progress: Progress, services: list[Service]
) -> Outcome | None:
    """Returns the refusal of a service that is that of its request; None: there is none."""
    for service in services:
        outcome = service.outcome
        if outcome not in SERVED and _refuses_all(service, request, progress, services):
            # Where the location is unknown others could be served.
            is_unplaced = outcome is Outcome.LOCATION_UNKNOWN
            return Outcome.SERVICE_DENIED if is_unplaced else outcome
    return None


def _refuses_all(
    service: Service, request: ChargingRequest, progress: Progress, services: list[Service]
) -> bool:
    """Is the refusal of a service that of its request? Not while others go on in the session.

    Where the service is the request itself the client ends the session anyway (RFC 8506 section 7).
    """
    if request.is_its_service:
        return True
    group = service.rating_group
    if group is None or not group.mirrors_result_code:
        return False
    return request.request_type is INITIAL or not (
        progress.grants_others(group.id)
        or any(each.outcome is Outcome.NOT_APPLICABLE for each in services)
    )


def _going_on(request: ChargingRequest, progress: Progress, services: list[Service]) -> Decision:
    """Returns the decision after which the session is open."""
    announce(services, request, SUCCESS, progress.case.catalogue)
    edr = progress.edr(request, SUCCESS, services)
    return Decision(
        SUCCESS,
        _answers(services),
        (edr,),
        progress.session_after(request),
        (),
        progress.ledger.changed_balances(),
        told=edr.told,
    )


def _ended(
    request: ChargingRequest,
    progress: Progress,
    services: list[Service],
    outcome: Outcome,
    reason: CloseReason,
) -> Decision:
    """Returns the decision after which the session is closed.

    A failure speaks only of what was refused, as does its repeat.
    """
    announce(services, request, outcome, progress.case.catalogue)
    closed = ClosedSession(progress.session_after(request), progress.case.now, reason)
    is_success = outcome is SUCCESS
    answered = services if is_success else [s for s in services if s.outcome is not SUCCESS]
    edr = progress.edr(request, outcome, services)
    return Decision(
        outcome,
        _answers(answered),
        (edr,),
        None,
        (closed,),
        progress.ledger.changed_balances(),
        told=edr.told,
    )


def _answers(services: list[Service]) -> tuple[ServiceDecision, ...]:
    return tuple([service.decision() for service in services])


def _marked(decision: Decision, reason: str) -> Decision:
    """Says in the journal what was unusual; a session that is not open has no services."""
    edrs = tuple([edr._replace(reason=reason) for edr in decision.edrs])
    services = () if decision.outcome is Outcome.SESSION_UNKNOWN else decision.services
    return decision._replace(services=services, edrs=edrs, novelty=Novelty.LATE)
