"""Which services may pay for a usage, in which order, and at what price."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from operator import attrgetter
from typing import NamedTuple

from .bounded import keep
from .catalogue import Candidate, Catalogue, Menu, Plan, Price, Rate, Service, Source, Tariff
from .considered import SERVICES_MAX, Considered, GroupConsidered, Reason, short_text
from .hours import zone
from .ledger import Ledger
from .location import NO_CIRCUMSTANCES, Circumstances
from .matching import Occasion, unmet
from .restrictions import Restrictions
from .session import Line

NOTHING_PAYS = Tariff(None, (), (), False)

MENUS_REMEMBERED = 4096
"""Pairs of an account's plans and a rating group, for each version of a catalogue."""
CHOICES_REMEMBERED = 16_384
"""Likewise, those with different circumstances, where it depends on them."""

FACTS = {
    "from_countries": ("location.plmn", "location.countries"),
    "from_networks": ("location.plmn", "location.countries"),
    "is_roaming": ("location.plmn", "location.countries"),
    "is_same_country": ("location.plmn", "location.countries", "information.other_countries"),
    "to_countries": ("information.other_countries",),
    "is_on_net": ("is_on_net",),
    "direction": ("information.direction",),
    "numbers": (),
    "hours": (),
}
"""What of the circumstances each restriction reads; numbers and hours are read in their own way."""


class _Choice(NamedTuple):
    """A service that pays."""

    plan: Plan
    service: Service
    rate: Rate | None
    """None: its balances are allowances."""


def tariffs_of(
    plans: tuple[str, ...],
    rating_group: int,
    catalogue: Catalogue,
    circumstances: Circumstances = NO_CIRCUMSTANCES,
    at: int = 0,
    time_zone: str | None = None,
) -> tuple[Tariff, ...]:
    """Returns what may pay for a rating group in some circumstances, a tariff for each price.

    A rating group has one price at a time: the next tariff is for when the money of this one is
    gone. Allowances are part of each. It is the same for every account with these plans, and found
    once for all circumstances that differ in nothing on which it depends.
    """
    menu = menu_of(plans, rating_group, catalogue)
    if menu.always is not None:
        return menu.always
    wall = zone(time_zone or catalogue.time_zone)
    key = (
        plans,
        rating_group,
        *circumstances_key(menu, circumstances),
        tuple([hours.contains(at, wall) for hours in menu.hours]),
    )
    tariffs = catalogue.tariffs.get(key)
    if tariffs is None:
        occasion = Occasion(circumstances, at, wall, catalogue)
        tariffs = _tariffs(rating_group, menu.candidates, occasion)
        keep(catalogue.tariffs, key, tariffs, CHOICES_REMEMBERED)
    return tariffs


def circumstances_key(menu: Menu, circumstances: Circumstances) -> tuple[object, int]:
    """Returns all of the circumstances on which a choice depends."""
    bounds, other = menu.number_bounds, circumstances.information.other_party
    number = bisect_right(bounds, other) if bounds and other is not None else -1
    return menu.facts(circumstances), number


def menu_of(plans: tuple[str, ...], rating_group: int, catalogue: Catalogue) -> Menu:
    """Returns what some plans have for a rating group."""
    menu = catalogue.menus.get((plans, rating_group))
    return _menu(plans, rating_group, catalogue) if menu is None else menu


def tariff_of_line(line: Line, tariff: Tariff, catalogue: Catalogue) -> Tariff:
    """Returns what pays for usage that was reserved on a line, when a tariff is what counts now.

    It is paid by what was sold where and when it was reserved, though the plan be cancelled since,
    and by what is sold now at the same price.
    """
    if line.services == tariff.services:
        return tariff
    names, now = frozenset(line.services), frozenset(tariff.services)
    if (line.zone, line.price) == (tariff.zone, tariff.price):
        names |= now
    if names == now:
        return tariff
    key = names, line.price, line.zone
    known = catalogue.tariffs.get(key)
    if known is None:
        known = (_tariff_of(names, line, catalogue),)
        keep(catalogue.tariffs, key, known, CHOICES_REMEMBERED)
    return known[0]


