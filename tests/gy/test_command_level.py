"""Units at command level are answered there, with all that goes with them."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, decode
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision, Told
from diameter_ocs.charging.final_units import (
    TERMINATE,
    AddressType,
    FinalUnit,
    FinalUnitAction,
)
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.terms import AnswerTerms

INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
ASKED = ("Requested-Service-Unit", [("CC-Time", 60)])
ACTION = ("Requested-Action", 0)
REDIRECT = FinalUnit(FinalUnitAction.REDIRECT, AddressType.URL, "http://top.up/")
TERMS = AnswerTerms(cost_information=True, remaining_balance=True, qos_final_units=True)
TOLD = Told(5_000_000, 1_000_000, currency="EUR")

FAILED = Outcome.LIMIT_REACHED
TIME = Grant(UnitType.TIME, 60, 3600, False)
PLAIN = {"Granted-Service-Unit", "Validity-Time"}
COSTS = {"Cost-Information", "Remaining-Balance"}
FINAL = {"Final-Unit-Indication", "QoS-Final-Unit-Indication"}
Answered = tuple[int, Outcome, Grant | None, Told | None, int, set[str]]
ANSWERS: list[Answered] = [
    (INITIAL, Outcome.SUCCESS, TIME, None, 2001, PLAIN),
    (UPDATE, Outcome.SUCCESS, TIME, TOLD, 2001, PLAIN | COSTS),
    (UPDATE, Outcome.SUCCESS, Grant(UnitType.VOLUME, 9, 60, True, final_unit=TERMINATE), None,
     2001, PLAIN | FINAL),
    (UPDATE, Outcome.SUCCESS, Grant(UnitType.MONEY, 9, 60, True, final_unit=REDIRECT), TOLD,
     2001, PLAIN | COSTS | FINAL),
    (UPDATE, Outcome.SUCCESS, Grant(UnitType.TIME, 0, 60, True, final_unit=REDIRECT), None,
     2001, {"Validity-Time"} | FINAL),
    (UPDATE, FAILED, None, TOLD, 4012, COSTS),
    (TERMINATION, Outcome.SUCCESS, None, TOLD, 2001, COSTS),
    (EVENT, Outcome.SUCCESS, Grant(UnitType.TIME, 60, None, False), TOLD, 2001,
     {"Granted-Service-Unit"} | COSTS),
]  # fmt: skip
NAMES = PLAIN | COSTS | FINAL


@pytest.mark.parametrize("answered", ANSWERS)
def test_what_was_asked_at_command_level_is_answered_there(
    read: Callable[..., Decoded], dictionary: Dictionary, identity: Identity, answered: Answered
) -> None:
    kind, outcome, grant, told, code, names = answered
    members: list[tuple[str, Any]] = [ASKED, ACTION] if kind == EVENT else [ASKED]
    decoded = read(*members, with_={"CC-Request-Type": kind})
    service = ServiceDecision(decoded.request.usages[0], outcome, grant)
    decision = Decision(Outcome.SUCCESS, (service,), told=told)
    answer = decode(Encoder(dictionary, identity, TERMS).encode(decision, decoded), dictionary)
    assert answer.group.first("Result-Code") == code
    assert {name for name in NAMES if name in answer.group} == names
    assert "Multiple-Services-Credit-Control" not in answer.group
