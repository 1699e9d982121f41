"""The table of the peer machine has a way out of every state."""

from diameter_ocs.base.states import TABLE, Input, State


def test_every_state_but_the_last_can_be_stopped_lost_and_timed() -> None:
    for state in set(State) - {State.CLOSED}:
        assert (state, Input.STOP) in TABLE
        assert (state, Input.TRANSPORT_LOST) in TABLE
        assert (state, Input.TIMEOUT if state is not State.OPEN else Input.WATCHDOG_LOST) in TABLE
    assert not any(state is State.CLOSED for state, _ in TABLE)
