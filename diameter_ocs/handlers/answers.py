"""What commands answer about accounts and balances, as it can be written as JSON."""

from collections.abc import Collection, Iterable
from typing import Any

from ..charging.accounts import AccountSummary
from ..charging.catalogue import Catalogue, Price
from ..charging.counters import BalanceCounter, PolicyCounter
from ..charging.counting import blocked_of
from ..charging.groups import Device, Subscription
from ..charging.ledger import Balance, is_valid
from ..charging.requests import Identity, IdentityKind
from ..charging.units import UnitType
from .catalogue_counters import part_of
from .catalogue_scalars import UNIT_TYPES
from .moments import moment_text, optional_moment_text

MONEY = "money"
KINDS = {
    "imsi": IdentityKind.IMSI,
    "msisdn": IdentityKind.MSISDN,
    "sip": IdentityKind.SIP_URI,
    "nai": IdentityKind.NAI,
    "private": IdentityKind.PRIVATE,
}
"""What people call the kinds of identities."""
_UNIT_NAMES: dict[UnitType | None, str] = {
    None: MONEY,
    UnitType.MONEY: MONEY,
    **{unit_type: name for name, unit_type in UNIT_TYPES.items()},
}
_KIND_NAMES = {kind: name for name, kind in KINDS.items()}


def price_answer(price: Price) -> dict[str, int]:
    """Describes a price."""
    return {
        "micro_units": price.micro_units,
        "per_units": price.per_units,
        "tax_millionths": price.tax_millionths,
        "initial_micro_units": price.initial_micro_units,
        "minimum_units": price.minimum_units,
    }


def account_answer(account: AccountSummary, catalogue: Catalogue, now: int) -> dict[str, Any]:
    """Describes an account with all that belongs to it; `now` is in microseconds since 1970."""
    blocked = blocked_of(account.standing, catalogue)
    return {
        "account": account.name,
        "tenant": account.tenant,
        "id": account.id,
        "parent": account.parent,
        "state": account.state.name.lower(),
        "plans": list(account.plans(now)),
        "identities": identity_texts(account.identities),
        "devices": [device_answer(device) for device in account.devices],
        "subscriptions": [subscription_answer(each, now) for each in account.subscriptions],
        "time_zone": account.time_zone or catalogue.time_zone,
        "has_own_time_zone": account.time_zone is not None,
        "currency": catalogue.currency,
        "balances": balance_answers(account.balances, catalogue, now, blocked),
        "counters": [
            counter_answer(counter, state) for counter, state in account.counters(catalogue, now)
        ],
        "own_counters": [
            own_counter_answer(counter, catalogue) for counter in account.standing.overrides
        ],
        "money_thresholds": list(account.standing.thresholds),
    }


def device_answer(device: Device) -> dict[str, Any]:
    """Describes a device."""
    return {"device": device.name, "identities": identity_texts(device.identities)}


def subscription_answer(subscription: Subscription, now: int) -> dict[str, Any]:
    """Describes a subscription."""
    begins = subscription.valid_from
    return {
        "id": subscription.id,
        "plan": subscription.plan,
        "from": moment_text(subscription.subscribed_at if begins is None else begins),
        "until": optional_moment_text(subscription.valid_until),
        "state": _state(begins, subscription.valid_until, now),
    }


def counter_answer(counter: BalanceCounter | PolicyCounter, state: str | None) -> dict[str, Any]:
    """Describes a counter, and how it stands; None: the account has no balances of its type."""
    kind, balance_type = "balance", None
    if isinstance(counter, PolicyCounter):
        kind = counter.type.value.lower()
    else:
        balance_type = counter.balance_type
    return {
        "counter": counter.name,
        "type": kind,
        "balance_type": balance_type,
        "state": state,
    }


def own_counter_answer(counter: BalanceCounter, catalogue: Catalogue) -> dict[str, Any]:
    """Describes a counter that an account has in the place of the catalogue's."""
    kind = catalogue.balance_types.get(counter.balance_type)
    part = part_of(counter, None if kind is None else kind.unit_type)
    limits = [(state.name, state.threshold) for state in part.states]
    return {
        "counter": counter.name,
        "balance_type": counter.balance_type,
        "active": counter.is_active,
        "thresholds": [f"{name}={limit}" for name, limit in limits if limit is not None],
    }


def balance_answers(
    balances: Iterable[Balance], catalogue: Catalogue, now: int, blocked: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Describes balances; those of types that are blocked pay for nothing new."""
    return [{"id": each.id, **balance_answer(each, catalogue, now, blocked)} for each in balances]


def balance_answer(
    balance: Balance, catalogue: Catalogue, now: int, blocked: Collection[str] = ()
) -> dict[str, Any]:
    """Describes a balance but for its id."""
    state = _state(balance.valid_from, balance.valid_until, now)
    if state == "active" and balance.balance_type in blocked:
        state = "blocked"
    return {
        "balance_type": balance.balance_type,
        "unit_type": unit_name(catalogue.balance_types[balance.balance_type].unit_type),
        "priority": balance.priority,
        "total": balance.total,
        "used": balance.used,
        "reserved": balance.reserved,
        "available": balance.available,
        "from": optional_moment_text(balance.valid_from),
        "until": optional_moment_text(balance.valid_until),
        "state": state,
        "subscription": balance.subscription_id,
    }


def _state(valid_from: int | None, valid_until: int | None, now: int) -> str:
    if valid_until is not None and valid_until <= now:
        return "ended"
    return "active" if is_valid(valid_from, valid_until, now) else "to come"


def identity_texts(identities: Iterable[Identity]) -> list[str]:
    """Writes identities as KIND:VALUE; that of a SIP URI stands in the URI."""
    return [
        each.value
        if each.kind is IdentityKind.SIP_URI
        else f"{_KIND_NAMES[each.kind]}:{each.value}"
        for each in identities
    ]


def unit_name(unit_type: UnitType | None) -> str:
    """Names a type of unit as catalogues do; None: money."""
    return _UNIT_NAMES[unit_type]


def unit_type_of(name: str) -> UnitType | None:
    """Returns the type of unit that an answer names; None: money."""
    return None if name == MONEY else UNIT_TYPES[name]
