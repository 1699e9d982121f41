"""Which sessions a gateway that restarted has lost, and what becomes of them."""

import pytest

from diameter_ocs.charging.decisions import Decision, EdrKind
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.restarts import GatewayState, close_left_behind
from diameter_ocs.charging.session import CloseReason
from tests.charging.scenario import (
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    used,
    want,
)

OFFERED = catalogue(allowance(SECONDS, VOICE), groups=(VOICE_BY_MINUTES,))
KEY = SessionKey(b"one")


def opened(**others: object) -> Desk:
    counter = Desk(OFFERED, balance(1, SECONDS, 6000))
    counter.initial(
        want(VOICE, 600), **{"origin_state_id": 5, "origin_host": "GW.example"} | others
    )
    counter.case = counter.case._replace(now=counter.case.now + 10)
    return counter


def restarted(counter: Desk, origin_state_id: int = 6, host: str = "gw.example") -> Decision | None:
    state = GatewayState(host, origin_state_id, counter.case.now)
    decision = close_left_behind(KEY, state, counter.case)
    if decision is not None:
        counter.case = counter.case.after(decision)
        counter.decisions.append(decision)
        counter.audit()
    return decision


def test_a_session_that_its_gateway_lost_is_abandoned_once():
    counter = opened()
    decision = restarted(counter)
    (edr,) = decision.edrs
    assert (edr.kind, edr.action, edr.reason) == (EdrKind.BILLING, "abandoned", "gateway_restarted")
    assert [closed.reason for closed in decision.closed] == [CloseReason.GATEWAY_RESTARTED]
    assert counter.balance(1) == (0, 0)
    assert restarted(counter) is None
    counter.terminate(used(VOICE, 60))
    assert counter.settlements[0].charged == 60, "what it comes to report all the same is charged"


@pytest.mark.parametrize("origin_state_id", [4, 5])
def test_a_session_opened_under_that_count_or_a_greater_one_goes_on(origin_state_id: int):
    assert restarted(opened(), origin_state_id) is None


def test_a_session_of_another_gateway_goes_on():
    assert restarted(opened(), host="other.example") is None


def test_a_session_whose_gateway_does_not_count_goes_on():
    assert restarted(opened(origin_state_id=None)) is None


def test_a_session_that_its_gateway_goes_on_with_was_not_lost():
    counter = opened()
    state = GatewayState("gw.example", 6, counter.case.now)
    counter.update(used(VOICE, 60, wanted=60), origin_state_id=6)
    assert close_left_behind(KEY, state, counter.case) is None
