"""Money in steps and in answers."""

import pytest
from diameter.message import constants as c

from diameter_ocs.simulator.avps import avp, tgpp
from diameter_ocs.simulator.money import (
    NOTHING_TOLD,
    Money,
    MoneyTold,
    money_avps,
    parse_money,
    read_money,
    read_money_told,
)
from diameter_ocs.simulator.steps import StepError, Units, parse_steps


@pytest.mark.parametrize(
    ("text", "money", "shown"),
    [
        ("12.50", Money(1250, -2), "12.50"),
        ("12.50EUR", Money(1250, -2, 978), "12.50 EUR"),
        ("12~036", Money(12, None, 36), "12 036"),
        ("0.000000000001USD", Money(1, -12, 840), "0.000000000001 USD"),
        ("-5", Money(-5), "-5"),
    ],
)
def test_money_is_read_and_shown(text: str, money: Money, shown: str) -> None:
    assert parse_money(text) == money
    assert money.text() == shown
    assert read_money(money_avps(money)) == money


@pytest.mark.parametrize("text", ["", "12:50", "12.50XYZ", "1.0000000000001", "EUR", "12.50~97"])
def test_what_is_no_money_is_said(text: str) -> None:
    with pytest.raises(StepError, match=r"write 12\.50, 12\.50EUR or 12\.50~978"):
        parse_steps([f"event:rg=1/request-money={text}"])


def test_steps_ask_for_money_and_report_it() -> None:
    (step,) = parse_steps(["update:rg=1/request-money=2/used-money=1.50EUR"])
    (service,) = step.services
    assert service.requested == Units(money=Money(2))
    assert service.used == Units(money=Money(150, -2, 978))


def test_what_is_told_of_money_is_read_and_shown() -> None:
    cost = avp(c.AVP_COST_INFORMATION, money_avps(Money(1250, -2, 978)))
    left = tgpp(c.AVP_TGPP_REMAINING_BALANCE, money_avps(Money(5, None, 978)))
    low = tgpp(c.AVP_TGPP_LOW_BALANCE_INDICATION, 1)
    told = read_money_told([cost, left, low])
    assert told == MoneyTold(Money(1250, -2, 978), Money(5, None, 978), True)
    assert told.texts() == ["cost 12.50 EUR", "5 EUR left", "balance is low"]
    assert told.as_dict() == {
        "cost": {"digits": 1250, "exponent": -2, "currency": 978},
        "remaining_balance": {"digits": 5, "currency": 978},
        "is_balance_low": True,
    }


def test_an_answer_that_tells_nothing_of_money_has_nothing_of_it() -> None:
    assert read_money_told([avp(c.AVP_RESULT_CODE, 2001)]) == NOTHING_TOLD
    assert NOTHING_TOLD.texts() == []
