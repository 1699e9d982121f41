"""When prices change by the hours while a session goes on, and which part of its usage came after.

Clients report volume, and units of a service, in two parts around the one change that they were
told of (Tariff-Time-Change, RFC 8506 section 8.20). Time is divided here: it counts on from the
answer that granted it, and no second of it is later than the report.
"""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import NamedTuple

from .bounded import keep
from .catalogue import Catalogue, Menu, Price, RatingGroup, Tariff
from .deadlines import SECOND
from .hours import zone
from .location import Circumstances
from .rating import CHOICES_REMEMBERED, circumstances_key, menu_of, tariffs_of
from .session import Line
from .units import MICRO_UNITS, UnitType

EDGES_MAX = 1000
"""How often hours may begin or end in the time that is looked at; what comes later stays."""
CHANGES_COVERED_MAX = 8
"""A quota of time ends before prices change once more."""

LOOKED_AHEAD = 24 * 3600 * SECOND
"""How far is looked once and for all, in microseconds."""

Choose = Callable[[tuple[Tariff, ...]], Tariff]
"""Says which of the tariffs of a time is the one that counts."""

Part = tuple[int | None, int]
"""When units of a report came to have their price, in microseconds since 1970 (None: they have that
under which they were granted), and how many they are."""


class Offer(NamedTuple):
    """What an account is sold for a rating group where it is, at whatever time."""

    plans: tuple[str, ...]
    rating_group: RatingGroup
    catalogue: Catalogue
    circumstances: Circumstances
    time_zone: str | None
    choose: Choose

    def at(self, time: int) -> Tariff:
        """Returns what counts at a time, in microseconds since 1970."""
        plans, rating_group, catalogue, circumstances, time_zone, choose = self
        number = rating_group.id
        return choose(tariffs_of(plans, number, catalogue, circumstances, time, time_zone))

    def lasts_until(self, at: int) -> int:
        """Returns until when nothing else can count than at a time, whatever has money.

        It is found once for all circumstances that differ in nothing on which it depends.
        """
        plans, rating_group, catalogue, circumstances, time_zone, _ = self
        menu = menu_of(plans, rating_group.id, catalogue)
        key = (*circumstances_key(menu, circumstances), time_zone)
        start, end = menu.lasting.get(key, (0, 0))
        if not start <= at < end:
            until = self._change_after(at, menu)
            start = min(start, at) if until == end else at
            end = until
            keep(menu.lasting, key, (start, end), CHOICES_REMEMBERED)
        return end

    def _change_after(self, at: int, menu: Menu) -> int:
        """Returns when anything else counts first, or a time before which nothing does."""
        plans, rating_group, catalogue, circumstances, time_zone, _ = self
        wall, number = zone(time_zone or catalogue.time_zone), rating_group.id
        before = tariffs_of(plans, number, catalogue, circumstances, at, time_zone)
        time, end = at, at + LOOKED_AHEAD
        while (time := _edge_after(menu, time, wall) or end) < end:
            after = tariffs_of(plans, number, catalogue, circumstances, time, time_zone)
            if len(after) != len(before) or not all(map(_is_same, before, after)):
                return time
        return end

    def changes(self, start: int, end: int) -> Iterator[tuple[int, Tariff]]:
        """Yields the times after the start, up to the end, at which something else counts."""
        if self.lasts_until(start) > end:
            return
        menu = menu_of(self.plans, self.rating_group.id, self.catalogue)
        wall = zone(self.time_zone or self.catalogue.time_zone)
        before, edge = self.at(start), _edge_after(menu, start, wall)
        for _ in range(EDGES_MAX):
            if edge is None or edge > end:
                return
            time, edge = edge, _edge_after(menu, edge, wall)
            after = self.at(time)
            if not _is_same(before, after):
                yield time, after
                before = after

    def still_sells(self, line: Line, at: int, granted_by: int) -> bool:
        """Is what a line was granted under sold at a time, so that its price goes on?

        At another place, of which another service told meanwhile, it is not: another rate is, or
        another price. `granted_by` is a version of the catalogue; in another one prices may differ.
        """
        if not line.services:
            return True
        plans, rating_group, catalogue, circumstances, time_zone, _ = self
        names, number = frozenset(line.services), rating_group.id
        return any(
            tariff.zone == line.zone
            and not names.isdisjoint(tariff.services)
            and (granted_by != catalogue.version or _is_price_of(line, tariff))
            for tariff in tariffs_of(plans, number, catalogue, circumstances, at, time_zone)
        )


