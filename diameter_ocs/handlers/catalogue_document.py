"""What an operator may write in a catalogue: the model of the YAML document, part by part."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr
from pydantic.json_schema import GenerateJsonSchema

from .catalogue_announcements import AnnouncementPart, AnnouncementsPart, VariablePartPart
from .catalogue_counters import (
    POLICY_COUNTERS_MAX,
    BalanceTypePart,
    CounterPart,
    CounterStatePart,
    PolicyCounterPart,
    PolicyStatePart,
)
from .catalogue_final_units import FinalUnit, FinalUnitPart, RedirectServerPart
from .catalogue_notices import NoticeFilePart, NoticesPart, WebhookPart
from .catalogue_places import (
    TABLE_ENTRIES_MAX,
    AddressPart,
    CarrierCode,
    Country,
    EmergencyNumber,
    NetworksText,
    PrefixPart,
    TimeZone,
)
from .catalogue_plans import AllowancePart, PlanPart, PricePart, RatePart, ServicePart
from .catalogue_restrictions import HoursPart, WhenPart
from .catalogue_scalars import (
    WHOLE,
    Currency,
    Host,
    Money,
    Name,
    Part,
    Percent,
    Positive,
    Quantity,
    RatingGroupId,
    ServiceContext,
    UnitTypeName,
)


class SettingsPart(Part):
    """How sessions and events are treated that do not go as they should."""

    session_idle_hours: Annotated[int, Field(ge=1, le=24 * 90), WHOLE] = 48
    """A session of which nothing is heard for so long is closed."""
    ims_session_idle_hours: Annotated[int, Field(ge=1, le=24 * 90), WHOLE] = 4
    """Likewise for calls in the IMS."""
    tombstone_hours: Annotated[int, Field(ge=1, le=24 * 30), WHOLE] = 48
    """How long ended sessions are remembered, for late usage and repeated requests."""
    charge_unknown_session: bool = False
    """Whether usage of a session that never was open is charged; else it is recorded only."""
    close_unclaimed: bool = True
    """Whether a session is closed whose opening was stored too late to be answered."""
    reverse_unclaimed_events: bool = True
    """Whether an event is taken back that was stored too late to be answered."""
    insufficient_balance_events: Literal["PROVIDE_ROUNDED_AMOUNT", "REJECT"] = (
        "PROVIDE_ROUNDED_AMOUNT"
    )
    """What becomes of an event that cannot be paid whole: PROVIDE_ROUNDED_AMOUNT serves the units
    that what is left can begin, REJECT none."""
    insufficient_balance_sessions: Literal[
        "PROVIDE_ROUNDED_AMOUNT", "PROVIDE_REMAINING", "IGNORE"
    ] = "PROVIDE_ROUNDED_AMOUNT"
    """What is granted in a session when what is left pays for less than is asked:
    PROVIDE_ROUNDED_AMOUNT grants to the end of the rounding unit that it can begin,
    PROVIDE_REMAINING what it pays for, IGNORE whole rounding units only."""
    low_balance: Money | None = None
    """Gateways that are told of money hear that little is left when it is less than this; not
    written: they hear nothing of it."""
    reauthorize: Literal["refused", "all", "none"] = "refused"
    """Which gateways are called when there is more to use than before: those whose session was
    refused something or got its last quota, after a command all of the account, or none."""
    announcement_contexts: Annotated[tuple[ServiceContext, ...], Field(max_length=100)] = (
        "32260",
        "32275",
        "32276",
    )
    """The service contexts whose answers carry announcements, as far as the peer takes them."""
    unknown_counters: Literal["REJECT", "IGNORE"] = "REJECT"
    """What becomes of a policy server's request that names counters which there are not: REJECT
    answers which they are, IGNORE leaves them out."""
    explain_in_full: bool = False
    """Whether each EDR says in full which services were considered; else those of refusals do."""


class RatingGroupPart(Part):
    """A kind of usage that is rated alike; what is not written is inherited from the one above."""

    id: RatingGroupId
    """The number that gateways send as Rating-Group."""
    name: Name
    """What people call it; unique."""
    unit_type: UnitTypeName | None = None
    """What is counted: time (seconds), volume (octets) or units; at the top: units."""
    rounding: Positive | None = None
    """Usage is charged in multiples of this; at the top: 1."""
    min_reservation: Quantity | None = None
    """The least that is granted, where the balance allows it; at the top: 1."""
    max_reservation: Positive | None = None
    """The most that is granted at once; at the top: 10 TiB, 31 d or 1_000_000 units."""
    default_quota: Positive | None = None
    """What is granted to a request that does not say how much; at the top: 1."""
    quota_validity: Annotated[Positive, Field(le=86400)] | None = None
    """After how long a gateway asks again, at most 1 d; at the top: 1 h. Below 60 s is 60 s."""
    quota_threshold: Annotated[Percent, Field(le=99)] | None = None
    """With what part of its quota left a gateway asks for more, as 20 %; 0: none; at the top: 20 %
    of volume, none of other units."""
    quota_holding: Annotated[Quantity, Field(le=86400)] | None = None
    """After how long a gateway gives an idle quota back, at most 1 d; it is told where that is
    before it asks again; 0: it decides itself; at the top: 10 min for volume, 0 for other units."""
    quota_consumption: Annotated[Positive, Field(le=86400)] | None = None
    """For how long traffic may be idle and its time still count, at most 1 d; of time alone; at the
    top: the gateway decides."""
    max_session_share: Annotated[Percent, Field(ge=1)] | None = None
    """What part of what is left one quota may take, where that is not below `min_reservation`, so
    that other sessions get theirs; at the top: 100 %."""
    dynamic_quota: bool | None = None
    """Whether a quota is as large as what the session used lately in `min_validity`, small near the
    end of what is left, and ends where a counter of what pays has its next state; at the top:
    false. It needs `min_reservation` and `quota_validity`."""
    min_validity: Annotated[Positive, Field(le=86400)] | None = None
    """For how long a dynamic quota should last, at most 1 d."""
    announcements: AnnouncementsPart | None = None
    """What callers hear when its service is refused or ends; at the top: nothing."""
    command_level_result_code: bool | None = None
    """Whether a refusal of its service is the answer's to the whole request, too; at the top:
    false."""
    final_unit: FinalUnit = None
    """What gateways do when its service has used its last units; at the top: TERMINATE."""
    children: tuple["RatingGroupPart", ...] = ()
    """Rating groups below this one: a service that names this one pays for them too."""


class PeerPart(Part):
    """How some of the tenant's peers are treated when they connect."""

    host: Host
    """Their Origin-Host or a pattern of it, as pgw*.example.net; the first that matches counts."""
    profile: Name
    """A `[profiles.NAME]` of the servers' configuration; one that is named there, or by
    `peer accept`, goes before."""


