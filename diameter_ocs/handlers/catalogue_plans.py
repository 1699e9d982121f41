"""What an operator writes of plans, services and prices, and what becomes of it."""

from typing import Annotated

from pydantic import Field

from ..charging import catalogue
from ..charging.units import parse_money
from .catalogue_restrictions import WhenPart, restrictions
from .catalogue_scalars import (
    Fraction,
    Money,
    Name,
    Part,
    Positive,
    Priority,
    Quantity,
    RatingGroupId,
)

RATES_MAX = 10_000
"""Of one service."""


class PricePart(Part):
    """An amount of money for so many units."""

    amount: Money
    """In the catalogue's currency, with at most six decimals; 0 is free, and never ends."""
    per: Positive = 1
    """How many units the amount buys."""
    tax: Fraction = "0"
    """Added to the amount, as a fraction of it: 0.19 is 19 %."""
    initial_charge: Money = "0"
    """What the first unit costs besides, before tax: once for a session and rating group."""
    minimum_units: Quantity = 0
    """The first unit costs as much as so many, which then cost no more; likewise once."""


class RatePart(Part):
    """A price, and where and when it is the price."""

    zone: Name
    """What people call it; stands in EDRs. Usage of another zone is charged apart."""
    price: PricePart
    """What a unit costs there."""
    when: WhenPart | None = None
    """What must hold; not written: always."""


class AllowancePart(Part):
    """A balance that comes with the plan."""

    balance_type: Name
    """The type of the balance; not money."""
    amount: Quantity
    """How much an account gets with the plan; 0: nothing, what its parents have pays."""


class ServicePart(Part):
    """What pays for some rating groups: an allowance, or money at a price or one of several rates.

    With deny_other_services it may have none of these, and refuses what it takes.
    """

    name: Name
    """Stands in EDRs; unique in its plan."""
    priority: Priority = 0
    """Within the plan, 0 pays first."""
    rating_groups: Annotated[tuple[RatingGroupId, ...], Field(min_length=1, max_length=1000)]
    """The rating groups that are paid for, with all that are below them."""
    allowance: AllowancePart | None = None
    """Units that come with the plan and pay one for one."""
    price: PricePart | None = None
    """What a unit costs."""
    rates: Annotated[tuple[RatePart, ...], Field(max_length=RATES_MAX)] = ()
    """What a unit costs by place, time and whom it is with: the first rate whose `when` holds
    counts. Where none does, the service pays for nothing."""
    balance_types: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    """The types of balances that pay, in order; not written: the allowance's, or money."""
    when: WhenPart | None = None
    """What must hold, else the service is passed over; not written: it takes everything."""
    deny_other_services: bool = False
    """Whether what it takes is refused where it cannot pay; else later services are asked."""


class PlanPart(Part):
    """Services that are subscribed to together."""

    name: Name
    """What accounts subscribe to; unique."""
    priority: Priority = 0
    """Among an account's plans, 0 pays first."""
    catch_all: bool = False
    """Whether it is asked after all other plans, and takes what nobody can place, whatever its
    services and rates ask of the place."""
    services: Annotated[tuple[ServicePart, ...], Field(min_length=1)]
    """What pays for what, by their priorities."""
    policy_counters: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    """Those that an account has with the plan."""


def pays_from(service: ServicePart, money: str | None) -> tuple[str, ...]:
    """Returns the types of balances that pay for a service, in order, given the default money."""
    if service.balance_types:
        return service.balance_types
    if service.allowance is not None:
        return (service.allowance.balance_type,)
    return (money,) if money is not None and prices(service) else ()


def prices(service: ServicePart) -> list[PricePart]:
    """Returns all prices of a service."""
    alone = [] if service.price is None else [service.price]
    return alone + [rate.price for rate in service.rates]


def rates(service: ServicePart) -> tuple[catalogue.Rate, ...]:
    """Returns what a unit costs, and when; none: an allowance pays, or nothing does."""
    alone = () if service.price is None else (catalogue.Rate(price(service.price)),)
    return alone + tuple(
        catalogue.Rate(price(rate.price), rate.zone, restrictions(rate.when))
        for rate in service.rates
    )


def price(part: PricePart) -> catalogue.Price:
    """Returns a price in micro-units."""
    return catalogue.Price(
        micro_units=parse_money(part.amount),
        per_units=part.per,
        tax_millionths=parse_money(part.tax),
        initial_micro_units=parse_money(part.initial_charge),
        minimum_units=part.minimum_units,
    )
