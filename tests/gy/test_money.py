"""Amounts of money: how they are read, whose currency they are, how they are told."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import InvalidAvpValue
from diameter_ocs.base.message import Message, decode
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision, Told
from diameter_ocs.charging.requests import Units
from diameter_ocs.charging.units import MILLIONTHS, UnitType
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.tolerance import Tolerated

Write = Callable[..., Message]
Read = Callable[..., Decoded]
Pair = tuple[str, Any]

EUR, USD = 978, 840
TWELVE_FIFTY = bytes.fromhex(
    "0000019d 40000038 000001bd 40000024 000001bf 40000010 00000000000004e2"
    "000001ad 4000000c fffffffe 000001a9 4000000c 000003d2"
)


def money(digits: int, exponent: int | None = None, currency: int | None = EUR) -> Pair:
    """Returns a CC-Money."""
    value = [("Value-Digits", digits)]
    if exponent is not None:
        value.append(("Exponent", exponent))
    members: list[Pair] = [("Unit-Value", value)]
    if currency is not None:
        members.append(("Currency-Code", currency))
    return "CC-Money", members


def requested(*members: Pair) -> Pair:
    return "Requested-Service-Unit", members


def used(*members: Pair) -> Pair:
    return "Used-Service-Unit", members


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", [("Rating-Group", 300), *members]


@pytest.mark.parametrize(
    ("digits", "exponent", "micro_units", "fraction"),
    [
        (0, None, 0, 0),
        (0, 12, 0, 0),
        (1250, -2, 12_500_000, 0),
        (125, -1, 12_500_000, 0),
        (12_500_000, -6, 12_500_000, 0),
        (9_223_372_036_854, 0, 9_223_372_036_854_000_000, 0),
        (9, 12, 9 * 10**18, 0),
        (2**63 - 1, -6, 2**63 - 1, 0),
        (1, -12, 1, MILLIONTHS - 1),
        (10**6 + 1, -12, 2, MILLIONTHS - 1),
        (2**63 - 1, -12, 9_223_372_036_855, 224_193),
    ],
)
def test_an_amount_counts_by_its_value(
    read: Read, digits: int, exponent: int | None, micro_units: int, fraction: int
) -> None:
    wanted = service(requested(money(digits, exponent)), used(money(digits, exponent)))
    (usage,) = read(wanted).request.usages
    assert usage.requested == Units(money=micro_units, fraction=fraction)
    assert usage.used == (usage.requested,)
    assert micro_units * MILLIONTHS - fraction == digits * 10 ** (12 + (exponent or 0))


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
@pytest.mark.parametrize("units", [requested, used])
@pytest.mark.parametrize("is_service", [True, False])
def test_what_no_balance_can_have_comes_back(
    read: Read,
    digits: int,
    exponent: int | None,
    units: Callable[[Pair], Pair],
    is_service: bool,
) -> None:
    asked = units(money(digits, exponent))
    with pytest.raises(InvalidAvpValue) as raised:
        read(service(asked) if is_service else asked)
    assert raised.value.failed_avp is not None
    assert raised.value.failed_avp[:4] == bytes.fromhex("0000019d")


def test_12_50_euro_are_read_from_the_octets_of_the_standard(read: Read, write: Write) -> None:
    message = write(service(requested(money(1250, -2))))
    group = message.group.all("Multiple-Services-Credit-Control")[0]
    avp = group.first("Requested-Service-Unit").avp("CC-Money")
    assert message.raw(avp) == TWELVE_FIFTY


@pytest.mark.parametrize(
    ("members", "currency"),
    [
        ([service(requested())], None),
        ([service(requested(("CC-Total-Octets", 5)))], None),
        ([service(requested(money(5)))], EUR),
        ([service(requested(money(5, currency=None)))], 0),
        ([service(used(money(5, currency=None))), service(used(money(5)))], EUR),
        ([requested(money(5, currency=USD))], USD),
        ([used(money(5, currency=USD))], USD),
    ],
)
def test_a_request_has_the_currency_of_its_money(
    read: Read, members: list[Pair], currency: int | None
) -> None:
    assert read(*members).request.currency == currency


def test_two_currencies_contradict_each_other(read: Read) -> None:
    with pytest.raises(InvalidAvpValue, match="978") as raised:
        read(service(requested(money(5)), used(money(5, currency=USD))))
    assert raised.value.failed_avp is not None
    assert raised.value.failed_avp.endswith(bytes.fromhex("000001a9 4000000c 00000348"))


def test_money_is_read_each_time_that_its_layout_is_met(read: Read) -> None:
    more = [("Multiple-Services-Indicator", 1), ("Event-Timestamp", 3_918_974_400)]
    for digits in (1, 2, 3, 4):
        (usage,) = read(*more, service(requested(money(digits)))).request.usages
        assert usage.requested == Units(money=digits * 10**6)


def test_money_beside_other_units_is_noted(read: Read) -> None:
    decoded = read(service(used(money(5), ("CC-Time", 60))))
    assert Tolerated.SEVERAL_UNIT_TYPES in decoded.tolerated
    assert decoded.request.usages[0].used == (Units(seconds=60, money=5 * 10**6),)


@pytest.mark.parametrize("is_service", [True, False])
def test_granted_money_has_its_currency(
    read: Read, dictionary: Dictionary, encoder: Encoder, is_service: bool
) -> None:
    asked = requested(money(1250, -2))
    decoded = read(service(asked) if is_service else asked)
    grant = Grant(UnitType.MONEY, 12_500_000, 3600, False)
    answered = ServiceDecision(decoded.request.usages[0], Outcome.SUCCESS, grant)
    decision = Decision(Outcome.SUCCESS, (answered,), told=Told(currency="EUR"))
    message = decode(encoder.encode(decision, decoded), dictionary)
    group = message.group
    if is_service:
        (group,) = group.all("Multiple-Services-Credit-Control")
    assert message.raw(group.first("Granted-Service-Unit").avp("CC-Money")) == TWELVE_FIFTY
    assert group.first("Validity-Time") == 3600


@pytest.mark.parametrize("is_service", [True, False])
def test_money_of_another_currency_is_shown(
    read: Read, dictionary: Dictionary, encoder: Encoder, is_service: bool
) -> None:
    members = requested(money(1, currency=None)), used(money(5, currency=USD))
    decoded = read(*([service(*members)] if is_service else members))
    decision = Decision(Outcome.FOREIGN_CURRENCY)
    message = decode(encoder.encode(decision, decoded), dictionary)
    assert message.group.first("Result-Code") == 5004
    failed = message.group.avp("Failed-AVP")
    assert failed is not None
    assert message.raw(failed).endswith(bytes.fromhex("000001a9 4000000c 00000348"))
    assert "currency" in message.group.first("Error-Message")
