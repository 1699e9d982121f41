"""Clocks that part are told of, and test clocks that were moved are followed."""

from functools import partial

import pytest
from structlog.testing import capture_logs

from diameter_ocs.jobs.clocks import (
    ClockWatch,
    Following,
    MovedClock,
    fault,
    seconds_ahead,
    wall_clock,
)
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


class Moved:
    """A database whose test clock is turned, and that knows whether a server has told of itself."""

    def __init__(self) -> None:
        self.turned: int | None = 0
        self.knows_server = True
        self.followed: list[tuple[str, int]] = []

    async def ahead(self) -> int | None:
        return self.turned

    async def follow(self, server_id: str, ahead: int, now: int) -> bool:
        assert now >= wall_clock() + ahead - SECOND
        if self.knows_server:
            self.followed.append((server_id, ahead))
        return self.knows_server


class Follower:
    """A server that follows it; `told` says what it did, each with where its clock was."""

    def __init__(self) -> None:
        self.database = Moved()
        self.clock = MovedClock(0)
        self.told: list[tuple[str, float]] = []
        works = [partial(self.work, name) for name in ("partitions", "supervision")]
        self.following = Following(self.database, self.clock, "me", self.moved, works)

    def moved(self, seconds: float) -> None:
        self.told.append(("moved", seconds))

    async def work(self, name: str) -> None:
        assert self.database.turned not in [ahead for _, ahead in self.database.followed]
        self.told.append((name, self.clock.ahead / SECOND))


async def test_what_comes_due_by_a_move_is_done_before_the_database_is_told() -> None:
    server = Follower()
    await server.following.round()
    assert (server.told, server.database.followed) == ([], [("me", 0)])
    server.database.turned = 7200 * SECOND
    assert not await server.following.round()
    assert server.told == [("moved", 7200.0), ("partitions", 7200.0), ("supervision", 7200.0)]
    assert server.database.followed == [("me", 0), ("me", 7200 * SECOND)]
    await server.following.round()
    assert (len(server.told), len(server.database.followed)) == (3, 2)


@pytest.mark.parametrize("turned", [None, 0, 59 * SECOND])
async def test_a_test_clock_is_not_followed_back(turned: int | None) -> None:
    server = Follower()
    server.clock.ahead = 60 * SECOND
    server.database.turned = turned
    await server.following.round()
    assert (server.clock.ahead, server.told) == (60 * SECOND, [])


async def test_a_server_that_is_not_listed_yet_tells_later_how_far_it_has_followed() -> None:
    server = Follower()
    server.database.knows_server = False
    await server.following.round()
    server.database.knows_server = True
    await server.following.round()
    assert server.database.followed == [("me", 0)]


def test_a_moved_clock_goes_on_with_that_of_the_machine() -> None:
    clock = MovedClock(86400 * SECOND)
    before = wall_clock()
    assert 0 <= clock() - before - 86400 * SECOND <= wall_clock() - before
