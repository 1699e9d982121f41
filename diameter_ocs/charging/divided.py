"""What a quota was used for, divided where prices changed: each part on the line of its price."""

from collections.abc import Iterator
from functools import partial

from .catalogue import Tariff
from .deadlines import SECOND
from .decisions import Payment, Settlement
from .ledger import Ledger
from .price_changes import Offer, Part, parts_of_time, parts_of_units
from .progress import Progress
from .purse import Purse
from .quota import PROVIDE_REMAINING
from .requests import ServiceUsage
from .services import NOTHING_USED, Service
from .session import Line, Reservation
from .settlement import end_unit, hold, settle
from .units import UnitType, round_up


def settle_parts(
    service: Service,
    quota: Reservation,
    units: int,
    tariff: Tariff,
    progress: Progress,
    heard_at: int,
) -> tuple[Settlement, tuple[Payment, ...]]:
    """Pays for so many units that were used of a quota, in the order of their parts.

    What held for the quota pays first; without a cover that is what its line holds, for the first
    part. What is no longer sold is priced as it was granted. Nothing is used after `heard_at`, in
    microseconds since 1970. Where there are several parts the journal keeps what paid for each.
    """
    ledger, group = progress.ledger, service.rating_group
    number, granted = quota.line, quota.granted
    purse = None if quota.cover is None else Purse(progress.lines.pop(quota.cover), ledger)
    offer = None
    parts: list[Part] = [(None, units)]
    if group is not None:
        offer = progress.offer(
            group, progress.circumstances_before, partial(progress.tariff_of, group)
        )
        if offer.still_sells(
            progress.lines[number], quota.granted_at, progress.session.catalogue_version
        ):
            parts = _parts(service.usage, quota, progress.lines[number], units, offer, heard_at)
    settlement, payments = NOTHING_USED, list[Payment]()
    for changed_at, part in parts:
        if offer is not None and changed_at is not None:
            tariff = offer.at(changed_at)
            number = progress.line(offer.rating_group, tariff).number
        line, others = progress.lines[number], progress.granted[number]
        within = granted
        if purse is not None:
            within = min(granted, part)
            line = _held(line, within + others, tariff, purse, ledger)
        granted -= within
        spent = ledger.spent() if len(parts) > 1 else {}
        after, paid = settle(line, within, others, part, tariff, ledger)
        if len(parts) > 1:
            payments += _payments(line, after, paid.charged, spent, progress)
        if progress.insufficiency is PROVIDE_REMAINING:
            after = end_unit(after, paid, others)
        progress.lines[number] = after
        settlement = settlement.plus(paid)
        progress.begin_others(after)
    return settlement, tuple(payments)


def _parts(
    usage: ServiceUsage, quota: Reservation, line: Line, units: int, offer: Offer, heard_at: int
) -> list[Part]:
    """Divides usage of what is sold by hours.

    Usage that is said to come after a change of which the client was not told came after the latest
    one that there was.
    """
    start, end = quota.granted_at, max(quota.granted_at, heard_at)
    if line.unit_type is UnitType.TIME:
        counted = 0 if usage.counted is None else usage.counted.seconds or 0
        return parts_of_time(units, start + counted * SECOND, end, offer)
    used_after = sum([each.of(line.unit_type) or 0 for each in usage.used_after])
    if not used_after:
        return [(None, units)]
    changes = [
        at for at, after in offer.changes(start, quota.tariff_change_at or end) if after.sources
    ]
    return parts_of_units(units, used_after, changes[-1]) if changes else [(None, units)]


def _payments(
    before: Line, after: Line, charged: int, spent: dict[int, int], progress: Progress
) -> Iterator[Payment]:
    """Yields what paid for units of a line, when so much had been spent before."""
    types, ledger = progress.case.catalogue.balance_types, progress.ledger
    allowances, money = list[tuple[int, int]](), list[tuple[int, int]]()
    for balance_id, amount in sorted(ledger.spent().items()):
        kind = types.get(ledger.type_of(balance_id))
        is_money = kind is None or kind.unit_type is None
        if amount > spent.get(balance_id, 0):
            part = balance_id, amount - spent.get(balance_id, 0)
            (money if is_money else allowances).append(part)
    priced = after.priced - before.priced
    if charged > priced:
        yield Payment(charged - priced, tuple(allowances), None)
    if priced:
        yield Payment(priced, tuple(money), before.price, before.priced)


def _held(line: Line, outstanding: int, tariff: Tariff, purse: Purse, ledger: Ledger) -> Line:
    """Holds what a line needs for units that are granted on it, first out of a purse."""
    missing = round_up(line.used + outstanding, line.rounding) - line.settled - line.held_units
    line, held = hold(line, missing, tariff, purse, begins_unit=False)
    return hold(line, missing - held, tariff, ledger)[0]
