"""The whole effect of a request as a value: answer, sessions, balances and journal."""

import re
from collections.abc import Mapping
from enum import IntEnum
from operator import add
from typing import NamedTuple

from .announcements import Announcement
from .catalogue import Price
from .final_units import FinalUnit
from .ledger import Balance, Posting
from .location import NO_CIRCUMSTANCES, Circumstances
from .requests import EventAction, RequestType, ServiceUsage
from .session import Amounts, ClosedSession, Session
from .units import UnitType

_EDR_NAME = re.compile(r"([0-9]{1,18})-([0-9]{1,17})-([0-9]{1,18})", re.ASCII)


class Outcome(IntEnum):
    """How a request, or one service of it, was decided."""

    SUCCESS = 0
    SERVICE_DENIED = 1
    """No plan can pay for it, or the session has too many rating groups."""
    LIMIT_REACHED = 2
    """A plan can pay for it and has nothing left."""
    USER_UNKNOWN = 3
    SESSION_UNKNOWN = 4
    RATING_FAILED = 5
    """No rating group, or no service context, is known for it."""
    LOCATION_UNKNOWN = 6
    """What could pay for it is sold by place, and nobody says where the subscriber is."""
    NOT_APPLICABLE = 7
    """It is free, and the gateway wants to hear that it need not ask."""
    FOREIGN_CURRENCY = 8
    """It asks for money that is not the tenant's."""


class Novelty(IntEnum):
    """Whether a request was new, as far as anybody can tell."""

    NEW = 0
    REPEATED = 1
    """It had been answered: it got the kept decision again."""
    NUMBER_REUSED = 2
    """New work under a number that had been answered."""
    LATE = 3
    """For a session that had ended."""


class Grant(NamedTuple):
    """A quota that a service may use, or the units of an event."""

    unit_type: UnitType
    units: int
    """0: nothing, what is told of its end begins at once."""
    validity_seconds: int | None
    """None: for good, as an event has been paid for."""
    is_final: bool
    """Nothing can follow it: the service ends when it is used up, an event is served in part."""
    depends_on_location: bool = False
    """Elsewhere it would be paid by other services, or at another price."""
    threshold: int | None = None
    """The gateway asks for more when less than so many units are left; None: at the end."""
    holding_seconds: int | None = None
    """It is given back after lying idle for so long; None: as the gateway does by itself."""
    consumption_seconds: int | None = None
    """Idle traffic counts for so long; None: likewise."""
    final_unit: FinalUnit | None = None
    """What the gateway does at its end; None: it is told nothing."""
    tariff_change_at: int | None = None
    """What is used from then on has another price, and is reported apart; in microseconds."""
    pool: int | None = None
    """What each of its units counts in the session's pool of money, in thousand-millionths of a
    micro-unit; None: it is no part of it."""


class ServiceDecision(NamedTuple):
    """The answer to one service of a request."""

    usage: ServiceUsage
    """What it answers; its names are mirrored."""
    outcome: Outcome
    grant: Grant | None = None
    announcements: tuple[Announcement, ...] = ()


ACTIONS = {
    RequestType.INITIAL: "initial",
    RequestType.UPDATE: "update",
    RequestType.TERMINATION: "terminate",
    RequestType.EVENT: "event",
}
"""What the EDR of a request calls it; of an event, when units were to be debited."""

EVENT_ACTIONS = {
    EventAction.DEBIT: ACTIONS[RequestType.EVENT],
    EventAction.REFUND: "refund",
    EventAction.CHECK_BALANCE: "check balance",
    EventAction.PRICE_ENQUIRY: "price enquiry",
}
"""What it calls an event, by what was to be done."""

REVERSAL = "reversal"
"""What the EDR calls it by which an event is taken back."""
ANSWERED = "answered"
"""And by which it is noted that an event was answered after all, and stands."""


class EdrKind(IntEnum):
    """The families of EDRs."""

    CHARGING = 1
    BILLING = 2
    ACCOUNT = 3
    DEVICE = 4


class Settlement(NamedTuple):
    """What became of the usage that one service reported, in units unless said."""

    reported: int = 0
    """As the client said it."""
    used: int = 0
    """What of it is believed: a bound cuts absurd figures."""
    charged: int = 0
    """Units of allowances and units at a price together, in multiples of the rounding."""
    charged_amount: int = 0
    """Micro-units of money, tax included."""
    tax_amount: int = 0
    overrun: int = 0
    """Used above the grant, and paid by nothing."""
    overrun_amount: int = 0
    """Their price, where there is one, in micro-units."""
    shortfall: int = 0
    """Granted units that the reservation did not cover; never collected."""

    def plus(self, other: "Settlement") -> "Settlement":
        """Returns what became of two parts of the usage together."""
        return Settlement(*map(add, self, other))


