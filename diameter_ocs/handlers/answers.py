"""What commands answer about accounts and balances, as it can be written as JSON."""

from collections.abc import Iterable
from typing import Any

from ..charging.accounts import AccountSummary
from ..charging.catalogue import Catalogue, Price
from ..charging.groups import Device, Subscription
from ..charging.ledger import Balance, is_valid
from ..charging.requests import Identity, IdentityKind
from ..charging.units import UnitType
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
        "balances": balance_answers(account.balances, catalogue, now),
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


def balance_answers(
    balances: Iterable[Balance], catalogue: Catalogue, now: int
) -> list[dict[str, Any]]:
    """Describes balances."""
    return [{"id": each.id, **balance_answer(each, catalogue, now)} for each in balances]


def balance_answer(balance: Balance, catalogue: Catalogue, now: int) -> dict[str, Any]:
    """Describes a balance but for its id."""
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
        "state": _state(balance.valid_from, balance.valid_until, now),
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
