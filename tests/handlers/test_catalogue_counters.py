"""Counters of a catalogue: how they are written, ordered, doubted and compared."""

import pytest

from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.conditions import BalanceCondition, CounterCondition, Part
from diameter_ocs.charging.counters import (
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyCounterType,
    PolicyState,
)
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_difference import differences
from tests.handlers.catalogue_text import GOOD, faults

NOTIFY, BLOCK, UNBLOCK = CounterAction
LOW = "{name: low, threshold: 20 %}"
BEGINNING = "at character 1: here belongs counter['NAME'] or balance['TYPE'].used"
END = "at character 20: here belongs a state in quotes, and then the end"
LEFT = f"{{name: left, states: [{LOW}]}}"


def counting(data: str = "", money: str = "", policy: str = "", plan: str = "") -> str:
    """Return the catalogue with counters on data and on money, and with policy counters."""
    text = GOOD.replace("unit_type: volume}", f"unit_type: volume, counters: [{data}]}}")
    text = text.replace("unit_type: money}", f"unit_type: money, counters: [{money}]}}")
    text = text.replace("plans:\n", f"policy_counters: [{policy}]\nplans:\n")
    return text.replace("- name: plan\n", f"- name: plan\n    policy_counters: [{plan}]\n")


def built(*parts: str) -> Catalogue:
    return build(read_document(counting(*parts)), 1)


def reasons(*parts: str) -> list[str]:
    """Return what is wrong, without lines."""
    return [sentence.split(": ", 1)[1] for sentence in faults(counting(*parts))]


def test_what_is_not_written_of_a_counter_is_as_usual() -> None:
    states = CounterState("normal", None), CounterState("low", 20)
    assert built(LEFT).counters == {
        "left": BalanceCounter("left", "data", states, is_in_percent=True)
    }


def test_a_counter_says_all_that_there_is() -> None:
    text = (
        "{name: spent, of: used, reservations: true, active: false, states: ["
        "{name: all, threshold: 900 MB, actions: [BLOCK_BALANCE]},"
        "{name: little, actions: [UNBLOCK_BALANCE, NOTIFY]},"
        "{name: some, threshold: 500 MB, actions: []}]}"
    )
    states = (
        CounterState("little", None, (UNBLOCK, NOTIFY)),
        CounterState("some", 500_000_000, ()),
        CounterState("all", 900_000_000, (BLOCK,)),
    )
    found = built(text)
    assert found.counters["spent"] == BalanceCounter(
        "spent", "data", states, True, True, False, False
    )
    assert found.blockable == {"data"}


@pytest.mark.parametrize(
    ("on", "expected"),
    [("used", ["normal", "a", "b", "c"]), ("available", ["normal", "c", "b", "a"])],
)
def test_states_stand_in_the_order_in_which_they_are_reached(on: str, expected: list[str]) -> None:
    states = "{name: b, threshold: 2.00}, {name: a, threshold: 1.00}, {name: c, threshold: 3.00}"
    found = built("", f"{{name: money left, of: {on}, states: [{states}]}}").counters["money left"]
    assert [state.name for state in found.states] == expected
    assert found.states[2].threshold == 2_000_000


def test_what_is_owed_may_be_a_threshold_of_money() -> None:
    found = built("", '{name: owed, states: [{name: much, threshold: "-50.00"}]}')
    assert found.counters["owed"].states[1].threshold == -50_000_000


