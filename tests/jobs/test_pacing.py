"""So much is sent to a target, and nothing while it is away."""

import pytest

from diameter_ocs.charging.delivery import Way
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.jobs.pacing import (
    AT_ONCE_MAX,
    AWAY_SECONDS,
    CALLS_A_SECOND,
    CALLS_IN_A_ROW,
    Pacing,
)

SINK, PCRF = Way(OutboxKind.NOTICE, "sink"), Way(OutboxKind.SPENDING_LIMIT, "pcrf.example")
CALL, ABORT = (Way(kind, "pgw") for kind in (OutboxKind.REAUTHORIZATION, OutboxKind.ABORT))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacing(clock: Clock) -> Pacing:
    return Pacing(clock)


def test_so_many_streams_are_under_way_at_once(pacing: Pacing) -> None:
    for left in range(AT_ONCE_MAX, 0, -1):
        assert pacing.streams_now(PCRF) == left
        pacing.begin(PCRF)
    assert (pacing.streams_now(PCRF), pacing.streams_now(SINK)) == (0, AT_ONCE_MAX)
    pacing.end(PCRF, False)
    assert pacing.streams_now(PCRF) == 1


def test_calls_of_both_kinds_share_the_pace_of_a_gateway(pacing: Pacing, clock: Clock) -> None:
    for way in [CALL, ABORT] * (CALLS_IN_A_ROW // 2):
        pacing.begin(way)
        pacing.end(way, False)
    assert pacing.streams_now(CALL) == pacing.streams_now(ABORT) == 0
    assert pacing.streams_now(CALL._replace(target="other")) == CALLS_IN_A_ROW
    clock.now += 4.5 / CALLS_A_SECOND
    assert pacing.streams_now(CALL) == 4
    clock.now += 10
    assert pacing.streams_now(CALL) == CALLS_IN_A_ROW


def test_what_is_for_no_gateway_yet_has_no_pace(pacing: Pacing) -> None:
    everybody = CALL._replace(target="")
    for _ in range(2 * CALLS_IN_A_ROW):
        pacing.begin(everybody)
        pacing.end(everybody, False)
    assert pacing.streams_now(everybody) == AT_ONCE_MAX


def test_who_is_away_is_tried_now_and_then_until_it_is_back(pacing: Pacing, clock: Clock) -> None:
    for seconds in (*AWAY_SECONDS, AWAY_SECONDS[-1]):
        pacing.begin(SINK)
        pacing.end(SINK, True)
        clock.now += seconds - 0.1
        assert pacing.streams_now(SINK) == 0
        clock.now += 0.2
        assert pacing.streams_now(SINK) == 1, "one is tried"
    pacing.begin(SINK)
    pacing.end(SINK, False)
    assert pacing.streams_now(SINK) == AT_ONCE_MAX


def test_those_that_were_under_way_count_as_one_attempt(pacing: Pacing, clock: Clock) -> None:
    for _ in range(5):
        pacing.begin(SINK)
    for _ in range(5):
        pacing.end(SINK, True)
    clock.now += AWAY_SECONDS[0] + 0.1
    assert pacing.streams_now(SINK) == 1
