"""Quotas that last beyond a change of price: what holds for them, and how long they last.

What holds for such a quota is a line of its own, its cover, on which nothing is ever used.
"""

from functools import partial
from typing import NamedTuple

from .catalogue import RatingGroup, Tariff
from .deadlines import SECOND
from .ending import payable
from .price_changes import Crossing, crossing
from .progress import Progress
from .quota import VALIDITY_SECONDS_MIN
from .settlement import hold, release
from .sizes import share_of
from .units import UnitType, round_up


class Ahead(NamedTuple):
    """What is done about the changes of price that a quota meets."""

    seconds: int
    """How long it lasts."""
    cover: int | None = None
    """The number of the line that holds for it whole, whatever its parts cost; None: there is none,
    and nothing is granted yet."""
    change_at: int | None = None
    """When the client divides its usage, in microseconds since 1970; None: it need not."""


def ahead(
    group: RatingGroup, tariff: Tariff, progress: Progress, seconds: int, units: int
) -> Ahead:
    """Holds for a quota of what is sold by hours, and says how long it lasts.

    A quota that is held whole at the dearest price lasts beyond a change. Where what is left does
    not do for that, or other balances pay afterwards, it is granted at its present price and ends
    at the change: nobody is refused what can be paid now, and hardly anything is used unpaid later.
    """
    now = progress.case.now
    choose = partial(payable, group, progress=progress)
    offer = progress.offer(group, progress.circumstances, choose)
    if offer.lasts_until(now) > now + seconds * SECOND:
        return Ahead(seconds)
    found = crossing(offer, tariff, now, seconds, group.unit_type, units)
    if found is None:
        return Ahead(seconds)
    cover = _cover(group, found, progress, units)
    ends_at = found.first_at if cover is None else found.ends_at
    if ends_at is not None:
        left = -((now - ends_at) // SECOND)
        seconds = max(min(seconds, left), VALIDITY_SECONDS_MIN)
    return Ahead(seconds, cover, None if group.unit_type is UnitType.TIME else found.first_at)


def _cover(group: RatingGroup, found: Crossing, progress: Progress, units: int) -> int | None:
    """Returns the number of a line that holds for a whole quota; None: it cannot be held.

    Each change begins a rounding unit more, and what the first unit costs at least may be paid
    before a change without being used up.
    """
    tariff, ledger = found.tariff, progress.ledger
    if tariff is None:
        return None
    line = progress.beside(group, tariff)
    share = group.max_session_share_percent
    if share < 100 and units > share_of(share, group, line, tariff, progress):
        return None
    missing = round_up(units, line.rounding)
    line, held = hold(line, missing, tariff, ledger, begins_unit=False)
    if held < missing:
        release(line, 0, ledger)
        return None
    spare = found.changes * line.rounding if line.rounding > 1 else 0
    if line.price is not None:
        spare += line.price.minimum_units
    line, _ = hold(line, spare, tariff, ledger, begins_unit=False)
    number = line.number
    progress.lines[number] = line
    progress.granted[number] = units
    return number
