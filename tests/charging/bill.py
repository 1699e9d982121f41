"""A bill that is made the slowest way: second by second, octet by octet, from a table of prices.

It knows nothing of lines, holds or balances: only what gateways were told, and what they report.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from functools import cache
from math import ceil
from zoneinfo import ZoneInfo

from diameter_ocs.charging.catalogue import Price, Rate, Service
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.units import MILLIONTHS
from tests.charging.scenario import DATA, MONEY, OCTETS, SECONDS, TEXT, VIDEO, VOICE, allowance

SECOND = 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")
SPAN_MINUTES = 13
"""So long a price lasts by the clock on the wall, from midnight on; then it is the next one's."""
SPANS = 3
PAR = Price(1, 1)
CENTS = 80
"""A text costs as much, everywhere and always."""

Key = tuple[str, int]
"""A place and the number of its hours: what usage is priced by."""
Identity = tuple[int, tuple[int, ...]]
FLAT, IN_MONEY, UNPRICED = ("flat", 0), ("money", 0), ("", 0)

PRICES = {
    (VOICE, "DE"): (Price(10, 1), Price(3, 7, 190_000, 700, 90), Price(25, 2, 0, 1000)),
    (VOICE, "FR"): (Price(20, 3, 190_000, 500), Price(10, 1), Price(7, 9)),
    (VOICE, "PL"): (Price(7, 9, 0, 1000),),
    (DATA, "DE"): (Price(7, 9), Price(5, 3, 70_000, 11, 3), Price(1, 1)),
    (DATA, "FR"): (Price(9, 1), Price(7, 9), Price(11, 7, 190_000)),
    (DATA, "PL"): (Price(7, 9),),
    (VIDEO, "DE"): (Price(7, 2, 190_000),),
    (VIDEO, "FR"): (Price(7, 2, 190_000),),  # the same price, and yet another zone
    (VIDEO, "PL"): (Price(3, 1, 0, 250, 10),),
}
"""By rating group and place; several take turns. In America nothing is sold for money."""
BY_HOURS = frozenset({VOICE, DATA})


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@cache
def _number(minute: int) -> int:
    local = datetime.fromtimestamp(minute * 60, BERLIN)
    return (local.hour * 60 + local.minute) // SPAN_MINUTES % SPANS


def _hours(number: int) -> str:
    starts = range(number * SPAN_MINUTES, 1440, SPAN_MINUTES * SPANS)
    return ",".join(
        f"{_clock(start)}-{_clock(min(start + SPAN_MINUTES, 1440))}" for start in starts
    )


def services(has_allowances: bool) -> list[Service]:
    """Return what sells by the table, after allowances for the same."""
    found = [allowance(SECONDS, VOICE), allowance(OCTETS, DATA)] if has_allowances else []
    for group in (VOICE, DATA, VIDEO):
        rates = []
        for (sold, place), prices in PRICES.items():
            for number, price in enumerate(prices):
                hours = working_hours([("mon-sun", _hours(number))]) if len(prices) > 1 else None
                there = Restrictions(from_countries=parse_countries(place), hours=hours)
                if sold == group:
                    rates.append(Rate(price, f"{place} {number}", there))
        found.append(Service(f"group {group}", 1, frozenset({group}), (MONEY,), tuple(rates)))
    return found


