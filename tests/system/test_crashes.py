"""Kills under load: no answered charge is lost or made twice, and the books stay balanced."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from diameter_ocs.simulator.gateway import parse_steps
from tests.system.serving import CLONE, Demonstration, eventually
from tests.system.wire import subscriber

pytestmark = pytest.mark.ci

KILLS = 5
ANSWERS_BEFORE_A_KILL = 1000
ANSWERS_AFTER_A_KILL = 500
LOAD_SECONDS = 120
CAUSES = {1: "initial", 2: "update", 3: "terminate"}


class Load:
    """The load client as a process, and what it says it was answered."""

    def __init__(self, folder: Path, port: int) -> None:
        self._number = 1 + len(list(folder.glob("answered-*")))
        self._answered = folder / f"answered-{self._number}"
        self._answered.touch()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "diameter_ocs.simulator.load"),
                *("--port", str(port), "--duration", str(LOAD_SECONDS), "--outstanding", "128"),
                *("--answered", str(self._answered)),
            ],
            cwd=CLONE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def count(self) -> int:
        """Return how many answers have come."""
        return self._answered.read_bytes().count(b"\n")

    def end(self) -> dict[str, Any]:
        """Ask it to end where it has not ended by itself, and return its report."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        output, errors = self.process.communicate(timeout=60)
        assert output, errors
        report: dict[str, Any] = json.loads(output)
        return report

    def answers(self) -> list[dict[str, Any]]:
        """Return what was answered, one entry for each request."""
        return [json.loads(line) for line in self._answered.read_bytes().splitlines()]


class Journalled(NamedTuple):
    """One EDR of a session: the key of its request, and the octets reported by rating group."""

    session_id: str
    action: str
    request_number: int
    octets: tuple[tuple[int, int], ...]


def journal(conninfo: str) -> Counter[Journalled]:
    """Return every EDR of a gateway's request and how often it is there."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT session_id, action, request_number, services FROM edr"
            " WHERE session_id IS NOT NULL AND request_number IS NOT NULL"
        ).fetchall()
    found: Counter[Journalled] = Counter()
    for session_id, action, number, services in rows:
        octets = tuple(sorted((service[0], service[3][0]) for service in services))
        found[Journalled(session_id.decode(), action, number, octets)] += 1
    return found


def expected(answer: dict[str, Any]) -> Journalled:
    """Return the EDR that an answer promises."""
    used = {int(group): octets for group, octets in answer["used_octets"].items()}
    groups = used or {300: 0, 380: 0}
    action = CAUSES[answer["request_type"]]
    key = (answer["session_id"], action, answer["request_number"])
    return Journalled(*key, tuple(sorted(groups.items())))


def check_nothing_is_lost(demo: Demonstration, loads: list[Load]) -> None:
    """Compare what gateways were answered with the journal and the books."""
    charged = [answer for load in loads for answer in load.answers()]
    charged = [answer for answer in charged if answer["result_code"] == 2001]
    assert charged
    written = journal(demo.conninfo)
    lost = [entry for entry in map(expected, charged) if written[entry] != 1]
    assert lost == [], f"{len(lost)} of {len(charged)} answers are not in the journal exactly once"
    twice = [entry for entry, count in written.items() if count > 1]
    assert twice == []
    assert demo.command("books")["balanced"] is True


def test_a_killed_server_has_lost_no_answered_charge(own_demo: Demonstration, folder: Path) -> None:
    demo = own_demo
    loads: list[Load] = []
    for _ in range(KILLS):
        load = Load(folder, demo.server.port)
        loads.append(load)
        eventually("answers", lambda load=load: load.count() > ANSWERS_BEFORE_A_KILL)
        demo.kill()
        report = load.end()
        assert report["ended"].startswith("connection lost")
        assert report["faults"] == {}
        log = (demo.data / "demo" / "postgres.log").read_text()
        assert "database system is shut down" in log.splitlines()[-1]
        demo.server.start()
        check_nothing_is_lost(demo, loads)
    assert demo.server.end() == 0


def test_a_killed_database_costs_3004_and_no_restart(own_demo: Demonstration, folder: Path) -> None:
    demo = own_demo
    load = Load(folder, demo.server.port)
    for _ in range(KILLS):
        before = load.count()
        eventually("answers", lambda count=before: load.count() > count + ANSWERS_BEFORE_A_KILL)
        number = demo.postmaster
        assert number is not None
        os.kill(number, signal.SIGKILL)
        eventually("another postgres", lambda old=number: demo.postmaster not in (None, old))
        assert demo.server.process.poll() is None
        before = load.count()
        eventually("answers", lambda count=before: load.count() > count + ANSWERS_AFTER_A_KILL)
        eventually("ready", demo.server.is_ready)
    report = load.end()
    assert set(report["result_codes"]) <= {"2001", "3004", "5002"}
    assert report["result_codes"]["3004"] > 0
    assert report["unanswered"] == 0
    assert report["faults"] == {}
    check_nothing_is_lost(demo, [load])
    with demo.server.connect() as gateway:
        (step,) = parse_steps(["initial:rg=300"])
        assert gateway.session(subscriber(1)).credit_control(step).result_code == 2001
    assert demo.server.end() == 0


def test_a_killed_backend_harms_nobody_for_long(own_demo: Demonstration, folder: Path) -> None:
    demo = own_demo
    load = Load(folder, demo.server.port)
    for _ in range(KILLS):
        before = load.count()
        eventually("answers", lambda count=before: load.count() > count + ANSWERS_AFTER_A_KILL)
        with psycopg.connect(demo.conninfo, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'diameter-ocs'"
            ).fetchall()
        assert ended
    before = load.count()
    eventually("answers", lambda: load.count() > before + ANSWERS_AFTER_A_KILL)
    report = load.end()
    assert set(report["result_codes"]) <= {"2001", "3004", "5002"}
    assert report["unanswered"] == 0
    assert report["faults"] == {}
    check_nothing_is_lost(demo, [load])
    assert demo.server.end() == 0
