"""What commands answer about accounts and balances, as it can be written as JSON."""

from collections.abc import Iterable
from typing import Any

from ..charging.accounts import AccountSummary
from ..charging.catalogue import Catalogue
from ..charging.ledger import Balance
from ..charging.requests import Identity, IdentityKind
from ..charging.units import UnitType
from .catalogue_build import UNIT_TYPES

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
    **{unit_type: name for name, unit_type in UNIT_TYPES.items()},
}
_KIND_NAMES = {kind: name for name, kind in KINDS.items()}


def account_answer(account: AccountSummary, catalogue: Catalogue) -> dict[str, Any]:
    """Describes an account with all that belongs to it."""
    return {
        "account": account.name,
        "tenant": account.tenant,
        "id": account.id,
        "plans": list(account.plans),
        "identities": identity_texts(account.identities),
        "currency": catalogue.currency,
        "balances": [
            {"id": balance.id, **balance_answer(balance, catalogue)} for balance in account.balances
        ],
    }


def balance_answer(balance: Balance, catalogue: Catalogue) -> dict[str, Any]:
    """Describes a balance but for its id."""
    return {
        "balance_type": balance.balance_type,
        "unit_type": _UNIT_NAMES[catalogue.balance_types[balance.balance_type].unit_type],
        "total": balance.total,
        "used": balance.used,
        "reserved": balance.reserved,
        "available": balance.available,
    }


def identity_texts(identities: Iterable[Identity]) -> list[str]:
    """Writes identities as KIND:VALUE; that of a SIP URI stands in the URI."""
    return [
        each.value
        if each.kind is IdentityKind.SIP_URI
        else f"{_KIND_NAMES[each.kind]}:{each.value}"
        for each in identities
    ]


def unit_type_of(name: str) -> UnitType | None:
    """Returns the type of unit that an answer names; None: money."""
    return None if name == MONEY else UNIT_TYPES[name]
