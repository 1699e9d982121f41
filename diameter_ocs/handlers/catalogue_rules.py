"""What must hold between the parts of a catalogue document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ..charging.catalogue import RatingGroup
from ..charging.settlement import USED_MAX
from ..charging.units import AMOUNT_MAX, UnitType, round_up
from . import catalogue_announcements
from .catalogue_build import UNIT_TYPES, covered, default_money, pays_from, price, rating_groups
from .catalogue_document import Document, PlanPart, RatingGroupPart, ServicePart
from .catalogue_text import Path
from .refusals import suggestion

RATING_GROUPS_MAX = 1000
DEPTH_MAX = 16
"""Rating groups below each other."""
USED_MAX_TEXT = {
    UnitType.VOLUME: "10 TiB",
    UnitType.TIME: "31 d",
    UnitType.SERVICE_SPECIFIC_UNITS: "1_000_000",
}
AMOUNTS = ("rounding", "min_reservation", "max_reservation", "default_quota")

P = TypeVar("P")
Groups = Mapping[int, RatingGroup]


class Known(NamedTuple):
    """What the services of a document may refer to."""

    groups: Mapping[int, RatingGroup]
    types: Mapping[str, str]
    """The unit types of the balance types."""
    money: str | None
    """The default one."""


class Finding(NamedTuple):
    """A rule that does not hold, at a path."""

    path: Path
    reason: str
    needs: tuple[str, ...] = ()
    """Top-level keys that must be right themselves for this to be known."""


def findings(document: Document) -> Iterator[Finding]:
    """Finds what is wrong between the parts of a document."""
    parts = list(_walk(document.rating_groups, ("rating_groups",)))
    deepest = next((path for path, _ in parts if len(path) > 2 * DEPTH_MAX), None)
    if deepest is not None:
        yield Finding(deepest, f"more than {DEPTH_MAX} rating groups below each other")
        return
    if len(parts) > RATING_GROUPS_MAX:
        yield Finding(("rating_groups",), f"more than {RATING_GROUPS_MAX} rating groups")
        return
    listed = list(rating_groups(document.rating_groups))
    groups = {group.id: group for group in listed}
    types = {part.name: part.unit_type for part in document.balance_types}
    known = Known(groups, types, default_money(document))
    yield from _repeated("id", [((*path, "id"), part.id) for path, part in parts])
    for section in (parts, _listed("balance_types", document.balance_types)):
        yield from _repeated("name", [((*path, "name"), part.name) for path, part in section])
    for (path, part), group in zip(parts, listed, strict=True):
        yield from _of_rating_group(path, part, group)
    yield from _of_references(document, groups)
    plans = _listed("plans", document.plans)
    yield from _repeated("name", [((*path, "name"), plan.name) for path, plan in plans])
    for path, plan in plans:
        yield from _of_plan(path, plan, known)
    yield from _of_tables(document)


def _of_tables(document: Document) -> Iterator[Finding]:
    """Looks at what is listed besides rating groups, balance types and plans."""
    peers = _listed("peers", document.peers)
    yield from _repeated("host", [((*path, "host"), peer.host.lower()) for path, peer in peers])
    prefixes = _listed("number_prefixes", document.number_prefixes)
    yield from _repeated("prefix", [((*path, "prefix"), part.prefix) for path, part in prefixes])
    nodes = _listed("sgsn_addresses", document.sgsn_addresses)
    yield from _repeated("address", [((*path, "address"), part.address) for path, part in nodes])
    yield from _repeated("number", _listed("emergency_numbers", document.emergency_numbers))
    networks, countries = document.home_networks, document.home_countries
    if networks is not None and not countries:
        reason = "say `home_countries` too: where only the country is known it decides who roams"
        yield Finding(("home_networks",), reason, ("home_countries",))
    if networks is None and countries:
        reason = "say `home_networks` too: where the network is known it decides who roams"
        yield Finding(("home_countries",), reason, ("home_networks",))


def _walk(parts: Iterable[RatingGroupPart], path: Path) -> Iterator[tuple[Path, RatingGroupPart]]:
    """Returns the rating groups in the order of `rating_groups`, with their paths."""
    for index, part in enumerate(parts):
        yield (*path, index), part
        yield from _walk(part.children, (*path, index, "children"))


def _listed(key: str, parts: Sequence[P]) -> list[tuple[Path, P]]:
    return [((key, index), part) for index, part in enumerate(parts)]


def _repeated(word: str, listed: Iterable[tuple[Path, object]]) -> Iterator[Finding]:
    seen = set()
    for path, value in listed:
        if value in seen:
            yield Finding(path, f"the {word} {value!r} is used more than once")
        seen.add(value)


def _of_rating_group(path: Path, part: RatingGroupPart, group: RatingGroup) -> Iterator[Finding]:
    most = USED_MAX[group.unit_type]
    for key in AMOUNTS:
        if (getattr(part, key) or 0) > most:
            text = USED_MAX_TEXT[group.unit_type]
            reason = f"no request may report more than {text}: what is above would not be charged"
            yield Finding((*path, key), reason)
    if group.max_reservation < group.min_reservation <= most:
        key = "min_reservation" if part.max_reservation is None else "max_reservation"
        yield Finding((*path, key), "max_reservation is below min_reservation")
    for place, reason in catalogue_announcements.faults(part.announcements, group):
        yield Finding((*path, "announcements", *place), reason)


def _of_references(document: Document, groups: Groups) -> Iterator[Finding]:
    """Looks at what is named outside plans."""
    for context, number in document.default_rating_groups.items():
        yield from _unknown_group(("default_rating_groups", context), number, groups)
    for identifier, number in document.service_identifiers.items():
        yield from _unknown_group(("service_identifiers", str(identifier)), number, groups)
    default = document.default_monetary_balance_type
    money = [part.name for part in document.balance_types if part.unit_type == "money"]
    if default is not None and default not in money:
        reason = f"{default!r} is no balance type of money{suggestion(default, money)}"
        yield Finding(("default_monetary_balance_type",), reason, ("balance_types",))


def _unknown_group(path: Path, number: int, groups: Groups) -> Iterator[Finding]:
    if number not in groups:
        reason = f"there is no rating group {number}{suggestion(number, groups)}"
        yield Finding(path, reason, ("rating_groups",))


def _of_plan(path: Path, plan: PlanPart, known: Known) -> Iterator[Finding]:
    services = [((*path, "services", n), service) for n, service in enumerate(plan.services)]
    names = [((*place, "name"), service.name) for place, service in services]
    yield from _repeated("name", names)
    for place, service in services:
        for index, number in enumerate(service.rating_groups):
            yield from _unknown_group((*place, "rating_groups", index), number, known.groups)
        if (service.allowance is None) == (service.price is None):
            yield Finding(place, "a service has either an allowance or a price")
        else:
            yield from _of_payment(place, service, known)
            yield from _of_price(place, service, known.groups)


def _of_payment(path: Path, service: ServicePart, known: Known) -> Iterator[Finding]:
    """Looks at the balances that a service is paid from."""
    types = known.types
    paying = pays_from(service, known.money)
    allowance = service.allowance
    if not paying:
        reason = "there is no balance type of money to pay the price from"
        yield Finding((*path, "price"), reason, ("balance_types",))
    if allowance is not None and allowance.balance_type not in paying:
        reason = f"{allowance.balance_type!r} of the allowance is missing"
        yield Finding((*path, "balance_types"), reason)
    for index, name in enumerate(paying):
        place = (*path, "balance_types", index)
        if not service.balance_types:
            place = (*path, "price") if allowance is None else (*path, "allowance", "balance_type")
        if name not in types:
            reason = f"there is no balance type {name!r}{suggestion(name, types)}"
            yield Finding(place, reason, ("balance_types",))
        elif service.price is not None and types[name] != "money":
            reason = f"a price is paid in money, and balance type {name!r} is {types[name]}"
            yield Finding(place, reason, ("balance_types",))
        elif service.price is None:
            yield from _of_units(place, service, name, types[name], known.groups)


def _of_units(
    path: Path, service: ServicePart, name: str, unit_type: str, groups: Groups
) -> Iterator[Finding]:
    """An allowance pays unit for unit."""
    for number in sorted(covered(service, groups)):
        if UNIT_TYPES.get(unit_type) is not groups[number].unit_type:
            reason = f"rating group {number} is not counted in {unit_type}, as {name!r} is"
            yield Finding(path, reason, ("balance_types", "rating_groups"))


def _of_price(path: Path, service: ServicePart, groups: Groups) -> Iterator[Finding]:
    """What one request may report must cost no more than a balance can hold."""
    cost = price(service)
    if cost is None:
        return
    for number in sorted(covered(service, groups)):
        group = groups[number]
        if cost.charge_of(round_up(USED_MAX[group.unit_type], group.rounding)) > AMOUNT_MAX:
            text = USED_MAX_TEXT[group.unit_type]
            reason = f"{text} of rating group {number} would cost more than a balance can hold"
            hint = "; `per` says for how many units the amount is"
            yield Finding((*path, "price"), reason + hint, ("rating_groups",))
