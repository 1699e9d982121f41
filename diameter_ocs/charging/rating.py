"""Which services may pay for a usage, in which order, and at what price."""

from collections.abc import Iterable, Sequence

from .catalogue import Catalogue, Price, Service, Source, Tariff
from .ledger import Ledger

NOTHING_PAYS = Tariff(None, (), (), False)

TARIFFS_REMEMBERED = 4096
"""Pairs of an account's plans and a rating group, for each version of a catalogue."""


def tariffs_of(
    plans: tuple[str, ...], rating_group: int, catalogue: Catalogue
) -> tuple[Tariff, ...]:
    """Returns what may pay for a rating group under some plans, a tariff for each price, in order.

    A rating group has one price at a time: the next tariff is for when the money of this one is
    gone. Allowances are part of each. It is the same for every account, and found once.
    """
    known = catalogue.tariffs
    tariffs = known.get((plans, rating_group))
    if tariffs is None:
        tariffs = _tariffs(catalogue.services_for(plans, rating_group))
        if len(known) >= TARIFFS_REMEMBERED:
            known.pop(next(iter(known)))
        known[plans, rating_group] = tariffs
    return tariffs


def tariff_now(tariffs: tuple[Tariff, ...], ledger: Ledger) -> Tariff:
    """Returns the first tariff whose price something can pay, else the first."""
    if len(tariffs) == 1:
        return tariffs[0]
    return next((tariff for tariff in tariffs if _has_money(tariff, ledger)), tariffs[0])


def is_always_free(plans: tuple[str, ...], rating_group: int, catalogue: Catalogue) -> bool:
    """Does the first service that is asked take everything, everywhere, for nothing?"""
    services = catalogue.services_for(plans, rating_group)
    if not services or services[0].restrictions is not None or not services[0].rates:
        return False
    rate = services[0].rates[0]
    if rate.restrictions is not None:
        return False
    return not rate.price.micro_units and not rate.price.has_beginning


def _tariffs(services: Sequence[Service]) -> tuple[Tariff, ...]:
    if not services:
        return (NOTHING_PAYS,)
    prices: list[Price] = []
    for service in services:
        for rate in service.rates[:1]:
            if rate.price not in prices:
                prices.append(rate.price)
    everything = tuple(dict.fromkeys(name for each in services for name in each.balance_types))
    is_free = any(price.micro_units == 0 for price in prices)
    return tuple(
        Tariff(price, _sources_at(price, services), everything, is_free)
        for price in prices or (None,)
    )


def _has_money(tariff: Tariff, ledger: Ledger) -> bool:
    is_free = tariff.price is not None and tariff.price.micro_units == 0
    return is_free or any(
        ledger.available(balance_id)
        for source in tariff.sources
        if source.is_priced
        for balance_id in ledger.paying(source.balance_types)
    )


def _sources_at(price: Price | None, services: Iterable[Service]) -> tuple[Source, ...]:
    """Neighbours at the price are one source: what is left of their money begins one unit."""
    sources: list[Source] = []
    for service in services:
        types = service.balance_types
        if not service.rates:
            sources.append(Source(service.name, False, types))
        elif service.rates[0].price == price:
            name = service.name
            if sources and sources[-1].is_priced:
                name, _, before = sources.pop()
                types = tuple(dict.fromkeys(before + types))
            sources.append(Source(name, True, types))
    return tuple(sources)
