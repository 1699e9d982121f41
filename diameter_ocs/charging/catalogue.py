"""What an operator sells: rating groups, balance types, plans and services, one version of it.

A catalogue never changes: a new version is a new value. It is built, and checked, from a document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from .announcements import Announcement, AnnouncementKey
from .counters import BalanceCounter, PolicyCounter
from .expressions import Networks
from .final_units import TERMINATES, FinalUnitHandling
from .hours import WorkingHours
from .information import ServiceInformation
from .location import Circumstances, Place
from .notice_types import NoticeSink
from .restrictions import Restrictions
from .units import MICRO_UNITS, UnitType, half_up


@dataclass(frozen=True, slots=True)
class RatingGroup:
    """A kind of usage that is rated alike, with what it inherits from its parents filled in."""

    id: int
    name: str
    parent_id: int | None
    unit_type: UnitType
    rounding: int
    """Usage is charged in multiples of this many units, at least 1."""
    min_reservation: int
    max_reservation: int
    default_quota: int
    """Units granted when a request does not say how much."""
    quota_validity_seconds: int
    announcements: Mapping[AnnouncementKey, tuple[Announcement, ...]] = field(default_factory=dict)
    """What is announced, parents' entries filled in; an empty tuple is silence."""
    mirrors_result_code: bool = False
    """The Result-Code of its service is the command's, too."""
    final_unit: FinalUnitHandling = TERMINATES
    """What becomes of a service whose units have ended."""
    quota_holding_seconds: int = 0
    """How long a quota may lie idle before the gateway gives it back; 0: the gateway decides."""
    threshold_percent: int = 0
    """What part of a quota is left when the gateway asks for more; 0: it waits for the end."""
    quota_consumption_seconds: int | None = None
    """How long traffic may be idle and its time still count; None: the gateway decides."""
    max_session_share_percent: int = 100
    """What part of what is available one grant may take."""
    min_validity_seconds: int | None = None
    """A quota is as large as what the session uses in so long; None: it is what is asked for."""


@dataclass(frozen=True, slots=True)
class BalanceType:
    """A kind of balance: money in micro-units, or an allowance of one type of unit."""

    name: str
    unit_type: UnitType | None
    """None: money."""


