"""Charge an event at once, all of its services or none (RFC 8506 section 6.3, DIRECT_DEBITING).

An event opens no session. It is remembered as a session that has ended is, so that its repeats are
recognised.
"""

from .announcing import announce
from .case import Case
from .catalogue import RatingGroup, Tariff
from .deadlines import SECOND
from .decisions import Decision, Grant, Outcome, Settlement
from .identification import subscriber
from .ledger import Ledger
from .location import NO_CIRCUMSTANCES, Circumstances
from .progress import Progress, new_session
from .requests import ChargingRequest, ServiceUsage
from .services import NOTHING_USED, SUCCESS, Service
from .session import ClosedSession, CloseReason, Line, Session
from .settlement import continued, hold, new_line, settle
from .units import round_up


def charge_event(request: ChargingRequest, case: Case) -> Decision:
    """Debits what an event asks for; where one service cannot be served, none is."""
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
    services = []
    if request.service_context is not None or progress.is_emergency:
        services = progress.merged(request)
    outcome = _debit_all(services, progress)
    told = services
    if outcome is not SUCCESS:
        progress = Progress(case, own, request.information)  # nothing has moved
        told = [service for service in services if service.outcome is not SUCCESS]
    announce(services, request, outcome, case.catalogue)
    decision = Decision(
        outcome,
        tuple([service.decision() for service in told]),
        (progress.edr(request, outcome, services),),
        balances=progress.ledger.changed_balances(),
    )
    heard = _heard(session, request, case)
    if opened is not None:
        return decision._replace(session=heard)
    heard = heard._replace(circumstances=progress.circumstances)
    closed = ClosedSession(heard, case.now, CloseReason.EVENT)
    if ended is not None:  # of two records of one name the newer is read, though clocks differ
        closed = ClosedSession(heard, max(case.now, ended.closed_at), ended.reason)
    return decision._replace(closed=(closed,))


def _debit_all(services: list[Service], progress: Progress) -> Outcome:
    """Serves the services in order; returns the first one's failure, after which none is served.

    An unknown location fails the event only where it leaves nothing that could be served.
    """
    in_part = progress.case.catalogue.session_rules.serves_events_in_part
    begun: set[int] = set()
    for service in services:
        if progress.is_denied:
            service.outcome = Outcome.SERVICE_DENIED
        elif service.rating_group is not None:
            _debit(service, service.rating_group, progress, in_part, begun)
    failures = [service.outcome for service in services if service.outcome is not SUCCESS]
    if (services or progress.is_emergency) and not failures:
        return SUCCESS
    for service in services:
        service.grant, service.settlement = None, NOTHING_USED
    failure = failures[0] if failures else Outcome.RATING_FAILED
    if failure is Outcome.LOCATION_UNKNOWN and len(failures) < len(services):
        return Outcome.SERVICE_DENIED
    return failure


def _debit(
    service: Service, group: RatingGroup, progress: Progress, in_part: bool, begun: set[int]
) -> None:
    """Debits the units of a service, or says why they cannot be.

    `begun` are the rating groups of which units were priced before.
    """
    if not service.tariffs[0].sources:
        service.outcome = service.unsold
        return
    wanted = _wanted(service.usage, group)
    if wanted is None and progress.is_emergency:
        wanted = group.default_quota
    if wanted is None:
        service.outcome = Outcome.RATING_FAILED
        return
    most = min(wanted, group.max_reservation)
    lines = [new_line(1, group, tariff, group.id in begun) for tariff in service.tariffs]
    settlement = _pay(most, lines, service.tariffs, progress.ledger, in_part)
    if any(line.priced for line in lines):
        begun.add(group.id)
    served = settlement.used
    if not served or (not in_part and served < wanted):
        service.outcome = Outcome.LIMIT_REACHED
        return
    service.settlement = settlement
    service.grant = Grant(group.unit_type, served, None, served < most)


def _pay(
    units: int, lines: list[Line], tariffs: tuple[Tariff, ...], ledger: Ledger, in_part: bool
) -> Settlement:
    """Pays for units at one price after the other; what then is left may begin one more of each."""
    rounding = lines[0].rounding
    settlement, left = NOTHING_USED, units
    for begins_unit in (False, True) if in_part else (False,):
        for at, tariff in enumerate(tariffs):
            line = lines[at]
            if not line.priced and any(each.priced for each in lines):
                line = continued(line, ledger)
            line, held = hold(line, round_up(left, rounding), tariff, ledger, begins_unit)
            covered = round_up(held, rounding) if begins_unit else held - held % rounding
            served = min(left, covered)
            lines[at], part = settle(line, served, 0, served, tariff, ledger)
            settlement = _sum(settlement, part)
            left -= served
            if not left:
                return settlement
    return settlement


def _wanted(usage: ServiceUsage, group: RatingGroup) -> int | None:
    """Returns how many units an event is for; None: it asks for units of another type alone.

    An amount of 0 says nothing: an event is for something.
    """
    requested = usage.requested
    units = None if requested is None else requested.of(group.unit_type)
    if units is None and requested is not None and any(requested):
        return None
    return units or usage.messages


def _sum(one: Settlement, other: Settlement) -> Settlement:
    return Settlement(*[a + b for a, b in zip(one, other, strict=True)])


def _heard(session: Session, request: ChargingRequest, case: Case) -> Session:
    """Returns the session whose name an event has, so that the journal is searched for it.

    The search begins no earlier than ended sessions are remembered: there are clients that give all
    events one name.
    """
    seconds = case.catalogue.session_rules.tombstone_seconds
    return session._replace(
        opened_at=max(session.opened_at, case.now - seconds * SECOND),
        last_request_at=max(case.now, session.last_request_at),
        request_number=max(request.request_number, session.request_number),
    )
