"""Amounts of money that can be, and those that cannot."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.errors import InvalidAvpValue
from diameter_ocs.base.message import Message
from diameter_ocs.gy.money import check_money

Write = Callable[..., Message]


def asking(write: Write, digits: int, exponent: int | None) -> Message:
    members: list[tuple[str, Any]] = [("Value-Digits", digits)]
    if exponent is not None:
        members.append(("Exponent", exponent))
    return write(("Requested-Service-Unit", [("CC-Money", [("Unit-Value", members)])]))


@pytest.mark.parametrize(
    ("digits", "exponent"),
    [
        (0, None),
        (0, 12),
        (1250, -2),
        (9_223_372_036_854, 0),
        (9, 12),
        (2**63 - 1, -6),
        (2**63 - 1, -12),
    ],
)
def test_an_amount_that_a_balance_can_have_passes(
    write: Write, digits: int, exponent: int | None
) -> None:
    message = asking(write, digits, exponent)
    check_money(message, message.group.first("Requested-Service-Unit"))


@pytest.mark.parametrize(
    ("digits", "exponent"),
    [
        (-1, None),
        (-1, -12),
        (9_223_372_036_855, 0),
        (10, 12),
        (2**63 - 1, -5),
        (0, 13),
        (0, -13),
        (1, 2**31 - 1),
        (1, -(2**31)),
    ],
)
def test_what_no_balance_can_have_comes_back(
    write: Write, digits: int, exponent: int | None
) -> None:
    message = asking(write, digits, exponent)
    units = message.group.first("Requested-Service-Unit")
    with pytest.raises(InvalidAvpValue) as raised:
        check_money(message, units)
    assert raised.value.failed_avp == message.raw(units.avp("CC-Money"))


def test_units_without_money_pass(write: Write) -> None:
    message = write(("Requested-Service-Unit", [("CC-Total-Octets", 2**64 - 1)]))
    check_money(message, message.group.first("Requested-Service-Unit"))
