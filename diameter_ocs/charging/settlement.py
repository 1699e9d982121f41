"""What a line holds on balances, and how reported usage is paid from it.

Units go down the services in order: allowances give all they have, the rest is priced. The cost of
priced units is the difference of the line's running total, so that no rounding is done twice.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .decisions import Settlement
from .ledger import Ledger
from .rating import Source, Tariff
from .session import Hold, Line
from .units import UnitType, round_up

USED_MAX = {
    UnitType.VOLUME: 10 * 2**40,
    UnitType.TIME: 31 * 24 * 3600,
    UnitType.SERVICE_SPECIFIC_UNITS: 10**6,
}
"""Usage of one rating group that one request may report; what is above is recorded, not charged."""

Amounts = tuple[tuple[int, int], ...]


class Paid(NamedTuple):
    """What became of units that were to be paid."""

    units: int = 0
    amount: int = 0
    tax: int = 0


def hold(line: Line, units: int, tariff: Tariff, ledger: Ledger) -> Line:
    """Reserve what can be had of so many units, down the tariff's order."""
    holds = list(line.holds)
    priced = line.priced + sum(hold.units for hold in holds if hold.is_priced)
    for source in tariff.sources:
        if units <= 0:
            break
        if source.is_priced:
            held = _hold_money(source, line, priced, units, ledger)
            priced += held.units
        else:
            amounts = _reserve(source.balance_ids, units, ledger)
            held = Hold(source.service, False, sum(amount for _, amount in amounts), amounts)
        if held.units:
            holds.append(held)
            units -= held.units
    return line._replace(holds=tuple(holds))


def settle(
    line: Line,
    granted: int,
    granted_to_others: int,
    used: int,
    tariff: Tariff,
    ledger: Ledger,
) -> tuple[Line, Settlement]:
    """Pay for usage and release what the line need not hold any more.

    What is within the grant is paid by the holds, or is a shortfall. What is above it is charged
    to whatever is free, or is an overrun.
    """
    rounding = tariff.rounding
    due = max(round_up(line.used + used, rounding) - line.settled, 0)
    within = max(round_up(line.used + min(used, granted), rounding) - line.settled, 0)
    line, paid = _take(line, min(within, due), ledger)
    shortfall = min(within, due) - paid.units
    above = due - min(within, due)
    line, paid_above = _charge_free(line, above, tariff, ledger)
    overrun = above - paid_above.units
    line = line._replace(used=line.used + used, settled=line.settled + due)
    keep = max(round_up(line.used + granted_to_others, rounding) - line.settled, 0)
    return _trim(line, keep, ledger), Settlement(
        reported=used,
        used=used,
        charged=paid.units + paid_above.units,
        charged_amount=paid.amount + paid_above.amount,
        tax_amount=paid.tax + paid_above.tax,
        overrun=overrun,
        overrun_amount=_cost(line, overrun),
        shortfall=shortfall,
    )


def release(line: Line, keep: int, ledger: Ledger) -> Line:
    """Release what a line holds beyond so many units; the last ones first."""
    return _trim(line, keep, ledger)


def _cost(line: Line, units: int) -> int:
    if line.price is None:
        return 0
    return line.price.charge_of(line.priced + units) - line.price.charge_of(line.priced)


def _hold_money(source: Source, line: Line, priced: int, units: int, ledger: Ledger) -> Hold:
    """Reserve the price of units; what is left of a balance begins one more unit."""
    price = line.price
    if price is None:
        return Hold(source.service, True, 0, ())
    paid = price.charge_of(priced)
    cost = price.charge_of(priced + units) - paid
    available = sum(ledger.available(balance_id) for balance_id in source.balance_ids)
    if cost > available:
        units = price.units_for(paid + available, priced + units) - priced
        if price.charge_of(priced + units) < paid + available:
            units += 1
        cost = available
    return Hold(source.service, True, units, _reserve(source.balance_ids, cost, ledger))


def _reserve(balance_ids: Iterable[int], amount: int, ledger: Ledger) -> Amounts:
    amounts = []
    for balance_id in balance_ids:
        part = min(amount, ledger.available(balance_id))
        if part > 0:
            ledger.reserve(balance_id, part)
            amounts.append((balance_id, part))
            amount -= part
    return tuple(amounts)


def _charge_free(line: Line, units: int, tariff: Tariff, ledger: Ledger) -> tuple[Line, Paid]:
    """Charge units to what is free, leaving the line's holds alone."""
    if not units:
        return line, Paid()
    bare, paid = _take(hold(line._replace(holds=()), units, tariff, ledger), units, ledger)
    return bare._replace(holds=line.holds), paid


def _take(line: Line, units: int, ledger: Ledger) -> tuple[Line, Paid]:
    """Post up to so many units to the line's holds, the first ones first."""
    left, priced, amount, tax = units, line.priced, 0, 0
    kept: list[Hold] = []
    for held in line.holds:
        part = min(left, held.units)
        if not part:
            kept.append(held)
            continue
        left -= part
        spent = part
        if held.is_priced:
            assert line.price is not None
            cost = line.price.charge_of(priced + part) - line.price.charge_of(priced)
            spent = min(cost, sum(amount for _, amount in held.amounts))
            tax += line.price.tax_of(priced + part) - line.price.tax_of(priced)
            priced += part
            amount += spent
        rest = _spend(held.amounts, spent, ledger)
        if part < held.units:
            kept.append(Hold(held.service, held.is_priced, held.units - part, rest))
        else:
            _give_back(rest, ledger)
    return line._replace(priced=priced, holds=tuple(kept)), Paid(
        units - left, amount, min(tax, amount)
    )


def _trim(line: Line, keep: int, ledger: Ledger) -> Line:
    if line.held_units <= keep:
        return line
    priced = line.priced
    kept: list[Hold] = []
    for held in line.holds:
        units = min(keep, held.units)
        keep -= units
        amount = units
        if held.is_priced:
            assert line.price is not None
            amount = line.price.charge_of(priced + units) - line.price.charge_of(priced)
            priced += units
        if units == held.units:
            kept.append(held)
            continue
        stays, goes = _split(held.amounts, amount)
        _give_back(goes, ledger)
        if units:
            kept.append(Hold(held.service, held.is_priced, units, stays))
    return line._replace(holds=tuple(kept))


def _spend(amounts: Amounts, spent: int, ledger: Ledger) -> Amounts:
    """Post what is spent to the first amounts; return what is still held."""
    posted, rest = _split(amounts, spent)
    for balance_id, amount in posted:
        ledger.settle(balance_id, amount, amount)
    return rest


def _give_back(amounts: Amounts, ledger: Ledger) -> None:
    for balance_id, amount in amounts:
        ledger.settle(balance_id, amount, 0)


def _split(amounts: Amounts, first: int) -> tuple[Amounts, Amounts]:
    """Divide amounts into the first so many and the rest."""
    before, after = [], []
    for balance_id, amount in amounts:
        part = min(first, amount)
        first -= part
        if part:
            before.append((balance_id, part))
        if amount > part:
            after.append((balance_id, amount - part))
    return tuple(before), tuple(after)
