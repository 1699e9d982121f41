"""Services that are asked for, or reported, in money: they pay what they say, without any price.

A Requested-Service-Unit that names an amount of money is granted in money, whatever else it names.
It is paid by the money of the services that cover the rating group in the circumstances, in their
order, else by the default money; what a plan denies is denied in money too.
"""

from collections.abc import Iterable
from dataclasses import replace

from .catalogue import Catalogue, Price, RatingGroup, Source, Tariff
from .considered import Reason, parse
from .requests import ServiceUsage, Units
from .session import Line
from .units import AMOUNT_MAX, MILLIONTHS, UnitType

PAR = Price(1, 1)
"""A micro-unit of money costs a micro-unit."""
ZONE = "money"
SOURCE = "money"

_MONEY = UnitType.MONEY


def is_in_money(usage: ServiceUsage) -> bool:
    """Whether a service is about money: what is asked for decides, else what was used."""
    requested = usage.requested
    if requested is not None and any(requested):
        return bool(requested.money)
    return any(units.money for units in usage.used)


def group_in_money(usage: ServiceUsage, group: RatingGroup) -> RatingGroup:
    """Returns a rating group whose units are micro-units of money, neither rounded nor bounded.

    Who does not say how much is wanted gets as much as was used.
    """
    used = sum([units.money or 0 for units in usage.used])
    return replace(
        group,
        unit_type=_MONEY,
        rounding=1,
        min_reservation=1,
        max_reservation=AMOUNT_MAX,
        default_quota=min(max(used, 1), AMOUNT_MAX),
        threshold_percent=0,
        quota_consumption_seconds=None,
        min_validity_seconds=None,
    )


def tariffs_in_money(tariffs: tuple[Tariff, ...], catalogue: Catalogue) -> tuple[Tariff, ...]:
    """Returns what pays for money, where these tariffs pay for the units of the rating group."""
    first = tariffs[0]
    priced = [source for tariff in tariffs for source in tariff.sources if source.is_priced]
    names = tuple(dict.fromkeys(name for source in priced for name in source.balance_types))
    default = catalogue.default_monetary_balance_type
    if not names and default is not None:
        names = (default,)
    if not names or _is_denied(first):
        nothing = first._replace(price=None, sources=(), balance_types=(), is_unplaced=False)
        return (nothing._replace(is_by_hours=False),)
    sources = (Source(priced[0].service if priced else SOURCE, True, names),)
    return (Tariff(PAR, sources, names, False, ZONE, considered=first.considered),)


def whole(line: Line, used: Iterable[Units], reported: int) -> tuple[Line, int]:
    """Returns a line, and the micro-units to charge on it of what was reported, each rounded up.

    What all reports were rounded up by is kept; as soon as it makes a micro-unit that is not
    charged, so that the line's running total is rounded once.
    """
    fraction = line.fraction + sum([units.fraction for units in used])
    if not fraction:
        return line, reported
    return line._replace(fraction=fraction % MILLIONTHS), max(reported - fraction // MILLIONTHS, 0)


def _is_denied(tariff: Tariff) -> bool:
    """Does a plan deny what nothing pays for?"""
    if tariff.sources or not tariff.considered:
        return False
    groups = parse(tariff.considered).groups
    return any(each.reason is Reason.DENIES for group in groups for each in group.services)
