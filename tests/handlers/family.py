"""What an operator and a gateway make of a few accounts, kept the slowest way: unit by unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from diameter_ocs.charging.decisions import Outcome
from diameter_ocs.charging.repeats import SAME_IDENTIFIER_MICROSECONDS
from diameter_ocs.charging.requests import ChargingRequest, Identity, RequestType
from tests.store.scenario import DATA, VOICE

SECOND = 1_000_000
IDLE = 48 * 3600 * SECOND
DEPTH_MAX = 4
INITIAL, UPDATE, TERMINATION, EVENT = RequestType

OCTETS, BONUS, MONEY = "octets", "bonus", "money"
ALLOWANCES = {"plan": (OCTETS, 60), "extra": (BONUS, 25)}
"""What a plan brings."""


class Offer(NamedTuple):
    """A version of what the operator sells."""

    prices: tuple[int, int] = (7, 5)
    """Of a unit of data and of voice, in micro-units."""
    is_money_first: bool = False
    is_extra_first: bool = True
    validity: int = 3600

    @property
    def document(self) -> str:
        data, voice = (f"0.{price:06d}" for price in self.prices)
        return f"""
tenant: TENANT
settings: {{reauthorize: none}}  # in this model a service that says nothing never asks
currency: EUR
rating_groups:
  - {{id: {DATA}, name: Data, unit_type: volume, quota_validity: {self.validity} s}}
  - {{id: {VOICE}, name: Voice, unit_type: time}}
balance_types:
  - {{name: {OCTETS}, unit_type: volume}}
  - {{name: {BONUS}, unit_type: volume}}
  - {{name: {MONEY}, unit_type: money}}
plans:
  - name: plan
    priority: 1
    services:
      - name: allowance
        priority: {int(self.is_money_first)}
        rating_groups: [{DATA}]
        allowance: {{balance_type: {OCTETS}, amount: 60}}
      - name: data
        priority: {int(not self.is_money_first)}
        rating_groups: [{DATA}]
        price: {{amount: "{data}"}}
      - name: voice
        rating_groups: [{VOICE}]
        price: {{amount: "{voice}"}}
  - name: extra
    priority: {0 if self.is_extra_first else 2}
    services:
      - {{name: extra, rating_groups: [{DATA}], allowance: {{balance_type: {BONUS}, amount: 25}}}}