def tariff_now(tariffs: tuple[Tariff, ...], ledger: Ledger, line: Line | None = None) -> Tariff:
    """Returns the first tariff whose price something can pay, else the first.

    `line` is the latest of the rating group: what its price begins with may be paid.
    """
    if len(tariffs) == 1:
        return tariffs[0]
    return next((tariff for tariff in tariffs if has_money(tariff, ledger, line)), tariffs[0])


def is_always_free(plans: tuple[str, ...], rating_group: int, catalogue: Catalogue) -> bool:
    """Does the first service that is asked take everything, everywhere, for nothing?"""
    candidates = catalogue.candidates(plans, rating_group)
    if not candidates or not candidates[0].service.rates:
        return False
    service = candidates[0].service
    rate = service.rates[0]
    return service.restrictions is rate.restrictions is None and rate.price.is_nothing


def _menu(plans: tuple[str, ...], rating_group: int, catalogue: Catalogue) -> Menu:
    candidates = catalogue.candidates(plans, rating_group)
    restrictions = list(_restrictions(candidates))
    read = [name for name in FACTS if any(getattr(each, name) is not None for each in restrictions)]
    facts = dict.fromkeys(fact for name in read for fact in FACTS[name])
    bounds = {bound for each in restrictions if each.numbers for bound in each.numbers.bounds}
    hours = dict.fromkeys(each.hours for each in restrictions if each.hours is not None)
    always = None
    if not read:
        occasion = Occasion(NO_CIRCUMSTANCES, 0, UTC, catalogue)
        always = _tariffs(rating_group, candidates, occasion)
    facts_of = attrgetter(*facts) if facts else _nothing
    menu = Menu(candidates, always, facts_of, tuple(sorted(bounds)), tuple(hours), {})
    keep(catalogue.menus, (plans, rating_group), menu, MENUS_REMEMBERED)
    return menu


def _restrictions(candidates: Iterable[Candidate]) -> Iterator[Restrictions]:
    for _, service, _ in candidates:
        if service.restrictions is not None:
            yield service.restrictions
        for rate in service.rates:
            if rate.restrictions is not None:
                yield rate.restrictions


def _nothing(circumstances: Circumstances) -> None:
    return None


def _tariffs(
    rating_group: int, candidates: Sequence[Candidate], occasion: Occasion
) -> tuple[Tariff, ...]:
    considered, choices = _choices(candidates, occasion)
    told = short_text(GroupConsidered(rating_group, tuple(considered[:SERVICES_MAX])))
    is_by_place = any(each.needs_location for each in _restrictions(candidates))
    is_by_hours = any(each.hours is not None for each in _restrictions(candidates))
    if not choices:
        reasons = {each.reason for each in considered}
        is_unplaced = Reason.LOCATION_UNKNOWN in reasons
        return (
            NOTHING_PAYS._replace(
                is_by_place=is_by_place,
                is_unplaced=is_unplaced,
                considered=told,
                is_by_hours=is_by_hours,
            ),
        )
    prices: list[tuple[Price | None, str]] = list(
        dict.fromkeys((rate.price, rate.zone) for *_, rate in choices if rate is not None)
    )
    types = dict.fromkeys(name for _, service, _ in choices for name in service.balance_types)
    is_free = any(price is not None and price.is_nothing for price, _ in prices)
    return tuple(
        Tariff(
            price,
            _sources(_at(price, zone_name, choices)),
            tuple(types),
            is_free,
            zone_name,
            is_by_place,
            False,
            told,
            tuple([_name(each) for each in _at(price, zone_name, choices)]),
            is_by_hours,
        )
        for price, zone_name in prices or [(None, "")]
    )


