"""The histogram of waiting times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.simulator.latency import LatencyHistogram


@given(st.lists(st.integers(0, 10**9), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_at_most_three_per_cent_above_the_true_one(
    microseconds: list[int], fraction: float
) -> None:
    histogram = LatencyHistogram()
    for duration in microseconds:
        histogram.record((duration + 0.5) / 1e6)
    ordered = sorted(microseconds)
    rank = next(i for i in range(len(ordered)) if i + 1 >= fraction * len(ordered))
    true = ordered[rank] / 1000
    assert true <= histogram.milliseconds(fraction) <= true * 1.032


def test_the_longest_is_exact() -> None:
    histogram = LatencyHistogram()
    for seconds in (0.001, 1.2345675, 0.5):
        histogram.record(seconds)
    assert histogram.maximum_milliseconds == pytest.approx(1234.567)
    assert histogram.count == 3


def test_nothing_recorded_is_zero() -> None:
    assert LatencyHistogram().milliseconds(0.99) == 0.0
