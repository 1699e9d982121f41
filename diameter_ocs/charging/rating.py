"""Which services may pay for a usage, in which order, and at what price."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .case import Account
from .catalogue import Catalogue, Price, RatingGroup, Service
from .ledger import Balance


class Source(NamedTuple):
    """A service that may pay, and its balances in the order in which they pay."""

    service: str
    is_priced: bool
    balance_ids: tuple[int, ...]


class Tariff(NamedTuple):
    """Everything that may pay for a rating group, in order."""

    rounding: int
    """Usage is charged in multiples of this many units."""
    price: Price | None
    """What units cost that no allowance pays; None: only allowances pay."""
    sources: tuple[Source, ...]
    """Empty: no service of the account takes the rating group."""

    def balance_ids(self) -> Iterable[int]:
        """Return every balance that may pay."""
        return (balance_id for source in self.sources for balance_id in source.balance_ids)


def tariff_of(
    account: Account,
    balances: Mapping[int, Balance],
    catalogue: Catalogue,
    rating_group: RatingGroup,
) -> Tariff:
    """Return what may pay for a rating group.

    A rating group has one price at a time, that of the first service in order that has one; other
    services pay as far as they share it.
    """
    services = catalogue.services_for(account.plans, rating_group.id)
    price = next((service.price for service in services if service.price is not None), None)
    own = [balance for balance in balances.values() if balance.account_id == account.id]
    return Tariff(
        rating_group.rounding,
        price,
        tuple(
            Source(service.name, service.price is not None, _balances_of(service, own))
            for service in services
            if service.price in (None, price)
        ),
    )


def _balances_of(service: Service, balances: list[Balance]) -> tuple[int, ...]:
    """By the service's order of types, then priority (highest first), then age (oldest first)."""
    types = service.balance_types
    usable = [balance for balance in balances if balance.balance_type in types]
    if len(usable) > 1:
        usable.sort(key=lambda b: (types.index(b.balance_type), -b.priority, b.id))
    return tuple(balance.id for balance in usable)
