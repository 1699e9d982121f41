"""Answer what is only asked: is there enough, and what would it cost (RFC 8506 6.1 and 6.2).

Both are tried out on balances that are then forgotten: nothing is posted or held.
"""

from dataclasses import replace

from .catalogue import RatingGroup
from .debits import debit, failure_of, pay, wanted_of
from .decisions import Outcome, Told
from .progress import Progress
from .services import SUCCESS, Service
from .settlement import continued, new_line
from .units import AMOUNT_MAX, round_up

_TOO_LITTLE = frozenset({Outcome.LIMIT_REACHED, Outcome.SERVICE_DENIED})
"""How a service fails that money, or a plan, could mend: there is not enough for it."""


def check_balance(services: list[Service], progress: Progress) -> tuple[Outcome, Told | None]:
    """Returns whether all that is asked for could be paid, in full and all together.

    Where no units are named it is enough that anything is left that could pay for the service;
    where no service is, or no plan has it, that anything is left at all.
    """
    has_enough, begun = True, set[int]()
    for service in services:
        group = service.rating_group
        if progress.is_denied:
            service.outcome = Outcome.SERVICE_DENIED
        elif not _names_units(service):
            has_enough = _has_anything(service, progress) and has_enough
        elif group is not None:
            debit(service, _unbounded(group), progress, False, begun)
            if service.outcome in _TOO_LITTLE:
                service.outcome, has_enough = SUCCESS, False
        service.forget()
    outcome = failure_of(services, progress)
    return outcome, Told(has_enough=has_enough) if outcome is SUCCESS else None


def enquire_price(services: list[Service], progress: Progress) -> tuple[Outcome, Told | None]:
    """Returns what it would cost, in money: what allowances would pay for costs none.

    What nothing is left for costs what it would if there were money.
    """
    cost, begun = 0, set[int]()
    for service in services:
        if progress.is_denied:
            service.outcome = Outcome.SERVICE_DENIED
        elif service.rating_group is not None:
            cost += _cost(service, service.rating_group, progress, begun)
    outcome = failure_of(services, progress)
    return outcome, Told(cost=min(cost, AMOUNT_MAX)) if outcome is SUCCESS else None


def _unbounded(group: RatingGroup) -> RatingGroup:
    """Returns a rating group of which any number is asked for at once: nothing is granted."""
    return replace(group, max_reservation=AMOUNT_MAX)


def _names_units(service: Service) -> bool:
    """Does it say how much it is about? What stands for one message says nothing."""
    requested, messages = service.usage.requested, service.usage.messages
    return messages > 1 or (requested is not None and any(requested))


def _has_anything(service: Service, progress: Progress) -> bool:
    """Is anything left that could pay for a service, or for whatever it may be?

    It notes where that cannot be told: who names a service means that one.
    """
    usage, ledger, tariffs = service.usage, progress.ledger, service.tariffs
    is_named = usage.rating_group is not None or bool(usage.service_identifiers)
    if service.rating_group is None and is_named:
        return False
    service.outcome = SUCCESS
    if tariffs[0].sources:
        types = tariffs[0].balance_types
        return tariffs[0].is_free or any(map(ledger.available, ledger.paying(types)))
    if tariffs[0].is_unplaced:
        service.outcome = Outcome.LOCATION_UNKNOWN
        return False
    every = tuple({balance.balance_type for balance in ledger.balances.values()})
    return any(map(ledger.available, ledger.paying(every)))


def _cost(service: Service, group: RatingGroup, progress: Progress, begun: set[int]) -> int:
    """Returns what a service would cost, or says why it has no price; `begun` as in `debit`."""
    tariffs, ledger = service.tariffs, progress.ledger
    wanted = wanted_of(service.usage, group)
    if wanted is None and progress.is_emergency:
        wanted = group.default_quota
    if not tariffs[0].sources or wanted is None:
        service.outcome = Outcome.RATING_FAILED if tariffs[0].sources else service.unsold
        return 0
    lines = [new_line(1, group, tariff, group.id in begun) for tariff in tariffs]
    settlement, _ = pay(wanted, lines, tariffs, ledger, False)
    cost, rest = settlement.charged_amount, round_up(wanted - settlement.used, group.rounding)
    line = lines[0]
    if rest and line.price is not None:
        if not line.priced and any(each.priced for each in lines):
            line = continued(line, ledger)
        assert line.price is not None
        cost += line.price.charge_of(line.priced + rest) - line.price.charge_of(line.priced)
    if rest or any(each.priced for each in lines):
        begun.add(group.id)
    return cost