def _tariff_of(names: frozenset[str], line: Line, catalogue: Catalogue) -> Tariff:
    """Returns the tariff of services that are named, of which the catalogue may have lost some.

    Where it has lost all, a price is paid by the money that every account has.
    """
    price, zone_name = line.price, line.zone
    rate = None if price is None else Rate(price, zone_name)
    candidates = catalogue.candidates(tuple(catalogue.plans), line.rating_group)
    every = [_Choice(plan, each, rate if each.rates else None) for plan, each, _ in candidates]
    choices = [choice for choice in every if _name(choice) in names]
    sources, money = _sources(choices), catalogue.default_monetary_balance_type
    if not sources and price is not None and money is not None:
        sources = (Source("", True, (money,)),)
    types = dict.fromkeys(name for source in sources for name in source.balance_types)
    is_free = price is not None and price.is_nothing
    return Tariff(price, sources, tuple(types), is_free, zone_name)


def _choices(
    candidates: Iterable[Candidate], occasion: Occasion
) -> tuple[list[Considered], list[_Choice]]:
    """Returns all services that were looked at, and those that pay."""
    considered, choices = [], []
    for plan, service, (plan_number, number) in candidates:
        reason = unmet(service.restrictions, occasion, plan.catch_all)
        ends = reason is None and service.denies_others
        rate_number = None
        if reason is None and service.rates:
            rate_number, reason = _rate(service.rates, occasion, plan.catch_all)
        elif reason is None and not service.balance_types:
            reason = Reason.DENIES
        told = reason or Reason.PAYS
        considered.append(Considered(str(plan_number), str(number), told, rate_number, ends))
        if reason is None:
            rate = None if rate_number is None else service.rates[rate_number]
            choices.append(_Choice(plan, service, rate))
        if ends:
            break
    return considered, choices


def _rate(
    rates: tuple[Rate, ...], occasion: Occasion, takes_unplaced: bool
) -> tuple[int | None, Reason | None]:
    """Returns the number of the first rate whose restrictions hold, else why there is none."""
    why = Reason.NO_RATE
    for number, rate in enumerate(rates):
        reason = unmet(rate.restrictions, occasion, takes_unplaced)
        if reason is None:
            return number, None
        if reason is Reason.LOCATION_UNKNOWN:
            why = reason
    return None, why


def _at(price: Price | None, zone_name: str, choices: Iterable[_Choice]) -> list[_Choice]:
    """Returns the allowances, and what pays at a price."""
    return [
        choice
        for choice in choices
        if choice.rate is None or (choice.rate.price, choice.rate.zone) == (price, zone_name)
    ]


def _name(choice: _Choice) -> str:
    return f"{choice.plan.name}/{choice.service.name}"


def _sources(choices: Iterable[_Choice]) -> tuple[Source, ...]:
    """Neighbours at one price are one source: what is left of their money begins one unit."""
    sources: list[Source] = []
    for _, service, rate in choices:
        name, types = service.name, service.balance_types
        if rate is not None and sources and sources[-1].is_priced:
            name, _, before = sources.pop()
            types = tuple(dict.fromkeys(before + types))
        sources.append(Source(name, rate is not None, types))
    return tuple(sources)


def has_money(tariff: Tariff, ledger: Ledger, line: Line | None) -> bool:
    """Has a price anything to begin a unit with, or is it nothing?

    `line` is the latest of the rating group.
    """
    price = tariff.price
    if price is None or price.is_nothing:
        return price is not None
    units = 0
    if line is not None and (line.price, line.zone) == (price, tariff.zone):
        units = line.priced_units
    elif line is not None and (line.has_begun or line.priced):
        price = price.continued
    available = sum(
        ledger.available(balance_id)
        for source in tariff.sources
        if source.is_priced
        for balance_id in ledger.paying(source.balance_types)
    )
    return available >= price.least_after(units)
