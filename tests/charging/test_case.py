"""The next request of a group sees what the one before decided."""

from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.requests import SessionKey
from tests.charging.scenario import (
    SECONDS,
    VOICE,
    Desk,
    allowance,
    balance,
    catalogue,
    used,
    want,
)


def desk() -> Desk:
    return Desk(
        catalogue(allowance(SECONDS, VOICE)), balance(1, SECONDS, 600), balance(2, SECONDS, 7)
    )


def test_balances_and_sessions_are_as_decided_and_the_others_stay():
    counter = desk()
    decision = counter.initial(want(VOICE, 60))
    assert counter.case.balances[1].reserved == 60
    assert counter.case.balances[2] == balance(2, SECONDS, 7)
    assert counter.case.sessions == {SessionKey(b"one"): decision.session}


def test_the_version_counts_edrs():
    counter = desk()
    counter.initial(want(VOICE, 60))
    counter.initial(want(VOICE, 60))
    assert counter.case.version == 3


def test_a_closed_session_is_gone_and_others_stay():
    counter = desk()
    counter.initial(want(VOICE, 60), session=b"one")
    counter.initial(want(VOICE, 60), session=b"two")
    counter.terminate(used(VOICE, 60), session=b"one")
    assert list(counter.case.sessions) == [SessionKey(b"two")]


def test_the_case_before_stays_as_it_was():
    counter = desk()
    before = counter.case
    counter.initial(want(VOICE, 60))
    assert before.balances[1] == balance(1, SECONDS, 600)
    assert before.sessions == {}
    assert before.version == 0


def test_a_refusal_that_stores_nothing_changes_nothing():
    case = desk().case
    assert case.after(Decision(Outcome.SESSION_UNKNOWN)) == case