class Charge(NamedTuple):
    """What one EDR says that one service cost, which may be given back."""

    number: int
    at: int
    """These two are the EDR's."""
    service: int
    """Which of its services, counted from 0."""


class Payment(NamedTuple):
    """Units of a service that were paid in one way, or given back."""

    units: int
    amounts: Amounts
    """What paid for them."""
    price: Price | None
    """What they cost; None: allowances paid, unit for unit."""
    before: int = 0
    """So many units had been paid at the price before them."""
    charge: Charge | None = None
    """What they are given back of; None: they were paid."""


class ServiceRecord(NamedTuple):
    """One service of a request as the journal keeps it."""

    rating_group: int | None
    service_identifiers: tuple[int, ...]
    outcome: Outcome
    settlement: Settlement
    grant: Grant | None
    is_named: bool = True
    """The request named the rating group, so that its answer does."""
    announcements: tuple[Announcement, ...] = ()
    paid: tuple[Payment, ...] = ()
    """What an event paid, in order, or what a refund gave back; of a session, what paid for usage
    that was divided, else the postings alone say it."""
    is_in_money: bool = False
    """The settlement counts micro-units of money, not units of the rating group."""


class Told(NamedTuple):
    """What an answer says of money, where a peer is told of it; in micro-units."""

    cost: int | None = None
    """What the session, or the event, has cost so far, without reservations."""
    remaining: int | None = None
    """What the account has left."""
    is_low: bool | None = None
    """Is what is left little?"""
    has_enough: bool | None = None
    """Would it have been enough for what was asked? None: that was not the question."""
    currency: str | None = None
    """Of the money, as ISO 4217 names it."""


class EdrName(NamedTuple):
    """What tells an EDR from all others."""

    group_id: int
    at: int
    number: int

    def __str__(self) -> str:
        return f"{self.group_id}-{self.at}-{self.number}"


def parse_edr_name(text: str) -> EdrName | None:
    """Reads the name of an EDR, as one word; None: it is none."""
    match = _EDR_NAME.fullmatch(text)
    return None if match is None else EdrName(*map(int, match.groups()))


class Stored(NamedTuple):
    """Which EDR of a group was stored for a request, as far as is known.

    A number alone says too little: that of an EDR that was lost is given to the next one.
    """

    number: int
    at: int


class Edr(NamedTuple):
    """The journal's record of one decision."""

    number: int
    """The group's version after it."""
    at: int
    """Microseconds since 1970 UTC."""
    account_id: int
    kind: EdrKind
    action: str
    """What was done: `initial`, `update`, `terminate`, one of EVENT_ACTIONS; unasked, `release`,
    `abandoned`, `reversal`; else the command, as `create account` or `credit`."""
    outcome: Outcome
    postings: tuple[Posting, ...]
    session_id: bytes | None = None
    request_number: int | None = None
    origin_host: str | None = None
    end_to_end_id: int | None = None
    catalogue_version: int | None = None
    services: tuple[ServiceRecord, ...] = ()
    actor: str | None = None
    """Who gave the command; None: a gateway asked, or nobody."""
    session_number: int | None = None
    """The session's: the number of the EDR that opened it."""
    digest: int | None = None
    """Of what the request said: a repeat has the same."""
    reason: str | None = None
    """Why, where it was not asked for, or what was unusual; what a command is about."""
    circumstances: Circumstances = NO_CIRCUMSTANCES
    """Where the subscriber was, and what else the price depends on."""
    considered: str | None = None
    """Which services were looked at and why each was passed over; None: nothing was rated."""
    told: Told | None = None
    """What the answer said besides; None: nothing."""
    charging_id: int | None = None
    """What the gateway numbers the session's bearer with."""
    correlation_id: bytes | None = None
    """By which an event belongs with others, as its client said it."""

    @property
    def stored(self) -> Stored:
        """What tells it from others of its group."""
        return Stored(self.number, self.at)

    @property
    def message(self) -> tuple[object, ...]:
        """What tells the message of an event from others of its name."""
        return self.request_number, self.origin_host, self.end_to_end_id, self.digest


class Decision(NamedTuple):
    """What a request is answered and what it changes; nothing has happened yet."""

    outcome: Outcome
    services: tuple[ServiceDecision, ...] = ()
    edrs: tuple[Edr, ...] = ()
    """Empty: nothing is stored."""
    session: Session | None = None
    """As it stands afterwards; None: it is closed, or none was opened."""
    closed: tuple[ClosedSession, ...] = ()
    """Sessions that end, or that had ended and were charged once more."""
    balances: Mapping[int, Balance] = {}
    """Those that changed, as they are afterwards."""
    novelty: Novelty = Novelty.NEW
    repeated: Stored | None = None
    """The EDR of the request that this one repeats."""
    told: Told | None = None
    """What the answer says besides; None: nothing."""
    event: EdrName | None = None
    """The EDR of an event, by which it may be refunded."""
