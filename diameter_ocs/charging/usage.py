"""What the services of a request used, settled on the lines of their session."""

from .catalogue import RatingGroup, Tariff
from .decisions import Settlement
from .divided import settle_parts
from .money import PAR, group_in_money, tariffs_in_money, whole
from .pools import lend
from .progress import Progress
from .quota import PROVIDE_REMAINING
from .rating import tariff_of_line, tariffs_of
from .requests import ChargingRequest, Units
from .services import Service
from .session import Line, Reservation
from .settlement import USED_MAX, end_unit, settle
from .units import AMOUNT_MAX, UnitType

# A member takes 0.1 µs to be looked up in its class.
MONEY, TIME = UnitType.MONEY, UnitType.TIME


def settled(request: ChargingRequest, progress: Progress) -> list[Service]:
    """Settles every service of the request and grants nothing."""
    services = progress.merged(request)
    if request.has_pool:
        progress.pooled = tuple([service.identity for service in services])
    now, event_at = progress.case.now, request.event_at
    heard_at = now if event_at is None or event_at > now else event_at
    for service in services:
        _settle(service, progress, heard_at)
    return services


def go_by_last_lines(request: ChargingRequest, progress: Progress) -> None:
    """Has what is reported after the end of a session settled by the prices that it ended with."""
    ended_at = progress.session.last_request_at
    for service in progress.merged(request):
        rating_group, service_identifiers = service.identity
        number = None if rating_group is None else progress.newest.get(rating_group)
        if rating_group is not None and number is not None and service.usage.used:
            progress.reservations[service.identity] = Reservation(
                rating_group, service_identifiers, 0, number, granted_at=ended_at
            )


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


def _settle(service: Service, progress: Progress, heard_at: int) -> None:
    """Pays for what was used and ends the service's reservation.

    What was used in other units than those of its quota alone is paid out of what is free. A
    reservation whose rating group the catalogue has no more is settled by its line. What was used
    was used no later than `heard_at`, in microseconds since 1970.
    """
    group = service.rating_group
    _, _, requested, used, is_quota_returned, counted, _, _ = service.usage
    if not used and requested is None and not is_quota_returned:
        return
    reservation = _quota_of(service, progress)
    granted, cover, meant = 0, None, service
    if reservation is not None:
        _, _, granted, number, *_ = reservation
        cover = reservation.cover
        line = progress.lines[number]
        progress.granted[number if cover is None else cover] -= granted
        if group is not None and (line.unit_type is MONEY) is not (group.unit_type is MONEY):
            meant = _in_money(line.unit_type is MONEY, service, group, progress)
        tariff = progress.tariff_of(meant.rating_group, meant.tariffs)
        if line.services is not tariff.services and line.services:
            tariff = tariff_of_line(line, tariff, progress.case.catalogue)
    elif group is not None and used:
        if _is_in_others(used, group.unit_type):
            meant = _in_money(group.unit_type is not MONEY, service, group, progress)
            group = meant.rating_group or group
        tariff = progress.tariff_of(group, _tariffs_before(meant, progress, heard_at))
        line = progress.line(group, tariff)
        number = line.number
    else:
        return
    unit_type = line.unit_type
    service.is_in_money = unit_type is MONEY
    reported = 0
    for units in used:
        reported += units.of(unit_type) or 0
    new_units = reported
    if counted is not None:
        new_units = max(reported - (counted.of(unit_type) or 0), 0)
    if unit_type is MONEY and counted is None:
        line, new_units = whole(line, used, new_units)
    believed = _believed(line.rating_group, unit_type, new_units, progress)
    is_by_hours = meant.tariffs[0].is_by_hours
    if cover is not None or (is_by_hours and (service.usage.used_after or unit_type is TIME)):
        quota = reservation or _nothing_granted(line, progress, heard_at)
        service.settlement, service.paid = settle_parts(
            meant, quota, believed, tariff, progress, heard_at
        )
    else:
        if believed > granted and progress.pooled is not None:
            progress.lines[number] = line
            lend(number, granted, believed, tariff, progress)
            line = progress.lines[number]
        progress.lines[number], service.settlement = settle(
            line, granted, progress.granted[number], believed, tariff, progress.ledger
        )
        if progress.insufficiency is PROVIDE_REMAINING:
            line = progress.lines[number]
            progress.lines[number] = end_unit(line, service.settlement, progress.granted[number])
    progress.cost = min(progress.cost + service.settlement.charged_amount, AMOUNT_MAX)
    if believed != reported:
        service.settlement = service.settlement._replace(reported=min(reported, AMOUNT_MAX))
    if len(progress.lines) > len(progress.newest):
        progress.begin_others(progress.lines[number])


def _quota_of(service: Service, progress: Progress) -> Reservation | None:
    """Ends the service's reservation; returns it if the usage can be of that."""
    reservation = progress.reservations.pop(service.identity, None)
    if reservation is None or service.rating_group is None:
        return reservation
    if not _is_in_others(service.usage.used, progress.lines[reservation.line].unit_type):
        return reservation
    progress.give_back(reservation)
    return None


def _is_in_others(used: tuple[Units, ...], unit_type: UnitType) -> bool:
    """Was nothing used in a type of unit, but something in money, or instead of money?"""
    for units in used:
        if units.of(unit_type) is not None:
            return False
    if unit_type is MONEY:
        return any(set(units[:3]) != {None} for units in used)
    return any(units.money is not None for units in used)


def _in_money(is_money: bool, service: Service, group: RatingGroup, progress: Progress) -> Service:
    """Returns a service in money, or in the units of its rating group, whatever it asks for now.

    A call for help pays nothing either way.
    """
    case, account, usage = progress.case, progress.account, service.usage
    if progress.is_emergency:
        return service
    if is_money:
        tariffs = tariffs_in_money(service.tariffs, case.catalogue)
        return Service(usage, group_in_money(usage, group), tariffs)
    number, time_zone = group.id, account.time_zone
    tariffs = tariffs_of(
        account.plans, number, case.catalogue, progress.circumstances, case.now, time_zone
    )
    return Service(usage, case.catalogue.rating_groups.get(number), tariffs)


def _tariffs_before(service: Service, progress: Progress, heard_at: int) -> tuple[Tariff, ...]:
    """Returns what pays for usage that was not granted: what was sold where the session was.

    Of a session that has said nothing yet it is what is known now.
    """
    group, tariffs, session = service.rating_group, service.tariffs, progress.session
    before = progress.circumstances_before
    is_same = before is progress.circumstances and not tariffs[0].is_by_hours
    is_same = is_same or tariffs[0].price is PAR
    if group is None or is_same or progress.is_emergency:
        return tariffs
    account, at = progress.account, min(session.last_request_at, heard_at)
    catalogue = progress.case.catalogue
    return tariffs_of(account.plans, group.id, catalogue, before, at, account.time_zone)


def _nothing_granted(line: Line, progress: Progress, heard_at: int) -> Reservation:
    """Returns the quota of usage for which none was granted: it began at the latest request."""
    began_at = min(progress.session.last_request_at, heard_at)
    return Reservation(line.rating_group, (), 0, line.number, granted_at=began_at)


def _believed(rating_group: int, unit_type: UnitType, reported: int, progress: Progress) -> int:
    """Returns what of a report is charged: a rating group has one bound for each request."""
    before = progress.believed.get((rating_group, unit_type), 0)
    most = USED_MAX[unit_type] - before
    used = reported if reported < most else most
    progress.believed[rating_group, unit_type] = before + used
    return used
