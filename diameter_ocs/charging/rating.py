"""Which services may pay for a usage, in which order, and at what price."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .case import Account
from .catalogue import Catalogue, Price, RatingGroup, Service
from .ledger import Balance, Ledger


class Source(NamedTuple):
    """What pays next: an allowance service, or neighbouring services that share a price."""

    service: str
    """The first one's name."""
    is_priced: bool
    balance_ids: tuple[int, ...]
    """In the order in which they pay, without repeats."""


class Tariff(NamedTuple):
    """Everything that may pay for a rating group at one price, in order."""

    price: Price | None
    """What units cost that no allowance pays; None: only allowances pay."""
    sources: tuple[Source, ...]
    """Empty: no service of the account takes the rating group."""
    balance_ids: tuple[int, ...]
    """Every balance that may pay, those that pay at another price included."""
    is_free: bool
    """This price or another one of the rating group is nothing: it never ends."""


NOTHING_PAYS = Tariff(None, (), (), False)


def tariffs_of(
    account: Account, own: Sequence[Balance], catalogue: Catalogue, rating_group: RatingGroup
) -> tuple[Tariff, ...]:
    """Returns which of an account's own balances may pay, a tariff for each price, in order.

    A rating group has one price at a time: the next tariff is for when the money of this one is
    gone. Allowances are part of each.
    """
    services = catalogue.services_for(account.plans, rating_group.id)
    if not services:
        return (NOTHING_PAYS,)
    paying = [(service, _balances_of(service, own)) for service in services]
    prices: list[Price] = []
    for service in services:
        if service.price is not None and service.price not in prices:
            prices.append(service.price)
    everything = tuple(dict.fromkeys([number for _, numbers in paying for number in numbers]))
    is_free = any(price.micro_units == 0 for price in prices)
    return tuple(
        [
            Tariff(price, _sources_at(price, paying), everything, is_free)
            for price in prices or (None,)
        ]
    )


def tariff_now(tariffs: tuple[Tariff, ...], ledger: Ledger) -> Tariff:
    """Returns the first tariff whose price something can pay, else the first."""
    if len(tariffs) == 1:
        return tariffs[0]
    return next((tariff for tariff in tariffs if _has_money(tariff, ledger)), tariffs[0])


def _has_money(tariff: Tariff, ledger: Ledger) -> bool:
    is_free = tariff.price is not None and tariff.price.micro_units == 0
    return is_free or any(
        ledger.available(balance_id)
        for source in tariff.sources
        if source.is_priced
        for balance_id in source.balance_ids
    )


def _sources_at(
    price: Price | None, paying: Iterable[tuple[Service, tuple[int, ...]]]
) -> tuple[Source, ...]:
    """Neighbours at the price are one source: what is left of their money begins one unit."""
    sources: list[Source] = []
    for service, numbers in paying:
        if service.price is None:
            sources.append(Source(service.name, False, numbers))
        elif service.price is price or service.price == price:
            name = service.name
            if sources and sources[-1].is_priced:
                name, _, before = sources.pop()
                numbers = tuple(dict.fromkeys(before + numbers))
            sources.append(Source(name, True, numbers))
    return tuple(sources)


def _balances_of(service: Service, balances: Sequence[Balance]) -> tuple[int, ...]:
    """By the service's order of types, then priority (highest first), then age (oldest first)."""
    types = service.balance_types
    usable = [balance for balance in balances if balance.balance_type in types]
    if len(usable) > 1:
        usable.sort(key=lambda b: (types.index(b.balance_type), -b.priority, b.id))
    return tuple([balance.id for balance in usable])
