"""Do at once what an event asks, for all of its services or for none (RFC 8506 section 6).

An event opens no session. It is remembered as a session that has ended is, so that its repeats are
recognised.
"""

from .announcing import announce
from .case import Case
from .deadlines import SECOND
from .debits import debit_all, failure_of
from .decisions import EVENT_ACTIONS, Decision, EdrName, Outcome, Told
from .enquiries import check_balance, enquire_price
from .identification import subscriber
from .location import NO_CIRCUMSTANCES, Circumstances
from .progress import Progress, new_session
from .refunds import Refunding
from .requests import ChargingRequest, EventAction
from .services import SUCCESS, Service
from .session import ClosedSession, CloseReason, Session
from .telling import of_enquiry
from .units import UnitType

_ENQUIRIES = frozenset({EventAction.CHECK_BALANCE, EventAction.PRICE_ENQUIRY})


def charge_event(request: ChargingRequest, case: Case) -> Decision:
    """Does what an event asks for; where one service cannot be served, none is."""
    account_id = subscriber(request.identities, case.directory)
    if account_id is None:
        return Decision(Outcome.USER_UNKNOWN)
    name = request.session_key
    opened = case.sessions.get(name)
    ended = case.remembered(name) if opened is None else None
    session = opened or (new_session(request, case, account_id) if ended is None else ended.session)
    place = NO_CIRCUMSTANCES if opened is None else Circumstances(opened.circumstances.location)
    own = session._replace(account_id=account_id, circumstances=place)
    progress = Progress(case, own, request.information)
    progress.renew_blocks()
    services = []
    refunding = None
    if request.action is EventAction.REFUND:
        refunding = Refunding(request, progress)
        services = refunding.services()
    elif request.service_context is not None or progress.is_emergency:
        services = progress.merged(request)
    outcome, told = _act(request, services, progress)
    if outcome is not SUCCESS or request.action in _ENQUIRIES:
        reason = progress.reason
        progress = Progress(case, own, request.information)  # nothing has moved
        progress.reason = reason
    answered = services
    if outcome is not SUCCESS:
        answered = [service for service in services if service.outcome is not SUCCESS]
    announce(services, request, outcome, case.catalogue)
    edr = progress.edr(request, outcome, services)
    told = edr.told if told is None else of_enquiry(told, edr.told, case.catalogue)
    edr = edr._replace(
        action=EVENT_ACTIONS[request.action], told=told, correlation_id=request.correlation_id
    )
    decision = Decision(
        outcome,
        tuple([service.decision() for service in answered]),
        (edr,),
        balances=progress.ledger.changed_balances(),
        told=told,
        event=EdrName(case.group_id, edr.at, edr.number),
    )
    heard = _heard(session, request, case)
    if opened is None:
        heard = heard._replace(opened_at=_searched_from(session, case))
    if refunding is not None and outcome is SUCCESS:
        heard = heard._replace(cost=heard.cost - refunding.returned.get(heard.number, 0))
    if opened is not None:
        return decision._replace(session=heard)
    if ended is None or ended.reason is CloseReason.EVENT:
        heard = heard._replace(circumstances=progress.circumstances)
    closed = ClosedSession(heard, case.now, CloseReason.EVENT)
    if ended is not None:  # of two records of one name the newer is read, though clocks differ
        closed = ClosedSession(heard, max(case.now, ended.closed_at), ended.reason)
    return decision._replace(closed=(closed,))


def _act(
    request: ChargingRequest, services: list[Service], progress: Progress
) -> tuple[Outcome, Told | None]:
    """Does what is asked for services; returns how it went, and what the answer tells besides."""
    action = request.action
    if action is EventAction.REFUND:
        return _refunded(request, services, progress)
    if action is EventAction.CHECK_BALANCE:
        return check_balance(services, progress)
    if action is EventAction.PRICE_ENQUIRY:
        return enquire_price(services, progress)
    return debit_all(services, progress), None


def _refunded(
    request: ChargingRequest, services: list[Service], progress: Progress
) -> tuple[Outcome, Told | None]:
    """Returns how it went to give something back, after which none is unless all is."""
    outcome = failure_of(services, progress)
    if outcome is not SUCCESS:
        for service in services:
            service.forget()
        return outcome, None
    currency = progress.case.catalogue.currency
    if request.tells_money or request.currency is not None:
        amount = -sum([service.settlement.charged_amount for service in services])
        return SUCCESS, Told(cost=amount, currency=currency)
    is_money = any(each.grant and each.grant.unit_type is UnitType.MONEY for each in services)
    return SUCCESS, Told(currency=currency) if is_money else None


def _heard(session: Session, request: ChargingRequest, case: Case) -> Session:
    """Returns the session whose name an event has, so that the journal is searched up to it."""
    return session._replace(
        last_request_at=max(case.now, session.last_request_at),
        request_number=max(request.request_number, session.request_number),
    )


def _searched_from(session: Session, case: Case) -> int:
    """Returns from when on the journal is searched for what has the name of an ended session.

    It is no earlier than ended sessions are remembered: there are clients that give all events one
    name.
    """
    seconds = case.catalogue.session_rules.tombstone_seconds
    return max(session.opened_at, case.now - seconds * SECOND)
