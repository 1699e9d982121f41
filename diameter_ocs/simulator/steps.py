"""The steps of a simulated session, written as text: `update:rg=300/used=10MiB/request=10MiB`.

    SCRIPT   = {SETTING | STEP}
    STEP     = KIND [":" SERVICE {"," SERVICE}] ["@" CODE {"/" CODE}]
    KIND     = initial | update | terminate | event | check | price | refund
    SERVICE  = WORD {"/" WORD}
    WORD     = rg=NUMBER | si=NUMBER | reason=REASON
             | request[=OCTETS] | request-input=OCTETS | request-output=OCTETS
             | time=SECONDS | units=NUMBER
             | used=OCTETS | used-input=OCTETS | used-output=OCTETS
             | used-time=SECONDS | used-units=NUMBER
             | request-money=MONEY | used-money=MONEY
             | used-after=OCTETS | used-units-after=NUMBER
             | refund[=TEXT]

A SETTING, `location=26201`, is of information.py and holds for the steps after it.
Each SERVICE becomes one Multiple-Services-Credit-Control. `request` without an amount is an empty
Requested-Service-Unit: the server decides. What was used after a change of price is told apart
(Tariff-Change-Usage). An `event` is paid at once (DIRECT_DEBITING); without a
SERVICE it says nothing of units. `check` asks whether there is enough for one (CHECK_BALANCE),
`price` what it would cost (PRICE_ENQUIRY), and `refund` gives back what one has cost
(REFUND_ACCOUNT): that of which refund=TEXT is the Refund-Information, with `refund` alone the one
that the answer to the last one told, without either the last one, by its Session-Id. OCTETS
may end in KiB, MiB, GiB, TiB, kB, MB or GB, SECONDS in s, min or h; MONEY is 12.50, 12.50EUR or
12.50~978. After `@` stand the expected
result codes: the command's, then those of the answer's services in their order.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import StepError
from .information import UNASKED, UNSIGNED32_MAX, UNSIGNED64_MAX, Information
from .information import WORDS as SETTINGS
from .money import Money, parse_money
from .words import SECOND_SUFFIXES, numbered, one_of, parse_amount, parse_code

OCTET_SUFFIXES = {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}


class RequestType(enum.IntEnum):
    """CC-Request-Type (RFC 8506 section 8.3)."""

    INITIAL = 1
    UPDATE = 2
    TERMINATE = 3
    EVENT = 4


class RequestedAction(enum.IntEnum):
    """What an event asks to be done (RFC 8506 section 8.41)."""

    DIRECT_DEBITING = 0
    REFUND_ACCOUNT = 1
    CHECK_BALANCE = 2
    PRICE_ENQUIRY = 3


IN_SESSION = (RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATE)
"""The kinds of requests that a session is made of; an event is a session of its own."""


class ReportingReason(enum.IntEnum):
    """Why usage is reported (TS 32.299, Reporting-Reason)."""

    THRESHOLD = 0
    QHT = 1
    FINAL = 2
    QUOTA_EXHAUSTED = 3
    VALIDITY_TIME = 4
    OTHER_QUOTA_TYPE = 5
    RATING_CONDITION_CHANGE = 6
    FORCED_REAUTHORISATION = 7
    POOL_EXHAUSTED = 8
    UNUSED_QUOTA_TIMER = 9


# These tell about one unit type, so they stand in the Used-Service-Unit.
REASONS_OF_A_UNIT = frozenset(
    {
        ReportingReason.THRESHOLD,
        ReportingReason.QUOTA_EXHAUSTED,
        ReportingReason.OTHER_QUOTA_TYPE,
        ReportingReason.POOL_EXHAUSTED,
    }
)


@dataclass(frozen=True, slots=True)
class Units:
    """Amounts by unit type; None where the type is not named, so Units() is an empty group."""

    total_octets: int | None = None
    input_octets: int | None = None
    output_octets: int | None = None
    seconds: int | None = None
    service_specific_units: int | None = None
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class ServiceStep:
    """What one Multiple-Services-Credit-Control of a request says."""

    rating_group: int | None = None
    service_identifiers: tuple[int, ...] = ()
    requested: Units | None = None
    used: Units | None = None
    used_after: Units | None = None
    reporting_reason: ReportingReason | None = None
    refund_information: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and the result codes that its answer should carry.

    `expected` is empty when any answer will do; else the command's code, then the services'.
    """

    request_type: RequestType
    services: tuple[ServiceStep, ...] = ()
    expected: tuple[int, ...] = ()
    information: Information = UNASKED
    action: RequestedAction = RequestedAction.DIRECT_DEBITING


DEFAULT_STEPS = (
    "initial:rg=300/request=10MiB@2001/2001",
    "update:rg=300/used=10MiB/request=10MiB/reason=QUOTA_EXHAUSTED@2001/2001",
    "terminate:rg=300/used=1234567/reason=FINAL@2001",
)

SETTING = re.compile(r"([a-z-]+)=")
KINDS = {kind.name.lower(): kind for kind in RequestType}
ACTIONS = {
    "check": RequestedAction.CHECK_BALANCE,
    "price": RequestedAction.PRICE_ENQUIRY,
    "refund": RequestedAction.REFUND_ACCOUNT,
}
"""The kinds of events that are not paid for."""

