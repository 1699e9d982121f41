"""The requests that every foreign stack sends, and what each must be answered.

A stack reads them as lines: a step's name, the command, T for a request that is sent again, the
End-to-End-Id where the step chooses it, and the AVPs, each as NAME=VALUE or NAME{...}. It adds
Origin-Host and Origin-Realm itself. An AVP that no stack knows is CODE:VENDOR. Lines of one
paragraph are sent together.
"""

from collections.abc import Sequence
from typing import NamedTuple

REALM = "demo.example"
MIB = 2**20
UNIX_TO_NTP = 2_208_988_800


Value = int | str | bytes | tuple["Avp", ...]
Avp = tuple[str, Value]


class Service(NamedTuple):
    """What a Multiple-Services-Credit-Control of an answer says."""

    rating_group: int | None
    code: int = 2001
    granted: int | tuple[Avp, ...] | None = None
    """Units, or the members of CC-Money."""
    is_final: bool = False
    announced: tuple[Value, ...] = ()
    """The members of each Announcement-Information."""
    triggers: tuple[int, ...] = ()
    """The Trigger-Types."""
    final: tuple[Avp, ...] = ()
    """The members of Final-Unit-Indication, where it is no TERMINATE."""
    goes_on: bool = False
    """It is told for how long, and granted nothing."""
    besides: tuple[Avp, ...] | None = None
    """Its thresholds, its times of idleness, and what is for a few alone; None: anything."""


class Step(NamedTuple):
    """A request, and what its answer must say."""

    name: str
    avps: tuple[Avp, ...]
    code: int = 2001
    services: tuple[Service, ...] = ()
    failed: tuple[str, ...] = ()
    """The AVPs that Failed-AVP names; of unknown ones CODE:VENDOR."""
    granted: Value | None = None
    """Units at command level."""
    is_again: bool = False
    end_to_end: int | None = None
    told: tuple[Avp, ...] = ()
    """What is said besides."""
    command: str = "CCR"

    @property
    def line(self) -> str:
        """The step as a stack reads it."""
        end_to_end = "-" if self.end_to_end is None else self.end_to_end
        again = "T" if self.is_again else "-"
        return f"{self.name} {self.command} {again} {end_to_end} {written(self.avps)}"


def written(avps: Sequence[Avp]) -> str:
    return " ".join(f"{name}{_value(value)}" for name, value in avps)


def _value(value: Value) -> str:
    match value:
        case int():
            return f"={value}"
        case str():
            return f'="{value}"'
        case bytes():
            return f"=0x{value.hex()}"
    return f"{{{written(value)}}}"


def identity(subscriber: int) -> str:
    """Return the IMSI of a subscriber."""
    return f"00101{subscriber:010d}"


def imsi(digits: str) -> Avp:
    return "Subscription-Id", (("Subscription-Id-Type", 1), ("Subscription-Id-Data", digits))


def service(rating_group: int, *avps: Avp) -> Avp:
    return "Multiple-Services-Credit-Control", (*avps, ("Rating-Group", rating_group))


def wanted(octets: int) -> Avp:
    return "Requested-Service-Unit", (("CC-Total-Octets", octets),)


def used(octets: int, *avps: Avp) -> Avp:
    return "Used-Service-Unit", (("CC-Total-Octets", octets), *avps)


def seconds(name: str, count: int) -> Avp:
    return name, (("CC-Time", count),)


def amount(digits: int, exponent: int, currency: int = 978) -> tuple[Avp, ...]:
    """Return the members of an amount, of euros unless it says otherwise."""
    value: Avp = ("Unit-Value", (("Value-Digits", digits), ("Exponent", exponent)))
    return value, ("Currency-Code", currency)


def money(name: str, *members: Avp) -> Avp:
    return name, (("CC-Money", members),)


def units(name: str, count: int) -> Avp:
    return name, (("CC-Service-Specific-Units", count),)


def reason(value: int) -> Avp:
    """Return a Reporting-Reason."""
    return "Reporting-Reason", value


def redirected(kind: int, address: str, *filters: Avp) -> tuple[Avp, ...]:
    """Return what follows the last units of a group that is redirected."""
    server = ("Redirect-Address-Type", kind), ("Redirect-Server-Address", address)
    return ("Final-Unit-Action", 1), *filters, ("Redirect-Server", server)


def marked(avps: tuple[Avp, ...], mark: bytes) -> tuple[Avp, ...]:
    """Return AVPs that name the event that has a mark."""
    return tuple((name, _marked(value, mark)) for name, value in avps)


def _marked(value: Value, mark: bytes) -> Value:
    return marked(value, mark) if isinstance(value, tuple) else mark if value == MARK else value


EMPTY: Avp = ("Requested-Service-Unit", ())
INDICATOR: Avp = ("Multiple-Services-Indicator", 1)
DEBIT: Avp = ("Requested-Action", 0)
REFUND: Avp = ("Requested-Action", 1)
CHECK: Avp = ("Requested-Action", 2)
PRICE: Avp = ("Requested-Action", 3)
MARK = b"what the answer to an event before says"
"""Stands for a Refund-Information that nobody knows beforehand."""
ENDED: Avp = ("Termination-Cause", 1)
OTHER_QUOTA_TYPE, FORCED_REAUTHORISATION, POOL_EXHAUSTED, UNUSED_QUOTA_TIMER = 5, 7, 8, 9
THRESHOLD, QUOTA_HOLDING_TIME, FINAL, QUOTA_EXHAUSTED, VALIDITY_TIME, RATING_CHANGE = (
    0,
    1,
    2,
    3,
    4,
    6,
)


class Session:
    """Writes the requests of one session of a subscriber."""

    def __init__(self, session_id: str, at: int, subscriber: int, context: str) -> None:
        self.session_id = session_id
        self.at = at
        self.identity = identity(subscriber)
        self.context = context

    def initial(self, *avps: Avp) -> tuple[Avp, ...]:
        return self.request(1, 0, imsi(self.identity), INDICATOR, *avps)

    def update(self, number: int, *avps: Avp) -> tuple[Avp, ...]:
        return self.request(2, number, *avps)

    def terminate(self, number: int, *avps: Avp) -> tuple[Avp, ...]:
        return self.request(3, number, ENDED, *avps)

    def event(self, *avps: Avp) -> tuple[Avp, ...]:
        return self.request(4, 0, imsi(self.identity), *avps)

    def request(self, kind: int, number: int, *avps: Avp) -> tuple[Avp, ...]:
        return (
            ("Session-Id", self.session_id),
            ("Destination-Realm", REALM),
            ("Auth-Application-Id", 4),
            ("Service-Context-Id", self.context),
            ("CC-Request-Type", kind),
            ("CC-Request-Number", number),
            ("Event-Timestamp", (self.at + UNIX_TO_NTP).to_bytes(4)),
            *avps,
        )


def text(paragraphs: Sequence[Sequence[Step]]) -> str:
    """Return the steps as a stack reads them."""
    return "\n\n".join("\n".join(step.line for step in each) for each in paragraphs) + "\n"
