"""Amounts as people write and read them."""

from ..charging.units import UnitType, format_money, parse_money
from .quantities import SPOKEN, parse_quantity, quantity_text
from .refusals import Refusal


def amount_text(amount: int, unit_type: UnitType | None, currency: str) -> str:
    """Writes an amount, exactly; a balance of money has a unit type of None."""
    if unit_type is None or unit_type is UnitType.MONEY:
        return f"{format_money(amount)} {currency}".rstrip()
    if unit_type is UnitType.SERVICE_SPECIFIC_UNITS:
        return f"{amount} unit" if abs(amount) == 1 else f"{amount} units"
    if amount == 0:
        return f"0 {SPOKEN[unit_type][-1]}"
    sign = "-" if amount < 0 else ""
    return sign + quantity_text(abs(amount), unit_type)


def parse_amount(text: str, unit_type: UnitType | None, at_least: int = 1) -> int:
    """Reads an amount for a balance: money as 12.50, units as 100, 6000 s or 10 GiB."""
    try:
        amount = parse_money(text) if unit_type is None else parse_quantity(text)
    except ValueError as error:
        raise Refusal("invalid_amount", str(error)) from None
    if amount < at_least:
        bound = "more than 0" if at_least else "0 or more"
        raise Refusal("invalid_amount", f"{text!r}: write an amount of {bound}")
    return amount
