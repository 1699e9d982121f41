"""Which sessions a new one replaces, and what becomes of them."""

import pytest

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.decisions import EdrKind, Novelty, Outcome
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import CloseReason
from tests.charging.scenario import (
    ALICE,
    BOB,
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    used,
    want,
)

OFFERED = catalogue(allowance(SECONDS, VOICE), groups=(VOICE_BY_MINUTES,))
INTERNET = ServiceInformation(apn="internet")
BEARER = {"charging_id": 7, "information": INTERNET}


def desk() -> Desk:
    accounts = {ALICE: Account(1, "alice", ("demo",)), BOB: Account(2, "bob", ("demo",), 1)}
    return Desk(OFFERED, balance(1, SECONDS, 6000), accounts=accounts)


def opened() -> Desk:
    """A session with ten minutes, and one of another bearer."""
    counter = desk()
    counter.initial(want(VOICE, 600), **BEARER)
    counter.initial(want(VOICE, 60), session=b"other", charging_id=8, information=INTERNET)
    return counter


def sessions(counter: Desk) -> set[bytes]:
    return {key.session_id for key in counter.case.sessions}


def test_a_session_of_the_same_bearer_is_abandoned():
    counter = opened()
    decision = counter.initial(want(VOICE, 5940), session=b"two", **BEARER)
    assert granted(decision) == [(5940, False)], "what the old one held is free"
    assert sessions(counter) == {b"two", b"other"}
    old, new = decision.edrs
    assert (old.kind, old.action, old.reason) == (EdrKind.BILLING, "abandoned", "replaced")
    assert (old.session_id, old.charging_id, old.circumstances.information) == (b"one", 7, INTERNET)
    assert (new.session_id, new.charging_id) == (b"two", 7)
    (closed,) = decision.closed
    assert (closed.session.key, closed.reason) == (SessionKey(b"one"), CloseReason.REPLACED)
    assert counter.balance(1) == (0, 6000)


@pytest.mark.parametrize(
    "other",
    [
        {"charging_id": None},
        {"charging_id": 9},
        {"information": ServiceInformation(apn="ims")},
        {"information": ServiceInformation()},
        {"origin_host": "other.example"},
        {"identities": (BOB,)},
        {"service_context": "32260"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_is_not_of_the_same_bearer_goes_on(other: dict[str, object]):
    counter = opened()
    decision = counter.initial(want(VOICE, 60), session=b"two", **BEARER | other)
    assert len(decision.edrs) == 1
    assert sessions(counter) == {b"one", b"two", b"other"}


def test_sessions_without_an_apn_are_of_no_known_bearer():
    counter = desk()
    for name in b"one", b"two":
        counter.initial(want(VOICE, 60), session=name, charging_id=7)
    assert sessions(counter) == {b"one", b"two"}


def test_sub_sessions_of_one_session_share_a_bearer():
    counter = desk()
    keys = [SessionKey(b"one", number) for number in (None, 0, 1)]
    for key in keys:
        counter.initial(want(VOICE, 60), session_key=key, **BEARER)
    assert set(counter.case.sessions) == set(keys)
    decision = counter.initial(want(VOICE, 60), session=b"two", **BEARER)
    assert [closed.session.key for closed in decision.closed] == keys, "all of them are replaced"
    assert sessions(counter) == {b"two"}
    assert counter.balance(1) == (0, 60)


def test_one_that_was_opened_under_the_name_and_one_of_the_bearer_are_both_replaced():
    counter = desk()
    counter.initial(want(VOICE, 60), session=b"two", charging_id=8, information=INTERNET)
    counter.initial(want(VOICE, 60), **BEARER)
    decision = counter.initial(want(VOICE, 60), session=b"two", end_to_end_id=2, **BEARER)
    assert [edr.action for edr in decision.edrs] == ["abandoned", "abandoned", "initial"]
    assert counter.balance(1) == (0, 60)


def test_a_repeat_replaces_nothing():
    counter = opened()
    counter.initial(want(VOICE, 60), session=b"two", end_to_end_id=5, request_number=0, **BEARER)
    again = counter.initial(
        want(VOICE, 60), session=b"two", end_to_end_id=5, request_number=0, **BEARER
    )
    assert again.novelty is Novelty.REPEATED
    assert again.edrs == ()
    late = counter.initial(want(VOICE, 600), request_number=0, is_retransmission=True, **BEARER)
    assert late.novelty is Novelty.REPEATED, "the session that was replaced stays so"
    assert sessions(counter) == {b"two", b"other"}


def test_a_session_is_replaced_by_one_that_is_refused():
    counter = opened()
    decision = counter.initial(want(999), session=b"two", **BEARER)
    assert decision.outcome is Outcome.RATING_FAILED
    assert sessions(counter) == {b"other"}


def test_usage_of_a_session_that_was_replaced_is_charged_once():
    counter = opened()
    counter.initial(want(VOICE, 60), session=b"two", **BEARER)
    late = counter.terminate(used(VOICE, 30))
    assert (late.outcome, late.novelty) == (Outcome.SUCCESS, Novelty.LATE)
    assert (late.edrs[0].charging_id, late.edrs[0].reason) == (7, "late")
    assert counter.settlements[0].charged == 60
    again = counter.terminate(used(VOICE, 30), request_number=1)
    assert again.novelty is Novelty.REPEATED
    assert sessions(counter) == {b"two", b"other"}