@dataclass
class Run:
    """Usage at one price without another between; of money, what was meant before rounding."""

    key: Key
    price: Price | None
    rounding: int
    used: Fraction = Fraction(0)
    part: Fraction = Fraction(0)
    """What was used so far between a report, or a change of price, and the next."""
    due_apart: int = 0
    """What is due if no part goes on in the unit that another began."""

    def end_part(self) -> None:
        self.due_apart += self._rounded(self.part)
        self.part = Fraction(0)

    @property
    def is_in_money(self) -> bool:
        return self.key == IN_MONEY

    @property
    def due(self) -> int:
        return self._rounded(self.used)

    @property
    def cost(self) -> int:
        """The price of all of it, rounded once."""
        return self._cost(self.due, self.price)

    def most(self, group: int, due: int) -> int:
        """What it costs at most: where allowances paid before, what begins was not charged yet."""
        return self._cost(due, price_of(group, self.key))

    def _rounded(self, units: Fraction) -> int:
        return -(-ceil(units) // self.rounding) * self.rounding

    def _cost(self, units: int, price: Price | None) -> int:
        if price is None or not units:
            return 0
        net = Fraction(max(units, price.minimum_units) * price.micro_units, price.per_units)
        gross = (net + price.initial_micro_units) * (1 + Fraction(price.tax_millionths, 10**6))
        return int(gross + Fraction(1, 2))


@dataclass
class Quota:
    """What was granted at which price, when, and when the client divides it; microseconds."""

    run: Run
    granted_at: int
    change_at: int | None = None


@dataclass
class Bill:
    """What one session has done."""

    account: int
    place: str
    last_request_at: int
    roundings: dict[int, int]
    has_allowances: bool
    charging_id: int | None = None
    closed_at: int | None = None
    refunded: int = 0
    charged: int = 0
    """Micro-units, as the journal says."""
    settled: Counter[int] = field(default_factory=Counter)
    """Likewise, by rating group, the units that somebody paid, or nobody."""
    paid: Counter[int] = field(default_factory=Counter)
    """Likewise the micro-units."""
    cut_short: set[int] = field(default_factory=set)
    """Rating groups of which a unit was not paid whole, and so ended with the report."""
    runs: dict[int, list[Run]] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    quotas: dict[Identity, Quota] = field(default_factory=dict)

    def key(self, group: int, at: int) -> Key | None:
        """Return by what a rating group is priced where the session is; None: it is not sold."""
        if group == TEXT:
            return FLAT
        prices = PRICES.get((group, self.place))
        if prices is None:
            return UNPRICED if self.has_allowances and group in BY_HOURS else None
        if len(prices) == 1:
            return self.place, 0
        return self.place, _number(at // SECOND // 60)

    def run(self, group: int, at: int, is_in_money: bool = False) -> Run | None:
        """Return the run of what is sold at a time; None: nothing is."""
        key = IN_MONEY if is_in_money else self.key(group, at)
        if key is None:
            return None
        runs = self.runs.setdefault(group, [])
        if not runs or runs[-1].key != key:
            price = self._due(group, price_of(group, key))
            runs.append(Run(key, price, 1 if is_in_money else self.roundings[group]))
        return runs[-1]

    def settle(self, usage: ServiceUsage, end: int) -> Quota | None:
        """Count what a service reports, none of it later than the end; return what it had."""
        group = usage.rating_group
        if not (usage.used or usage.requested is not None or usage.is_quota_returned):
            return None
        quota = self.quotas.pop((group, usage.service_identifiers), None)
        if not usage.used:
            return quota
        if quota is None:
            start = min(self.last_request_at, end)
            reports_money = any(units.money is not None for units in usage.used)
            run = self.run(group, start, reports_money)
            assert run is not None
            quota = Quota(run, start)
        if quota.run.is_in_money:
            for units in usage.used:
                meant = Fraction(units.money or 0) - Fraction(units.fraction, MILLIONTHS)
                self._use(group, quota.run, meant)
        elif group == VOICE:
            self._talk(quota, sum(units.seconds or 0 for units in usage.used), end)
        elif group == DATA:
            after = sum(units.octets or 0 for units in usage.used_after)
            self._load(quota, sum(units.octets or 0 for units in usage.used), after, end)
        else:
            self._use(group, quota.run, sum(units.octets or 0 for units in usage.used))
        for run in self.runs[group]:
            run.end_part()
        return quota

    def _due(self, group: int, price: Price | None) -> Price | None:
        if price is None or group not in self.begun:
            return price
        return replace(price, initial_micro_units=0, minimum_units=0)

    def _use(self, group: int, run: Run, units: int | Fraction) -> None:
        """Count usage; what it begins, no other run of the group does."""
        run.used += units
        run.part += units
        if units and not run.is_in_money and group not in self.begun:
            self.begun.add(group)
            for other in self.runs[group]:
                if other is not run and not other.is_in_money:
                    other.price = self._due(group, other.price)

    def _talk(self, quota: Quota, seconds: int, end: int) -> None:
        """Count each second at the price of the moment in which it began."""
        run = quota.run
        goes_by_hours = self._goes_by_hours(VOICE, quota)
        for second in range(seconds):
            at = min(quota.granted_at + second * SECOND, max(end, quota.granted_at))
            if goes_by_hours and self.key(VOICE, at) != run.key:
                found = self.run(VOICE, at)
                assert found is not None
                run.end_part()
                run = found
            self._use(VOICE, run, 1)

    def _goes_by_hours(self, group: int, quota: Quota) -> bool:
        """Is what was granted what is sold here? What was granted elsewhere keeps its price."""
        return self.key(group, quota.granted_at) == quota.run.key

    def _load(self, quota: Quota, octets: int, after: int, end: int) -> None:
        """Count what came before at the price of the quota, the rest after the latest change."""
        last = quota.change_at or max(end, quota.granted_at)
        minutes = range(quota.granted_at // SECOND // 60, last // SECOND // 60 + 1)
        keys = [self.key(DATA, minute * 60 * SECOND) for minute in minutes]
        if not self._goes_by_hours(DATA, quota) or all(key == keys[0] for key in keys):
            after = 0
        self._use(DATA, quota.run, octets - after)
        if after:
            found = self.run(DATA, last)
            assert found is not None
            quota.run.end_part()
            self._use(DATA, found, after)

    @property
    def cost(self) -> int:
        return sum(run.cost for runs in self.runs.values() for run in runs)

    @property
    def most(self) -> int:
        return sum(
            run.most(group, self.most_due(group, run))
            for group, runs in self.runs.items()
            for run in runs
        )

    def most_due(self, group: int, run: Run) -> int:
        return run.due_apart if group in self.cut_short else run.due


def price_of(group: int, key: Key) -> Price | None:
    if key == FLAT:
        return Price(CENTS, 1)
    if key == IN_MONEY:
        return PAR
    return None if key == UNPRICED else PRICES[group, key[0]][key[1]]


def is_in_money(usage: ServiceUsage) -> bool:
    """Say whether a service is about money: what is asked for decides, else what was used."""
    if usage.requested is not None and any(usage.requested):
        return bool(usage.requested.money)
    return any(units.money for units in usage.used)
