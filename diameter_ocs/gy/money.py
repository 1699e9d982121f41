"""Amounts of money in units asked for or used (RFC 8506 sections 8.7, 8.8, 8.10 and 8.11)."""

from ..base.codec import Group
from ..base.errors import InvalidAvpValue
from ..base.message import Message
from ..charging.units import AMOUNT_MAX, MICRO_UNITS

EXPONENT_MAX = 12
"""How many places the point of an amount may be moved, either way."""


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
