"""The catalogue as an operator writes it: YAML, checked whole, every fault with its path."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ..charging import catalogue
from ..charging.settlement import USED_MAX
from ..charging.units import AMOUNT_MAX, MICRO_UNITS, PRICE_MAX, UnitType, format_money, parse_money

DOCUMENT_OCTETS_MAX = 4 * 2**20
RATING_GROUPS_MAX = 1000
DEPTH_MAX = 16
"""Rating groups below each other."""
TAX_MAX = 10

UNITS = {
    "": 1,
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "s": 1,
    "min": 60,
    "h": 3600,
    "d": 86400,
}
UNIT_TYPES = {
    "time": UnitType.TIME,
    "volume": UnitType.VOLUME,
    "units": UnitType.SERVICE_SPECIFIC_UNITS,
}


class CatalogueError(Exception):
    """A catalogue document is wrong; each fault is one line that begins with its path."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def parse_quantity(value: object) -> int:
    """Reads a whole number of units, as 100, "6000 s", "10 GiB" or "1 min".

    Raises:
        ValueError: no number, an unknown unit, not whole, or too large.
    """
    match = re.fullmatch(r"([0-9][0-9_]{0,39})\s*([A-Za-z]*)", str(value).strip())
    if isinstance(value, bool) or match is None or match[2] not in UNITS:
        raise ValueError(f"{value!r} is no quantity; write it like 100, 6000 s or 10 GiB")
    quantity = int(match[1]) * UNITS[match[2]]
    if quantity > AMOUNT_MAX:
        raise ValueError(f"{value!r} is too large")
    return quantity


def _check_name(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("a name is printable and neither begins nor ends with a space")
    return name


def _check_price(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,6})?", text):
        raise ValueError("write an amount of money like 12.50, with at most six decimals")
    if parse_money(text) > PRICE_MAX:
        raise ValueError(f"write a price of at most {format_money(PRICE_MAX)}")
    return text


def _check_fraction(text: str) -> str:
    _check_price(text)
    if parse_money(text) > TAX_MAX * MICRO_UNITS:
        raise ValueError("write a tax as a fraction, like 0.19")
    return text


def _check_network(value: str) -> str:
    if not re.fullmatch(r"[0-9]{3}/[0-9]{2,3}", value):
        raise ValueError("write a network as MCC/MNC, like 001/01")
    return value


