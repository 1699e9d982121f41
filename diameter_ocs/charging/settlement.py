"""What a line holds on balances, and how reported usage is paid from it.

Units go down the services in order: allowances give all they have, the rest is priced. The cost of
priced units is the difference of the line's running total, so that no rounding is done twice.
"""

from .catalogue import Price, RatingGroup, Tariff
from .decisions import Settlement
from .ledger import Funds, Ledger
from .session import Amounts, Hold, Line
from .steady import settle_one
from .tuples import new
from .units import AMOUNT_MAX, UnitType, half_up, round_up

USED_MAX = {
    UnitType.VOLUME: 10 * 2**40,
    UnitType.TIME: 31 * 24 * 3600,
    UnitType.SERVICE_SPECIFIC_UNITS: 10**6,
    UnitType.MONEY: AMOUNT_MAX,
}
"""Usage of one rating group that one request may report; what is above is recorded, not charged."""


_Paid = tuple[tuple[Hold, ...], int, int, int, int]
"""The holds that a line keeps; what the others paid: units, units of these at the price, their
amount, the tax within it."""


def new_line(number: int, group: RatingGroup, tariff: Tariff, has_begun: bool) -> Line:
    """Returns a line for the usage of a rating group, of which some may have been priced before."""
    price = tariff.price
    if has_begun and price is not None:
        price = price.continued
    return Line(
        number,
        group.id,
        price,
        unit_type=group.unit_type,
        rounding=group.rounding,
        zone=tariff.zone,
        has_begun=has_begun,
        services=tariff.services,
    )


def hold(
    line: Line, units: int, tariff: Tariff, ledger: Funds, begins_unit: bool = True
) -> tuple[Line, int]:
    """Reserves what can be had of so many units, down the tariff's order; returns how many.

    What is left of money begins one more unit, unless only whole units are wanted.
    """
    if units <= 0:
        return line, 0
    missing, position = units, 0
    holds = list(line.holds)
    for service, is_priced, balance_types in tariff.sources:
        balance_ids = ledger.paying(balance_types)
        if is_priced:
            position = line.priced + sum([held.units for held in holds if held.is_priced])
            held_units, amounts = _hold_money(
                balance_ids, line.price, position, missing, ledger, begins_unit
            )
        else:
            amounts, lacking = ledger.reserve(balance_ids, missing)
            held_units = missing - lacking
        if not held_units:
            continue
        held = new(Hold, (service, is_priced, held_units, amounts))
        if holds:
            _append(holds, held, line.price, position)
        else:
            holds.append(held)
        missing -= held_units
        if not missing:
            break
    return _with_holds(line, tuple(holds)), units - missing


def settle(
    line: Line,
    granted: int,
    granted_to_others: int,
    used: int,
    tariff: Tariff,
    ledger: Ledger,
) -> tuple[Line, Settlement]:
    """Pays for usage and releases what the line need not hold any more."""
    if used <= granted and not granted_to_others:
        settled = settle_one(line, used, ledger)
        if settled is not None:
            return settled
    return settle_any(line, granted, granted_to_others, used, tariff, ledger)


def settle_any(
    line: Line,
    granted: int,
    granted_to_others: int,
    used: int,
    tariff: Tariff,
    ledger: Ledger,
) -> tuple[Line, Settlement]:
    """Does so whatever pays.

    What is within the grant is paid by the holds, or is a shortfall. What is above it takes the
    place of what others were granted on the line, so that as much is held anew out of what is
    free; what cannot be held is an overrun.
    """
    _, _, price, used_before, settled, priced, _, _, rounding, *_ = line
    used_after = used_before + used
    due = round_up(used_after, rounding) - settled
    settled += due
    overrun = keep = 0
    if used > granted:
        within = round_up(used_before + granted + granted_to_others, rounding)
        above = round_up(used_after + granted_to_others, rounding) - within
        line, held_anew = hold(line, above, tariff, ledger)
        overrun = min(due, above - held_anew)
    if granted_to_others:
        keep = round_up(used_after + granted_to_others, rounding) - settled
    holds, units, newly_priced, amount, tax = _pay(line, due - overrun, keep, ledger)
    priced += newly_priced
    shortfall = due - overrun - units
    number, rating_group, _, _, _, _, _, *others = line
    line = new(Line, (number, rating_group, price, used_after, settled, priced, holds, *others))
    overrun_amount = 0
    if overrun and price is not None:
        overrun_amount = price.charge_of(priced + overrun) - price.charge_of(priced)
        overrun_amount = min(overrun_amount, AMOUNT_MAX)
        if not priced:
            line = continued(line, ledger)
    return line, new(
        Settlement, (used, used, units, amount, tax, overrun, overrun_amount, shortfall)
    )


def end_unit(line: Line, settlement: Settlement, granted_to_others: int) -> Line:
    """Takes what was not paid of a rounding unit from its end, where no unit is begun.

    It was not sold: who has used the rest of the unit begins another.
    """
    used = line.used + settlement.shortfall + settlement.overrun
    used = min(used, line.settled - granted_to_others)
    return line._replace(used=used) if used > line.used else line


