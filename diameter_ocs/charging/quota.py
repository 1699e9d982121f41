"""How much to grant, and for how long."""

from zlib import crc32

from .catalogue import Insufficiency, RatingGroup, Tariff
from .ledger import Ledger
from .session import Line
from .settlement import hold, release
from .steady import grant_one
from .units import round_up

# A member takes 0.1 µs to be looked up in its class.
PROVIDE_ROUNDED_AMOUNT, PROVIDE_REMAINING, IGNORE = Insufficiency

VALIDITY_SECONDS_MIN = 60
"""Shorter validity makes gateways ask in storms."""
LAST_VALIDITY_SECONDS = 300
"""For how long a last quota is good, or what is done without one: there may be money again, and not
every gateway that is called to ask again does so."""


Quota = tuple[Line, int, bool]
"""The line that holds what was granted, how many units these are (0: nothing can be paid), and
whether they are all that can be paid so far."""


def grant(
    line: Line,
    granted_to_others: int,
    wanted: int,
    tariff: Tariff,
    ledger: Ledger,
    insufficiency: Insufficiency,
) -> Quota:
    """Reserves a quota on a line, or what is left of it."""
    if not granted_to_others and tariff.sources:
        quota = grant_one(line, wanted, tariff, ledger)
        if quota is not None:
            return quota
    return grant_any(line, granted_to_others, wanted, tariff, ledger, insufficiency)


def grant_any(
    line: Line,
    granted_to_others: int,
    wanted: int,
    tariff: Tariff,
    ledger: Ledger,
    insufficiency: Insufficiency,
) -> Quota:
    """Does so whatever pays.

    When less can be paid than is wanted, the quota ends where the tenant says: with the rounding
    unit that what is left can begin, for a client is not cut off within a unit that it has paid;
    with what is left; or with the last rounding unit that can be paid whole.
    """
    _, _, _, used, settled, _, holds, _, rounding, *_ = line
    outstanding = used + granted_to_others
    held_before = line.held_units if holds else 0
    missing = round_up(outstanding + wanted, rounding) - settled - held_before
    begins_unit = insufficiency is PROVIDE_ROUNDED_AMOUNT
    line, held_anew = hold(line, missing, tariff, ledger, begins_unit)
    covered = settled + held_before + held_anew
    if begins_unit:
        covered = round_up(covered, rounding)
    elif insufficiency is IGNORE:
        covered -= covered % rounding
    grantable = covered - outstanding
    units = wanted if wanted < grantable else grantable
    if units <= 0:
        return release(line, held_before, ledger), 0, True
    if insufficiency is IGNORE and held_anew < missing:
        line = release(line, max(covered - settled, held_before), ledger)
    return line, units, units == grantable


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


def last_validity_seconds(seconds: int, spread: int) -> int:
    """Returns the validity of what nothing can follow as yet; `seconds` is that of other quotas."""
    return min(seconds, LAST_VALIDITY_SECONDS + spread % (LAST_VALIDITY_SECONDS // 10 + 1))