class Document(Part):
    """All that one tenant sells."""

    tenant: Name
    """Whose catalogue this is; `tenant create` makes a tenant."""
    currency: Currency
    """Of all money in the document, as ISO 4217 names it."""
    settings: SettingsPart = SettingsPart()
    """How sessions are treated that do not go as they should."""
    time_zone: TimeZone = "UTC"
    """By which accounts live that have none of their own: Europe/Berlin, or +01:00."""
    home_networks: NetworksText | None = None
    """Where a subscriber does not roam, as 262/(01,06)."""
    home_countries: Annotated[tuple[Country, ...], Field(max_length=300)] = ()
    """Likewise, where only the country is known."""
    carrier_code: CarrierCode | None = None
    """What comes with numbers that are the tenant's own: calls to these are on-net, as those to its
    accounts are."""
    emergency_numbers: Annotated[tuple[EmergencyNumber, ...], Field(max_length=100)] = ()
    """Calls to these are always served, for nothing."""
    number_prefixes: Annotated[tuple[PrefixPart, ...], Field(max_length=TABLE_ENTRIES_MAX)] = ()
    """Where nodes stand, by the first digits of their numbers, before what all numbers tell."""
    sgsn_addresses: Annotated[tuple[AddressPart, ...], Field(max_length=TABLE_ENTRIES_MAX)] = ()
    """Where serving nodes stand, by their addresses."""
    rating_groups: Annotated[tuple[RatingGroupPart, ...], Field(min_length=1)]
    """The kinds of usage that are rated alike, as a tree."""
    default_rating_groups: dict[ServiceContext, RatingGroupId] = Field(default_factory=dict)
    """For requests without Rating-Group: by the document of the Service-Context-Id, as "32251"."""
    service_identifiers: dict[Annotated[int, Field(ge=0, lt=2**32), WHOLE], RatingGroupId] = Field(
        default_factory=dict
    )
    """For requests without Rating-Group: by Service-Identifier; asked before the contexts."""
    balance_types: Annotated[tuple[BalanceTypePart, ...], Field(min_length=1, max_length=1000)]
    """The kinds of balances that accounts may have."""
    default_monetary_balance_type: Name | None = None
    """The money that pays where nothing else is said; not written: the first type of money."""
    policy_counters: Annotated[
        tuple[PolicyCounterPart, ...], Field(max_length=POLICY_COUNTERS_MAX)
    ] = ()
    """What policy servers are told of accounts, by several counters and balances together."""
    plans: tuple[PlanPart, ...] = ()
    """What accounts subscribe to."""
    peers: Annotated[tuple[PeerPart, ...], Field(max_length=1000)] = ()
    """How the gateways are treated that the servers know as this tenant's."""
    notices: NoticesPart = NoticesPart()
    """Who is told of what happens to accounts and peers."""
    _source: str | None = PrivateAttr(default=None)

    @property
    def source(self) -> str | None:
        """The text that the document was read from."""
        return self._source

    def read_from(self, source: str) -> "Document":
        """Returns the document with the text that it was read from."""
        copy = self.model_copy()
        copy._source = source
        return copy