Name = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_check_name)]
Quantity = Annotated[int, BeforeValidator(parse_quantity)]
Positive = Annotated[Quantity, Field(ge=1)]
UnitTypeName = Annotated[str, Field(pattern="^(" + "|".join(UNIT_TYPES) + ")$")]
Priority = Annotated[int, Field(ge=0, le=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RatingGroupPart(_Part):
    """A rating group; what is not written is inherited from the group above it."""

    id: Annotated[int, Field(ge=0, lt=2**32)]
    name: Name
    unit_type: UnitTypeName | None = None
    rounding: Positive | None = None
    min_reservation: Quantity | None = None
    max_reservation: Positive | None = None
    default_quota: Positive | None = None
    quota_validity: Annotated[Positive, Field(le=86400)] | None = None
    children: tuple["RatingGroupPart", ...] = ()


class BalanceTypePart(_Part):
    """Money, or an allowance in one type of unit."""

    name: Name
    unit_type: Annotated[str, Field(pattern="^(money|" + "|".join(UNIT_TYPES) + ")$")]


class PricePart(_Part):
    """An amount of money for so many units."""

    amount: Annotated[str, AfterValidator(_check_price)]
    per: Positive = 1
    tax: Annotated[str, AfterValidator(_check_fraction)] = "0"


class AllowancePart(_Part):
    """A balance that comes with the plan."""

    balance_type: Name
    amount: Positive


class ServicePart(_Part):
    """What pays for some rating groups: an allowance, or money at a price."""

    name: Name
    priority: Priority = 0
    rating_groups: Annotated[tuple[int, ...], Field(min_length=1)]
    allowance: AllowancePart | None = None
    price: PricePart | None = None
    balance_types: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_way_to_pay(self) -> "ServicePart":
        if (self.allowance is None) == (self.price is None):
            raise ValueError("a service has either an allowance or a price")
        return self


class PlanPart(_Part):
    """Services that are subscribed to together."""

    name: Name
    priority: Priority = 0
    services: Annotated[tuple[ServicePart, ...], Field(min_length=1)]


class SettingsPart(_Part):
    """How sessions are treated that do not go as they should."""

    session_idle_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 48
    ims_session_idle_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 4
    tombstone_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 48
    charge_unknown_session: bool = False
    close_unclaimed: bool = True


class Document(_Part):
    """All that one tenant sells."""

    tenant: Name
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    settings: SettingsPart = SettingsPart()
    # Checked, and not used yet: they will tell who is at home.
    home_networks: tuple[Annotated[str, AfterValidator(_check_network)], ...] = ()
    rating_groups: Annotated[tuple[RatingGroupPart, ...], Field(min_length=1)]
    default_rating_groups: dict[str, int] = Field(default_factory=dict)
    service_identifiers: dict[int, int] = Field(default_factory=dict)
    balance_types: Annotated[tuple[BalanceTypePart, ...], Field(min_length=1)]
    default_monetary_balance_type: Name | None = None
    plans: tuple[PlanPart, ...] = ()


class _Loader(yaml.SafeLoader):
    """YAML without aliases and tags, whose scalars are all text: what they are the model says.

    So no amount becomes a float, no name a boolean, and no number is octal.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            line = event.start_mark.line + 1
            raise CatalogueError([f"line {line}: aliases and tags are not allowed"])
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                line = key.start_mark.line + 1
                raise CatalogueError([f"line {line}: the key {key.value!r} is used more than once"])
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith(":null")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_document(text: str) -> Document:
    """Reads and checks a catalogue document.

    Raises:
        CatalogueError: it is no YAML, or it is wrong; with all faults.
    """
    if len(text) > DOCUMENT_OCTETS_MAX:
        raise CatalogueError([f"the document is longer than {DOCUMENT_OCTETS_MAX} characters"])
    try:
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise CatalogueError([f"this is no YAML: {error}"]) from None
    except RecursionError:
        raise CatalogueError(["the document is nested too deeply"]) from None
    try:
        document = Document.model_validate(content)
    except ValidationError as error:
        raise CatalogueError([_fault(detail) for detail in error.errors()]) from None
    faults = list(_faults(document))
    if faults:
        raise CatalogueError(faults)
    return document


def build(document: Document, version: int) -> catalogue.Catalogue:
    """Returns the catalogue that a checked document describes."""
    groups = {group.id: group for part in document.rating_groups for group in _groups(part, None)}
    return catalogue.Catalogue(
        tenant=document.tenant,
        version=version,
        currency=document.currency,
        rating_groups=groups,
        balance_types={
            part.name: catalogue.BalanceType(part.name, UNIT_TYPES.get(part.unit_type))
            for part in document.balance_types
        },
        plans={part.name: _plan(part, document, groups) for part in document.plans},
        default_rating_groups=dict(document.default_rating_groups),
        service_identifiers=dict(document.service_identifiers),
        default_monetary_balance_type=_default_money(document),
        session_rules=_session_rules(document.settings),
    )


def read_stored(tenant: str, version: int, text: str) -> catalogue.Catalogue:
    """Returns a catalogue from the document that was stored when it was applied."""
    del tenant  # the document names it
    return build(Document.model_validate_json(text), version)


def _session_rules(part: SettingsPart) -> catalogue.SessionRules:
    return catalogue.SessionRules(
        idle_seconds=part.session_idle_hours * 3600,
        ims_idle_seconds=part.ims_session_idle_hours * 3600,
        tombstone_seconds=part.tombstone_hours * 3600,
        charges_unknown_sessions=part.charge_unknown_session,
        closes_unclaimed=part.close_unclaimed,
    )


def _fault(detail: Any) -> str:
    path = ""
    for step in detail["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    reason = "unknown key" if detail["type"] == "extra_forbidden" else detail["msg"]
    return f"{path.lstrip('.') or 'document'}: {reason.removeprefix('Value error, ')}"


def _groups(
    part: RatingGroupPart, parent: catalogue.RatingGroup | None
) -> Iterator[catalogue.RatingGroup]:
    """Returns a group and those below it, with what they inherit."""
    unit_type = parent.unit_type if parent else UnitType.SERVICE_SPECIFIC_UNITS
    if part.unit_type is not None:
        unit_type = UNIT_TYPES[part.unit_type]
    highest = USED_MAX[unit_type]
    inherited = min(parent.max_reservation, highest) if parent else highest
    min_reservation = part.min_reservation
    if min_reservation is None:
        min_reservation = parent.min_reservation if parent else 1
    group = catalogue.RatingGroup(
        id=part.id,
        name=part.name,
        parent_id=parent.id if parent else None,
        unit_type=unit_type,
        rounding=part.rounding or (parent.rounding if parent else 1),
        min_reservation=min_reservation,
        max_reservation=part.max_reservation or inherited,
        default_quota=part.default_quota or (parent.default_quota if parent else 1),
        quota_validity_seconds=part.quota_validity
        or (parent.quota_validity_seconds if parent else 3600),
    )
    yield group
    for child in part.children:
        yield from _groups(child, group)


def _covered(service: ServicePart, groups: dict[int, catalogue.RatingGroup]) -> set[int]:
    """Returns the groups that a service names, and all groups below them."""
    covered = set(service.rating_groups) & groups.keys()
    for group in groups.values():  # parents come before their children
        if group.parent_id in covered:
            covered.add(group.id)
    return covered


def _default_money(document: Document) -> str | None:
    money = [part.name for part in document.balance_types if part.unit_type == "money"]
    return document.default_monetary_balance_type or (money[0] if money else None)


def _pays_from(service: ServicePart, document: Document) -> tuple[str, ...]:
    if service.balance_types:
        return service.balance_types
    if service.allowance is not None:
        return (service.allowance.balance_type,)
    money = _default_money(document)
    return () if money is None else (money,)


def _plan(
    part: PlanPart, document: Document, groups: dict[int, catalogue.RatingGroup]
) -> catalogue.Plan:
    services = tuple(
        catalogue.Service(
            name=service.name,
            priority=service.priority,
            rating_groups=frozenset(_covered(service, groups)),
            balance_types=_pays_from(service, document),
            price=None
            if service.price is None
            else catalogue.Price(
                parse_money(service.price.amount),
                service.price.per,
                parse_money(service.price.tax),
            ),
        )
        for service in part.services
    )
    allowances = tuple(
        catalogue.Allowance(service.allowance.balance_type, service.allowance.amount)
        for service in part.services
        if service.allowance is not None
    )
    return catalogue.Plan(part.name, part.priority, services, allowances)


def _faults(document: Document) -> Iterator[str]:
    """Finds what is wrong between the parts of a document."""
    if _depth(document.rating_groups) > DEPTH_MAX:
        yield f"rating_groups: more than {DEPTH_MAX} below each other"
        return
    listed = [group for part in document.rating_groups for group in _groups(part, None)]
    if len(listed) > RATING_GROUPS_MAX:
        yield f"rating_groups: more than {RATING_GROUPS_MAX}"
        return
    groups = {group.id: group for group in listed}
    yield from _repeated("rating_groups", "id", [group.id for group in listed])
    yield from _repeated("rating_groups", "name", [group.name for group in listed])
    yield from _repeated("balance_types", "name", [part.name for part in document.balance_types])
    yield from _repeated("plans", "name", [part.name for part in document.plans])
    for group in listed:
        if group.max_reservation < group.min_reservation:
            yield f"rating_groups: {group.id}: max_reservation is below min_reservation"
        yield from _absurd_quantities(group)
    for context, number in document.default_rating_groups.items():
        if number not in groups:
            yield f"default_rating_groups.{context}: there is no rating group {number}"
    for identifier, number in document.service_identifiers.items():
        if number not in groups:
            yield f"service_identifiers.{identifier}: there is no rating group {number}"
    types = {part.name: part.unit_type for part in document.balance_types}
    default = document.default_monetary_balance_type
    if default is not None and types.get(default) != "money":
        yield f"default_monetary_balance_type: {default!r} is no balance type of money"
    for index, plan in enumerate(document.plans):
        path = f"plans[{index}].services"
        yield from _repeated(path, "name", [service.name for service in plan.services])
        for number, service in enumerate(plan.services):
            yield from _service_faults(f"{path}[{number}]", service, document, groups)


def _absurd_quantities(group: catalogue.RatingGroup) -> Iterator[str]:
    """Finds what is above the bound of one report: usage of such a quota would not be charged."""
    highest = USED_MAX[group.unit_type]
    for name in ("rounding", "min_reservation", "max_reservation", "default_quota"):
        if getattr(group, name) > highest:
            yield f"rating_groups: {group.id}: {name} is above {highest}"


def _depth(parts: tuple[RatingGroupPart, ...]) -> int:
    """Returns how many groups stand below each other."""
    depth = 0
    while parts:
        depth += 1
        parts = tuple(child for part in parts for child in part.children)
    return depth


def _service_faults(
    path: str, service: ServicePart, document: Document, groups: dict[int, catalogue.RatingGroup]
) -> Iterator[str]:
    for number in service.rating_groups:
        if number not in groups:
            yield f"{path}.rating_groups: there is no rating group {number}"
    types = {part.name: part.unit_type for part in document.balance_types}
    paying = _pays_from(service, document)
    if not paying:
        yield f"{path}.balance_types: there is no balance type of money to pay the price from"
    if service.allowance is not None and service.allowance.balance_type not in paying:
        name = service.allowance.balance_type
        yield f"{path}.balance_types: {name!r} of the allowance is missing"
    for name in paying:
        if name not in types:
            yield f"{path}: there is no balance type {name!r}"
        elif service.price is not None and types[name] != "money":
            yield f"{path}: a price is paid in money, and balance type {name!r} is {types[name]}"
        elif service.price is None:
            for number in sorted(_covered(service, groups)):
                if UNIT_TYPES.get(types[name]) is not groups[number].unit_type:
                    yield (
                        f"{path}: rating group {number} is not counted in {types[name]},"
                        f" which balance type {name!r} is"
                    )


def _repeated(path: str, key: str, values: list[Any]) -> Iterator[str]:
    for value in sorted(value for value, count in Counter(values).items() if count > 1):
        yield f"{path}: the {key} {value!r} is used more than once"