def test_policy_counters_read_counters_and_balances() -> None:
    conditions = (
        """ "counter['left'] == 'low'", 'counter["left"]!="normal"',"""
        """ "balance['data'].used>= 5 GB", "balance['money'].available <5.00","""
        """ " balance [ 'data' ] .reserved == 20% " """
    )
    text = (
        "{name: throttle, default_state: full,"
        f" states: [{{name: slow, conditions: [{conditions}]}}]}},"
        "{name: note, type: NOTIFICATION,"
        """ states: [{name: big, conditions: ["balance['data'].total != 0"]}]}"""
    )
    found = built(LEFT, "", text, "throttle, note")
    slow = (
        CounterCondition("left", "low", True),
        CounterCondition("left", "normal", False),
        BalanceCondition("data", Part.USED, ">=", 5 * 10**9),
        BalanceCondition("money", Part.AVAILABLE, "<", 5_000_000),
        BalanceCondition("data", Part.RESERVED, "==", 20, True),
    )
    big = (BalanceCondition("data", Part.TOTAL, "!=", 0),)
    assert found.policy_counters == {
        "throttle": PolicyCounter("throttle", "full", (PolicyState("slow", slow),)),
        "note": PolicyCounter(
            "note", "normal", (PolicyState("big", big),), PolicyCounterType.NOTIFICATION
        ),
    }
    assert list(found.policy_counters) == ["note", "throttle"]
    assert found.plans["plan"].policy_counters == ("throttle", "note")
    assert found.blockable == frozenset()


def test_a_stored_catalogue_has_the_same_counters() -> None:
    document = read_document(counting(LEFT, "", "", ""))
    assert read_stored("demo", 1, stored_text(document)) == build(document, 1)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("", "states: here belongs at least one"),
        ("{threshold: 5}", "states[0].name: this key is missing"),
        (
            f"{LOW}, {{name: low, threshold: 30 %}}",
            "states[1].name: the state 'low' is there already",
        ),
        (
            f"{LOW}, {{name: less, threshold: 20%}}",
            "states[1].threshold: another state has this threshold",
        ),
        (
            f"{LOW}, {{name: less, threshold: 20}}",
            "states[1].threshold: the thresholds of a counter are all amounts, or all percent",
        ),
        (
            f"{LOW}, {{name: a}}, {{name: b}}",
            "states: more than one state has no threshold: it is not known which counts",
        ),
        (
            "{name: normal, threshold: 5}",
            "states[0].name: the state 'normal' is there already; the one without a threshold is"
            " called normal",
        ),
        (
            "{name: low, threshold: little}",
            "states[0].threshold: 'little' is no quantity; write it like 100, 6000 s or 10 GiB, or"
            " 20 %",
        ),
        (
            "{name: low, threshold: 101 %}",
            "states[0].threshold: '101 %' is more than the whole; write it like 20 %",
        ),
        (
            "{name: low, threshold: 0}",
            "states[0].threshold: less than nothing is never available: 1 is where nothing is left",
        ),
        (
            "{name: low, threshold: 0 %}",
            "states[0].threshold: less than nothing is never available: 1 % is where nothing is"
            " left",
        ),
        (
            "{name: low, threshold: 5, actions: [NOTIFY, NOTIFY]}",
            "states[0].actions: an action is written more than once",
        ),
        (
            "{name: low, threshold: 5, actions: [BLOCK_BALANCE, UNBLOCK_BALANCE]}",
            "states[0].actions: a state blocks or unblocks, not both",
        ),
        (
            "{name: low, threshold: 5, actions: [BLOCK]}",
            "states[0].actions[0]: 'BLOCK' is not one of NOTIFY, BLOCK_BALANCE or UNBLOCK_BALANCE",
        ),
    ],
)
def test_states_that_nobody_could_tell_apart_are_refused(states: str, expected: str) -> None:
    found = reasons(f"{{name: left, states: [{states}]}}")
    assert found == [f"balance_types[0].counters[0].{expected}"]


def test_a_state_that_is_never_entered_is_refused() -> None:
    (found,) = reasons("{name: a, of: used, states: [{name: all, threshold: 100 %}]}")
    assert found.endswith("more than all is never used: 99 % is where nearly all is used")