PARTS: dict[str, type[Part]] = {
    "": Document,
    "settings": SettingsPart,
    "rating_groups": RatingGroupPart,
    "children": RatingGroupPart,
    "announcements": AnnouncementsPart,
    "quota_limit_reached": AnnouncementPart,
    "end_user_service_denied": AnnouncementPart,
    "other_error": AnnouncementPart,
    "variable_parts": VariablePartPart,
    "final_unit": FinalUnitPart,
    "servers": RedirectServerPart,
    "balance_types": BalanceTypePart,
    "counters": CounterPart,
    "counters.states": CounterStatePart,
    "policy_counters": PolicyCounterPart,
    "policy_counters.states": PolicyStatePart,
    "plans": PlanPart,
    "services": ServicePart,
    "allowance": AllowancePart,
    "price": PricePart,
    "rates": RatePart,
    "when": WhenPart,
    "hours": HoursPart,
    "peers": PeerPart,
    "notices": NoticesPart,
    "webhooks": WebhookPart,
    "files": NoticeFilePart,
    "number_prefixes": PrefixPart,
    "sgsn_addresses": AddressPart,
}
"""The model of a mapping by the key that it, or the list of it, stands under; where that is not
enough, by the key of what it is a part of, too."""


def keys_at(path: Iterable[str | int]) -> list[str]:
    """Returns the keys that a mapping at a path may have."""
    names = [step for step in path if isinstance(step, str)]
    name = part_name(names[-2] if len(names) > 1 else "", names[-1]) if names else ""
    return [] if name is None else list(PARTS[name].model_fields)


def part_name(above: str, key: str) -> str | None:
    """Returns what a mapping is called in PARTS that stands under a key of another one."""
    names = (f"{above}.{key}", key)
    return next((name for name in names if name in PARTS), None)


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out what only says a key's name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """Returns a JSON Schema of the document, for editors."""
    schema = Document.model_json_schema(schema_generator=_WithoutTitles)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
