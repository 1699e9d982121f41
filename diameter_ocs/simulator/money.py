"""Amounts of money as a gateway writes and reads them (RFC 8506 sections 8.7, 8.8 and 8.22)."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import avp, first

CURRENCIES = {"EUR": 978, "USD": 840, "GBP": 826, "CHF": 756, "JPY": 392, "INR": 356, "BRL": 986}
"""Those that steps may name; others are written as their three digits."""

_NAMES = {number: name for name, number in CURRENCIES.items()}
_AMOUNT = re.compile(r"(-?[0-9]{1,18})(?:\.([0-9]{1,12}))?(?:([A-Z]{3})|~([0-9]{3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """Digits times ten to the power of an exponent; without a currency it is the server's."""

    digits: int
    exponent: int | None = None
    currency: int | None = None

    def text(self) -> str:
        """Says how much it is."""
        amount = Decimal(self.digits).scaleb(self.exponent or 0)
        name = "" if self.currency is None else _NAMES.get(self.currency, f"{self.currency:03d}")
        return f"{amount:f} {name}".rstrip()

    def as_dict(self) -> dict[str, int]:
        """Returns the amount for JSON, without what is absent."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class MoneyTold:
    """What an answer tells of money besides what it grants."""

    cost: Money | None = None
    remaining_balance: Money | None = None
    is_balance_low: bool | None = None

    def texts(self) -> list[str]:
        """Says each part of it."""
        said = []
        if self.cost is not None:
            said.append(f"cost {self.cost.text()}")
        if self.remaining_balance is not None:
            said.append(f"{self.remaining_balance.text()} left")
        if self.is_balance_low is not None:
            said.append("balance is low" if self.is_balance_low else "balance is not low")
        return said

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON; what is absent is None."""
        cost, remaining = self.cost, self.remaining_balance
        return {
            "cost": None if cost is None else cost.as_dict(),
            "remaining_balance": None if remaining is None else remaining.as_dict(),
            "is_balance_low": self.is_balance_low,
        }


NOTHING_TOLD = MoneyTold()


def parse_money(text: str) -> Money:
    """Reads an amount such as 12.50, 12.50EUR or 12.50~978.

    Raises:
        ValueError: it is none.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or (match[3] and match[3] not in CURRENCIES):
        names = ", ".join(CURRENCIES)
        raise ValueError(
            f"{text!r} is no money; write 12.50, 12.50EUR or 12.50~978 (known: {names})"
        )
    whole, decimals, name, number = match.groups()
    digits, exponent = int(whole + (decimals or "")), -len(decimals) if decimals else None
    currency = CURRENCIES[name] if name else None if number is None else int(number)
    return Money(digits, exponent, currency)


def money_avps(money: Money) -> list[Any]:
    """Returns the members of CC-Money."""
    value = [avp(c.AVP_VALUE_DIGITS, money.digits)]
    if money.exponent is not None:
        value.append(avp(c.AVP_EXPONENT, money.exponent))
    members = [avp(c.AVP_UNIT_VALUE, value)]
    if money.currency is not None:
        members.append(avp(c.AVP_CURRENCY_CODE, money.currency))
    return members


def read_money(members: Iterable[Any]) -> Money | None:
    """Reads CC-Money, Cost-Information or Remaining-Balance; None: it has no Unit-Value."""
    group = list(members)
    value = first(group, c.AVP_UNIT_VALUE)
    if value is None:
        return None
    digits, exponent = first(value, c.AVP_VALUE_DIGITS), first(value, c.AVP_EXPONENT)
    return Money(digits, exponent, first(group, c.AVP_CURRENCY_CODE))


def read_money_told(group: Iterable[Any]) -> MoneyTold:
    """Reads what an answer tells of money."""
    members = list(group)
    cost = first(members, c.AVP_COST_INFORMATION) or ()
    remaining = first(members, c.AVP_TGPP_REMAINING_BALANCE, c.VENDOR_TGPP) or ()
    low = first(members, c.AVP_TGPP_LOW_BALANCE_INDICATION, c.VENDOR_TGPP)
    return MoneyTold(read_money(cost), read_money(remaining), None if low is None else bool(low))
