"""Which services were looked at for a request, by the names that the catalogue gave them."""

from typing import NamedTuple

from ..charging import considered
from ..charging.catalogue import Catalogue, Rate, Service
from ..charging.considered import Considered, GroupConsidered, Reason
from ..charging.information import Direction
from ..charging.restrictions import Restrictions

CONDITION_MAX = 60
CONDITIONS = {
    Reason.COUNTRY: ("countries", "from_countries"),
    Reason.NETWORK: ("networks", "from_networks"),
    Reason.ROAMING: ("at", "is_roaming"),
    Reason.SAME_COUNTRY: ("same_country", "is_same_country"),
    Reason.OTHER_COUNTRY: ("party_countries", "to_countries"),
    Reason.NUMBER: ("party_numbers", "numbers"),
    Reason.ON_NET: ("party", "is_on_net"),
    Reason.DIRECTION: ("direction", "direction"),
}
"""How a document calls what did not hold, and the restriction that it became."""
WORDS = {
    ("is_roaming", True): "roaming",
    ("is_roaming", False): "home",
    ("is_same_country", True): "true",
    ("is_same_country", False): "false",
    ("is_on_net", True): "on_net",
    ("is_on_net", False): "off_net",
}
NO_NAME = "?"
"""Of a plan or a service, where the catalogue that was in force cannot be read."""


class Looked(NamedTuple):
    """A service that was looked at."""

    plan: str
    service: str
    reason: Reason
    rate: Rate | None
    """The price that counts, and where it is the price; None: it pays from allowances, or not."""
    balance_types: tuple[str, ...]
    """What it pays from, in order."""
    ends_search: bool
    """No later service was asked."""
    unmet: str | None = None
    """The condition that did not hold, as operators write it."""


class GroupLooked(NamedTuple):
    """What was looked at for one rating group."""

    rating_group: int
    services: tuple[Looked, ...]
    is_emergency: bool


class Explanation(NamedTuple):
    """What was looked at for a request."""

    groups: tuple[GroupLooked, ...] = ()
    is_cut: bool = False
    """There was more."""
    is_readable: bool = True
    """A newer program may have written it in words of its own."""


def explained(text: str | None, catalogue: Catalogue | None) -> Explanation:
    """Returns what the journal keeps of it; None: nothing was rated.

    `catalogue` is the version that was in force; None: it cannot be read.
    """
    if text is None:
        return Explanation()
    try:
        found = considered.parse(text)
    except ValueError:
        return Explanation(is_readable=False)
    is_named = "/" in text
    groups = [_group(group, is_named, catalogue) for group in found.groups]
    return Explanation(tuple(groups), found.is_cut)


def _group(group: GroupConsidered, is_named: bool, catalogue: Catalogue | None) -> GroupLooked:
    services = [_looked(each, is_named, catalogue) for each in group.services]
    return GroupLooked(group.rating_group, tuple(services), group.is_emergency)


def _looked(each: Considered, is_named: bool, catalogue: Catalogue | None) -> Looked:
    plan, name = (each.plan, each.service) if is_named else _names(each, catalogue)
    service = _service(catalogue, plan, name)
    rates = () if service is None else service.rates
    return Looked(
        plan,
        name,
        each.reason,
        rates[each.rate] if each.rate is not None and each.rate < len(rates) else None,
        () if service is None else service.balance_types,
        each.ends_search,
        None if service is None else _unmet(each.reason, service.restrictions),
    )


def _unmet(reason: Reason, restrictions: Restrictions | None) -> str | None:
    """Writes the condition for which a service was passed over; None: it was no single one."""
    if restrictions is None or reason not in CONDITIONS:
        return None
    key, field = CONDITIONS[reason]
    value = getattr(restrictions, field)
    if isinstance(value, Direction):
        value = value.name.lower()
    elif isinstance(value, bool):
        value = WORDS[field, value]
    text = str(value)
    return f"{key}: {text if len(text) <= CONDITION_MAX else f'{text[: CONDITION_MAX - 3]}...'}"


def _names(each: Considered, catalogue: Catalogue | None) -> tuple[str, str]:
    """Returns the names of a plan and a service of which the journal has the places."""
    plans = [] if catalogue is None else list(catalogue.plans.values())
    if int(each.plan) >= len(plans) or int(each.service) >= len(plans[int(each.plan)].services):
        return NO_NAME, NO_NAME
    plan = plans[int(each.plan)]
    return plan.name, plan.services[int(each.service)].name


def _service(catalogue: Catalogue | None, plan: str, name: str) -> Service | None:
    if catalogue is None or plan not in catalogue.plans:
        return None
    return next((each for each in catalogue.plans[plan].services if each.name == name), None)
