"""When nothing can be granted after a quota, at any price, and nothing can come back either."""

from .catalogue import RatingGroup, Tariff
from .progress import Progress
from .quota import PROVIDE_ROUNDED_AMOUNT, grant
from .rating import has_money
from .session import Line


def payable(group: RatingGroup, tariffs: tuple[Tariff, ...], progress: Progress) -> Tariff:
    """Returns the first tariff whose money pays for a unit, else the first that can be granted.

    What can be granted without money is what allowances pay, and the rest of a unit begun.
    """
    if len(tariffs) == 1:
        return tariffs[0]
    line = progress.lines.get(progress.newest.get(group.id, 0))
    with_money = [tariff for tariff in tariffs if has_money(tariff, progress.ledger, line)]
    if with_money and progress.insufficiency is PROVIDE_ROUNDED_AMOUNT:
        return with_money[0]
    for tariff in (*with_money, *tariffs):
        if _can_grant(group, tariff, progress):
            return tariff
    return tariffs[0]


def is_last(
    line: Line, group: RatingGroup, tariffs: tuple[Tariff, ...], progress: Progress
) -> bool:
    """Is nothing left of which one more unit of the rating group can be granted?

    All that is paid for so far on its line is granted.
    """
    first, ledger = tariffs[0], progress.ledger
    if first.is_free:
        return False
    is_plain = line.price is None or not line.price.has_beginning
    begins_unit = progress.insufficiency is PROVIDE_ROUNDED_AMOUNT
    if is_plain and begins_unit and len(tariffs) == 1:
        return not any(map(ledger.available, ledger.paying(first.balance_types)))
    return not any(_can_grant(group, tariff, progress) for tariff in tariffs)


def holds_alone(line: Line, tariff: Tariff, progress: Progress) -> bool:
    """Is this line the only one that holds anything of what could pay?"""
    own: dict[int, int] = {}
    for held in line.holds:
        for balance_id, amount in held.amounts:
            own[balance_id] = own.get(balance_id, 0) + amount
    ledger = progress.ledger
    return all(
        ledger.reserved(balance_id) == own.get(balance_id, 0)
        for balance_id in ledger.paying(tariff.balance_types)
    )


def _can_grant(group: RatingGroup, tariff: Tariff, progress: Progress) -> bool:
    """Tries to grant one more unit, on copies."""
    line = progress.line_at(group, tariff)
    granted = progress.granted.get(line.number, 0)
    ledger = progress.ledger.copied()
    _, units, _ = grant(line, granted, 1, tariff, ledger, progress.insufficiency)
    return units > 0
