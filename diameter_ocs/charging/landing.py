"""Where a quota is to end so that the report on it turns a counter, and none turns long before."""

from collections.abc import Iterator

from .catalogue import RatingGroup, Tariff
from .counting import own_counters, sums_of
from .progress import Progress
from .session import Line
from .units import round_up


def landing(units: int, group: RatingGroup, line: Line, tariff: Tariff, progress: Progress) -> int:
    """Returns how much of a quota leads to the next state of a counter; all of it, where none does.

    It ends with a rounding unit, and is never below the least reservation. What pays for the first
    unit is what is looked at; what other quotas will use of it is not.
    """
    paying = _paying(tariff, progress)
    if paying is None:
        return units
    balance_type, owner, is_priced = paying
    steps = [_units(step, line, units, is_priced) for step in _steps(balance_type, owner, progress)]
    step = min([each for each in steps if each is not None], default=None)
    if step is None:
        return units
    outstanding = line.used + progress.granted.get(line.number, 0)
    least = max(group.min_reservation, 1)
    end = round_up(max(line.settled + step, outstanding + least), line.rounding)
    return min(units, end - outstanding)


def _paying(tariff: Tariff, progress: Progress) -> tuple[str, int, bool] | None:
    """Returns type and owner of the balance that pays next, and whether at a price."""
    ledger, balances = progress.ledger, progress.case.balances
    for _, is_priced, balance_types in tariff.sources:
        for balance_id in ledger.paying(balance_types):
            if ledger.available(balance_id):
                balance = balances[balance_id]
                return balance.balance_type, balance.account_id, is_priced
    return None


def _steps(balance_type: str, owner: int, progress: Progress) -> Iterator[int]:
    """Yields how much of a type has to be spent until the counters on it turn."""
    case = progress.case
    sums = sums_of(progress.ledger.balances.values(), owner, case.now)[balance_type]
    total, used, reserved = sums
    for counter in own_counters(case.accounts[owner].standing, case.catalogue):
        if counter.balance_type != balance_type or not counter.is_active:
            continue
        following = counter.place_of(*sums) + 1
        if following < len(counter.states):
            spent = used + reserved if counter.has_reservations else used
            yield counter.spent_at(following, total) - spent


def _units(step: int, line: Line, units: int, is_priced: bool) -> int | None:
    """Returns how many units spend so much; None: so many do not."""
    price, priced = line.price, line.priced
    if not is_priced:
        return step
    if price is None:
        return None
    enough = price.charge_of(priced) + step
    if price.charge_of(priced + units) < enough:
        return None
    return price.units_for(enough - 1, priced + units) + 1 - priced
