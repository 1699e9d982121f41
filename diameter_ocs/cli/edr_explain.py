"""`edr explain`: why a request was decided as it was, as a person would say it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..charging.catalogue import Catalogue, Price, RatingGroup
from ..charging.considered import Reason
from ..charging.decisions import (
    ACTIONS,
    EVENT_ACTIONS,
    Edr,
    EdrKind,
    EdrName,
    Outcome,
    Payment,
    ServiceRecord,
    Settlement,
    Told,
)
from ..charging.information import Direction
from ..charging.location import Circumstances, Location
from ..charging.progress import BALANCE_BLOCKED
from ..charging.requests import EventAction, RequestType
from ..charging.units import format_money
from ..gy.codes import COMMAND_CODES, SERVICE_CODES
from ..handlers.answers import price_answer
from ..handlers.explanation import Explanation, GroupLooked, Looked
from ..store.journal import ListedEdr
from .circumstances import SOURCES
from .edr_text import money_text, units_text
from .granted_text import announced_text, granted_text

Operators = Callable[[str], tuple[str, ...]]
"""Returns the operators of a network."""

REASONS = {
    Reason.PAYS: "pays",
    Reason.DENIES: "is there to refuse it",
    Reason.NO_RATE: "has no rate for this place, time or party",
    Reason.LOCATION_UNKNOWN: "is sold by place, and nobody says where the subscriber is",
    Reason.COUNTRY: "is not for the country where the subscriber is",
    Reason.NETWORK: "is not for the network where the subscriber is",
    Reason.ROAMING: "is not for where the subscriber is",
    Reason.SAME_COUNTRY: "is not for where the two parties are",
    Reason.OTHER_COUNTRY: "is not for the country of the number at the other end",
    Reason.NUMBER: "is not for the number at the other end",
    Reason.ON_NET: "is not for this other party",
    Reason.DIRECTION: "is not for this direction",
    Reason.HOURS: "is not for this time",
    Reason.EMERGENCY: "was not asked",
}
"""What a service was to a usage."""
REFUSED_ALL_THE_SAME = (
    "Refused all the same: the account or its tenant was suspended, or what pays was blocked, or"
    " the session had as many rating groups as one may have."
)
_ASKED = frozenset((*ACTIONS.values(), *EVENT_ACTIONS.values()))
"""What EDRs of requests are called."""
NOT_REFUNDED = {
    Outcome.SERVICE_DENIED: "Nothing is left to be given back, or nobody could have it any more.",
    Outcome.RATING_FAILED: "Nothing is known to have been charged under the name that was given.",
}
"""Why a refund gave nothing back."""
OUTCOMES = {
    Outcome.SUCCESS: "Served.",
    Outcome.SERVICE_DENIED: "Refused: no service may pay for it.",
    Outcome.LIMIT_REACHED: "Refused: what may pay for it has nothing left.",
    Outcome.USER_UNKNOWN: "Refused: nobody knows the subscriber.",
    Outcome.SESSION_UNKNOWN: "Refused: no such session was open.",
    Outcome.RATING_FAILED: "Refused: the catalogue does not know what it is.",
    Outcome.LOCATION_UNKNOWN: "Refused: what may pay for it is sold by place, and nobody says where"
    " the subscriber is.",
    Outcome.NOT_APPLICABLE: "Free: the gateway need not ask.",
    Outcome.FOREIGN_CURRENCY: "Refused: it asks for money of another currency.",
}
DIRECTIONS = {
    Direction.ORIGINATING: "The subscriber was connecting to",
    Direction.TERMINATING: "The subscriber was reached by",
    Direction.FORWARDING: "The subscriber was forwarding to",
    None: "The other party was",
}
OWN = {True: ", of the tenant's own", False: ", not of the tenant's own", None: ""}


class Terms(NamedTuple):
    """What is needed to say things by their names."""

    catalogue: Catalogue | None
    """The version that was in force; None: it cannot be read."""
    operators: Operators
    reserved_by: Mapping[int, str] = {}
    """By rating group the EDR by which was reserved what was used."""

    is_in_money: bool = False
    """Units are micro-units of money."""

    def of(self, record: ServiceRecord) -> "Terms":
        """Returns the terms of what a service was charged."""
        return self._replace(is_in_money=record.is_in_money)

    def group(self, number: int | None) -> RatingGroup | None:
        """Returns a rating group."""
        if self.catalogue is None or number is None:
            return None
        return self.catalogue.rating_groups.get(number)

    def units(self, amount: int, number: int | None) -> str:
        """Writes units of a rating group."""
        if self.is_in_money:
            return self.money(amount)
        return units_text(amount, number, self.catalogue)

    def money(self, amount: int) -> str:
        """Writes an amount of money."""
        return money_text(amount, self.catalogue)


def explanation_json(
    edr: Edr, explanation: Explanation, reserved_by: Mapping[int, str]
) -> dict[str, Any]:
    """Describes what was looked at, and what gateways hear if their profile says nothing else."""
    is_answered = edr.action in _ASKED
    return {
        "result_code": COMMAND_CODES[edr.outcome] if is_answered else None,
        "service_result_codes": [SERVICE_CODES[each.outcome] for each in _answered(edr)],
        "considered": [
            {
                "rating_group": group.rating_group,
                "is_emergency": group.is_emergency,
                "services": [_looked_json(each) for each in group.services],
            }
            for group in explanation.groups
        ],
        "is_considered_cut": explanation.is_cut,
        "reserved_by": [
            {"rating_group": number, "edr": name} for number, name in reserved_by.items()
        ],
    }


def _looked_json(each: Looked) -> dict[str, Any]:
    rate = each.rate
    return {
        "plan": each.plan,
        "service": each.service,
        "reason": each.reason.name,
        "unmet": each.unmet,
        "ends_search": each.ends_search,
        "balance_types": list(each.balance_types),
        "zone": None if rate is None else rate.zone or None,
        "price": None if rate is None else price_answer(rate.price),
    }


def explanation_text(listed: ListedEdr, explanation: Explanation, terms: Terms) -> str:
    """Writes an explanation, a sentence a line."""
    return "\n".join(_lines(listed, explanation, terms))


def _lines(listed: ListedEdr, explanation: Explanation, terms: Terms) -> Iterator[str]:
    edr = listed.edr
    yield _subject(listed)
    if edr.kind not in (EdrKind.CHARGING, EdrKind.BILLING):
        by = "came with time" if edr.actor is None else f"was done by {edr.actor}"
        yield f"It {by}: nothing was rated."
        return
    if edr.catalogue_version is not None:
        known = "" if terms.catalogue is not None else ", which cannot be read"
        yield f"Version {edr.catalogue_version} of the catalogue was in force{known}."
    yield from _where(edr.circumstances.location, terms)
    yield from _with_whom(edr.circumstances)
    if edr.action in (ACTIONS[RequestType.UPDATE], ACTIONS[RequestType.TERMINATION]):
        yield "What was used is priced as it was reserved, what is granted as things are now."
    looked = {group.rating_group: group for group in explanation.groups}
    for record in edr.services:
        yield ""
        group = None if record.rating_group is None else looked.pop(record.rating_group, None)
        if edr.action == EVENT_ACTIONS[EventAction.REFUND]:
            yield from _refund(record, terms, listed.group_id)
        else:
            yield from _service(record, group, terms)
    for group in looked.values():
        yield ""
        yield f"{_group_name(group.rating_group, terms)}:"
        yield from _looked(group, terms)
    yield from _told(edr.told, terms)
    if edr.reason == BALANCE_BLOCKED:
        yield ""
        yield f"What could pay was blocked by a counter: `counter list {listed.account}`."
    if explanation.is_cut:
        yield ""
        yield "More services were looked at than the EDR keeps; with `explain_in_full` in the"
        yield "settings of the catalogue it keeps all of them."
    if not explanation.is_readable:
        yield ""
        yield "Which services were looked at was written by a newer program: ask that one."
    if edr.action in _ASKED:
        yield ""
        yield _codes(edr)


def _told(told: Told | None, terms: Terms) -> Iterator[str]:
    if told is not None and told.has_enough is not None:
        yield ""
        yield "There is enough for it." if told.has_enough else "There is not enough for it."
    elif told is not None and told.cost is not None:
        yield ""
        yield f"The answer says that the cost is {terms.money(told.cost)}."


def _subject(listed: ListedEdr) -> str:
    edr = listed.edr
    words = [edr.action.capitalize()]
    if edr.request_number is not None and edr.action not in EVENT_ACTIONS.values():
        words.append(str(edr.request_number))
    words.append(f"of account {listed.account} of tenant {listed.tenant}")
    if edr.origin_host is not None:
        words.append(f"by {edr.origin_host}")
    reason = "" if edr.reason is None else f" ({edr.reason.replace('_', ' ')})"
    return f"{' '.join(words)}{reason}."


def _where(location: Location, terms: Terms) -> Iterator[str]:
    for source in location.skipped:
        yield f"{SOURCES[source]} could not be read, or nobody knows the place: it was passed over."
    if location.source is None:
        yield "Nobody says where the subscriber was."
        return
    place = [f"in {' or '.join(location.countries)}"] if location.countries else []
    if location.plmn is not None:
        names = ", ".join(terms.operators(location.plmn))
        network = f"{location.plmn[:3]}/{location.plmn[3:]}"
        place.append(f"in network {network}" + (f" ({names})" if names else ""))
    said = f"{SOURCES[location.source]} says so"
    if location.is_assumed:
        said = f"{SOURCES[location.source]} has it assumed"
    if location.is_remembered:
        said = f"{SOURCES[location.source]} said so earlier in the session"
    yield f"The subscriber was {', '.join(place)}: {said}."


def _with_whom(circumstances: Circumstances) -> Iterator[str]:
    information = circumstances.information
    if information.is_emergency:
        yield "It was an emergency."
    if information.other_party is not None:
        countries = " or ".join(information.other_countries)
        of_countries = f" of {countries}" if countries else ""
        begin = f"{DIRECTIONS[information.direction]} {information.other_party}"
        own = None if information.is_emergency else circumstances.is_on_net
        yield f"{begin}{of_countries}{OWN[own]}."


def _group_name(number: int | None, terms: Terms) -> str:
    group = terms.group(number)
    name = "" if group is None else f" ({group.name})"
    return f"Rating group {'that nobody knows' if number is None else number}{name}"


def _service(record: ServiceRecord, looked: GroupLooked | None, terms: Terms) -> Iterator[str]:
    identifiers = "".join(f", service {each}" for each in record.service_identifiers)
    yield f"{_group_name(record.rating_group, terms)}{identifiers}:"
    if looked is not None:
        yield from _looked(looked, terms)
    if record.settlement.reported:
        yield from _settled(record, terms)
    if record.grant is not None:
        yield f"  {granted_text(record.grant)}"
    elif record.outcome is not Outcome.SUCCESS or not record.settlement.reported:
        yield f"  {_outcome(record.outcome, looked)}"
    for announcement in record.announcements:
        yield f"  {announced_text(announcement)}"


def _refund(record: ServiceRecord, terms: Terms, group_id: int) -> Iterator[str]:
    settlement, number, terms = record.settlement, record.rating_group, terms.of(record)
    yield f"{_group_name(number, terms)}:"
    if not settlement.charged:
        yield f"  {NOT_REFUNDED.get(record.outcome, 'Nothing was given back.')}"
        return
    money = f", with {terms.money(-settlement.charged_amount)}" if settlement.charged_amount else ""
    yield f"  Gave back {terms.units(-settlement.charged, number)}{money}."
    charges = dict.fromkeys(payment.charge for payment in record.paid if payment.charge is not None)
    names = [str(EdrName(group_id, charge.at, charge.number)) for charge in charges]
    yield f"  It had been charged by {', '.join(names)}."


def _outcome(outcome: Outcome, looked: GroupLooked | None) -> str:
    """Says what became of a service that was granted nothing."""
    found = () if looked is None else looked.services
    if outcome is Outcome.SERVICE_DENIED and any(each.reason is Reason.PAYS for each in found):
        return REFUSED_ALL_THE_SAME
    return OUTCOMES[outcome]


def _looked(group: GroupLooked, terms: Terms) -> Iterator[str]:
    if group.is_emergency:
        yield "  An emergency is served for nothing, whatever the account has."
    elif not group.services:
        yield "  No plan that the account has now sells it."
    for each in group.services:
        reason = REASONS[each.reason]
        if each.reason is Reason.PAYS:
            reason = _pays(each, terms, group.rating_group)
        elif each.unmet is not None:
            reason = f"{reason} (`{each.unmet}`)"
        end = "; after it no other was asked" if each.ends_search else ""
        yield f"  {each.plan} / {each.service} {reason}{end}."


def _pays(each: Looked, terms: Terms, rating_group: int) -> str:
    sources = ", then ".join(each.balance_types)
    begin = f"may pay from {sources}" if sources else "may pay"
    if each.rate is None:
        return begin
    zone = f" in zone {each.rate.zone}" if each.rate.zone else ""
    return f"{begin}{zone}: {price_text(each.rate.price, terms, rating_group)}"


def price_text(price: Price, terms: Terms, rating_group: int) -> str:
    """Writes a price."""
    if not price.micro_units and not price.initial_micro_units:
        return "free"
    text = f"{terms.money(price.micro_units)} for {terms.units(price.per_units, rating_group)}"
    if price.initial_micro_units:
        text += f" and {terms.money(price.initial_micro_units)} to begin with"
    if price.minimum_units > 1:
        text += f", {terms.units(price.minimum_units, rating_group)} at least"
    if price.tax_millionths:
        text += f", plus {percent_text(price.tax_millionths)} tax"
    return text


def percent_text(millionths: int) -> str:
    """Writes a fraction as 19 % or 7.5 %."""
    return f"{format_money(millionths * 100).rstrip('0').rstrip('.')} %"


def _settled(record: ServiceRecord, terms: Terms) -> Iterator[str]:
    """Says what became of usage."""
    terms = terms.of(record)
    settlement, number = record.settlement, record.rating_group
    reserved = None if number is None else terms.reserved_by.get(number)
    priced = "" if reserved is None else f", priced as reserved by {reserved}"
    yield f"  {terms.units(settlement.reported, number)} were reported{priced}."
    if settlement.used != settlement.reported:
        yield f"  No request may report so much: {terms.units(settlement.used, number)} count."
    if settlement.charged or settlement.charged_amount:
        yield f"  {_charged(settlement, number, terms)}"
    elif not settlement.overrun:
        yield "  Nothing more was due: what they belong to was charged before."
    for payment in record.paid if len(record.paid) > 1 else ():
        yield f"  {_part(payment, number, terms)}"
    if settlement.overrun:
        price = settlement.overrun_amount
        worth = f", worth {terms.money(price)}," if price else ""
        begin = f"{terms.units(settlement.overrun, number)} above the grant{worth}"
        yield f"  {begin} were paid by nothing."
    if settlement.shortfall:
        yield f"  {terms.units(settlement.shortfall, number)} of the grant nothing had covered."


def _charged(settlement: Settlement, number: int | None, terms: Terms) -> str:
    text = f"Charged {terms.units(settlement.charged, number)}"
    group = terms.group(number)
    if group is not None and group.rounding > 1 and not terms.is_in_money:
        text += f", in multiples of {terms.units(group.rounding, number)}"
    if settlement.charged_amount:
        text += f", with {terms.money(settlement.charged_amount)}"
    if settlement.tax_amount:
        text += f", of which {terms.money(settlement.tax_amount)} are tax"
    return f"{text}."


def _part(payment: Payment, rating_group: int | None, terms: Terms) -> str:
    """Says how some of the units were paid."""
    units = terms.units(payment.units, rating_group)
    if payment.price is None or rating_group is None:
        return f"Of these {units} by allowances."
    money = terms.money(sum([amount for _, amount in payment.amounts]))
    return f"Of these {units} at {price_text(payment.price, terms, rating_group)}: {money}."


def _answered(edr: Edr) -> tuple[ServiceRecord, ...]:
    """Returns the services that the answer speaks of: that to a termination of none."""
    is_answered = edr.action in _ASKED
    return edr.services if is_answered and edr.action != ACTIONS[RequestType.TERMINATION] else ()


def _codes(edr: Edr) -> str:
    codes = [f"{COMMAND_CODES[edr.outcome]} for the request"] + [
        f"{SERVICE_CODES[each.outcome]} for rating group {each.rating_group}"
        for each in _answered(edr)
        if each.rating_group is not None
    ]
    return f"Answered with Result-Code {', '.join(codes)}."
