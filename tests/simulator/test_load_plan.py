"""What a load run can be told to do."""

from pathlib import Path

import pytest

from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.load_plan import LoadPlan, parse_arguments


@pytest.mark.parametrize(
    "changes",
    [
        {"connections": 0},
        {"connections": 7},
        {"outstanding": 65_537},
        {"subscribers": 0},
        {"requests": None},
        {"rating_groups": ()},
        {"check_every": 0},
        {"first_imsi": "00101"},
        {"first_msisdn": "+15550100001"},
        {"rate": 0},
        {"rate": float("nan")},
    ],
)
def test_a_plan_that_cannot_be_run_is_refused(changes: dict[str, object]) -> None:
    possible = {"connections": 2, "outstanding": 6, "requests": 60, "duration_seconds": None}
    with pytest.raises(SimulatorError):
        LoadPlan(**(possible | changes))


def test_the_command_line_makes_the_plan() -> None:
    arguments = ["--port", "1", "--rating-group", "300", "--requests", "5", "--answered", "/x"]
    assert parse_arguments(arguments) == LoadPlan(
        port=1, rating_groups=(300,), requests=5, duration_seconds=None, answered=Path("/x")
    )
    assert parse_arguments(["--rate", "5000"]) == LoadPlan(rate=5000.0)
    assert parse_arguments([]) == LoadPlan()