class Crossing(NamedTuple):
    """Changes of price that a quota meets while it lasts."""

    first_at: int
    """When the first is, in microseconds since 1970."""
    tariff: Tariff | None
    """What can hold for the whole quota, at the dearest price; None: other balances pay then."""
    changes: int
    """How many it covers."""
    ends_at: int | None
    """When the quota has to end even where it is covered; None: it need not."""


def crossing(
    offer: Offer, tariff: Tariff, now: int, seconds: int, unit_type: UnitType, units: int
) -> Crossing | None:
    """Returns what a quota meets that is granted for so many seconds; None: its price stays.

    Of volume only one change can be told. Where other balances pay after it, as an allowance for
    the night does, no balance can hold for both, and the quota ends there.
    """
    is_time = unit_type is UnitType.TIME
    if is_time:
        seconds = min(seconds, units)
    covered_max = CHANGES_COVERED_MAX if is_time else 1
    first_at = ends_at = None
    covered = [tariff]
    for at, after in offer.changes(now, now + seconds * SECOND):
        first_at = first_at or at
        if len(covered) > covered_max or not _is_paid_alike(tariff, after):
            ends_at = at
            break
        covered.append(after)
    if first_at is None:
        return None
    holds = tariff._replace(price=_dearest(covered)) if len(covered) > 1 else None
    return Crossing(first_at, holds, len(covered) - 1, ends_at)


def parts_of_time(seconds: int, start: int, end: int, offer: Offer) -> list[Part]:
    """Divides seconds that were used from a start on, none of them later than the end.

    A second that has begun is priced as it began, and while nothing is sold the price stays.
    """
    parts: list[Part] = []
    changed_at, told = None, 0
    for at, after in offer.changes(start, min(end, start + (seconds - 1) * SECOND)):
        if not after.sources:
            continue
        before = -((start - at) // SECOND)
        parts.append((changed_at, before - told))
        changed_at, told = at, before
    return [*parts, (changed_at, seconds - told)]


def parts_of_units(units: int, used_after: int, changed_at: int) -> list[Part]:
    """Divides units of which the last were used after a change."""
    before = max(units - used_after, 0)
    return [(None, before), (changed_at, units - before)]


def _edge_after(menu: Menu, time: int, wall: tzinfo) -> int | None:
    """Returns when any hours begin or end next."""
    edges = [each.changes_at(time, wall) for each in menu.hours]
    return min([edge for edge in edges if edge is not None], default=None)


def _is_price_of(line: Line, tariff: Tariff) -> bool:
    price = tariff.price
    return line.price == price or (price is not None and line.price == price.continued)


def _is_same(before: Tariff, after: Tariff) -> bool:
    same_price = before.price == after.price and before.zone == after.zone
    return same_price and _is_paid_alike(before, after)


def _is_paid_alike(before: Tariff, after: Tariff) -> bool:
    """Do the same balances pay, in the same order, as allowances and at prices?"""
    one, other = before.sources, after.sources
    return one is other or [each[1:] for each in one] == [each[1:] for each in other]


def _dearest(tariffs: list[Tariff]) -> Price | None:
    """Returns a price at which units cost at least as much as at each of these."""
    prices = [tariff.price for tariff in tariffs if tariff.price is not None]
    if not prices:
        return None
    dearest = prices[0]
    for price in prices[1:]:
        if _gross(price) * dearest.per_units > _gross(dearest) * price.per_units:
            dearest = price
    tax = MICRO_UNITS + dearest.tax_millionths
    initial = max(each.initial_micro_units * (MICRO_UNITS + each.tax_millionths) for each in prices)
    return Price(
        dearest.micro_units,
        dearest.per_units,
        dearest.tax_millionths,
        -(-initial // tax),
        max(each.minimum_units for each in prices),
    )


def _gross(price: Price) -> int:
    return price.micro_units * (MICRO_UNITS + price.tax_millionths)
