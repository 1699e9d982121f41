"""Quotas that a session may use for each other: the pool of its money (RFC 8506 section 5.1.2).

What stands in the pool is held of the default money at a price that is the same for each unit. Its
quotas stay reservations of their own; what is used above one of them is paid by what the others
hold, before it is an overrun.
"""

from .catalogue import Tariff
from .progress import Progress
from .session import Hold, Line, Reservation
from .settlement import hold, release
from .units import UnitType, round_up

PARTS_PER_UNIT = 10**9
"""A unit's value is told in such parts of a micro-unit, rounded."""
UNIT_VALUE_MAX = 2**63 - 1


def unit_value(line: Line, progress: Progress) -> int | None:
    """Returns what a unit of a quota counts in the pool; None: the quota is no part of it.

    A line whose last unit was only begun is none: what it holds is less than its units count.
    """
    price = line.price
    if price is None or not _is_of_money(line, progress):
        return None
    if price.charge_of(line.priced_units) - price.charge_of(line.priced) != _amount(line):
        return None
    value = price.charge_of(PARTS_PER_UNIT)
    return value if 0 < value <= UNIT_VALUE_MAX else None


def lend(number: int, granted: int, used: int, tariff: Tariff, progress: Progress) -> None:
    """Has the other quotas of the pool give back what a use above a quota needs of them.

    They become so much smaller: their client knows it, as it has used them up.
    """
    line, price = progress.lines[number], progress.lines[number].price
    money = progress.case.catalogue.default_monetary_balance_type
    pays = any(is_priced and money in types for _, is_priced, types in tariff.sources)
    if price is None or price.has_beginning or not pays:
        return
    others, rounding, ledger = progress.granted[number], line.rounding, progress.ledger.copied()
    above = round_up(line.used + used + others, rounding)
    above -= round_up(line.used + granted + others, rounding)
    trial, held = hold(line, above, tariff, ledger, begins_unit=False)
    lacking, position = above - held, trial.priced_units
    missing = price.charge_of(position + lacking) - price.charge_of(position)
    if missing:
        missing -= sum(map(ledger.available, _paying(progress)))
    for each in list(dict.fromkeys([quota.line for quota in _quotas(progress)])):
        if missing > 0:
            missing -= _give_back(each, missing, granted if each == number else 0, progress)


def _give_back(number: int, wanted: int, granted: int, progress: Progress) -> int:
    """Releases so much of what a line holds, if it holds as much, and returns how much it was.

    What is left may begin one more unit: it stays in the pool. `granted` units of the line are no
    quota any more, and still to be paid.
    """
    line, price, ledger = progress.lines[number], progress.lines[number].price, progress.ledger
    is_cover = any(each.cover == number for each in progress.reservations.values())
    if price is None or is_cover or not _is_of_money(line, progress):
        return 0
    before, service = _amount(line), line.holds[-1].service
    paid = price.charge_of(line.priced)
    own = round_up(line.used + granted, line.rounding) - line.settled
    left = max(before - wanted, min(price.charge_of(line.priced + own) - paid, before))
    keep = price.units_for(paid + left, line.priced_units) - line.priced
    line = release(line, max(keep, 0), ledger)
    rest, _ = ledger.reserve(_paying(progress), left - _amount(line))
    if rest:
        line = line._replace(holds=(*line.holds, Hold(service, True, 1, rest)))
    progress.lines[number] = line
    outstanding = line.used + granted + progress.granted[number]
    _shrink(number, outstanding - line.settled - line.held_units, progress)
    return before - _amount(line)


def _is_of_money(line: Line, progress: Progress) -> bool:
    """Is what a line holds the default money, at a price without a beginning?"""
    if line.price is None or line.price.has_beginning or not line.holds:
        return False
    if line.unit_type is UnitType.MONEY:
        return False
    money, type_of = progress.case.catalogue.default_monetary_balance_type, progress.ledger.type_of
    return all(
        held.is_priced and all(type_of(number) == money for number, _ in held.amounts)
        for held in line.holds
    )


def _paying(progress: Progress) -> tuple[int, ...]:
    """Returns the balances of the default money that may pay, in order."""
    money = progress.case.catalogue.default_monetary_balance_type
    return () if money is None else progress.ledger.paying((money,))


def _amount(line: Line) -> int:
    return sum([held.amount for held in line.holds])


def _quotas(progress: Progress) -> list[Reservation]:
    """Returns the quotas of the session; first those that end with the request anyway."""
    named = [each for each in progress.pooled or () if each in progress.reservations]
    return [progress.reservations[each] for each in dict.fromkeys((*named, *progress.reservations))]


def _shrink(number: int, units: int, progress: Progress) -> None:
    """Takes units from the quotas of a line; what has none left keeps its line, as if expired."""
    for each in _quotas(progress):
        identity = each.rating_group, each.service_identifiers
        if units <= 0:
            return
        if each.line == number and each.cover is None:
            part = min(units, each.granted)
            left = each.granted - part
            expires_at = each.expires_at if left else 0
            progress.reservations[identity] = each._replace(granted=left, expires_at=expires_at)
            progress.granted[number] -= part
            units -= part