"""

    def price(self, rating_group: int) -> int:
        return self.prices[rating_group == VOICE]

    def sources(self, plans: Set[str], rating_group: int) -> list[str]:
        """Return the types of balances that pay, in order."""
        if rating_group == VOICE:
            return [MONEY] if "plan" in plans else []
        pay = [MONEY, OCTETS] if self.is_money_first else [OCTETS, MONEY]
        of_plan = pay if "plan" in plans else []
        extra = [BONUS] if "extra" in plans else []
        return extra + of_plan if self.is_extra_first else of_plan + extra


OFFERS = (
    Offer(),
    Offer(prices=(11, 5)),
    Offer(prices=(7, 3), is_money_first=True),
    Offer(is_extra_first=False, validity=60),
)


@dataclass
class Bucket:
    """A balance."""

    id: int
    kind: str
    total: int
    priority: int = 0
    begins: int | None = None
    ends: int | None = None
    subscription: int | None = None
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        return self.total - self.used - self.reserved


@dataclass
class Plan:
    """A subscription."""

    name: str
    begins: int | None
    ends: int | None

    def is_active(self, now: int) -> bool:
        return is_within(self.begins, self.ends, now)


@dataclass(eq=False)
class Person:
    """An account."""

    name: str
    parent: Person | None
    is_suspended: bool = False
    is_deleted: bool = False
    plans: dict[int, Plan] = field(default_factory=dict)
    buckets: dict[int, Bucket] = field(default_factory=dict)
    devices: dict[str, set[Identity]] = field(default_factory=dict)

    @property
    def root(self) -> Person:
        return self if self.parent is None else self.parent.root

    @property
    def depth(self) -> int:
        return 1 if self.parent is None else 1 + self.parent.depth

    def ancestors(self) -> Iterator[Person]:
        """Return it and all above it."""
        yield self
        if self.parent is not None:
            yield from self.parent.ancestors()


class Part(NamedTuple):
    """So much of a balance."""

    bucket: Bucket
    amount: int


Unit = list[Part]
"""What pays for one unit: less than its price where it was begun with the last."""


@dataclass
class Quota:
    """What a session may use of a rating group."""

    price: int | None
    units: list[Unit]
    plans: frozenset[str]
    """Those of the account when it was granted."""
    expires_at: int = 0


class Answered(NamedTuple):
    """A request that was stored, and what it was told."""

    request: ChargingRequest
    at: int
    told: object


@dataclass
class Session:
    """One life of a session."""

    person: Person
    name: bytes
    heard_at: int
    quotas: dict[int, Quota] = field(default_factory=dict)
    prices: dict[int, int | None] = field(default_factory=dict)
    """Of the newest line of each rating group."""
    plans: dict[int, frozenset[str]] = field(default_factory=dict)
    """Those that sold it."""
    bearer: int | None = None
    closed_at: int | None = None
    reason: str = ""
    answers: list[Answered] = field(default_factory=list)

    def close(self, now: int, reason: str) -> None:
        for quota in self.quotas.values():
            release(quota.units)
        self.quotas.clear()
        self.closed_at, self.reason = now, reason


class Paid(NamedTuple):
    """What became of what was reported."""

    units: int = 0
    money: int = 0
    overrun: int = 0


class Told(NamedTuple):
    """What the model says of one service."""

    outcome: Outcome
    granted: int
    is_final: bool
    paid: Paid


def is_within(begins: int | None, ends: int | None, now: int) -> bool:
    return (begins is None or begins <= now) and (ends is None or now < ends)


def release(units: Iterable[Unit]) -> None:
    for unit in units:
        for bucket, amount in unit:
            bucket.reserved -= amount


def is_repeat(first: Answered, again: ChargingRequest, now: int, by_content: bool) -> bool:
    was = first.request
    if (was.request_type, was.request_number) != (again.request_type, again.request_number):
        return False
    is_same = was.end_to_end_id == again.end_to_end_id
    if is_same and now - first.at <= SAME_IDENTIFIER_MICROSECONDS:
        return True
    return again.is_retransmission or (by_content and was.usages == again.usages)


class Family:
    """All accounts of a tenant; what they were given is what was charged, is left, or was taken."""

    def __init__(self) -> None:
        self.now = 0
        self.offer = OFFERS[0]
        self.is_suspended = False
        self.people: dict[str, Person] = {}
        """Those that live, by name."""
        self.sessions: dict[bytes, Session] = {}
        """The latest life of each name."""
        self.given: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.charged: Counter[str] = Counter()

    def owner(self, identity: Identity) -> Person | None:
        for person in self.people.values():
            if any(identity in identities for identities in person.devices.values()):
                return person
        return None

    def owner_of_device(self, name: str) -> Person | None:
        return next((person for person in self.people.values() if name in person.devices), None)

    def buckets(self) -> list[tuple[Person, Bucket]]:
        return [(each, bucket) for each in self.people.values() for bucket in each.buckets.values()]

    def denies(self, person: Person) -> bool:
        return self.is_suspended or person.is_suspended or person.is_deleted

    def active_plans(self, person: Person) -> set[str]:
        return {plan.name for plan in person.plans.values() if plan.is_active(self.now)}

    def sources(
        self, person: Person, rating_group: int, plans: Set[str] | None = None
    ) -> list[str]:
        """Return the types that pay, under an account's active plans or others."""
        return self.offer.sources(plans or self.active_plans(person), rating_group)

    def price(self, person: Person, rating_group: int) -> int | None:
        has_price = MONEY in self.sources(person, rating_group)
        return self.offer.price(rating_group) if has_price else None

    def paying(self, person: Person, kind: str) -> list[Bucket]:
        """Return the balances of a type that may pay for an account, in order."""
        payers = [p for p in person.ancestors() if p is person or not p.is_suspended]
        return [
            bucket
            for payer in payers
            for bucket in sorted(payer.buckets.values(), key=lambda b: (-b.priority, b.id))
            if bucket.kind == kind and is_within(bucket.begins, bucket.ends, self.now)
        ]

    def take(
        self,
        person: Person,
        rating_group: int,
        wanted: int,
        price: int | None,
        begins: bool = True,
        plans: Set[str] | None = None,
    ) -> list[Unit]:
        """Reserve what can be had of so many units."""
        units: list[Unit] = []
        for kind in self.sources(person, rating_group, plans):
            paying = self.paying(person, kind)
            cost = price if kind == MONEY else 1
            while cost is not None and len(units) < wanted:
                free = sum(bucket.free for bucket in paying)
                if not free or (free < cost and not begins):
                    break
                units.append(_reserved(paying, min(cost, free)))
        return units

    def spend(self, units: Iterable[Unit]) -> tuple[int, int]:
        """Have reserved units paid; return how many, and how much money."""
        count = money = 0
        for unit in units:
            count += 1
            for bucket, amount in unit:
                bucket.reserved -= amount
                bucket.used += amount
                self.charged[bucket.kind] += amount
                money += amount if bucket.kind == MONEY else 0
        return count, money

    def line(self, session: Session, rating_group: int) -> int | None:
        """Return the price of what a rating group uses now."""
        price = self.price(session.person, rating_group)
        is_kept = not self.sources(session.person, rating_group)
        if rating_group not in session.prices or not is_kept:
            session.prices[rating_group] = price
            session.plans[rating_group] = frozenset(self.active_plans(session.person))
        return session.prices[rating_group]

    def settle(self, session: Session, rating_group: int, used: int | None) -> Paid:
        """Charge what was used, None: nothing was reported; what was reserved is released."""
        quota = session.quotas.pop(rating_group, None)
        if quota is None and used is None:
            return Paid()
        if quota is None and session.closed_at is not None and rating_group in session.prices:
            quota = Quota(session.prices[rating_group], [], session.plans[rating_group])
        if quota is None:
            quota = Quota(self.line(session, rating_group), [], frozenset())
        used = used or 0
        above = max(used - len(quota.units), 0)
        plans = quota.plans
        if quota.price == self.price(session.person, rating_group):
            plans |= self.active_plans(session.person)
        more = self.take(session.person, rating_group, above, quota.price, plans=plans)
        count, money = self.spend(quota.units[:used] + more)
        release(quota.units[used:])
        return Paid(count, money, above - len(more))

    def grant(self, session: Session, rating_group: int, wanted: int) -> tuple[Outcome, int, bool]:
        """Reserve a quota; return what is granted, and whether nothing can follow it."""
        person = session.person
        sources = self.sources(person, rating_group)
        if self.denies(person) or not sources:
            return Outcome.SERVICE_DENIED, 0, False
        price = self.line(session, rating_group)
        units = self.take(person, rating_group, wanted, price)
        if not units:
            return Outcome.LIMIT_REACHED, 0, False
        plans = frozenset(self.active_plans(person))
        session.quotas[rating_group] = Quota(price, units, plans)
        own: Counter[int] = Counter()
        for unit in units:
            for bucket, amount in unit:
                own[bucket.id] += amount
        all_paying = [bucket for kind in sources for bucket in self.paying(person, kind)]
        is_final = all(b.free == 0 and b.reserved == own[b.id] for b in all_paying)
        return Outcome.SUCCESS, len(units), is_final

    def look(self) -> None:
        """Do what supervision does."""
        for session in self.sessions.values():
            if session.closed_at is not None:
                continue
            if session.heard_at + IDLE <= self.now:
                session.close(self.now, "idle")
            for quota in session.quotas.values():
                if quota.units and quota.expires_at <= self.now:
                    release(quota.units)
                    quota.units = []


def _reserved(paying: list[Bucket], cost: int) -> Unit:
    unit = []
    for bucket in paying:
        part = min(bucket.free, cost)
        if part:
            bucket.reserved += part
            unit.append(Part(bucket, part))
            cost -= part
    assert not cost
    return unit
