"""What tenants are told of: each type of notice, and what it says.

A notice says once what has happened, and to which account or peer. What is written here of each
field is what programs that take notices are told of it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, NamedTuple


class Format(NamedTuple):
    """How a text is written, as JSON Schema names it."""

    name: str


UnitTypeName = Literal["money", "time", "volume", "units"]
_Moment = Annotated[str, Format("date-time")]
AccountStateName = Literal["active", "suspended"]
IdentityKindName = Literal["imsi", "msisdn", "sip_uri", "nai", "private"]
_UnitType = Annotated[
    UnitTypeName, "What amounts are counted in: micro-units of money, seconds, octets or units."
]
_Plan = Annotated[str, "The name of the plan."]
_Device = Annotated[str, "What the operator calls the device, unique in the tenant."]
_SubscriptionId = Annotated[int, "The id of the subscription."]
_BalanceId = Annotated[int, "The id of the balance."]
_BalanceType = Annotated[str, "The name of the balance type."]
_SessionId = Annotated[str, "The Session-Id; octets that are no text are written as \\xff."]
_RatingGroup = Annotated[int | None, "None: the request named none, and none was found."]


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """What networks call a device."""

    kind: Annotated[IdentityKindName, "What kind of name it is."]
    value: Annotated[str, "An MSISDN is in digits, country code first."]


@dataclass(frozen=True, slots=True)
class AccountCreated:
    """An account was opened."""

    type: ClassVar = "account.created"

    plans: Annotated[tuple[str, ...], "The plans that it begins with."]
    parent: Annotated[str | None, "The account whose balances pay after its own."]
    time_zone: Annotated[str | None, "By which it lives; None: by its tenant's."]


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An account was suspended or resumed, or lives by another time zone."""

    type: ClassVar = "account.changed"

    state: Annotated[AccountStateName, "Whether it is served."]
    previous_state: Annotated[AccountStateName, "Likewise, before."]
    time_zone: Annotated[str | None, "By which it lives; None: by its tenant's."]
    previous_time_zone: Annotated[str | None, "Likewise, before."]


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """An account was deleted, with its subscriptions and balances."""

    type: ClassVar = "account.deleted"


@dataclass(frozen=True, slots=True)
class DeviceCreated:
    """An account has one more device."""

    type: ClassVar = "device.created"

    device: _Device
    identities: Annotated[tuple[NamedIdentity, ...], "What networks call it."]


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """Networks call a device otherwise than before."""

    type: ClassVar = "device.changed"

    device: _Device
    identities: Annotated[tuple[NamedIdentity, ...], "What networks call it."]
    previous_identities: Annotated[tuple[NamedIdentity, ...], "Likewise, before."]


@dataclass(frozen=True, slots=True)
class DeviceDeleted:
    """A device was taken away."""

    type: ClassVar = "device.deleted"

    device: _Device
    identities: Annotated[tuple[NamedIdentity, ...], "What networks called it."]


@dataclass(frozen=True, slots=True)
class SubscriptionAdded:
    """An account has subscribed to a plan."""

    type: ClassVar = "subscription.added"

    subscription: _SubscriptionId
    plan: _Plan
    valid_from: Annotated[_Moment, "When it begins."]
    valid_until: Annotated[_Moment | None, "When it ends; None: it has no end."]


@dataclass(frozen=True, slots=True)
class SubscriptionActivated:
    """A subscription has begun: its plan's services are there."""

    type: ClassVar = "subscription.activated"

    subscription: _SubscriptionId
    plan: _Plan
    valid_until: Annotated[_Moment | None, "When it ends; None: it has no end."]


@dataclass(frozen=True, slots=True)
class SubscriptionCancelled:
    """A subscription was ended before its time, or undone before it began."""

    type: ClassVar = "subscription.cancelled"

    subscription: _SubscriptionId
    plan: _Plan


@dataclass(frozen=True, slots=True)
class SubscriptionExpiring:
    """A subscription ends soon."""

    type: ClassVar = "subscription.expiring"

    subscription: _SubscriptionId
    plan: _Plan
    valid_until: Annotated[_Moment, "When it ends."]


@dataclass(frozen=True, slots=True)
class SubscriptionExpired:
    """A subscription has ended by itself."""

    type: ClassVar = "subscription.expired"

    subscription: _SubscriptionId
    plan: _Plan
    valid_until: Annotated[_Moment, "When it ended."]


@dataclass(frozen=True, slots=True)
class BalanceExhausted:
    """All that a balance had is used; what sessions hold of it is not used yet."""

    type: ClassVar = "balance.exhausted"

    balance: _BalanceId
    balance_type: _BalanceType
    unit_type: _UnitType
    total: Annotated[int, "What it had."]
    others: Annotated[int, "What the account's other balances of the type have left, reserved too."]


@dataclass(frozen=True, slots=True)
class BalanceReplenished:
    """A balance of which all was used has something again."""

    type: ClassVar = "balance.replenished"

    balance: _BalanceId
    balance_type: _BalanceType
    unit_type: _UnitType
    value: Annotated[int, "What it has, reserved or not."]


