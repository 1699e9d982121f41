"""What `bench --sy` makes of a run, and how a person reads it."""

from typing import Any

import pytest
import yaml

from diameter_ocs.cli import bench_sy
from diameter_ocs.config import resource
from diameter_ocs.handlers.catalogue import read_document

REPORT: dict[str, Any] = {
    "accounts": 20,
    "subscribe_seconds": 0.31,
    "notifications": 40,
    "notifications_per_second": 8.0,
    "crossed": 41,
    "never_told": 0,
    "repeats": 0,
    "not_news": 0,
    "told_otherwise": 0,
    "counted_otherwise": 0,
    "delay_milliseconds": {"p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 4.0},
}
WITHOUT = {"ccr_per_second": 1000.0, "cpu_us_per_ccr": {"server": 80.0, "database": 30.0}}


def test_it_is_compared_with_the_run_without() -> None:
    sy = bench_sy.result(REPORT, 2000, WITHOUT, 900.0)
    assert (sy["ratio"], sy["agree"], sy["notifications_per_ccr"]) == (0.9, True, 0.02)
    assert list(bench_sy.lines(sy)) == [
        "Sy           20 accounts subscribed in 0.3 s; 40 SNRs (8/s, 2.0 % of the CCRs)"
        " for 41 thresholds",
        "  from CCA to SNR, ms  p50 1.0  p95 2.0  p99 3.0  max 4.0",
        "  90 % of the 1000 CCR/s that were charged when nobody was subscribed, by 80.0 us of the"
        " server and 30.0 us of the database",
        "  the policy server knows how each counter stands, and missed nothing",
    ]


def test_at_a_rate_there_is_nothing_to_compare_with() -> None:
    sy = bench_sy.result(REPORT, 0, None, 900.0)
    assert sy["ratio"] is None
    assert len(list(bench_sy.lines(sy))) == 3


@pytest.mark.parametrize("wrong", ["never_told", "not_news", "told_otherwise", "counted_otherwise"])
def test_whatever_was_told_wrongly_is_said(wrong: str) -> None:
    sy = bench_sy.result(REPORT | {wrong: 3}, 2000, None, 900.0)
    assert sy["agree"] is False
    last = list(bench_sy.lines(sy))[-1]
    assert last.startswith("  THE POLICY SERVER WAS MISLED")
    assert last.count("3 ") == 1


def test_a_repeat_is_no_fault() -> None:
    assert bench_sy.result(REPORT | {"repeats": 3}, 2000, None, 900.0)["agree"] is True


@pytest.mark.parametrize(
    ("subscribers", "duration", "rate", "count"),
    [(10_000, 20, None, 4), (10_000, 20, 1000, 2), (50, 20, None, 9)],
)
def test_there_are_as_many_thresholds_as_will_be_crossed(
    subscribers: int, duration: float, rate: float | None, count: int
) -> None:
    assert bench_sy.thresholds(subscribers, duration, rate) == count


def test_the_catalogue_takes_the_counter() -> None:
    content = yaml.safe_load(resource("deploy/demo.yaml").read_text())
    bench_sy.add_counter(content, bench_sy.THRESHOLDS_MAX)
    document = read_document(yaml.safe_dump(content))
    (counter,) = [c for kind in document.balance_types for c in kind.counters]
    assert len(counter.states) == bench_sy.THRESHOLDS_MAX + 1
