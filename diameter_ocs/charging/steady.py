"""What most quotas are, in few steps: one hold, of all that they need, on one allowance.

It is what `settlement` and `quota` make of it, and None wherever anything is unusual.
"""

from .catalogue import Tariff
from .decisions import Settlement
from .ledger import Ledger
from .session import Hold, Line
from .tuples import new
from .units import round_up


def settle_one(line: Line, used: int, ledger: Ledger) -> tuple[Line, Settlement] | None:
    """Pays for usage within the only grant on a line, and releases the rest of its hold."""
    number, rating_group, price, used_before, settled, priced, holds, unit_type, rounding, *rest = (
        line
    )
    if len(holds) != 1:
        return None
    ((_, is_priced, units, amounts),) = holds
    if is_priced or len(amounts) != 1:
        return None
    used_after = used_before + used
    due = round_up(used_after, rounding) - settled
    ((balance_id, amount),) = amounts
    if not 0 <= due <= units == amount or not units:
        return None
    ledger.post(balance_id, due, amount)
    after = used_after, settled + due, priced, (), unit_type, rounding
    line = new(Line, (number, rating_group, price, *after, *rest))
    return line, new(Settlement, (used, used, due, 0, 0, 0, 0, 0))


def grant_one(
    line: Line, wanted: int, tariff: Tariff, ledger: Ledger
) -> tuple[Line, int, bool] | None:
    """Reserves a whole quota, the only one on a line that holds nothing, on the first that pays."""
    number, rating_group, price, used, settled, priced, holds, unit_type, rounding, *rest = line
    service, is_priced, balance_types = tariff.sources[0]
    covered = round_up(used + wanted, rounding)
    missing = covered - settled
    if holds or is_priced or missing <= 0 or wanted <= 0:
        return None
    balance_ids = ledger.paying(balance_types)
    if not balance_ids or not ledger.reserve_whole(balance_ids[0], missing):
        return None
    held = new(Hold, (service, False, missing, ((balance_ids[0], missing),)))
    after = used, settled, priced, (held,), unit_type, rounding
    line = new(Line, (number, rating_group, price, *after, *rest))
    return line, wanted, used + wanted == covered
