"""Clocks that part are told of once, and once more when they have met."""

import pytest
from structlog.testing import capture_logs

from diameter_ocs.jobs.clocks import ClockWatch, fault, seconds_ahead
from diameter_ocs.observability import create_metrics

NOW = 1_700_000_000_000_000
SECOND = 1_000_000


def test_clocks_that_part_are_told_of_once_and_when_they_meet_again() -> None:
    metrics = create_metrics()
    watch = ClockWatch(lambda: NOW, metrics)
    with capture_logs() as logs:
        for seconds in (0, -2, 3, 3, 2, 0):
            watch.compare(NOW, NOW - seconds * SECOND)
    assert [entry["event"] for entry in logs] == ["clocks apart", "clocks together again"]
    assert logs[0]["seconds_ahead_of_database"] == 3.0
    assert logs[0]["log_level"] == "error"


@pytest.mark.parametrize("ahead", [-7.5, 0.0, 1.25])
def test_the_metric_says_how_far_this_clock_is_ahead(ahead: float) -> None:
    metrics = create_metrics()
    ClockWatch(lambda: NOW, metrics).compare(NOW, NOW - int(ahead * SECOND))
    assert metrics.registry.get_sample_value("ocs_clock_skew_seconds") == ahead


def test_a_slow_answer_is_no_skew() -> None:
    metrics = create_metrics()
    asked_at = NOW - 10 * SECOND
    ClockWatch(lambda: NOW, metrics).compare(asked_at, NOW - 5 * SECOND)
    assert metrics.registry.get_sample_value("ocs_clock_skew_seconds") == 0


@pytest.mark.parametrize(
    ("skew", "said"), [(2.0, None), (-2.0, None), (2.1, "2.1 s ahead of"), (-90.0, "90.0 s behind")]
)
def test_clocks_may_be_two_seconds_apart(skew: float, said: str | None) -> None:
    found = fault(seconds_ahead(NOW, NOW, NOW - int(skew * SECOND)))
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert said in found
        assert found.endswith("set both by NTP, then start again")
