"""Sessions of one Session-Id and other sub-sessions have nothing to do with each other."""

from diameter_ocs.charging.decisions import Novelty, Outcome
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.supervision import supervise
from tests.charging.scenario import (
    SECONDS,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    used,
    want,
)

OFFERED = catalogue(allowance(SECONDS, VOICE), groups=(VOICE_BY_SECONDS,))
KEYS = [SessionKey(b"one", number) for number in (None, 0, 1)]
HOUR = 3600 * 10**6


def opened() -> Desk:
    """Three sub-sessions, whose requests look alike."""
    counter = Desk(OFFERED, balance(1, SECONDS, 6000))
    for key in KEYS:
        decision = counter.initial(want(VOICE, 60), session_key=key, request_number=0)
        assert granted(decision) == [(60, False)]
    return counter


def test_requests_that_look_alike_are_no_repeats_of_each_other():
    counter = opened()
    assert counter.balance(1) == (0, 180)
    for at, key in enumerate(KEYS, 1):
        for expected in (Novelty.NEW, Novelty.REPEATED):
            decision = counter.update(used(VOICE, 7, wanted=60), session_key=key, request_number=1)
            assert decision.novelty is expected
        assert counter.balance(1) == (7 * at, 180)


def test_one_that_is_opened_again_replaces_itself_alone():
    counter = opened()
    again = counter.initial(
        want(VOICE, 60), session_key=KEYS[1], request_number=0, end_to_end_id=9, event_at=1
    )
    assert [closed.session.key for closed in again.closed] == [KEYS[1]]
    assert set(counter.case.sessions) == set(KEYS)


def test_one_that_has_ended_is_remembered_alone():
    counter = opened()
    counter.terminate(used(VOICE, 10), session_key=KEYS[0], request_number=1)
    late = counter.update(used(VOICE, 5), session_key=KEYS[0], request_number=2)
    assert (late.outcome, late.novelty) == (Outcome.SESSION_UNKNOWN, Novelty.LATE)
    other = counter.update(used(VOICE, 5, wanted=60), session_key=KEYS[1], request_number=2)
    assert (other.outcome, other.novelty) == (Outcome.SUCCESS, Novelty.NEW)
    assert counter.balance(1) == (20, 120)
    never = counter.update(used(VOICE, 5), session_key=SessionKey(b"one", 2), request_number=2)
    assert (never.outcome, never.edrs[0].reason) == (Outcome.SESSION_UNKNOWN, "session_unknown")


def test_one_of_which_nothing_is_heard_is_closed_alone():
    counter = opened()
    counter.case = counter.case._replace(now=counter.case.now + 47 * HOUR)
    counter.update(want(VOICE, 60), session_key=KEYS[2], request_number=1)
    counter.case = counter.case._replace(now=counter.case.now + HOUR)
    closed = []
    for key in KEYS:
        decision = supervise(key, counter.case)
        counter.case = counter.case.after(decision)
        counter.decisions.append(decision)
        counter.audit()
        closed += [each.session.key for each in decision.closed]
    assert closed == KEYS[:2]
    assert set(counter.case.sessions) == {KEYS[2]}
