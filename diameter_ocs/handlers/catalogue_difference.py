"""What differs between two catalogue documents, by path, and in order where that counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ..charging.units import UnitType
from .catalogue_build import default_money, rating_groups
from .catalogue_counters import BalanceTypePart, CounterPart, counter, part_of
from .catalogue_document import Document
from .catalogue_plans import PlanPart, PricePart, ServicePart
from .catalogue_rules import AMOUNTS
from .catalogue_scalars import UNIT_TYPES, Part
from .quantities import quantity_text

NAMES = ("id", "name", "host", "prefix", "address", "zone")
"""The keys by which the parts of a list are known."""
ORDERED = ("peers", "plans", "services", "rates", "servers", "states")
"""Lists of which the first part that fits is what counts; priorities go before that."""
TIMES = ("quota_validity", "quota_holding", "quota_consumption", "min_validity")
PERCENTS = ("quota_threshold", "max_session_share")
SUMMARY_PATHS_MAX = 3


class Difference(NamedTuple):
    """What stands at a path, before and after; None: nothing does."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {written(self.after)}"
        if self.after is None:
            return f"- {self.path}: {written(self.before)}"
        return f"~ {self.path}: {written(self.before)} -> {written(self.after)}"


def differences(before: Document | None, after: Document) -> list[Difference]:
    """Returns what differs; of a part that is new or gone it is told what it says, key by key."""
    return list(_compared("", None if before is None else _told(before), _told(after)))


def summary(found: Sequence[Difference]) -> str:
    """Says in a line how much differs, and where it begins."""
    if not found:
        return "no change"
    paths = list(dict.fromkeys(_part(difference.path) for difference in found))
    more = len(paths) - SUMMARY_PATHS_MAX
    names = ", ".join(paths[:SUMMARY_PATHS_MAX]) + (f" and {more} more" if more > 0 else "")
    return f"{len(found)} {'change' if len(found) == 1 else 'changes'}: {names}"


def written(value: Any) -> str:
    """Writes a value in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        said = (f"{key}: {written(each)}" for key, each in value.items() if each is not None)
        return "{" + ", ".join(said) + "}"
    return str(value)


def _part(path: str) -> str:
    """Returns the path of the outermost named part, as plans[gold], or of a key."""
    name, bracket, rest = path.partition("[")
    return f"{name}[{rest.partition(']')[0]}]" if bracket else path


def _told(document: Document) -> dict[str, Any]:
    """Returns a document as people read it: amounts in units, what is left to a default filled in.

    The order of balance types matters for the default money only, which is filled in.
    """
    content: dict[str, Any] = document.model_dump(mode="json")
    content["default_monetary_balance_type"] = default_money(document)
    times = document.notices.expiring_before
    told = [quantity_text(each, UnitType.TIME) for each in sorted(times, reverse=True)]
    content["notices"]["expiring_before"] = told
    groups = list(rating_groups(document.rating_groups))
    unit_types = {group.id: group.unit_type for group in groups}
    for part in _walk(content["rating_groups"]):
        for key in AMOUNTS:
            _tell(part, key, unit_types[part["id"]])
        for key in TIMES:
            _tell(part, key, UnitType.TIME)
        for key in PERCENTS:
            if part[key] is not None:
                part[key] = f"{part[key]} %"
        part["announcements"] = _announcements(part["announcements"])
    types = {part.name: part.unit_type for part in document.balance_types}
    content["balance_types"] = [_of_balance_type(part) for part in document.balance_types]
    content["plans"].sort(key=itemgetter("catch_all", "priority"))
    for plan in content["plans"]:
        plan["services"].sort(key=itemgetter("priority"))
        _leave_out(plan, PlanPart, ("catch_all",))
        for service in plan["services"]:
            _leave_out(service, ServicePart, ("deny_other_services",))
            allowance = service["allowance"]
            if allowance is not None:
                _tell(allowance, "amount", UNIT_TYPES[types[allowance["balance_type"]]])
            _tell_prices(service, unit_types[service["rating_groups"][0]])
    return content


def _of_balance_type(part: BalanceTypePart) -> dict[str, Any]:
    """Tells the states of counters as they are reached."""
    unit_type, counters = UNIT_TYPES.get(part.unit_type), []
    for each in part.counters:
        told = part_of(counter(each, part.name, unit_type), unit_type).model_dump(mode="json")
        _leave_out(told, CounterPart, ("reservations", "active"))
        counters.append(told)
    return {**part.model_dump(mode="json"), "counters": counters}


def _tell_prices(service: dict[str, Any], unit_type: UnitType) -> None:
    for price in [service["price"], *(rate["price"] for rate in service["rates"])]:
        if price is not None:
            _leave_out(price, PricePart, ("initial_charge", "minimum_units"))
            _tell(price, "per", unit_type)
            _tell(price, "minimum_units", unit_type)


def _announcements(part: dict[str, Any] | None) -> dict[str, Any] | None:
    """Writes announcements as shortly as an operator may: a number alone, 0 for silence."""
    return part and {key: _announced(listed) for key, listed in part.items()}


def _announced(listed: list[dict[str, Any]] | None) -> Any:
    if not listed:
        return 0 if listed == [] else None
    said = [_announcement(each) for each in listed]
    return said[0] if len(said) == 1 and isinstance(said[0], int) else said


def _announcement(part: dict[str, Any]) -> Any:
    said = {key: value for key, value in part.items() if value not in (None, [])}
    if "time_indicator" in said:
        said["time_indicator"] = quantity_text(said["time_indicator"], UnitType.TIME)
    return said if len(said) > 1 else said["identifier"]


def _walk(parts: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield part
        yield from _walk(part["children"])


def _leave_out(part: dict[str, Any], model: type[Part], keys: Sequence[str]) -> None:
    """Leaves out what is seldom written, where it is as it is by default."""
    for key in keys:
        if str(part[key]) == str(model.model_fields[key].default):
            part[key] = None


def _tell(part: dict[str, Any], key: str, unit_type: UnitType) -> None:
    if part[key] is not None:
        part[key] = quantity_text(part[key], unit_type)


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    """Compares two values; mappings and lists of named parts by what is in them."""
    before, after = (None if value == [] else value for value in (before, after))
    if before == after:
        return
    one, other = _named(before), _named(after)
    if one is None and other is None:
        yield Difference(path, before, after)
        return
    if path.rpartition(".")[2] in ORDERED and one is not None and other is not None:
        before_order = [name for name in one if name in other]
        after_order = [name for name in other if name in one]
        if before_order != after_order:
            yield Difference(f"{path} in order", before_order, after_order)
    for key in dict.fromkeys([*(one or {}), *(other or {})]):
        place = f"{path}.{key}" if not key.startswith("[") else f"{path}{key}"
        yield from _compared(place.removeprefix("."), (one or {}).get(key), (other or {}).get(key))


def _named(value: Any) -> Mapping[str, Any] | None:
    """Returns what is in a value by name; None: it is told whole."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        names = [next((part[key] for key in NAMES if key in part), None) for part in value]
        if None not in names:
            return dict(zip(_numbered(names), value, strict=True))
    return None


def _numbered(names: Sequence[Any]) -> Iterator[str]:
    """Returns names in brackets; those that come again, as zones may, with a number."""
    times: Counter[str] = Counter()
    for name in map(str, names):
        times[name] += 1
        yield f"[{name}]" if times[name] == 1 else f"[{name} {times[name]}]"
