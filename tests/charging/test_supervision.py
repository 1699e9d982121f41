"""What comes due in a session when nobody asks."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import SessionRules
from diameter_ocs.charging.deadlines import idle_at
from diameter_ocs.charging.decisions import Decision, EdrKind, Novelty, Outcome, Stored
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import close_unclaimed, supervise
from tests.charging.scenario import (
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    used,
    want,
)

OFFERED = catalogue(allowance(SECONDS, VOICE), groups=(VOICE_BY_MINUTES,))
KEY = SessionKey(b"one")
SECOND = 10**6
HOUR = 3600 * SECOND


def desk(total: int = 6000) -> Desk:
    return Desk(OFFERED, balance(1, SECONDS, total))


def look(counter: Desk, after: int = 0) -> Decision | None:
    """Let time pass, then supervise the session."""
    counter.case = counter.case._replace(now=counter.case.now + after)
    decision = supervise(KEY, counter.case)
    if decision is not None:
        counter.case = counter.case.after(decision)
        counter.decisions.append(decision)
        counter.audit()
    return decision


def session(counter: Desk):
    return counter.case.sessions[KEY]


def test_a_quota_expires_after_twice_its_validity():
    counter = desk()
    decision = counter.initial(want(VOICE, 120))
    lasts = 2 * decision.services[0].grant.validity_seconds * SECOND
    assert session(counter).supervise_at == counter.case.now + lasts - lasts // 10
    assert look(counter, lasts - 1).edrs == ()
    assert counter.balance(1) == (0, 120)
    expired = look(counter, 1)
    (edr,) = expired.edrs
    assert (edr.kind, edr.action) == (EdrKind.CHARGING, "release")
    assert (edr.reason, edr.session_number) == ("reservation_expired", 1)
    assert [service.rating_group for service in edr.services] == [VOICE]
    assert counter.balance(1) == (0, 0)
    assert session(counter).supervise_at == idle_at(session(counter), OFFERED.session_rules)


def test_a_short_quota_is_kept_for_five_minutes():
    counter = desk(100)
    decision = counter.initial(want(VOICE, 60), session=b"two")
    assert counter.initial(want(VOICE, 60)).services[0].grant.validity_seconds == 60
    assert decision.services[0].grant.validity_seconds > 300
    assert session(counter).supervise_at == counter.case.now + 270 * SECOND


def test_late_usage_of_an_expired_quota_is_charged_at_its_own_price_out_of_what_is_free():
    counter = desk()
    counter.initial(want(VOICE, 120))
    look(counter, 3 * HOUR)
    counter.offer(replace(OFFERED, rating_groups={VOICE: VOICE_BY_SECONDS}))
    decision = counter.update(used(VOICE, 61, wanted=60))
    assert counter.settlements[0].charged == 120, "in minutes, as when it was granted"
    assert granted(decision) == [(60, False)]
    assert counter.balance(1) == (120, 60)
    assert session(counter).supervise_at < idle_at(session(counter), OFFERED.session_rules)


def test_one_expired_quota_leaves_another_on_the_same_line():
    counter = desk()
    counter.initial(want(VOICE, 90, 1))
    counter.case = counter.case._replace(now=counter.case.now + HOUR)
    counter.update(want(VOICE, 90, 2))
    assert counter.balance(1) == (0, 180)
    look(counter, int(1.5 * HOUR))
    assert counter.balance(1) == (0, 120)
    assert [each.granted for each in session(counter).reservations] == [0, 90]
    counter.terminate(used(VOICE, 90, 1), used(VOICE, 90, 2))
    assert counter.balance(1) == (180, 0)


def test_updates_leave_the_time_to_look_alone():
    counter = desk()
    counter.initial(want(VOICE, 120))
    look_at = session(counter).supervise_at
    for second in range(1, 200):
        counter.case = counter.case._replace(now=counter.case.now + SECOND)
        counter.update(used(VOICE, 1, wanted=120))
        assert session(counter).supervise_at == look_at, f"after {second} s"
    counter.case = counter.case._replace(now=counter.case.now + HOUR)
    counter.update(used(VOICE, 60, wanted=120))
    assert session(counter).supervise_at == look_at
    assert look(counter, 2 * HOUR).edrs == ()
    assert session(counter).supervise_at > look_at
    assert counter.balance(1) == (300, 120)


def test_an_earlier_deadline_moves_the_time_to_look():
    counter = desk(100)
    counter.initial()
    idle = OFFERED.session_rules.idle_seconds * SECOND
    assert session(counter).supervise_at == counter.case.now + idle - idle // 10
    counter.initial(want(VOICE, 60), session=b"two")
    counter.update(want(VOICE, 60))
    assert session(counter).supervise_at == counter.case.now + 270 * SECOND


def test_a_session_of_which_nothing_is_heard_is_closed():
    counter = desk()
    counter.initial(want(VOICE, 120))
    closed = look(counter, OFFERED.session_rules.idle_seconds * SECOND)
    (edr,) = closed.edrs
    assert (edr.kind, edr.action, edr.reason) == (EdrKind.BILLING, "abandoned", CloseReason.IDLE)
    assert counter.balance(1) == (0, 0)
    assert counter.case.sessions == {}
    late = counter.terminate(used(VOICE, 60))
    assert (late.outcome, late.novelty) == (Outcome.SUCCESS, Novelty.LATE)
    assert counter.balance(1) == (60, 0)


@pytest.mark.parametrize("context", ["32260", "32275"])
def test_calls_in_the_ims_are_closed_earlier(context):
    counter = desk()
    counter.initial(want(VOICE, 120), service_context=context)
    assert look(counter, OFFERED.session_rules.ims_idle_seconds * SECOND).closed


def test_a_session_that_has_ended_is_not_supervised():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.terminate()
    assert supervise(KEY, counter.case) is None


def test_what_has_expired_is_released_once():
    counter = desk()
    counter.initial(want(VOICE, 120))
    look(counter, 3 * HOUR)
    assert look(counter, HOUR).edrs == ()


def test_a_session_whose_opening_was_never_answered_is_closed():
    counter = desk()
    opened_at = counter.case.now
    counter.initial(want(VOICE, 120))
    decision = close_unclaimed(KEY, Stored(1, opened_at), counter.case)
    assert decision.closed[0].reason is CloseReason.UNCLAIMED
    counter.case = counter.case.after(decision)
    counter.decisions.append(decision)
    assert counter.balance(1) == (0, 0)
    again = counter.initial(want(VOICE, 120), request_number=0, is_retransmission=True)
    assert (again.novelty, len(again.edrs)) == (Novelty.NEW, 1), "it is opened anew"
    assert counter.balance(1) == (0, 120)


def test_a_session_that_went_on_or_is_another_one_is_not_unclaimed():
    counter = desk()
    opened_at = counter.case.now
    counter.initial(want(VOICE, 120))
    assert close_unclaimed(KEY, Stored(2, opened_at), counter.case) is None
    assert close_unclaimed(KEY, Stored(1, opened_at - 1), counter.case) is None
    counter.case = counter.case._replace(now=counter.case.now + 1)
    counter.update(used(VOICE, 60, wanted=60))
    assert close_unclaimed(KEY, Stored(1, opened_at), counter.case) is None


def test_a_tenant_may_keep_what_is_unclaimed():
    counter = desk()
    opened_at = counter.case.now
    counter.initial(want(VOICE, 120))
    counter.offer(replace(OFFERED, session_rules=SessionRules(closes_unclaimed=False)))
    assert close_unclaimed(KEY, Stored(1, opened_at), counter.case) is None
