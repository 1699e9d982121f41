"""What the services of a request used, settled on the lines of their session."""

from .catalogue import Tariff
from .decisions import Settlement
from .location import NO_CIRCUMSTANCES
from .progress import Progress
from .rating import tariff_of_line, tariffs_of
from .requests import ChargingRequest
from .services import Service
from .session import Line
from .settlement import USED_MAX, continued, settle
from .units import AMOUNT_MAX, UnitType


def settled(request: ChargingRequest, progress: Progress) -> list[Service]:
    """Settles every service of the request and grants nothing."""
    services = progress.merged(request)
    for service in services:
        _settle(service, progress)
    return services


def recorded(request: ChargingRequest, progress: Progress) -> list[Service]:
    """Writes down what every service of the request used, and charges nothing."""
    services = progress.merged(request)
    for service in services:
        group, used = service.rating_group, service.usage.used
        unit_type = UnitType.VOLUME if group is None else group.unit_type
        reported = sum([units.of(unit_type) or 0 for units in used])
        reported = min(reported, AMOUNT_MAX)
        service.settlement = Settlement(reported, 0, overrun=reported)
    return services


def _settle(service: Service, progress: Progress) -> None:
    """Pays for what was used and ends the service's reservation.

    A reservation whose rating group the catalogue has no more is settled by its line.
    """
    group = service.rating_group
    _, _, requested, used, is_quota_returned, counted, _, _ = service.usage
    if not used and requested is None and not is_quota_returned:
        return
    reservation = progress.reservations.pop(service.identity, None)
    granted = 0
    if reservation is not None:
        _, _, granted, number, *_ = reservation
        line = progress.lines[number]
        progress.granted[number] -= granted
        tariff = progress.tariff_of(group, service.tariffs)
        if line.services is not tariff.services and line.services:
            tariff = tariff_of_line(line, tariff, progress.case.catalogue)
    elif group is not None and used:
        tariff = progress.tariff_of(group, _tariffs_before(service, progress))
        line = progress.line(group, tariff)
        number = line.number
    else:
        return
    unit_type = line.unit_type
    reported = 0
    for units in used:
        reported += units.of(unit_type) or 0
    new_units = reported
    if counted is not None:
        new_units = max(reported - (counted.of(unit_type) or 0), 0)
    believed = _believed(line.rating_group, unit_type, new_units, progress)
    progress.lines[number], service.settlement = settle(
        line, granted, progress.granted[number], believed, tariff, progress.ledger
    )
    if believed != reported:
        service.settlement = service.settlement._replace(reported=min(reported, AMOUNT_MAX))
    if len(progress.lines) > len(progress.newest):
        _begin_others(progress.lines[number], progress)


def _begin_others(begun: Line, progress: Progress) -> None:
    """Has the other lines of a rating group go on with what one of them has begun."""
    if not (begun.priced or begun.has_begun):
        return
    for number, line in progress.lines.items():
        is_other = number != begun.number and line.rating_group == begun.rating_group
        if is_other and not (line.priced or line.has_begun):
            progress.lines[number] = continued(line, progress.ledger)


def _tariffs_before(service: Service, progress: Progress) -> tuple[Tariff, ...]:
    """Returns what pays for usage that was not granted: what was sold where the session was.

    Of a session that has said nothing yet it is what is known now.
    """
    group, tariffs, session = service.rating_group, service.tariffs, progress.session
    before = session.circumstances
    if group is None or before is progress.circumstances or before == NO_CIRCUMSTANCES:
        return tariffs
    if progress.is_emergency:
        return tariffs
    account, at = progress.account, session.last_request_at
    catalogue = progress.case.catalogue
    return tariffs_of(account.plans, group.id, catalogue, before, at, account.time_zone)


def _believed(rating_group: int, unit_type: UnitType, reported: int, progress: Progress) -> int:
    """Returns what of a report is charged: a rating group has one bound for each request."""
    before = progress.believed.get((rating_group, unit_type), 0)
    most = USED_MAX[unit_type] - before
    used = reported if reported < most else most
    progress.believed[rating_group, unit_type] = before + used
    return used
