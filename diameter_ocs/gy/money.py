"""Amounts of money on the wire (RFC 8506 sections 8.8, 8.9, 8.10, 8.11 and 8.22)."""

from typing import Any

from ..base.codec import Group
from ..base.errors import InvalidAvpValue
from ..base.message import Message
from ..charging.currencies import decimals_of
from ..charging.units import AMOUNT_MAX, DECIMALS_MAX, MICRO_UNITS

EXPONENT_MAX = 12
"""How many places the point of an amount may be moved, either way."""


def unit_value(micro_units: int, currency: str) -> list[tuple[str, Any]]:
    """Returns the members of a Unit-Value, with no more decimals than usual or needed."""
    digits, decimals = micro_units, DECIMALS_MAX
    while decimals > decimals_of(currency) and digits % 10 == 0:
        digits, decimals = digits // 10, decimals - 1
    return [("Value-Digits", digits), ("Exponent", -decimals)]


def check_money(message: Message, units: Group) -> None:
    """Passes units without CC-Money, and those whose amount can be.

    Raises:
        InvalidAvpValue: it is below nothing, or more than can be stored.
    """
    avp = units.avp("CC-Money")
    if avp is None:
        return
    value = avp.value.first("Unit-Value")
    digits, exponent = value.first("Value-Digits"), value.first("Exponent") or 0
    if (
        digits < 0
        or abs(exponent) > EXPONENT_MAX
        or digits * MICRO_UNITS * 10**EXPONENT_MAX > AMOUNT_MAX * 10 ** (EXPONENT_MAX - exponent)
    ):
        raise InvalidAvpValue(
            f"CC-Money of {digits} with the Exponent {exponent} cannot be", message.raw(avp)
        )
