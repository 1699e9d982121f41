"""What must hold of plans and their services, as they are written in a catalogue document."""

from collections.abc import Iterable, Iterator, Sequence

from ..charging.catalogue import RatingGroup
from ..charging.settlement import USED_MAX
from ..charging.units import AMOUNT_MAX, UnitType, round_up
from .catalogue_findings import USED_MAX_TEXT, Finding, Known, repeated, unknown_group
from .catalogue_plans import PlanPart, PricePart, ServicePart, pays_from, price, prices
from .catalogue_reach import unreached
from .catalogue_restrictions import WhenPart, restrictions
from .catalogue_scalars import UNIT_TYPES
from .catalogue_text import Path
from .refusals import suggestion


def of_plan(path: Path, plan: PlanPart, known: Known) -> Iterator[Finding]:
    """Finds what is wrong with a plan."""
    services = [((*path, "services", n), service) for n, service in enumerate(plan.services)]
    names = [((*place, "name"), service.name) for place, service in services]
    yield from repeated("name", names)
    for place, service in services:
        for index, number in enumerate(service.rating_groups):
            yield from unknown_group((*place, "rating_groups", index), number, known.groups)
        yield from of_when((*place, "when"), service.when, known)
        ways = [service.allowance is not None, service.price is not None, bool(service.rates)]
        if sum(ways) > 1:
            yield Finding(place, "a service has either an allowance, a price or rates")
        elif any(ways):
            yield from _of_payment(place, service, known)
            yield from _of_rates(place, service, known)
        elif not service.deny_other_services:
            reason = "a service has an allowance, a price or rates, or else deny_other_services"
            yield Finding(place, reason)
        elif service.balance_types:
            reason = "without a price nothing is paid, and without an allowance nothing is used"
            yield Finding((*place, "balance_types"), f"{reason}: leave them out")


def of_when(path: Path, when: WhenPart | None, known: Known) -> Iterator[Finding]:
    """Finds what is wrong with what must hold."""
    if when is None:
        return
    if all(getattr(when, key) is None for key in WhenPart.model_fields):
        yield Finding(path, "nothing must hold here: write what must, or leave `when` out")
    if when.at is not None and not known.has_home:
        reason = "nobody is at home, and nobody roams, without `home_networks`"
        yield Finding((*path, "at"), reason, ("home_networks",))


def _of_payment(path: Path, service: ServicePart, known: Known) -> Iterator[Finding]:
    """Looks at the balances that a service is paid from."""
    types = known.types
    paying = pays_from(service, known.money)
    allowance = service.allowance
    priced = (*path, "rates" if service.rates else "price")
    if not paying:
        reason = "there is no balance type of money to pay the price from"
        yield Finding(priced, reason, ("balance_types",))
    if allowance is not None and allowance.balance_type not in paying:
        reason = f"{allowance.balance_type!r} of the allowance is missing"
        yield Finding((*path, "balance_types"), reason)
    for index, name in enumerate(paying):
        place = (*path, "balance_types", index)
        if not service.balance_types:
            place = priced if allowance is None else (*path, "allowance", "balance_type")
        if name not in types:
            reason = f"there is no balance type {name!r}{suggestion(name, types)}"
            yield Finding(place, reason, ("balance_types",))
        elif allowance is None and types[name] != "money":
            reason = f"a price is paid in money, and balance type {name!r} is {types[name]}"
            yield Finding(place, reason, ("balance_types",))
        elif allowance is not None:
            yield from _of_units(place, service, name, known)


def _of_units(path: Path, service: ServicePart, name: str, known: Known) -> Iterator[Finding]:
    """An allowance pays unit for unit."""
    unit_type, groups = known.types[name], known.groups
    for number in sorted(known.coverage.of(service)):
        if UNIT_TYPES.get(unit_type) is not groups[number].unit_type:
            reason = f"rating group {number} is not counted in {unit_type}, as {name!r} is"
            yield Finding(path, reason, ("balance_types", "rating_groups"))


def _of_rates(path: Path, service: ServicePart, known: Known) -> Iterator[Finding]:
    groups = _unlike(known.groups[number] for number in sorted(known.coverage.of(service)))
    paths: Sequence[Path] = [(*path, "rates", n, "price") for n in range(len(service.rates))]
    for place, part in zip(paths or [(*path, "price")], prices(service), strict=False):
        yield from _of_price(place, part, groups)
    for index, rate in enumerate(service.rates):
        yield from of_when((*path, "rates", index, "when"), rate.when, known)
    for index, taker in unreached(restrictions(rate.when) for rate in service.rates):
        taken = "the rates before it take" if taker is None else f"rates[{taker}] takes"
        reason = f"this is never the price: {taken} all of it before"
        yield Finding((*path, "rates", index), reason)


def _unlike(groups: Iterable[RatingGroup]) -> list[RatingGroup]:
    """Returns the first of those groups that count alike."""
    first: dict[tuple[UnitType, int], RatingGroup] = {}
    for group in groups:
        first.setdefault((group.unit_type, group.rounding), group)
    return list(first.values())


def _of_price(path: Path, part: PricePart, groups: Iterable[RatingGroup]) -> Iterator[Finding]:
    """What one request may report must cost no more than a balance can hold."""
    cost = price(part)
    for group in groups:
        most = USED_MAX[group.unit_type]
        text = USED_MAX_TEXT[group.unit_type]
        if cost.minimum_units > most:
            reason = f"no request may report more than {text} of rating group {group.id}"
            yield Finding((*path, "minimum_units"), reason, ("rating_groups",))
        elif cost.charge_of(round_up(most, group.rounding)) > AMOUNT_MAX:
            reason = f"{text} of rating group {group.id} would cost more than a balance can hold"
            hint = "; `per` says for how many units the amount is"
            yield Finding(path, reason + hint, ("rating_groups",))
