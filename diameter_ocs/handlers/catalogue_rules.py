"""What must hold between the parts of a catalogue document."""

from collections.abc import Iterable, Iterator

from ..charging.catalogue import RatingGroup
from ..charging.currencies import NUMBERS
from ..charging.settlement import USED_MAX
from . import catalogue_announcements, catalogue_final_units, catalogue_quotas
from .catalogue_build import Coverage, default_money, rating_groups
from .catalogue_counter_rules import of_counters
from .catalogue_document import Document, RatingGroupPart
from .catalogue_findings import (
    USED_MAX_TEXT,
    Finding,
    Groups,
    Known,
    listed,
    repeated,
    unknown_group,
)
from .catalogue_notice_rules import of_notices
from .catalogue_plan_rules import of_plan, of_when
from .catalogue_text import Path
from .refusals import suggestion

RATING_GROUPS_MAX = 1000
DEPTH_MAX = 16
"""Rating groups below each other."""
OFFERS_MAX = 20_000
"""Services and rates of all plans: charging may have to look at each of them for one request."""
AMOUNTS = ("rounding", "min_reservation", "max_reservation", "default_quota")


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
    offers = sum(1 + len(service.rates) for plan in document.plans for service in plan.services)
    if offers > OFFERS_MAX:
        yield Finding(("plans",), f"{offers} services and rates, and {OFFERS_MAX} are the most")
        return
    filled_in = list(rating_groups(document.rating_groups))
    groups = {group.id: group for group in filled_in}
    types = {part.name: part.unit_type for part in document.balance_types}
    money, has_home = default_money(document), document.home_networks is not None
    known = Known(groups, Coverage(filled_in), types, money, has_home)
    yield from repeated("id", [((*path, "id"), part.id) for path, part in parts])
    for section in (parts, listed("balance_types", document.balance_types)):
        yield from repeated("name", [((*path, "name"), part.name) for path, part in section])
    by_path = dict(parts)
    for (path, part), group in zip(parts, filled_in, strict=True):
        yield from _of_rating_group(path, part, group)
        yield from _of_final_unit((*path, "final_unit"), part, known)
        above = [by_path[path[:end]] for end in range(2, len(path), 2)]
        for key, reason in catalogue_quotas.faults(part, group, above):
            yield Finding((*path, key), reason)
    yield from _of_currency(document)
    yield from _of_references(document, groups)
    plans = listed("plans", document.plans)
    yield from repeated("name", [((*path, "name"), plan.name) for path, plan in plans])
    for path, plan in plans:
        yield from of_plan(path, plan, known)
    yield from of_counters(document)
    yield from _of_tables(document)


def _of_currency(document: Document) -> Iterator[Finding]:
    """Looks whether gateways can be told the currency."""
    currency = document.currency
    if currency not in NUMBERS:
        reason = f"{currency!r} is no currency of ISO 4217{suggestion(currency, NUMBERS)}"
        yield Finding(("currency",), reason)


def _of_tables(document: Document) -> Iterator[Finding]:
    """Looks at what is listed besides rating groups, balance types and plans."""
    yield from of_notices(document.notices)
    peers = listed("peers", document.peers)
    yield from repeated("host", [((*path, "host"), peer.host.lower()) for path, peer in peers])
    prefixes = listed("number_prefixes", document.number_prefixes)
    yield from repeated("prefix", [((*path, "prefix"), part.prefix) for path, part in prefixes])
    nodes = listed("sgsn_addresses", document.sgsn_addresses)
    yield from repeated("address", [((*path, "address"), part.address) for path, part in nodes])
    yield from repeated("number", listed("emergency_numbers", document.emergency_numbers))
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


def _of_final_unit(path: Path, part: RatingGroupPart, known: Known) -> Iterator[Finding]:
    if part.final_unit is None:
        return
    for index, server in enumerate(part.final_unit.servers):
        yield from of_when((*path, "servers", index, "when"), server.when, known)
    lack = catalogue_final_units.lack(part.final_unit)
    if lack is not None:
        yield Finding((*path, "action"), lack, ("rating_groups",))
    for place, reason in catalogue_final_units.faults(part.final_unit):
        yield Finding((*path, *place), reason)


def _of_references(document: Document, groups: Groups) -> Iterator[Finding]:
    """Looks at what is named outside plans."""
    for context, number in document.default_rating_groups.items():
        yield from unknown_group(("default_rating_groups", context), number, groups)
    for identifier, number in document.service_identifiers.items():
        yield from unknown_group(("service_identifiers", str(identifier)), number, groups)
    default = document.default_monetary_balance_type
    money = [part.name for part in document.balance_types if part.unit_type == "money"]
    if default is not None and default not in money:
        reason = f"{default!r} is no balance type of money{suggestion(default, money)}"
        yield Finding(("default_monetary_balance_type",), reason, ("balance_types",))
