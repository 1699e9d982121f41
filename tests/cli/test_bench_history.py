"""The history of `bench`: a line for each run, and the last one that can be compared."""

import datetime
from pathlib import Path

import pytest

from diameter_ocs.cli.bench_history import (
    append,
    comparison,
    default_file,
    file_of,
    last_comparable,
    record,
    remember,
)

AT = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def line(rate: int | None = None, ccr_per_second: float = 5000.0) -> dict:
    result = {
        "ccr_per_second": ccr_per_second,
        "cpu_us_per_ccr": {"server": 170.0, "database": 40.0},
        "latency_ms": {"p50": 2.5},
    }
    return record(AT, "18.4", {"duration": 20.0, "rate": rate}, result)


def test_a_line_says_what_ran_where() -> None:
    assert line().keys() == {
        *("at", "version", "commit", "python", "postgresql", "machine", "options", "result")
    }


def test_the_last_run_with_the_same_options_is_found(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.jsonl"
    assert last_comparable(file, line()) is None
    for ccr_per_second in (1000.0, 2000.0):
        append(file, line(None, ccr_per_second))
    append(file, line(500, 3000.0))
    append(file, line(None) | {"machine": "another"})
    found = last_comparable(file, line())
    assert found is not None
    assert found["result"]["ccr_per_second"] == 2000.0
    assert last_comparable(file, line(501)) is None


@pytest.mark.parametrize("garbage", ["", "{", "[]", "7", "\udcff"])
def test_lines_that_are_not_ours_are_passed_over(tmp_path: Path, garbage: str) -> None:
    file = tmp_path / "bench.jsonl"
    append(file, line())
    with file.open("a", errors="surrogateescape") as history:
        history.write(garbage + "\n")
    assert last_comparable(file, line()) == line()


def test_a_comparison_is_one_line_with_what_changed() -> None:
    said = comparison(line(None, 4000.0), line(None, 5000.0)["result"])
    assert "+25 % CCR/s" in said
    assert "2030-01-02T03:04:05+00:00" in said
    assert "\n" not in said


def test_a_run_without_an_answer_can_be_compared_too() -> None:
    assert "nothing to compare with" in comparison(line(None, 0.0), line()["result"])


def test_the_file_is_in_the_users_state_directory() -> None:
    inside = default_file({"XDG_STATE_HOME": "/state"})
    assert inside == Path("/state/diameter-ocs/bench.jsonl")
    assert default_file({}).name == "bench.jsonl"


def test_an_option_names_the_file_or_none() -> None:
    environment = {"XDG_STATE_HOME": "/state"}
    assert file_of(None, environment) == default_file(environment)
    assert file_of("there", environment) == Path("there")
    assert file_of("none", environment) is file_of("", environment) is None
    assert remember(None, line()) is None


def test_a_run_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    assert remember(tmp_path / "history", line(None, 1.0)) is None
    assert remember(tmp_path / "history", line(None, 2.0)) == line(None, 1.0)


def test_a_history_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remember(tmp_path, line()) is None
    assert "is not in the history; name another file" in capsys.readouterr().err
