"""The pace of an open loop."""

from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.simulator.pace import Pace


def taken_at(pace: Pace, now: float) -> list[float]:
    """Take all that is due, and return when each was."""
    times = []
    while (due := pace.due(now)) is not None:
        times.append(due)
        pace.take()
    return times


def test_requests_are_due_at_equal_distances_and_the_first_at_once() -> None:
    pace = Pace(4, 100.0, None)
    assert taken_at(pace, 100.0) == [100.0]
    assert taken_at(pace, 100.2) == []
    assert taken_at(pace, 101.0) == [100.25, 100.5, 100.75, 101.0]


def test_nothing_is_due_after_the_end() -> None:
    pace = Pace(10, 0.0, 0.35)
    assert len(taken_at(pace, 99.0)) == 4
    assert pace.overdue(99.0) == 0


def test_what_is_held_up_is_late_once_and_keeps_its_time() -> None:
    pace = Pace(10, 0.0, None)
    assert taken_at(pace, 0.0) == [0.0]
    pace.hold_up(0.35)
    pace.hold_up(0.35)
    assert pace.late == 3
    pace.hold_up(0.4)
    assert pace.late == 4
    assert pace.overdue(0.4) == 4
    assert taken_at(pace, 0.4) == [0.1, 0.2, 0.3, 0.4]
    assert pace.late == 4


@given(
    st.floats(0.01, 1e6),
    st.floats(0, 1e6),
    st.lists(st.floats(0, 2), min_size=1, max_size=20),
)
def test_every_request_is_taken_once_and_never_early(
    rate: float, began: float, waits: list[float]
) -> None:
    pace = Pace(rate, began, None)
    now, count = began, 0
    for wait in waits:
        now += wait / rate
        times = taken_at(pace, now)
        assert all(time <= now for time in times)
        count += len(times)
    assert pace.taken == count
    assert abs(count - ((now - began) * rate + 1)) <= 1 + rate * 1e-9
    assert pace.seconds_to_next(now) <= 1.001 / rate + 1e-9