def release(line: Line, keep: int, ledger: Ledger) -> Line:
    """Releases what a line holds beyond so many units; the last ones first."""
    holds, *_ = _pay(line, 0, keep, ledger)
    return _with_holds(line, holds)


def continued(line: Line, ledger: Ledger) -> Line:
    """Returns a line of which nothing was priced, after the beginning was charged elsewhere.

    What it holds for the beginning is released.
    """
    assert not line.priced
    price = line.price
    if price is None or not price.has_beginning:
        return line._replace(has_begun=True)
    price = price.continued
    left = tuple([part for held in line.holds if held.is_priced for part in held.amounts])
    position, holds = 0, []
    for held in line.holds:
        if held.is_priced:
            cost = price.charge_of(position + held.units) - price.charge_of(position)
            position += held.units
            amounts, left = divided(left, cost)
            held = held._replace(amounts=amounts)
        holds.append(held)
    ledger.settle(left, 0, 0)
    return line._replace(price=price, holds=tuple(holds), has_begun=True)


def divided(amounts: Amounts, first: int) -> tuple[Amounts, Amounts]:
    """Returns the first so much of the amounts, and the rest."""
    head, tail = [], []
    for balance_id, amount in amounts:
        part = min(first, amount)
        first -= part
        if part:
            head.append((balance_id, part))
        if part < amount:
            tail.append((balance_id, amount - part))
    return tuple(head), tuple(tail)


def _with_holds(line: Line, holds: tuple[Hold, ...]) -> Line:
    """Does what `_replace` does in a fifth of its time."""
    number, rating_group, price, used, settled, priced, _, *others = line
    return new(Line, (number, rating_group, price, used, settled, priced, holds, *others))


def _hold_money(
    balance_ids: tuple[int, ...],
    price: Price | None,
    priced: int,
    units: int,
    ledger: Funds,
    begins_unit: bool,
) -> tuple[int, Amounts]:
    """Reserves the price of units; what is left of the balances may begin one more unit.

    What the first unit costs besides is held whole, or nothing is.
    """
    available = sum(map(ledger.available, balance_ids))
    if price is None or (not available and price.micro_units and priced >= price.minimum_units):
        return 0, ()
    paid = price.charge_of(priced)
    cost = price.charge_of(priced + units) - paid
    if cost > available:
        units = price.units_for(paid + available, priced + units) - priced
        cost = price.charge_of(priced + units) - paid
        if not (priced or units) and price.has_beginning:
            return 0, ()
        if cost < available and begins_unit:
            units += 1
            cost = available
    amounts, _ = ledger.reserve(balance_ids, cost)
    return units, amounts


def _append(holds: list[Hold], held: Hold, price: Price | None, priced: int) -> None:
    """Adds a hold; where it goes on as the last one ends, the two become one.

    A last unit that was begun with what was left stays the last of its hold: what others pay
    later must not make up for it.
    """
    last = holds[-1] if holds else None
    if last is None or last.service != held.service or last.is_priced != held.is_priced:
        holds.append(held)
        return
    if price is not None and last.is_priced:
        cost = price.charge_of(priced) - price.charge_of(priced - last.units)
        if last.amount < cost:
            holds.append(held)
            return
    amounts, more = last.amounts, held.amounts
    if amounts and more and amounts[-1][0] == more[0][0]:
        balance_id, amount = more[0]
        amounts, more = amounts[:-1], ((balance_id, amounts[-1][1] + amount), *more[1:])
    holds[-1] = Hold(held.service, held.is_priced, last.units + held.units, amounts + more)


def _pay(line: Line, units: int, keep: int, ledger: Ledger) -> _Paid:
    """Posts so many units of the holds, the first ones first, keeps so many, releases the rest."""
    price = line.price
    left, position, priced, amount, tax = units, line.priced, 0, 0, 0
    kept: list[Hold] = []
    for held in line.holds:
        service, is_priced, held_units, amounts = held
        part = left if left < held_units else held_units
        rest = held_units - part
        stay = keep if keep < rest else rest
        left -= part
        keep -= stay
        if stay == held_units:
            kept.append(held)
            position += stay if is_priced else 0
            continue
        spent, staying = part, stay
        if is_priced:
            assert price is not None
            paid = price.charge_of(position + part)
            staying = price.charge_of(position + part + stay) - paid if stay else 0
            cost = paid - price.charge_of(position)
            spent = min(cost, held.amount)
            tax += _tax(price, paid, cost, spent)
            amount += spent
            priced += part
            position += part + stay
        staying_amounts = ledger.settle(amounts, spent, staying)
        if stay:
            kept.append(new(Hold, (service, is_priced, stay, staying_amounts)))
    return tuple(kept), units - left, priced, amount, tax


def _tax(price: Price, paid: int, cost: int, spent: int) -> int:
    """Returns the tax within what was spent, which may be less than the cost that ends at `paid`.

    It is the difference of the tax within the line's running total, and so never below 0.
    """
    if not price.tax_millionths or not cost:
        return 0
    tax = price.tax_within(paid) - price.tax_within(paid - cost)
    return tax if spent == cost else half_up(tax * spent, cost)