def test_what_blocks_must_be_unblocked_by_something() -> None:
    blocking = "{name: a, states: [{name: none, threshold: 1, actions: [BLOCK_BALANCE]}]}"
    (found,) = reasons(blocking)
    assert found == (
        "balance_types[0].counters: 'data' would be blocked for good: give a state the action"
        " UNBLOCK_BALANCE, as the one without a threshold"
    )
    other = "{name: b, states: [{name: fine, actions: [UNBLOCK_BALANCE]}]}"
    assert built(f"{blocking}, {other}").blockable == {"data"}


def test_all_counters_have_names_of_their_own() -> None:
    """Policy servers know both kinds by their names."""
    policy = """{name: left, states: [{name: a, conditions: ["balance['data'].used > 5"]}]}"""
    assert reasons(LEFT, LEFT, policy) == [
        "balance_types[1].counters[0].name: the name 'left' is used more than once",
        "policy_counters[0].name: the name 'left' is used more than once",
    ]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("left == 'low'", BEGINNING),
        ("counter[left] == 'low'", BEGINNING),
        (
            "counter['lefd'] == 'low'",
            "at character 1: there is no counter 'lefd' on a balance type (did you mean left?)",
        ),
        (
            "counter['throttle'] == 'slow'",
            "at character 1: there is no counter 'throttle' on a balance type; conditions read no"
            " policy counters",
        ),
        (
            "counter['left'] == 'slow'",
            "at character 20: counter 'left' has no state 'slow' (did you mean low?)",
        ),
        (
            "counter['left'] < 'low'",
            "at character 17: here belongs == or !=, and a state in quotes",
        ),
        ("counter['left'] == 'low' and 1", END),
        ("counter['left'] == low", END),
        (
            "balance['date'].used > 5",
            "at character 1: there is no balance type 'date' (did you mean data?)",
        ),
        (
            "balance['data'] > 5",
            "at character 17: here belongs one of .total, .used, .reserved, .available",
        ),
        (
            "balance['data'].free > 5",
            "at character 16: here belongs one of .total, .used, .reserved, .available",
        ),
        ("balance['data'].used 5", "at character 22: here belongs one of == != < <= > >="),
        (
            "balance['money'].used > 5 GB",
            "at character 25: '5 GB' is no amount; write it like 12.50, or 20 %",
        ),
        (
            "balance['data'].used > 5 %%",
            "at character 24: '5 %%' is no quantity; write it like 100, 6000 s or 10 GiB, or 20 %",
        ),
    ],
)
def test_a_condition_that_cannot_be_read_says_where(condition: str, expected: str) -> None:
    policy = f'{{name: throttle, states: [{{name: slow, conditions: ["{condition}"]}}]}}'
    found = reasons(LEFT, "", policy)
    assert found == [f"policy_counters[0].states[0].conditions[0]: {expected}"]


def test_a_plan_names_policy_counters_that_there_are() -> None:
    policy = """{name: throttle, states: [{name: a, conditions: ["balance['data'].used > 5"]}]}"""
    assert reasons(LEFT, "", policy, "throttel, left") == [
        "plans[0].policy_counters[0]: there is no policy counter 'throttel' (did you mean"
        " throttle?)",
        "plans[0].policy_counters[1]: there is no policy counter 'left'",
    ]


def test_a_difference_tells_states_as_they_are_reached_and_limits_in_units() -> None:
    one = "{name: left, states: [{name: low, threshold: 2048}, {name: none, threshold: 1}]}"
    other = (
        "{name: left, active: false, states: [{name: none, threshold: 1 B, actions: []},"
        " {name: normal}, {name: low, threshold: 3 KiB}]}"
    )
    found = differences(read_document(counting(one)), read_document(counting(other)))
    assert [str(each) for each in found] == [
        "+ balance_types[data].counters[left].active: false",
        "~ balance_types[data].counters[left].states[low].threshold: 2 KiB -> 3 KiB",
        "- balance_types[data].counters[left].states[none].actions: [NOTIFY]",
    ]
