"""Give back what was charged (RFC 8506 section 6.4, REFUND_ACCOUNT).

What is refunded is named by the Refund-Information of the answer to an event, which is the name of
its EDR, by a CC-Correlation-Id, or by the Session-Id. It is given back once: every refund says in
the journal of which EDR its units were, and the next one finds it there.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .case import Case
from .catalogue import Catalogue
from .decisions import (
    EVENT_ACTIONS,
    REVERSAL,
    Charge,
    Edr,
    Grant,
    Outcome,
    Payment,
    ServiceRecord,
    Settlement,
    Stored,
    parse_edr_name,
)
from .ledger import is_valid
from .payments import payments_in, split, unit_type_of
from .progress import Progress
from .requests import ChargingRequest, EventAction, ServiceUsage
from .services import CANNOT_BE_RATED, SUCCESS, Service
from .units import UnitType, half_up, round_up

REFUND = EVENT_ACTIONS[EventAction.REFUND]
_DEBIT = EVENT_ACTIONS[EventAction.DEBIT]
_UNCHARGED = frozenset((*EVENT_ACTIONS.values(), REVERSAL)) - {_DEBIT}
_UNKNOWN = Outcome.RATING_FAILED
"""How a refund fails of what nobody knows that it was charged."""


class _Part(NamedTuple):
    """What one EDR says that one service was charged."""

    charge: Charge
    record: ServiceRecord
    paid: tuple[Payment, ...]
    """By what its units were paid, in order."""
    unit_type: UnitType | None

    @property
    def units(self) -> int:
        """All that were charged."""
        return self.record.settlement.charged


class Refunding:
    """The refunds of one request, one service after the other."""

    def __init__(self, request: ChargingRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._edrs = _known(progress.case)
        self._gone = _refunded(self._edrs)
        self._sessions = {edr.number: edr.session_number for edr in self._edrs if _in_session(edr)}
        self.returned: dict[int, int] = {}
        """By the number of a session, the micro-units of its cost that were given back."""

    def services(self) -> list[Service]:
        """Gives back what each service asks for, at most what was charged and is left of it."""
        request, services = self._request, list[Service]()
        for at, usage in enumerate(request.usages):
            if self._progress.is_denied:
                services.append(_service(usage, Outcome.SERVICE_DENIED, self._catalogue))
                continue
            marked = request.refunds[at] if at < len(request.refunds) else b""
            parts = [part for edr in self._meant(marked) for part in self._parts(edr)]
            services += self._of_usage(usage, [part for part in parts if _is_named(part, usage)])
        return services

    @property
    def _catalogue(self) -> Catalogue:
        return self._progress.case.catalogue

    def _of_usage(self, usage: ServiceUsage, parts: list[_Part]) -> list[Service]:
        """Gives back what a usage asks for; one that names no service means all that there are."""
        if not parts:
            return [_service(usage, _UNKNOWN, self._catalogue)]
        named: dict[tuple[object, ...], list[_Part]] = {}
        is_named = usage.rating_group is not None or usage.service_identifiers != ()
        for part in parts:
            name = () if is_named else part.record[:2]
            named.setdefault((name, part.unit_type is UnitType.MONEY), []).append(part)
        if len(named) == 1:
            return [self._give_back(usage, parts)]
        if usage.requested is not None and any(usage.requested):
            return [_service(usage, _UNKNOWN, self._catalogue)]  # units of which of them?
        left = [each for each in named.values() if any(map(self._left, each))]
        return [self._give_back(_of(usage, each[0]), each) for each in left or named.values()]

    def _give_back(self, usage: ServiceUsage, parts: list[_Part]) -> Service:
        """Gives back the last units of parts, in the order in which they were charged."""
        unit_type = parts[-1].unit_type
        service = _service(usage, SUCCESS, self._catalogue, parts[-1].record.rating_group)
        left = sum([self._left(part) for part in parts])
        usable = min(sum([part.record.settlement.used for part in parts]), left)
        wanted, group = _wanted(usage, unit_type), service.rating_group
        rounding = 1 if group is None or unit_type is UnitType.MONEY else group.rounding
        units = usable if wanted is None else min(wanted, usable)
        back = left - min(left, round_up(usable - units, rounding))
        given: list[Payment] = []
        settlement = Settlement()
        for part in reversed(parts):
            session = self._sessions.get(part.charge.number)
            payments, settled = self._return(part, min(back, self._left(part)))
            back -= sum([payment.units for payment in payments])
            given += payments
            if session is not None:
                spent = self.returned.get(session, 0)
                self.returned[session] = spent - settled.charged_amount
            settlement = Settlement(*[a + b for a, b in zip(settlement, settled, strict=True)])
        if not settlement.charged or unit_type is None:
            service.outcome = Outcome.SERVICE_DENIED
            return service
        service.settlement, service.paid = settlement, tuple(given)
        service.is_in_money = unit_type is UnitType.MONEY
        service.grant = Grant(unit_type, min(units, -settlement.charged), None, False)
        return service

    def _return(self, part: _Part, units: int) -> tuple[list[Payment], Settlement]:
        """Gives back the last so many units that are left of a part.

        Those that an allowance paid which has ended are gone: they are counted, and not given back.
        """
        left = self._left(part)
        kept, last = split(split(part.paid, left)[0], left - units)
        returned, charged, amount = list[Payment](), 0, 0
        for payment in last:
            is_given = self._credit(payment)
            amounts = payment.amounts if is_given else ()
            returned.append(payment._replace(amounts=amounts, charge=part.charge))
            charged += payment.units if is_given else 0
            amount += 0 if payment.price is None else _sum(amounts)
        self._gone[part.charge] = part.units - left + units
        _, _, _, charged_amount, tax_amount, *_ = part.record.settlement
        tax = 0
        if tax_amount:
            before = sum([_sum(each.amounts) for each in kept if each.price is not None])
            tax = half_up(tax_amount * (before + amount), charged_amount)
            tax -= half_up(tax_amount * before, charged_amount)
        return returned, Settlement(charged=-charged, charged_amount=-amount, tax_amount=-tax)

    def _credit(self, payment: Payment) -> bool:
        """Gives back what was paid where it came from; False: nobody can have it any more.

        Money of a balance that has ended goes to the default monetary balance of its owner.
        """
        case, ledger = self._progress.case, self._progress.ledger
        for balance_id, amount in payment.amounts:
            balance = case.balances.get(balance_id)
            if balance is not None and not balance.has_ended(case.now):
                ledger.refund(balance_id, amount)
                continue
            owner = self._progress.account.id if balance is None else balance.account_id
            other = None if payment.price is None else _money_of(owner, case)
            if other is None:
                return False
            ledger.credit(other, amount)
        return True

    def _left(self, part: _Part) -> int:
        return max(part.units - self._gone.get(part.charge, 0), 0)

    def _parts(self, edr: Edr) -> list[_Part]:
        case = self._progress.case
        paid = payments_in(edr, case)
        return [
            _Part(Charge(*edr.stored, at), record, paid[at], unit_type_of(record, case.catalogue))
            for at, record in enumerate(edr.services)
        ]

    def _meant(self, marked: bytes) -> list[Edr]:
        """Returns the EDRs of the account that a usage wants refunded, by what it is marked with.

        Of events that share a Session-Id the newest is meant of which something is left.
        """
        request, case = self._request, self._progress.case
        charged = _charged(self._edrs, self._progress.account.id)
        if marked:
            name = parse_edr_name(marked.decode(errors="replace"))
            return [edr for edr in charged if (case.group_id, edr.at, edr.number) == name]
        if request.correlation_id is not None:
            found = [edr for edr in charged if edr.correlation_id == request.correlation_id]
            if found:
                return found
        session, ended = case.sessions.get(request.session_key), None
        if session is None:
            ended = case.remembered(request.session_key)
            session = ended and ended.session
        if session is None:
            return []
        found = [edr for edr in charged if edr.session_number == session.number]
        if not found or found[-1].action != _DEBIT:
            return [edr for edr in found if edr.action != _DEBIT]
        events = [edr for edr in reversed(found) if edr.action == _DEBIT]
        left = (edr for edr in events if any(map(self._left, self._parts(edr))))
        return [next(left, found[-1])]


def refunded(case: Case) -> set[Stored]:
    """Returns the EDRs of which something was refunded, as far as is known."""
    return {Stored(charge.number, charge.at) for charge in _refunded(_known(case))}


def _known(case: Case) -> list[Edr]:
    """Returns what the case knows of the journal, those of its own batch included, by number."""
    known = {edr.number: edr for edrs in case.answered.values() for edr in edrs}
    known |= {edr.number: edr for edr in case.refundable}
    return [known[number] for number in sorted(known)]


def _charged(edrs: Iterable[Edr], account_id: int) -> list[Edr]:
    """Returns the EDRs that charged an account, without those that were taken back since."""
    reversals = {
        (edr.session_number, *edr.message): edr.number for edr in edrs if edr.action == REVERSAL
    }
    return [
        edr
        for edr in edrs
        if edr.account_id == account_id
        and edr.action not in _UNCHARGED
        and edr.number > reversals.get((edr.session_number, *edr.message), 0)
    ]


def _in_session(edr: Edr) -> bool:
    return edr.session_number is not None and edr.action != _DEBIT


def _refunded(edrs: Iterable[Edr]) -> dict[Charge, int]:
    """Returns how many units of each charge were refunded."""
    gone: dict[Charge, int] = {}
    for edr in edrs:
        for record in edr.services if edr.action == REFUND else ():
            for payment in record.paid:
                if payment.charge is not None:
                    gone[payment.charge] = gone.get(payment.charge, 0) + payment.units
    return gone


def _service(
    usage: ServiceUsage, outcome: Outcome, catalogue: Catalogue, rating_group: int | None = None
) -> Service:
    number = usage.rating_group if rating_group is None else rating_group
    group = None if number is None else catalogue.rating_groups.get(number)
    service = Service(usage, group, CANNOT_BE_RATED)
    service.outcome = outcome
    return service


def _of(usage: ServiceUsage, part: _Part) -> ServiceUsage:
    """Returns a usage with the names of a part where it has none of its own."""
    if usage.rating_group is not None or usage.service_identifiers:
        return usage
    number, identifiers, *_ = part.record
    return usage._replace(rating_group=number, service_identifiers=identifiers)


def _is_named(part: _Part, usage: ServiceUsage) -> bool:
    """Does a usage mean a part: its service, in its units?"""
    record, requested = part.record, usage.requested
    if usage.rating_group not in (None, record.rating_group):
        return False
    if usage.service_identifiers not in ((), record.service_identifiers):
        return False
    if part.unit_type is None or requested is None or not any(requested):
        return True
    return requested.of(part.unit_type) is not None


def _wanted(usage: ServiceUsage, unit_type: UnitType | None) -> int | None:
    """Returns how many units are to be given back; None: all that there are.

    A fraction of a micro-unit of money is not.
    """
    requested = usage.requested
    units = None if requested is None or unit_type is None else requested.of(unit_type)
    if not units or requested is None:
        return None
    is_rounded_up = unit_type is UnitType.MONEY and requested.fraction > 0
    return units - is_rounded_up


def _money_of(account_id: int, case: Case) -> int | None:
    """Returns the default monetary balance of an account; None: it has none that is valid."""
    found = [
        balance
        for balance in case.balances.values()
        if balance.account_id == account_id
        and balance.balance_type == case.catalogue.default_monetary_balance_type
        and is_valid(balance.valid_from, balance.valid_until, case.now)
    ]
    found.sort(key=lambda balance: (-balance.priority, balance.id))
    return found[0].id if found else None


def _sum(amounts: Iterable[tuple[int, int]]) -> int:
    return sum([amount for _, amount in amounts])
