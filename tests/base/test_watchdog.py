"""The watchdog follows RFC 3539 for each state and event, and what is absent is refused."""

import itertools

import pytest

from diameter_ocs.base.watchdog import TABLE, Action, Event, State, Watchdog


def watchdog(*, is_reopened: bool = False, jitter: float = 0.0) -> Watchdog:
    return Watchdog(30, lambda: jitter, is_reopened=is_reopened)


def test_a_first_connection_is_trusted_at_once() -> None:
    dog = watchdog(jitter=1.5)
    assert dog.deadline is None
    assert dog.connection_up(100) is Action.NOTHING
    assert (dog.state, dog.deadline) == (State.OKAY, 131.5)


def test_every_message_defers_the_timer() -> None:
    dog = watchdog()
    dog.connection_up(0)
    assert dog.message_received(20) is Action.NOTHING
    assert dog.deadline == 50


def test_silence_probes_then_suspects_then_closes() -> None:
    dog = watchdog()
    dog.connection_up(0)
    assert dog.timer_expired(30) is Action.SEND_WATCHDOG
    assert dog.timer_expired(60) is Action.FAIL_OVER
    assert (dog.state, dog.is_suspect) == (State.SUSPECT, True)
    assert dog.timer_expired(90) is Action.CLOSE
    assert (dog.state, dog.deadline) == (State.DOWN, None)


def test_an_answer_ends_the_probe() -> None:
    dog = watchdog()
    dog.connection_up(0)
    dog.timer_expired(30)
    assert dog.answer_received(31) is Action.NOTHING
    assert dog.timer_expired(61) is Action.SEND_WATCHDOG


def test_any_message_clears_the_suspicion() -> None:
    dog = watchdog()
    dog.connection_up(0)
    dog.timer_expired(30)
    dog.timer_expired(60)
    assert dog.message_received(61) is Action.FAIL_BACK
    assert dog.state is State.OKAY
    # The DWA is still owed: silence leads to suspicion again, without another DWR.
    assert dog.timer_expired(91) is Action.FAIL_OVER


def test_a_peer_that_failed_before_is_trusted_after_three_answers() -> None:
    dog = watchdog(is_reopened=True)
    assert dog.connection_up(0) is Action.SEND_WATCHDOG
    assert dog.message_received(1) is Action.NOTHING
    assert dog.deadline == 30
    assert dog.answer_received(2) is Action.NOTHING
    assert dog.timer_expired(30) is Action.SEND_WATCHDOG
    assert dog.answer_received(31) is Action.NOTHING
    assert dog.timer_expired(60) is Action.SEND_WATCHDOG
    assert dog.state is State.REOPEN
    assert dog.answer_received(61) is Action.FAIL_BACK
    assert dog.state is State.OKAY


def test_a_peer_on_trial_may_miss_one_answer_and_no_second() -> None:
    dog = watchdog(is_reopened=True)
    dog.connection_up(0)
    assert dog.timer_expired(30) is Action.NOTHING
    assert dog.timer_expired(60) is Action.CLOSE
    assert dog.state is State.DOWN


def test_a_missed_answer_starts_the_trial_anew_and_counts_against_it() -> None:
    dog = watchdog(is_reopened=True)
    dog.connection_up(0)
    dog.answer_received(1)
    dog.timer_expired(30)
    dog.answer_received(31)
    dog.timer_expired(60)
    assert dog.timer_expired(90) is Action.NOTHING
    for now in (91, 92, 93):
        assert dog.answer_received(now) is Action.NOTHING
    assert dog.answer_received(94) is Action.FAIL_BACK


def test_a_watchdog_shorter_than_the_standard_allows_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 seconds"):
        Watchdog(5, lambda: 0.0)


def test_what_is_absent_from_the_table_cannot_happen() -> None:
    absent = set(itertools.product(State, Event)) - set(TABLE)
    assert (State.INITIAL, Event.TIMER_EXPIRED) in absent
    assert all((State.DOWN, event) in absent for event in Event if event is not Event.CONNECTION_UP)
    with pytest.raises(KeyError):
        watchdog().message_received(0)
