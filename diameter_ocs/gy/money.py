"""Amounts of money on the wire (RFC 8506 sections 8.8, 8.9, 8.10, 8.11 and 8.22)."""

from typing import Any

from ..base.codec import Group
from ..base.errors import InvalidAvpValue
from ..base.message import Message
from ..charging.currencies import NUMBERS, decimals_of
from ..charging.requests import Units
from ..charging.units import AMOUNT_MAX, DECIMALS_MAX, MILLIONTHS, round_up

Pairs = list[tuple[str, Any]]

EXPONENT_MAX = 12
"""How many places the point of an amount may be moved, either way: a millionth of a micro-unit is
the least that can be named.
"""


def unit_value(micro_units: int, currency: str) -> Pairs:
    """Returns the members of a Unit-Value, with no more decimals than usual or needed."""
    digits, decimals = micro_units, DECIMALS_MAX
    while decimals > decimals_of(currency) and digits % 10 == 0:
        digits, decimals = digits // 10, decimals - 1
    return [("Value-Digits", digits), ("Exponent", -decimals)]


def amount_avps(micro_units: int, currency: str) -> Pairs:
    """Returns the Unit-Value and, if the currency has a number, the Currency-Code of an amount."""
    pairs: Pairs = [("Unit-Value", unit_value(micro_units, currency))]
    return [*pairs, ("Currency-Code", NUMBERS[currency])] if currency in NUMBERS else pairs


def cc_money(micro_units: int, currency: str | None) -> Pairs:
    """Returns CC-Money of an amount."""
    return [("CC-Money", amount_avps(micro_units, currency or ""))]


def with_money(message: Message, group: Group, units: Units) -> Units:
    """Returns units with the money that their group names besides.

    Raises:
        InvalidAvpValue: it is below nothing, or more than can be stored.
    """
    avp = group.avp("CC-Money")
    if avp is None:
        return units
    value = avp.value.first("Unit-Value")
    digits, exponent = value.first("Value-Digits"), value.first("Exponent") or 0
    is_possible = digits >= 0 and abs(exponent) <= EXPONENT_MAX
    finest = digits * 10 ** (exponent + EXPONENT_MAX) if is_possible else 0
    if not is_possible or finest > AMOUNT_MAX * MILLIONTHS:
        raise InvalidAvpValue(
            f"CC-Money of {digits} with the Exponent {exponent} cannot be", message.raw(avp)
        )
    money = round_up(finest, MILLIONTHS) // MILLIONTHS
    return units._replace(money=money, fraction=money * MILLIONTHS - finest)


def currency_of(message: Message, services: list[Group]) -> int:
    """Returns the currency of the money in a request that names some; 0: it does not say.

    Raises:
        InvalidAvpValue: there are two.
    """
    named = 0
    for group in services or [message.group]:
        for units in (*group.all("Requested-Service-Unit"), *group.all("Used-Service-Unit")):
            avp = units.avp("CC-Money")
            currency = 0 if avp is None else avp.value.first("Currency-Code") or 0
            if currency and currency != (named or currency):
                assert avp is not None
                reason = f"CC-Money of the currency {currency} stands beside some of {named}"
                raise InvalidAvpValue(reason, message.raw(avp))
            named = named or currency
    return named