@dataclass(frozen=True, slots=True)
class BalanceExpiring:
    """A balance that has something left ends soon."""

    type: ClassVar = "balance.expiring"

    balance: _BalanceId
    balance_type: _BalanceType
    unit_type: _UnitType
    value: Annotated[int, "What it has, reserved or not."]
    valid_until: Annotated[_Moment, "When it ends."]


@dataclass(frozen=True, slots=True)
class BalanceExpired:
    """A balance has ended: what it has left pays for nothing any more."""

    type: ClassVar = "balance.expired"

    balance: _BalanceId
    balance_type: _BalanceType
    unit_type: _UnitType
    value: Annotated[int, "What it had left, reserved or not."]
    valid_until: Annotated[_Moment, "When it ended."]


@dataclass(frozen=True, slots=True)
class CounterChanged:
    """A counter of an account has another state, upwards or downwards."""

    type: ClassVar = "counter.changed"

    counter: Annotated[str, "The name of the counter, as the catalogue has it."]
    balance_type: Annotated[str | None, "What it counts; None: it is a policy counter."]
    previous: Annotated[str, "The state before."]
    state: Annotated[str, "The state now."]
    threshold: Annotated[
        int | None, "Where the state now begins; None: it is the one where none is passed."
    ]
    is_in_percent: Annotated[bool, "The threshold is a part of the total, else an amount."]
    unit_type: Annotated[
        UnitTypeName | None, "What an amount is counted in; None: it is a policy counter."
    ]


@dataclass(frozen=True, slots=True)
class CreditCrossed:
    """An account's money fell below one of its own thresholds, or came back above it."""

    type: ClassVar = "credit.crossed"

    balance_type: _BalanceType
    threshold: Annotated[
        int | None, "The lowest one that it is below now, in micro-units; None: it is below none."
    ]
    previous_threshold: Annotated[int | None, "Likewise, before."]


@dataclass(frozen=True, slots=True)
class SessionAbandoned:
    """A session was closed without its gateway, and what it held was released."""

    type: ClassVar = "session.abandoned"

    session_id: _SessionId
    origin_host: Annotated[str | None, "Its gateway."]
    reason: Annotated[
        str | None,
        "Why: idle, unclaimed, replaced, gateway_restarted, suspended, deleted or"
        " closed_by_command.",
    ]
    rating_groups: Annotated[tuple[int, ...], "Those of which it held quotas."]


@dataclass(frozen=True, slots=True)
class SessionUnknown:
    """Usage was reported for a session that nobody knows."""

    type: ClassVar = "session.unknown"

    session_id: _SessionId
    origin_host: Annotated[str | None, "The gateway that reported it."]


@dataclass(frozen=True, slots=True)
class UsageOverrun:
    """More was used than granted, and nothing paid for it."""

    type: ClassVar = "usage.overrun"

    session_id: Annotated[str | None, "The Session-Id, likewise; None: there was none."]
    rating_group: _RatingGroup
    units: Annotated[int, "How much, in the rating group's units."]
    amount: Annotated[int, "Its price, where it has one, in micro-units of money."]


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A gateway, or another peer, has connected."""

    type: ClassVar = "peer.up"

    realm: Annotated[str, "Its Origin-Realm."]
    server: Annotated[str, "The Origin-Host of the server that it is connected to."]


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The connection to a peer has ended."""

    type: ClassVar = "peer.down"

    realm: Annotated[str, "Its Origin-Realm."]
    server: Annotated[str, "The Origin-Host of the server that it was connected to."]


NoticeData = (
    AccountCreated
    | AccountChanged
    | AccountDeleted
    | DeviceCreated
    | DeviceChanged
    | DeviceDeleted
    | SubscriptionAdded
    | SubscriptionActivated
    | SubscriptionCancelled
    | SubscriptionExpiring
    | SubscriptionExpired
    | BalanceExhausted
    | BalanceReplenished
    | BalanceExpiring
    | BalanceExpired
    | CounterChanged
    | CreditCrossed
    | SessionAbandoned
    | SessionUnknown
    | UsageOverrun
    | PeerUp
    | PeerDown
)
NOTICE_TYPES: dict[str, type[NoticeData]] = {each.type: each for each in NoticeData.__args__}
"""By their names, in the order in which they are told of."""
PEER_TYPES = (PeerUp.type, PeerDown.type)
"""Those that are about no account."""


class NoticeSink(NamedTuple):
    """Where a tenant wants notices sent."""

    name: str
    """Unique in the tenant."""
    types: frozenset[str]
    """Those that it wants."""
    url: str | None = None
    """Of a webhook; None: it is a file."""


def target_of(tenant: str, sink: str) -> str:
    """Returns what the outbox calls a sink; its name has no slash, that of a tenant may."""
    return f"{tenant}/{sink}"


def sink_named(target: str) -> tuple[str, str]:
    """Returns the tenant and the name of a sink that the outbox calls so."""
    tenant, _, name = target.rpartition("/")
    return tenant, name


def types_matching(pattern: str) -> tuple[str, ...]:
    """Returns the types that a pattern names: one, or all of a family as `counter.*`."""
    if pattern.endswith(".*"):
        return tuple(name for name in NOTICE_TYPES if name.startswith(pattern[:-1]))
    return (pattern,) if pattern in NOTICE_TYPES else ()