# word: (the part of the service, its unit type)
AMOUNTS = {
    "request": ("requested", "total_octets"),
    "request-input": ("requested", "input_octets"),
    "request-output": ("requested", "output_octets"),
    "time": ("requested", "seconds"),
    "units": ("requested", "service_specific_units"),
    "used": ("used", "total_octets"),
    "used-input": ("used", "input_octets"),
    "used-output": ("used", "output_octets"),
    "used-time": ("used", "seconds"),
    "used-units": ("used", "service_specific_units"),
    "request-money": ("requested", "money"),
    "used-money": ("used", "money"),
    "used-after": ("used_after", "total_octets"),
    "used-units-after": ("used_after", "service_specific_units"),
}
WORDS = ("rg", "si", "reason", "refund", *AMOUNTS)


def parse_steps(texts: Iterable[str]) -> tuple[Step, ...]:
    """Reads a script, one or more steps and settings per text, separated by blanks.

    Raises StepError for the first word that is wrong.
    """
    steps: list[Step] = []
    information = UNASKED
    for where, word in numbered(texts):
        setting = SETTING.match(word)
        if setting is None:
            steps.append(parse_step(where, word, information))
        else:
            information = parse_setting(where, information, setting[1], word[setting.end() :])
    return tuple(steps)


def parse_setting(
    where: str, information: Information, word: str, value: str, others: tuple[str, ...] = ()
) -> Information:
    """Returns what holds after a setting; StepError names the `others`, too."""
    if word not in SETTINGS:
        known = one_of((*SETTINGS, *others))
        raise StepError(f"{where}: {word!r} is no setting; write {known}")
    try:
        return information.having(word, value)
    except ValueError as error:
        raise StepError(f"{where}: {error}") from None


def parse_step(
    where: str, text: str, information: Information, others: tuple[str, ...] = ()
) -> Step:
    """Reads one step; StepError names the `others`, too."""
    body, at, codes = text.partition("@")
    kind, colon, services = body.partition(":")
    if kind not in KINDS and kind not in ACTIONS:
        known = one_of((*KINDS, *ACTIONS, *others))
        raise StepError(f"{where}: {kind!r} is no kind of step; write {known}")
    if colon and not services:
        raise StepError(f"{where}: nothing stands after the colon; write a service or no colon")
    return Step(
        request_type=KINDS.get(kind, RequestType.EVENT),
        services=tuple(_parse_service(where, part) for part in services.split(",") if colon),
        expected=tuple(parse_code(where, code) for code in codes.split("/") if at),
        information=information,
        action=ACTIONS.get(kind, RequestedAction.DIRECT_DEBITING),
    )


def _parse_service(where: str, text: str) -> ServiceStep:
    single: dict[str, int] = {}
    service_identifiers: list[int] = []
    units: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    reason: ReportingReason | None = None
    refund: str | None = None
    for word in text.split("/"):
        name, equals, value = word.partition("=")
        here = f"{where}, word {word!r}"
        if name not in WORDS:
            raise StepError(f"{here}: unknown; write {one_of(WORDS)}")
        if name in seen and name != "si":
            raise StepError(f"{here}: {name} stands twice in one service; write it once")
        seen.add(name)
        if name == "reason":
            reason = _parse_reason(here, value)
        elif name == "refund":
            refund = value
        elif name == "si":
            service_identifiers.append(parse_amount(here, value, {}, UNSIGNED32_MAX))
        elif name == "rg":
            single[name] = parse_amount(here, value, {}, UNSIGNED32_MAX)
        elif name == "request" and not equals:
            units.setdefault("requested", {})
        else:
            part, unit_type = AMOUNTS[name]
            units.setdefault(part, {})[unit_type] = _parse_units(here, value, unit_type)
    if reason is not None and reason in REASONS_OF_A_UNIT and "used" not in units:
        raise StepError(
            f"{where}: reason={reason.name} tells about used units; write used= beside it"
        )
    return ServiceStep(
        rating_group=single.get("rg"),
        service_identifiers=tuple(service_identifiers),
        requested=Units(**units["requested"]) if "requested" in units else None,
        used=Units(**units["used"]) if "used" in units else None,
        used_after=Units(**units["used_after"]) if "used_after" in units else None,
        reporting_reason=reason,
        refund_information=refund,
    )


def _parse_reason(here: str, value: str) -> ReportingReason:
    if value not in ReportingReason.__members__:
        raise StepError(f"{here}: unknown reason; write {one_of(ReportingReason.__members__)}")
    return ReportingReason[value]


def _parse_units(here: str, value: str, unit_type: str) -> int | Money:
    if unit_type == "money":
        return _parse_money(here, value)
    if unit_type == "seconds":
        return parse_amount(here, value, SECOND_SUFFIXES, UNSIGNED32_MAX)
    if unit_type == "service_specific_units":
        return parse_amount(here, value, {}, UNSIGNED64_MAX)
    return parse_amount(here, value, OCTET_SUFFIXES, UNSIGNED64_MAX)


def _parse_money(here: str, value: str) -> Money:
    try:
        return parse_money(value)
    except ValueError as error:
        raise StepError(f"{here}: {error}") from None
