"""How much to grant, for how long, and when nothing can follow."""

from zlib import crc32

from .catalogue import RatingGroup, Tariff
from .ledger import Ledger
from .session import Line
from .settlement import hold, release
from .units import round_up

VALIDITY_SECONDS_MIN = 60
"""Shorter validity makes gateways ask in storms."""


Quota = tuple[Line, int, bool, bool]
"""The line that holds what was granted, how many units these are (0: nothing can be paid), whether
nothing is left to grant after them, and whether nothing that other reservations hold can come back
either."""


def grant(line: Line, granted_to_others: int, wanted: int, tariff: Tariff, ledger: Ledger) -> Quota:
    """Reserves a quota on a line, or what is left of it.

    When less can be paid than is wanted, the quota ends with the rounding unit that what is left
    can begin (PROVIDE_ROUNDED_AMOUNT): a client is not cut off within a unit that it has paid.
    """
    _, _, _, used, settled, _, holds, _, rounding, *_ = line
    outstanding = used + granted_to_others
    held_before = line.held_units if holds else 0
    missing = round_up(outstanding + wanted, rounding) - settled - held_before
    line, held_anew = hold(line, missing, tariff, ledger)
    grantable = round_up(settled + held_before + held_anew, rounding) - outstanding
    units = wanted if wanted < grantable else grantable
    if units <= 0:
        return release(line, held_before, ledger), 0, True, False
    is_last = units == grantable and not _can_pay(line, tariff, ledger)
    is_final = is_last and not granted_to_others and _holds_alone(line, tariff, ledger)
    return line, units, is_last, is_final


def clamp(wanted: int | None, rating_group: RatingGroup) -> int:
    """Returns how much to try to grant; None and 0 ask for what is usual."""
    units = wanted or rating_group.default_quota
    highest, lowest = rating_group.max_reservation, rating_group.min_reservation
    if units > highest:
        units = highest
    return units if units > lowest else lowest


def spread_of(session_id: bytes, request_number: int) -> int:
    """Returns the number by which the validity of a request's grants is lengthened.

    It is made of the names of the request: a repeat gets the same, and the sessions of a busy
    minute do not all come back at once.
    """
    return crc32(session_id + request_number.to_bytes(4))


def validity_seconds(rating_group: RatingGroup, spread: int, plans_last: int | None = None) -> int:
    """Returns a grant's Validity-Time (RFC 8506 section 8.33), lengthened by 0 to 10 %.

    It does not go beyond the next change of the account's plans, in so many microseconds, and is
    never below the floor.
    """
    seconds = rating_group.quota_validity_seconds
    if seconds <= VALIDITY_SECONDS_MIN:
        return VALIDITY_SECONDS_MIN
    seconds += spread % (seconds // 10 + 1)
    if plans_last is None:
        return seconds
    return max(min(seconds, plans_last // 1_000_000), VALIDITY_SECONDS_MIN)


def _can_pay(line: Line, tariff: Tariff, ledger: Ledger) -> bool:
    """Is anything left that could pay for one more unit, or is that paid already?"""
    if tariff.is_free:
        return True
    price = line.price
    if price is None or not price.has_beginning:
        return any(map(ledger.available, ledger.paying(tariff.balance_types)))
    least = price.least_after(line.priced_units)
    priced = [
        name for source in tariff.sources if source.is_priced for name in source.balance_types
    ]
    money = ledger.paying(tuple(dict.fromkeys(priced)))
    others = set(ledger.paying(tariff.balance_types)) - set(money)
    return any(map(ledger.available, others)) or sum(map(ledger.available, money)) >= least


def _holds_alone(line: Line, tariff: Tariff, ledger: Ledger) -> bool:
    """Is this line the only one that holds anything of what could pay?"""
    own: dict[int, int] = {}
    for held in line.holds:
        for balance_id, amount in held.amounts:
            own[balance_id] = own.get(balance_id, 0) + amount
    return all(
        ledger.reserved(balance_id) == own.get(balance_id, 0)
        for balance_id in ledger.paying(tariff.balance_types)
    )
