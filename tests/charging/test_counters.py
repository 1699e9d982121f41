"""Counters: where their states begin, on all that balances can be, and what conditions hold."""

import pytest

from diameter_ocs.charging.conditions import BalanceCondition, CounterCondition, Part, Sums
from diameter_ocs.charging.counters import (
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyState,
)

AVAILABLE = [("low", 50), ("none", 10)]
USED = [("much", 50), ("most", 90)]


def counter(
    states: list[tuple[str, int]], *, used: bool = False, held: bool = False, percent: bool = False
) -> BalanceCounter:
    """Return a counter with these thresholds, in the order in which they are reached."""
    limited = tuple(CounterState(name, threshold) for name, threshold in states)
    return BalanceCounter(
        "data left", "data", (CounterState("normal", None), *limited), used, held, percent
    )


@pytest.mark.parametrize(
    ("sums", "plain", "held"),
    [  # total, used, reserved; the state without and with reservations
        ((100, 0, 0), "normal", "normal"),
        ((100, 50, 0), "normal", "normal"),
        ((100, 51, 0), "low", "low"),
        ((100, 50, 1), "normal", "low"),
        ((100, 90, 0), "low", "low"),
        ((100, 91, 0), "none", "none"),
        ((100, 0, 91), "normal", "none"),
        ((100, 100, 0), "none", "none"),
        ((49, 0, 0), "low", "low"),
        ((9, 0, 0), "none", "none"),
        ((0, 0, 0), "none", "none"),
        ((1000, 945, 5), "normal", "normal"),
    ],
)
def test_a_state_on_what_is_available_begins_below_its_threshold(
    sums: Sums, plain: str, held: str
) -> None:
    for is_held, expected in ((False, plain), (True, held)):
        found = counter(AVAILABLE, held=is_held)
        assert found.states[found.place_of(*sums)].name == expected


@pytest.mark.parametrize(
    ("sums", "plain", "held"),
    [
        ((100, 0, 0), "normal", "normal"),
        ((100, 50, 0), "normal", "normal"),
        ((100, 51, 0), "much", "much"),
        ((100, 49, 2), "normal", "much"),
        ((100, 90, 0), "much", "much"),
        ((100, 91, 0), "most", "most"),
        ((100, 51, 40), "much", "most"),
        ((1000, 51, 0), "much", "much"),
        ((0, 0, 0), "normal", "normal"),
    ],
)
def test_a_state_on_what_is_used_begins_above_its_threshold(
    sums: Sums, plain: str, held: str
) -> None:
    for is_held, expected in ((False, plain), (True, held)):
        found = counter(USED, used=True, held=is_held)
        assert found.states[found.place_of(*sums)].name == expected


@pytest.mark.parametrize(
    ("sums", "left", "used"),
    [
        ((1000, 0, 0), "normal", "normal"),
        ((1000, 500, 0), "normal", "normal"),
        ((1000, 501, 0), "low", "much"),
        ((1000, 900, 0), "low", "much"),
        ((1000, 901, 0), "none", "most"),
        ((1000, 1000, 0), "none", "most"),
        ((3, 1, 0), "normal", "normal"),
        ((3, 2, 0), "low", "much"),
        ((0, 0, 0), "none", "normal"),
        ((-5, 0, 0), "none", "normal"),
        ((0, 1, 0), "none", "most"),
    ],
)
def test_percent_are_of_the_total(sums: Sums, left: str, used: str) -> None:
    """Of nothing nothing is left."""
    on_left = counter(AVAILABLE, percent=True)
    on_used = counter(USED, used=True, percent=True)
    assert on_left.states[on_left.place_of(*sums)].name == left
    assert on_used.states[on_used.place_of(*sums)].name == used


@pytest.mark.parametrize("is_on_used", [False, True])
@pytest.mark.parametrize("is_in_percent", [False, True])
@pytest.mark.parametrize("total", [1, 3, 99, 100, 1000])
def test_a_state_begins_with_the_unit_that_is_told(
    total: int, is_in_percent: bool, is_on_used: bool
) -> None:
    """As many units spent are in it, and one less are not."""
    found = counter(USED if is_on_used else AVAILABLE, used=is_on_used, percent=is_in_percent)
    for place in (1, 2):
        begins = found.spent_at(place, total)
        assert found.place_of(total, begins, 0) >= place
        assert found.place_of(total, begins - 1, 0) < place


def test_all_states_on_the_way_are_entered_in_both_directions() -> None:
    found = counter(AVAILABLE)

    def entered(previous: str, place: int) -> list[str]:
        return [state.name for state in found.entered(previous, place)]

    assert entered("normal", 1) == ["low"]
    assert entered("normal", 2) == ["low", "none"]
    assert entered("none", 0) == ["low", "normal"]
    assert entered("none", 1) == ["low"]
    assert entered("low", 1) == []
    assert entered("of an earlier catalogue", 1) == ["low"]


def test_a_counter_may_block_if_any_of_its_states_does() -> None:
    found = counter(AVAILABLE)
    blocking = CounterState("none", 10, (CounterAction.BLOCK_BALANCE,))
    assert not found.may_block
    assert found._replace(states=(*found.states[:2], blocking)).may_block


@pytest.mark.parametrize(
    ("comparison", "at_4", "at_5", "at_6"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
        ("!=", True, False, True),
        (">=", False, True, True),
        (">", False, False, True),
    ],
)
def test_a_condition_compares_a_sum_of_balances(
    comparison: str, at_4: bool, at_5: bool, at_6: bool
) -> None:
    amount = BalanceCondition("data", Part.USED, comparison, 5)
    percent = BalanceCondition("data", Part.USED, comparison, 50, True)
    for used, expected in ((4, at_4), (5, at_5), (6, at_6)):
        sums = {"data": (10, used, 0)}
        assert amount.holds({}, sums) is expected
        assert percent.holds({}, sums) is expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [(Part.TOTAL, 10), (Part.USED, 3), (Part.RESERVED, 2), (Part.AVAILABLE, 5)],
)
def test_a_condition_reads_each_part_of_the_sum(part: Part, expected: int) -> None:
    sums = {"data": (10, 3, 2)}
    assert BalanceCondition("data", part, "==", expected).holds({}, sums)
    assert BalanceCondition("money", part, "==", 0).holds({}, sums), "what it does not have is 0"


@pytest.mark.parametrize(
    ("states", "is_low", "is_not_low"),
    [({"a": "low"}, True, False), ({"a": "normal"}, False, True), ({"b": "low"}, False, True)],
)
def test_a_condition_reads_the_state_of_a_counter(
    states: dict[str, str], is_low: bool, is_not_low: bool
) -> None:
    assert CounterCondition("a", "low", True).holds(states, {}) is is_low
    assert CounterCondition("a", "low", False).holds(states, {}) is is_not_low


def test_a_policy_counter_is_in_the_first_state_whose_conditions_all_hold() -> None:
    low = CounterCondition("a", "low", True)
    much = BalanceCondition("data", Part.USED, ">", 5)
    states = (
        PolicyState("stop", (low, much)),
        PolicyState("slow", (low,)),
        PolicyState("slow", (much,)),
    )
    found = PolicyCounter("throttle", "full", states)
    assert found.state_of({"a": "low"}, {"data": (10, 6, 0)}) == "stop"
    assert found.state_of({"a": "low"}, {"data": (10, 5, 0)}) == "slow"
    assert found.state_of({"a": "normal"}, {"data": (10, 6, 0)}) == "slow"
    assert found.state_of({"a": "normal"}, {}) == "full"
