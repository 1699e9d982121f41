"""Settle the services of a request, then grant their quotas, in the request's order."""

from .catalogue import RatingGroup, Tariff
from .controls import holding_seconds, threshold
from .covers import ahead
from .deadlines import SECOND, reservation_expires_at
from .decisions import Grant, Outcome
from .ending import holds_alone, is_last, payable
from .final_actions import begins_at_once, final_unit_of, go_on, running
from .final_units import FinalUnit
from .pools import unit_value
from .progress import INITIAL, TERMINATION, Progress
from .quota import (
    VALIDITY_SECONDS_MIN,
    grant,
    last_validity_seconds,
    spread_of,
    validity_seconds,
)
from .rating import is_always_free
from .requests import ChargingRequest
from .services import Service
from .session import RATING_GROUPS_MAX, RESERVATIONS_MAX, Line, Reservation
from .sizes import size_of
from .tuples import new
from .usage import settled

_Held = tuple[Line, int, int, bool, int | None, int | None]
"""The line that holds a quota, its units (0: nothing can be had), for how many seconds it is good,
whether nothing can follow it, when its price changes, and the line that covers it where it does."""


def served(request: ChargingRequest, progress: Progress) -> list[Service]:
    """Settles every service of the request, then grants in order."""
    services = settled(request, progress)
    if request.request_type is TERMINATION:
        return services
    progress.renew_blocks()
    is_initial = request.request_type is INITIAL
    spread = spread_of(request.session_key.session_id, request.request_number)
    for service in services:
        _, _, requested, used, is_quota_returned, *_ = service.usage
        group = service.rating_group
        if is_quota_returned or group is None:
            continue
        is_asked = requested is not None or (is_initial and not used)
        if not is_asked and not _asks_silently(service, group, progress, spread):
            continue
        if request.tells_free and _costs_nothing(group, progress):
            service.outcome = Outcome.NOT_APPLICABLE
        else:
            _grant(service, group, progress, request, spread)
    return services


def _asks_silently(service: Service, group: RatingGroup, progress: Progress, spread: int) -> bool:
    """Does a service that asks for nothing wait for a quota, doing what it was told to do without?

    It asks by saying nothing at all. One that reports is told for how long to go on; one that has a
    quota still has to say what it used of it.
    """
    before = running(service, group, progress)
    if before is None:
        return _is_called(service, progress)
    if service.usage.used:
        seconds = validity_seconds(group, spread, _plans_last(progress))
        go_on(service, group, before, last_validity_seconds(seconds, spread), progress)
        return False
    return not before.granted


def _is_called(service: Service, progress: Progress) -> bool:
    """Does the session ask again because it was called, for what it has no quota of?"""
    session = progress.session
    if session.number not in progress.account.standing.called or service.usage.used:
        return False
    return not any(
        each.granted and (each.rating_group, each.service_identifiers) == service.identity
        for each in session.reservations
    )


def _grant(
    service: Service,
    group: RatingGroup,
    progress: Progress,
    request: ChargingRequest,
    spread: int,
) -> None:
    """Grants a quota, or says why there is none and what to do then."""
    tariffs = service.tariffs
    tariff = tariffs[0] if len(tariffs) == 1 else payable(group, tariffs, progress)
    is_full = _is_full(progress, group)
    if progress.is_denied or is_full or not tariff.sources:
        is_unsold = not (progress.is_denied or is_full)
        service.outcome = service.unsold if is_unsold else Outcome.SERVICE_DENIED
        return
    held = _held(service, group, tariff, progress, spread)
    _, units, _, is_final, *_ = held
    final_unit = final_unit_of(group, progress, request) if is_final else None
    if not units:
        refusal = progress.limit_reached(tariff)
        if refusal is Outcome.SERVICE_DENIED or not begins_at_once(final_unit):
            service.outcome = refusal
            return
    _promise(service, tariff, held, final_unit, progress, request)


def _held(
    service: Service, group: RatingGroup, tariff: Tariff, progress: Progress, spread: int
) -> _Held:
    """Holds what a service gets: all that it may have, or what is left of it."""
    line = progress.line(group, tariff)
    number, units = line.number, size_of(service, group, line, tariff, progress)
    seconds, cover, change_at = validity_seconds(group, spread, _plans_last(progress)), None, None
    if tariff.is_by_hours:
        seconds, cover, change_at = ahead(group, tariff, progress, seconds, units)
    to_others, insufficiency = progress.granted[number], progress.insufficiency
    is_all = False
    if cover is None:
        line, units, is_all = grant(line, to_others, units, tariff, progress.ledger, insufficiency)
        progress.lines[number] = line
        progress.granted[number] = to_others + units
    is_final = not units
    if units and is_all and is_last(line, group, service.tariffs, progress):
        is_final = not to_others and holds_alone(line, tariff, progress)
        if not is_final:  # what others hold may come back: ask again soon
            seconds = VALIDITY_SECONDS_MIN
    if is_final:
        seconds = last_validity_seconds(seconds, spread)
    if not units or (change_at is not None and change_at > progress.case.now + seconds * SECOND):
        change_at = None
    return line, units, seconds, is_final, change_at, cover


def _promise(
    service: Service,
    tariff: Tariff,
    held: _Held,
    final_unit: FinalUnit | None,
    progress: Progress,
    request: ChargingRequest,
) -> None:
    """Notes a quota in the session, and tells it with all that the gateway is to heed of it."""
    line, units, seconds, is_final, change_at, cover = held
    group, usage, now = service.rating_group, service.usage, progress.case.now
    assert group is not None
    left = holding = idle = pool = None
    until = 0
    if units:
        left = None if is_final else threshold(group, units)
        holding, idle = holding_seconds(group, seconds), group.quota_consumption_seconds
        until = reservation_expires_at(now, seconds, holding or 0)
        pool = unit_value(line, progress) if request.has_pool and cover is None else None
    noted = group.id, usage.service_identifiers, units, line.number, until, now
    progress.reserve(new(Reservation, (*noted, final_unit is not None, change_at, cover)))
    told = group.unit_type, units, seconds, is_final, tariff.is_by_place
    service.grant = new(Grant, (*told, left, holding, idle, final_unit, change_at, pool))


def _is_full(progress: Progress, group: RatingGroup) -> bool:
    """Does the session use as many rating groups, or hold as many quotas, as it may?"""
    return len(progress.reservations) >= RESERVATIONS_MAX or (
        len(progress.newest) >= RATING_GROUPS_MAX
        and group.id not in list(progress.newest)[:RATING_GROUPS_MAX]
    )


def _costs_nothing(group: RatingGroup, progress: Progress) -> bool:
    """Is it free for as long as the session may last? Nothing is reserved for it then.

    The gateway does not ask again: what may come to cost something, or to use an allowance up,
    when the place, the time or the account's plans change, is granted instead.
    """
    account = progress.account
    if progress.is_denied or account.plans_change_at is not None:
        return False
    return is_always_free(account.plans, group.id, progress.case.catalogue)


def _plans_last(progress: Progress) -> int | None:
    """Returns for how many microseconds the account's plans stay as they are."""
    change_at = progress.account.plans_change_at
    return None if change_at is None else change_at - progress.case.now
