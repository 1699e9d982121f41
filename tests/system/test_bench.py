"""`bench` as it is typed: what it says, and what it keeps."""

import json
from pathlib import Path

import pytest

from diameter_ocs.cli.profiling import STAGES
from tests.system.serving import command

pytestmark = pytest.mark.ci

SMALL = ("--duration", 2, "--subscribers", 50, "--outstanding", 64)
KEYS = {
    *("ccr_per_second", "answers", "edrs", "unanswered", "late", "unsent", "checked", "faults"),
    *("result_codes", "latency_ms", "cpu_us_per_ccr", "wal_octets_per_ccr", "pgbench_tps"),
    *("books", "agree", "reported_octets", "request_octets", "profile", "sy"),
}


def test_it_agrees_with_the_books_and_remembers_the_run(tmp_path: Path) -> None:
    history = tmp_path / "history"
    ended = command("bench", *SMALL, "--profile", "--history", history, "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result.keys() == KEYS
    assert result["agree"] is True
    assert result["books"]["balanced"] is True
    assert result["answers"] == result["edrs"] > 0
    assert set(result["result_codes"]) == {"2001"}
    assert result["faults"] == {}
    assert result["latency_ms"].keys() == {"p50", "p95", "p99", "max"}
    assert result["cpu_us_per_ccr"].keys() == {"server", "database", "client"}
    assert 100 < result["wal_octets_per_ccr"] < 100_000
    assert result["pgbench_tps"] > 0
    assert all(600 <= octets <= 900 for octets in result["request_octets"].values())
    stages = result["profile"]["cpu_us_per_ccr"]
    assert result["sy"] is None
    assert list(stages) == list(STAGES)
    assert sum(stages.values()) == pytest.approx(result["cpu_us_per_ccr"]["server"], abs=1)
    assert stages["charge"] > 0
    assert result["profile"]["wall_us"].keys() == {"wait in queue", "batch"}
    (line,) = history.read_text().splitlines()
    assert json.loads(line)["result"] == result


def test_at_a_rate_it_says_how_long_answers_take(tmp_path: Path) -> None:
    history = tmp_path / "history"
    ended = command("bench", *SMALL, "--rate", 100, "--history", history)
    assert ended.returncode == 0, ended.stderr
    assert "the books agree" in ended.stdout
    assert "against" not in ended.stdout
    result = json.loads(history.read_text())["result"]
    assert 200 <= result["answers"] + result["unsent"] <= 200 + 64 + 1
    ended = command("bench", *SMALL, "--rate", 100, "--history", history)
    assert ended.stdout.splitlines()[-1].startswith("against ")


def test_a_plan_may_have_as_many_services_as_are_asked_for() -> None:
    ended = command("bench", *SMALL, "--services", 10, "--history", "none", "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["agree"] is True
    assert set(result["result_codes"]) == {"2001"}


@pytest.mark.parametrize(
    ("over", "carrying"),
    [("tls", set()), pytest.param("sctp-udp", {"bridge"}, marks=pytest.mark.usrsctp)],
)
def test_gateways_may_come_over_another_wire(over: str, carrying: set[str]) -> None:
    ended = command(
        "bench", *SMALL, "--over", over, "--sy", 0.2, "--rate", 200, "--history", "none", "--json"
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["agree"] is result["sy"]["agree"] is True
    assert result["answers"] > 0
    assert result["cpu_us_per_ccr"].keys() == {"server", "database", "client"} | carrying


def test_a_policy_server_is_told_of_each_threshold(tmp_path: Path) -> None:
    history = tmp_path / "history"
    ended = command("bench", *SMALL, "--rate", 200, "--sy", 0.2, "--history", history)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert "the policy server knows how each counter stands, and missed nothing" in ended.stdout
    result = json.loads(history.read_text())["result"]
    assert result["agree"] is True
    sy = result["sy"]
    assert sy["accounts"] == 10
    assert sy["notifications"] > 0
    assert sy["crossed"] >= sy["notifications"]
    assert sy["delay_milliseconds"].keys() == {"p50", "p95", "p99", "max"}
    assert (sy["ratio"], sy["ccr_per_second_without"]) == (None, None)


def test_a_server_that_does_not_start_is_told_in_json() -> None:
    ended = command("bench", *SMALL, "--json", OCS_LANES="many")
    assert ended.returncode == 3
    assert json.loads(ended.stdout)["error"]["code"] == "server_not_ready"
