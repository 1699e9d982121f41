"""How much a quota should be: what is asked for, brought between its bounds, or what is used.

What follows usage ends where a counter turns.
"""

from .catalogue import RatingGroup, Tariff
from .deadlines import SECOND
from .landing import landing
from .progress import Progress
from .quota import clamp, grant
from .services import Service
from .session import Line
from .settlement import USED_MAX
from .units import round_up

NEAR_THE_END_PERCENT = 50
"""What part of what is left an adaptive quota takes at most: towards the end they become small."""


def size_of(
    service: Service, group: RatingGroup, line: Line, tariff: Tariff, progress: Progress
) -> int:
    """Returns how much to try to grant to a service on a line."""
    requested = service.usage.requested
    units = clamp(None if requested is None else requested.of(group.unit_type), group)
    share = group.max_session_share_percent
    if group.min_validity_seconds is not None:
        measured = _used_in(group.min_validity_seconds, service, progress)
        if measured is not None:
            units = clamp(measured or 1, group)
        share = min(share, NEAR_THE_END_PERCENT)
    if share < 100:
        units = min(units, share_of(share, group, line, tariff, progress))
    if group.min_validity_seconds is not None and progress.case.catalogue.counters:
        units = landing(units, group, line, tariff, progress)
    return units


def _used_in(seconds: int, service: Service, progress: Progress) -> int | None:
    """Returns how much the service uses in a time, as its latest report says; None: who knows."""
    if not service.usage.used:
        return None
    for before in progress.session.reservations:
        if (before.rating_group, before.service_identifiers) == service.identity:
            lasted = max(progress.case.now - before.granted_at, SECOND)
            return service.settlement.used * seconds * SECOND // lasted
    return None


def share_of(
    percent: int, group: RatingGroup, line: Line, tariff: Tariff, progress: Progress
) -> int:
    """Returns the part that one quota may take of all that could be granted now.

    It ends with a rounding unit, and is never below the least reservation. What is granted whole is
    no part: a quota that is the last says so.
    """
    to_others, ledger = progress.granted.get(line.number, 0), progress.ledger.copied()
    most = USED_MAX[group.unit_type]
    _, everything, _ = grant(line, to_others, most, tariff, ledger, progress.insufficiency)
    part = max(everything * percent // 100, group.min_reservation, 1)
    outstanding = line.used + to_others
    return round_up(outstanding + part, line.rounding) - outstanding
