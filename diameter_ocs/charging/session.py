"""A credit-control session as it is stored: its lines, what they hold, its reservations."""

from enum import StrEnum
from typing import NamedTuple

from .catalogue import Price
from .location import NO_CIRCUMSTANCES, Circumstances
from .requests import SessionKey
from .units import UnitType

RATING_GROUPS_MAX = 32
"""Rating groups that one session may use; the next one is denied."""

RESERVATIONS_MAX = 64
"""Quotas that one session may hold, for rating groups and their Service-Identifiers."""

Amounts = tuple[tuple[int, int], ...]
"""(balance id, amount), in the order in which the balances pay."""


class Hold(NamedTuple):
    """Units of a line that one service has promised to pay, and what is reserved for them."""

    service: str
    is_priced: bool
    """Paid in money at the line's price; else in units of allowances."""
    units: int
    amounts: Amounts
    """What is reserved.

    The amounts of money may be short of the price of the units: the last unit was begun with what
    was left.
    """

    @property
    def amount(self) -> int:
        """What is reserved in all."""
        return sum([amount for _, amount in self.amounts])


class Line(NamedTuple):
    """The usage of one rating group at one price; rounding is done once per line.

    A line whose price, rounding or type of unit has changed takes no new grants and goes with its
    last reservation. What is outstanding on it is settled by what it was granted under.
    """

    number: int
    """Counts up within the session."""
    rating_group: int
    price: Price | None
    """None: nothing that can pay has a price."""
    used: int = 0
    """Units reported, and the rest of a unit that was not paid whole, where none is begun."""
    settled: int = 0
    """Units posted, overrun or short: what is used, rounded up."""
    priced: int = 0
    """Units of those settled that were paid at the price."""
    holds: tuple[Hold, ...] = ()
    unit_type: UnitType = UnitType.VOLUME
    """What its units are."""
    rounding: int = 1
    """Its usage is charged in multiples of this many units."""
    zone: str = ""
    """The name of the rate by which it is priced."""
    has_begun: bool = False
    """Usage of the rating group was priced before this line's: its price has no beginning."""
    services: tuple[str, ...] = ()
    """What may pay for it, as its latest grant found it: plans and services."""
    fraction: int = 0
    """Of money: millionths of a micro-unit that were not reported and count as used: it is rounded
    up."""

    @property
    def priced_units(self) -> int:
        """Units that were paid at the price, or are held at it."""
        return self.priced + sum([hold.units for hold in self.holds if hold.is_priced])

    @property
    def held_units(self) -> int:
        """Units that the holds cover."""
        return sum([hold.units for hold in self.holds])


class Reservation(NamedTuple):
    """A quota that a gateway holds for a rating group and a set of Service-Identifiers."""

    rating_group: int
    service_identifiers: tuple[int, ...]
    granted: int
    """Units of the rating group's type."""
    line: int
    """The number of the line that it stands on."""
    expires_at: int = 0
    """When it is released, microseconds since 1970, unless the gateway comes back; 0: it was.

    What has been released holds nothing and is granted nothing; it keeps the line, by whose price
    late usage is charged.
    """
    granted_at: int = 0
    """When, likewise: the units of time count from here."""
    is_final: bool = False
    """The gateway was told what to do at its end, or is doing it since there is nothing left."""
    tariff_change_at: int | None = None
    """What is used from then on has another price and is reported apart; None: the client was told
    of no change."""
    cover: int | None = None
    """The number of the line that holds for it, at the dearest price that it may have; None: its
    own does."""


class Session(NamedTuple):
    """An open session of an account."""

    number: int
    """The number of the EDR that opened it: unique in its group."""
    account_id: int
    key: SessionKey
    service_context: str | None
    origin_host: str
    origin_realm: str
    opened_at: int
    last_request_at: int
    request_number: int
    """The highest CC-Request-Number that was answered."""
    catalogue_version: int
    """The version by which the latest request was rated."""
    lines: tuple[Line, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    supervise_at: int = 0
    """When to look whether something has expired: never later than the first that may have."""
    circumstances: Circumstances = NO_CIRCUMSTANCES
    """Those of the latest request, with what is still known of earlier ones."""
    charging_id: int | None = None
    """What its gateway numbers its bearer with."""
    origin_state_id: int | None = None
    """That of its gateway when it was opened."""
    cost: int = 0
    """What its usage was charged so far, in micro-units."""

    def held(self) -> dict[int, int]:
        """Returns what the session has reserved, by balance id."""
        held: dict[int, int] = {}
        for line in self.lines:
            for hold in line.holds:
                for balance_id, amount in hold.amounts:
                    held[balance_id] = held.get(balance_id, 0) + amount
        return held


class CloseReason(StrEnum):
    """Why a session ended."""

    TERMINATED = "terminated"
    REFUSED = "refused"
    """A request was answered with a failure, mostly its first."""
    REPLACED = "replaced"
    """A new session was opened under its name, or for its bearer."""
    IDLE = "idle"
    """Nothing was heard of it for too long."""
    UNCLAIMED = "unclaimed"
    """Its opening was stored too late to be answered, and nobody asked again."""
    EVENT = "event"
    """It never was one: an event was charged under that name."""
    GATEWAY_RESTARTED = "gateway_restarted"
    """Its gateway lost it."""
    FORGOTTEN = "unknown_to_gateway"
    """Its gateway was called and said that it has no such session."""
    SUSPENDED = "suspended"
    """Its account was suspended."""
    DELETED = "deleted"
    """Its account was deleted."""
    COMMANDED = "closed_by_command"
    """An operator closed it."""
    UNKNOWN = "unknown"
    """It never was open: usage was reported under a name that nobody knows."""


class ClosedSession(NamedTuple):
    """What is remembered of a session that has ended, for repeats and late usage."""

    session: Session
    """As it ended: its lines hold nothing."""
    closed_at: int
    reason: CloseReason
