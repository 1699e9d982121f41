"""Take what an event costs from balances at once (RFC 8506 section 6.3)."""

from .catalogue import RatingGroup, Tariff
from .decisions import Grant, Outcome, Payment, Settlement
from .final_units import TERMINATE
from .ledger import Ledger
from .payments import payments_of
from .progress import Progress
from .requests import ServiceUsage
from .services import NOTHING_USED, SUCCESS, Service
from .session import Line
from .settlement import continued, hold, new_line, settle
from .units import UnitType, round_up


def debit_all(services: list[Service], progress: Progress) -> Outcome:
    """Serves the services in order; returns the first one's failure, after which none is served."""
    in_part = progress.case.catalogue.session_rules.serves_events_in_part
    begun: set[int] = set()
    for service in services:
        if progress.is_denied:
            service.outcome = Outcome.SERVICE_DENIED
        elif service.rating_group is not None:
            debit(service, service.rating_group, progress, in_part, begun)
    outcome = failure_of(services, progress)
    if outcome is not SUCCESS:
        for service in services:
            service.forget()
    return outcome


def failure_of(services: list[Service], progress: Progress) -> Outcome:
    """Returns how an event fails: as the first of its services that does; SUCCESS: none does.

    An unknown location fails the event only where it leaves nothing that could be served.
    """
    failures = [service.outcome for service in services if service.outcome is not SUCCESS]
    if (services or progress.is_emergency) and not failures:
        return SUCCESS
    failure = failures[0] if failures else Outcome.RATING_FAILED
    if failure is Outcome.LOCATION_UNKNOWN and len(failures) < len(services):
        return Outcome.SERVICE_DENIED
    return failure


def debit(
    service: Service, group: RatingGroup, progress: Progress, in_part: bool, begun: set[int]
) -> None:
    """Debits the units of a service, or says why they cannot be.

    `begun` are the rating groups of which units were priced before.
    """
    if not service.tariffs[0].sources:
        service.outcome = service.unsold
        return
    wanted = wanted_of(service.usage, group)
    if wanted is None and progress.is_emergency:
        wanted = group.default_quota
    if wanted is None:
        service.outcome = Outcome.RATING_FAILED
        return
    in_part = in_part and group.unit_type is not UnitType.MONEY
    most = min(wanted, group.max_reservation)
    lines = [new_line(1, group, tariff, group.id in begun) for tariff in service.tariffs]
    settlement, paid = pay(most, lines, service.tariffs, progress.ledger, in_part)
    if any(line.priced for line in lines):
        begun.add(group.id)
    served = settlement.used
    if not served or (not in_part and served < wanted):
        service.outcome = progress.limit_reached(service.tariffs[0])
        return
    service.settlement, service.paid = settlement, paid
    is_final = served < most
    final_unit = TERMINATE if is_final else None
    service.grant = Grant(group.unit_type, served, None, is_final, final_unit=final_unit)


def pay(
    units: int, lines: list[Line], tariffs: tuple[Tariff, ...], ledger: Ledger, in_part: bool
) -> tuple[Settlement, tuple[Payment, ...]]:
    """Pays for units at one price after the other; what then is left may begin one more of each."""
    rounding = lines[0].rounding
    settlement, left, paid = NOTHING_USED, units, list[Payment]()
    for begins_unit in (False, True) if in_part else (False,):
        for at, tariff in enumerate(tariffs):
            line = lines[at]
            if not line.priced and any(each.priced for each in lines):
                line = continued(line, ledger)
            line, held = hold(line, round_up(left, rounding), tariff, ledger, begins_unit)
            covered = round_up(held, rounding) if begins_unit else held - held % rounding
            served = min(left, covered)
            due = round_up(line.used + served, rounding) - line.settled
            paid += payments_of(line, due)
            lines[at], part = settle(line, served, 0, served, tariff, ledger)
            settlement = _sum(settlement, part)
            left -= served
            if not left:
                return settlement, tuple(paid)
    return settlement, tuple(paid)


def wanted_of(usage: ServiceUsage, group: RatingGroup) -> int | None:
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
