"""What paid for the units of an event, one after the other, so that the last can be given back."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from .case import Case
from .catalogue import Catalogue, Price
from .decisions import Edr, Payment, ServiceRecord
from .session import Amounts, Line
from .settlement import divided
from .units import UnitType

_Spent = list[tuple[int, int]]
"""(balance id, amount) that nobody has been found yet who spent it."""


def payments_of(line: Line, units: int) -> Iterator[Payment]:
    """Yields what the holds of a line pay for its next so many units, when these are settled."""
    position = line.priced
    for _, is_priced, held_units, amounts in line.holds:
        part = min(units, held_units)
        units -= part
        if not part:
            continue
        if not is_priced:
            yield Payment(part, divided(amounts, part)[0], None)
            continue
        assert line.price is not None
        cost = line.price.charge_of(position + part) - line.price.charge_of(position)
        yield Payment(part, divided(amounts, cost)[0], line.price, position)
        position += part


def split(payments: Iterable[Payment], units: int) -> tuple[list[Payment], list[Payment]]:
    """Returns the payments for the first so many units, and those for the others."""
    head, tail = [], []
    for payment in payments:
        first = min(units, payment.units)
        units -= first
        if first == payment.units:
            head.append(payment)
        elif not first:
            tail.append(payment)
        else:
            spent, left = divided(payment.amounts, _cost_of_first(payment, first))
            head.append(payment._replace(units=first, amounts=spent))
            before = payment.before + first
            tail.append(payment._replace(units=payment.units - first, amounts=left, before=before))
    return head, tail


def payments_in(edr: Edr, case: Case) -> list[tuple[Payment, ...]]:
    """Returns, by service, what the units were paid by that an EDR says were charged.

    Of most usage in a session only the sums are known: what its allowances paid comes first, and
    what each of the others cost is their share of the whole.
    """
    paid = {at: record.paid for at, record in enumerate(edr.services) if record.paid}
    known = Counter[int]()
    for payment in chain.from_iterable(paid.values()):
        known.update(dict(payment.amounts))
    allowances: dict[UnitType, _Spent] = {}
    money: _Spent = []
    for posting in edr.postings:
        balance = case.balances.get(posting.balance_id)
        kind = balance and case.catalogue.balance_types.get(balance.balance_type)
        left = posting.used - known[posting.balance_id]
        if kind and left > 0:
            spent = money if kind.unit_type is None else allowances.setdefault(kind.unit_type, [])
            spent.append((posting.balance_id, left))
    # What cost no money was paid by allowances alone, as far as these go.
    for at, record in sorted(enumerate(edr.services), key=lambda each: each[1].settlement[3] > 0):
        if at in paid:
            continue
        unit_type = unit_type_of(record, case.catalogue)
        units, amount = record.settlement.charged, record.settlement.charged_amount
        free: _Spent = [] if unit_type is None else allowances.setdefault(unit_type, [])
        by_allowance = _take(free, units - bool(amount))
        by_money = _take(money, amount)
        paid[at] = tuple(_paid(by_allowance, units, amount, by_money))
    return [paid[at] for at in range(len(edr.services))]


def unit_type_of(record: ServiceRecord, catalogue: Catalogue) -> UnitType | None:
    """Returns what the units of a service are; None: nobody knows its rating group any more."""
    if record.is_in_money:
        return UnitType.MONEY
    if record.grant is not None and record.grant.unit_type is not UnitType.MONEY:
        return record.grant.unit_type
    number = record.rating_group
    group = None if number is None else catalogue.rating_groups.get(number)
    return None if group is None else group.unit_type


def _paid(by_allowance: Amounts, units: int, amount: int, by_money: Amounts) -> Iterator[Payment]:
    free = sum([part for _, part in by_allowance])
    if free:
        yield Payment(free, by_allowance, None)
    if units > free:
        yield Payment(units - free, by_money, Price(amount, units - free))


def _take(spent: _Spent, amount: int) -> Amounts:
    """Takes an amount, or what there is of it."""
    taken, left = divided(tuple(spent), max(amount, 0))
    spent[:] = left
    return taken


def _cost_of_first(payment: Payment, units: int) -> int:
    price = payment.price
    if price is None:
        return units
    return price.charge_of(payment.before + units) - price.charge_of(payment.before)
