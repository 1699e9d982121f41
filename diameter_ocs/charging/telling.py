"""What an answer tells of money: what was paid, what is left, and whether that is little.

What is left is what is available to the account in balances of the default monetary balance type:
its own, and those that its parents share with it.
"""

from collections.abc import Iterable

from .catalogue import Catalogue
from .decisions import Told
from .ledger import Ledger
from .requests import RequestType
from .services import Service
from .units import AMOUNT_MAX

_INITIAL, _, _, _EVENT = RequestType


def money_told(
    request_type: RequestType,
    cost: int,
    services: Iterable[Service],
    ledger: Ledger,
    catalogue: Catalogue,
) -> Told:
    """Returns what the answer to a request tells; `cost` is what its session has cost so far.

    An event has a cost of its own, and the start of a session none.
    """
    told_cost: int | None = cost
    if request_type is _EVENT:
        told_cost = sum([service.settlement.charged_amount for service in services])
    elif request_type is _INITIAL:
        told_cost = None
    remaining = _remaining(ledger, catalogue)
    limit = catalogue.session_rules.low_balance
    is_low = None if limit is None or remaining is None else remaining < limit
    return Told(told_cost, remaining, is_low, currency=catalogue.currency)


def of_enquiry(told: Told, usual: Told | None, catalogue: Catalogue) -> Told:
    """Returns what an enquiry is told, and what the peer is told of money anyway.

    That it has cost nothing is not said: nobody asked.
    """
    if usual is None:
        return told if told.cost is None else told._replace(currency=catalogue.currency)
    return usual._replace(cost=told.cost, has_enough=told.has_enough)


def _remaining(ledger: Ledger, catalogue: Catalogue) -> int | None:
    """Returns the money that is available; None: the account has no balance of it.

    Where it is more than an amount can be, as behind limits that mean none, it is that much.
    """
    money = catalogue.default_monetary_balance_type
    balance_ids = () if money is None else ledger.paying((money,))
    return min(sum(map(ledger.available, balance_ids)), AMOUNT_MAX) if balance_ids else None