@dataclass(frozen=True, slots=True)
class Price:
    """An amount for so many units, never divided beforehand."""

    micro_units: int
    per_units: int
    tax_millionths: int = 0
    """The tax as a fraction of the net price, in millionths."""
    initial_micro_units: int = 0
    """What the first unit costs besides, before tax: once for a session and rating group."""
    minimum_units: int = 0
    """The first unit costs as much as so many, which then cost no more: likewise once."""

    @property
    def is_nothing(self) -> bool:
        """Does everything cost nothing?"""
        return not (self.micro_units or self.initial_micro_units)

    @property
    def has_beginning(self) -> bool:
        """Does the first unit cost more than those that follow it?"""
        return self.initial_micro_units > 0 or self.minimum_units > 1

    @property
    def continued(self) -> "Price":
        """The price of what follows a first unit that was charged elsewhere."""
        return replace(self, initial_micro_units=0, minimum_units=0) if self.has_beginning else self

    def charge_of(self, units: int) -> int:
        """Returns what so many units cost in all, tax included, in micro-units."""
        if not units:
            return 0
        if units < self.minimum_units:
            units = self.minimum_units
        net = units * self.micro_units + self.initial_micro_units * self.per_units
        if not self.tax_millionths:
            return half_up(net, self.per_units)
        return half_up(net * (MICRO_UNITS + self.tax_millionths), self.per_units * MICRO_UNITS)

    def least_after(self, units: int) -> int:
        """Returns the least amount for which there is more after so many units; 0: it is paid."""
        if not self.has_beginning:
            return 1
        if not units:
            return self.charge_of(1)
        return 0 if units < self.minimum_units else 1

    def tax_within(self, charge: int) -> int:
        """Returns the tax that a charge includes; a greater charge never includes less."""
        return half_up(charge * self.tax_millionths, MICRO_UNITS + self.tax_millionths)

    def units_for(self, micro_units: int, at_most: int) -> int:
        """Returns how many whole units cost no more than an amount, and no more than `at_most`."""
        if self.charge_of(at_most) <= micro_units:
            return at_most
        if self.charge_of(1) > micro_units:
            return 0
        taxed = 2 * (MICRO_UNITS + self.tax_millionths)
        left = self.per_units * MICRO_UNITS * (2 * micro_units + 1)
        left -= taxed * self.initial_micro_units * self.per_units
        return max(-(-left // (taxed * self.micro_units)) - 1, self.minimum_units)


@dataclass(frozen=True, slots=True)
class Rate:
    """A price, and where and when it is the price."""

    price: Price
    zone: str = ""
    """What the operator calls it; usage of another zone is charged apart, whatever it costs."""
    restrictions: Restrictions | None = None
    """None: always."""


@dataclass(frozen=True, slots=True)
class Service:
    """What pays for the usage of some rating groups: allowances, or money at a price.

    One without balance types and rates pays for nothing: it is there to deny.
    """

    name: str
    priority: int
    """0 is asked first."""
    rating_groups: frozenset[int]
    """The groups named by the operator and all groups below them."""
    balance_types: tuple[str, ...]
    """In the order in which they pay."""
    rates: tuple[Rate, ...] = ()
    """The first whose restrictions hold is what counts; where none does the service pays nothing.

    Without any, the balances are allowances and pay unit for unit.
    """
    restrictions: Restrictions | None = None
    """Where they do not hold the service is passed over; None: it takes everything."""
    denies_others: bool = False
    """What it takes no later service is asked for, even when it has nothing left or no rate."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A balance that comes with a subscription to a plan."""

    balance_type: str
    total: int
    """In the balance type's units."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of services that an account can subscribe to."""

    name: str
    priority: int
    """0 is asked first."""
    services: tuple[Service, ...]
    allowances: tuple[Allowance, ...]
    catch_all: bool = False
    """It is asked after all others, and takes what nobody can place."""
    policy_counters: tuple[str, ...] = ()
    """Those that an account with the plan has."""


class Source(NamedTuple):
    """What pays next: an allowance service, or neighbouring services that share a price."""

    service: str
    """The first one's name."""
    is_priced: bool
    balance_types: tuple[str, ...]
    """In the order in which they pay, without repeats."""


class Tariff(NamedTuple):
    """Everything that may pay for a rating group at one price, in order."""

    price: Price | None
    """What units cost that no allowance pays; None: only allowances pay."""
    sources: tuple[Source, ...]
    """Empty: no service of the account takes the rating group."""
    balance_types: tuple[str, ...]
    """Every type that may pay, those that pay at another price included."""
    is_free: bool
    """This price or another one of the rating group is nothing: it never ends."""
    zone: str = ""
    """The name of the rate that has the price."""
    is_by_place: bool = False
    """Elsewhere others might pay, or at another price."""
    is_unplaced: bool = False
    """Nothing pays because nobody says where the subscriber is."""
    considered: str = ""
    """Which services were looked at, and why each was passed over."""
    services: tuple[str, ...] = ()
    """Those that pay, at this price or as allowances: plans and services."""
    is_by_hours: bool = False
    """At another time others might pay, or at another price."""


class Candidate(NamedTuple):
    """A service that may pay for a rating group, if its restrictions hold."""

    plan: Plan
    service: Service
    number: tuple[int, int]
    """The places of plan and service in the catalogue, from 0."""


class Menu(NamedTuple):
    """What some plans have for a rating group, and what its choice depends on."""

    candidates: tuple[Candidate, ...]
    """In the order in which they are asked."""
    always: tuple[Tariff, ...] | None
    """What is chosen whatever the circumstances; None: it depends on them."""
    facts: Callable[[Circumstances], object]
    """Reads those facts of the circumstances on which the choice depends."""
    number_bounds: tuple[str, ...]
    """Between two neighbours of these all numbers at the other end have the same tariffs."""
    hours: tuple[WorkingHours, ...]
    """All working hours on which the choice depends."""
    lasting: dict[tuple[object, ...], tuple[int, int]]
    """What `price_changes` has found: by all else on which it depends, from when until when, in
    microseconds since 1970, the choice is the same; it may forget it."""


class Insufficiency(Enum):
    """What is granted when what is left pays for less than is wanted."""

    PROVIDE_ROUNDED_AMOUNT = "PROVIDE_ROUNDED_AMOUNT"
    """What is left, and the rest of the rounding unit that it begins."""
    PROVIDE_REMAINING = "PROVIDE_REMAINING"
    """What is left."""
    IGNORE = "IGNORE"
    """The whole rounding units in it."""


class Reauthorization(Enum):
    """Which sessions are called to ask again when there is more to use than before."""

    REFUSED = "refused"
    """Those that were refused something, or got their last quota of it."""
    ALL = "all"
    """Where an operator is the reason, all of the accounts that it concerns."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How a tenant has sessions and events treated that do not go as they should."""

    idle_seconds: int = 48 * 3600
    """A session of which nothing is heard for so long is closed."""
    ims_idle_seconds: int = 4 * 3600
    """Likewise for sessions of the IMS."""
    tombstone_seconds: int = 48 * 3600
    """How long a session that has ended is remembered, at least 4 minutes."""
    charges_unknown_sessions: bool = False
    """Usage that is reported for a session which never was open is charged, not only recorded."""
    closes_unclaimed: bool = True
    """A session whose opening was never answered is closed when nobody asks again."""
    reverses_unclaimed_events: bool = True
    """Likewise an event that was stored and never answered is taken back."""
    serves_events_in_part: bool = True
    """An event that cannot be paid whole gets the units that what is left can begin; else none."""
    insufficiency: Insufficiency = Insufficiency.PROVIDE_ROUNDED_AMOUNT
    """Likewise for the quotas of sessions."""
    low_balance: int | None = None
    """Gateways are told that little money is left when it is less, in micro-units; None: never."""
    reauthorization: Reauthorization = Reauthorization.REFUSED
    """Which sessions are called to ask again when there is more to use than before."""


class AppliedDocument(NamedTuple):
    """One version of a catalogue as it was written, and who applied it when."""

    version: int
    applied_at: int
    """In microseconds since 1970."""
    actor: str
    document: str
    """What it says, as JSON."""
    source: str | None
    """The text that was applied; None: it was not kept then."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One version of all that one tenant sells."""

    tenant: str
    version: int
    currency: str
    """ISO 4217, as "EUR"."""
    rating_groups: Mapping[int, RatingGroup]
    balance_types: Mapping[str, BalanceType]
    plans: Mapping[str, Plan]
    default_rating_groups: Mapping[str, int]
    """By service context, for requests that name no rating group."""
    service_identifiers: Mapping[int, int] = field(default_factory=dict)
    """From a Service-Identifier to a rating group, likewise."""
    default_monetary_balance_type: str | None = None
    session_rules: SessionRules = SessionRules()
    time_zone: str = "UTC"
    """Of accounts that have none of their own."""
    home_networks: Networks | None = None
    """Where a subscriber does not roam; None: nowhere."""
    home_countries: tuple[str, ...] = ()
    """Likewise, where the network is not known."""
    carrier_code: str | None = None
    """What other numbers carry that are the tenant's own."""
    emergency_numbers: frozenset[str] = frozenset()
    """Numbers that are always served, for nothing."""
    prefixes: Mapping[str, Place] = field(default_factory=dict)
    """By the first digits of numbers of nodes, where they stand: before what is known of all."""
    sgsn_addresses: Mapping[IPv4Network | IPv6Network, Place] = field(default_factory=dict)
    """By the addresses of serving nodes, where they stand."""
    announcement_contexts: frozenset[str] = frozenset({"32260", "32275", "32276"})
    """The service contexts whose answers carry announcements."""
    explains_in_full: bool = False
    """Every EDR says in full which services were considered, not only that of a refusal."""
    counters: Mapping[str, BalanceCounter] = field(default_factory=dict)
    """Those on balance types."""
    policy_counters: Mapping[str, PolicyCounter] = field(default_factory=dict)
    """Those that read them; no name is in both."""
    blockable: frozenset[str] = frozenset()
    """The balance types that counters may keep from paying."""
    ignores_unknown_counters: bool = False
    """Policy servers that name counters which there are not are told of the others."""
    notice_sinks: Mapping[str, NoticeSink] = field(default_factory=dict)
    """Where notices are sent, by name."""
    noticed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of those that want a type of notice, by type; none that nobody wants."""
    expiring_before: tuple[int, ...] = ()
    """How many seconds before something ends it is told, the most first; () if nobody wants it."""
    menus: dict[tuple[tuple[str, ...], int], Menu] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What `rating` has found, by plans and rating group; it may forget it."""
    tariffs: dict[tuple[object, ...], tuple[Tariff, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What it has chosen, by all that it depended on; likewise."""
    circumstances: dict[tuple[ServiceInformation, Circumstances], Circumstances] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What `circumstances_of` has found, by what was said and what was known; likewise."""

    def candidates(self, plans: tuple[str, ...], rating_group: int) -> tuple[Candidate, ...]:
        """Returns what may pay for a rating group, in order: plan priority, then service priority.

        Among equals the one that the document names first comes first; plans that catch all come
        last. A service that names a group also covers its children; a nearer group does not win.
        A plan that this version does not have any more supplies nothing.
        """
        candidates = [
            Candidate(plan, service, (plan_number, number))
            for plan_number, plan in enumerate(self.plans.values())
            if plan.name in plans
            for number, service in enumerate(plan.services)
            if rating_group in service.rating_groups
        ]
        candidates.sort(key=_order)
        return tuple(candidates)

    def rating_group_of(
        self, rating_group: int | None, service_identifiers: tuple[int, ...], context: str | None
    ) -> RatingGroup | None:
        """Returns the group that a service of a request belongs to; None: it cannot be rated."""
        if rating_group is None:
            mapped = (self.service_identifiers.get(number) for number in service_identifiers)
            rating_group = next((group for group in mapped if group is not None), None)
        if rating_group is None and context is not None:
            rating_group = self.default_rating_groups.get(context)
        return None if rating_group is None else self.rating_groups.get(rating_group)


def _order(candidate: Candidate) -> tuple[bool, int, int, int, int]:
    plan, service, (plan_number, number) = candidate
    return plan.catch_all, plan.priority, plan_number, service.priority, number
