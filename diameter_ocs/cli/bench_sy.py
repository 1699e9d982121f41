"""The policy server of `bench`: counters that turn as accounts are charged, and what it is told."""

from collections.abc import Iterator, Mapping
from typing import Any

BALANCE_TYPE = "data"
"""That of the demonstration which pays for the load's data."""
COUNTER = "used data"
REQUESTS_PER_STATE = 10
"""How many requests of an account lead from one state of its counter to the next: where a fifth of
the accounts are subscribed, two notifications leave for a hundred requests."""
KIB_PER_REQUEST = 2 * 10 * 5 / 6
"""On average: in each of two rating groups ten, and of six requests one reports nothing."""
THRESHOLD_OCTETS = round(REQUESTS_PER_STATE * KIB_PER_REQUEST) * 1024
REQUESTS_PER_SECOND = 12_000
"""That are reckoned with where no rate is given: a counter that has come to its last state turns no
more."""
THRESHOLDS_MAX = 9
"""As many as a catalogue takes for a counter."""


def thresholds(subscribers: int, duration: float, rate: float | None) -> int:
    """Returns how many thresholds a counter needs for the length of a run."""
    requests = duration * (rate or REQUESTS_PER_SECOND) / subscribers
    return min(THRESHOLDS_MAX, 2 + round(requests / REQUESTS_PER_STATE))


def add_counter(catalogue: dict[str, Any], count: int) -> None:
    """Adds a counter with so many thresholds to the balances that pay."""
    states: list[dict[str, Any]] = [{"name": "s0"}]
    for place in range(1, count + 1):
        states.append({"name": f"s{place}", "threshold": place * THRESHOLD_OCTETS})
    for kind in catalogue["balance_types"]:
        if kind["name"] == BALANCE_TYPE:
            kind["counters"] = [{"name": COUNTER, "of": "used", "states": states}]


def result(
    report: Mapping[str, Any], answers: int, without: Mapping[str, Any] | None, rate: float
) -> dict[str, Any]:
    """Returns what stands in the JSON; `without` is the run in which nobody was subscribed."""
    wrong = ("never_told", "not_news", "told_otherwise", "counted_otherwise")
    plain = None if without is None else without["ccr_per_second"]
    return {
        **report,
        "notifications_per_ccr": round(report["notifications"] / max(answers, 1), 4),
        "ccr_per_second_without": plain,
        "cpu_us_per_ccr_without": None if without is None else without["cpu_us_per_ccr"],
        "ratio": round(rate / plain, 3) if plain else None,
        "agree": not any(report[name] for name in wrong),
    }


def lines(sy: Mapping[str, Any]) -> Iterator[str]:
    """Yields what to print."""
    delay = sy["delay_milliseconds"]
    yield (
        f"Sy           {sy['accounts']} accounts subscribed in {sy['subscribe_seconds']:.1f} s;"
        f" {sy['notifications']} SNRs ({sy['notifications_per_second']:.0f}/s,"
        f" {sy['notifications_per_ccr'] * 100:.1f} % of the CCRs) for {sy['crossed']} thresholds"
    )
    yield (
        f"  from CCA to SNR, ms  p50 {delay['p50']:.1f}  p95 {delay['p95']:.1f}"
        f"  p99 {delay['p99']:.1f}  max {delay['max']:.1f}"
    )
    if sy["ratio"] is not None:
        cpu = sy["cpu_us_per_ccr_without"]
        yield (
            f"  {sy['ratio'] * 100:.0f} % of the {sy['ccr_per_second_without']:.0f} CCR/s that were"
            f" charged when nobody was subscribed, by {cpu['server']} us of the server and"
            f" {cpu['database']} us of the database"
        )
    if sy["agree"]:
        yield "  the policy server knows how each counter stands, and missed nothing"
        return
    yield (
        f"  THE POLICY SERVER WAS MISLED: {sy['never_told']} thresholds never told,"
        f" {sy['not_news']} SNRs told nothing new, {sy['told_otherwise']} counters stand otherwise"
        f" than told, {sy['counted_otherwise']} otherwise than was charged"
    )
