"""Kills under load: no answered charge is lost or made twice, and the books stay balanced.

What a gateway sends again afterwards gets the same answer where it had one, and is charged once
where it had none.
"""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from diameter_ocs.simulator.gateway import parse_steps
from tests.system.journal import Journalled, journal
from tests.system.repeating import ACTIONS, Exchange, first_answers, recorded, send_again
from tests.system.serving import CLONE, Demonstration, eventually, surroundings
from tests.system.wire import subscriber

ANSWERS_BEFORE_A_KILL = 500
ANSWERS_AFTER_A_KILL = 300
REPEATED_MAX = 100
LOAD_SECONDS = 600

some_kills = pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.ci)])


class Load:
    """The load client as a process, and what it says it was answered."""

    def __init__(self, folder: Path, port: int) -> None:
        self._number = 1 + len(list(folder.glob("answered-*")))
        self._answered = folder / f"answered-{self._number}"
        self._answered.touch()
        self._record = folder / f"record-{self._number}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "diameter_ocs.simulator.load"),
                *("--port", str(port), "--duration", str(LOAD_SECONDS), "--outstanding", "128"),
                *("--answered", str(self._answered), "--record", str(self._record)),
            ],
            cwd=CLONE,
            env=surroundings(),
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

    def exchanges(self) -> list[Exchange]:
        """Return what was sent, with its answers; it must have ended."""
        return recorded(self._record)


def expected(answer: dict[str, Any]) -> Journalled:
    """Return the EDR that an answer promises."""
    used = {int(group): octets for group, octets in answer["used_octets"].items()}
    groups = used or {300: 0, 380: 0}
    action = ACTIONS[answer["request_type"]]
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


def some_of(exchanges: list[Exchange]) -> list[Exchange]:
    """Return as many as a test has time for, from everywhere among them."""
    return exchanges[:: len(exchanges) // REPEATED_MAX + 1]


def check_repeats(demo: Demonstration, load: Load) -> None:
    """Send again what was asked: the same answers, no EDR twice, and one for what had no answer."""
    exchanges = load.exchanges()
    charged = [exchange for exchange in exchanges if exchange.result_code == 2001]
    charged = charged[-REPEATED_MAX:] + some_of(charged[:-REPEATED_MAX])
    others = [exchange for exchange in exchanges if exchange.answer is None]
    others += some_of([exchange for exchange in exchanges if exchange.result_code == 3004])
    assert charged
    before = journal(demo.conninfo)
    for with_another_identifier in (False, True):
        again = send_again(demo.server, charged, with_another_identifier)
        assert again == first_answers(charged)
    # What was refused and spooled is charged before the next request of its session.
    spooled = {exchange.key for exchange in exchanges if exchange.result_code in (None, 3004)}
    written = journal(demo.conninfo)
    assert before - written == Counter()
    assert {entry[:3] for entry in written - before} <= spooled
    assert set(written.values()) == {1}
    first = send_again(demo.server, others)
    assert all(answer.result_code in (2001, 5002) for answer in first.values())
    assert send_again(demo.server, others, with_another_identifier=True) == first
    after = journal(demo.conninfo)
    keys = Counter(entry[:3] for entry in after.elements())
    assert [exchange.key for exchange in others if keys[exchange.key] != 1] == []
    assert demo.command("books")["balanced"] is True


@some_kills
def test_a_killed_server_has_lost_no_answered_charge(
    own_demo: Demonstration, folder: Path, kills: int
) -> None:
    demo = own_demo
    loads: list[Load] = []
    for _ in range(kills):
        load = Load(folder, demo.server.port)
        loads.append(load)
        eventually("answers", lambda load=load: load.count() > ANSWERS_BEFORE_A_KILL)
        demo.kill()
        eventually("the loss of its connection", lambda load=load: load.process.poll() is not None)
        report = load.end()
        assert report["ended"].startswith("connection lost")
        assert report["unanswered"] > 0
        assert report["faults"] == {}
        eventually("a clean end", demo.has_ended_cleanly, 10)
        demo.server.start()
        check_nothing_is_lost(demo, loads)
        check_repeats(demo, load)
    assert demo.server.end() == 0


@some_kills
def test_a_killed_database_costs_at_most_some_3004_and_no_restart(
    own_demo: Demonstration, folder: Path, kills: int
) -> None:
    demo = own_demo
    load = Load(folder, demo.server.port)
    for _ in range(kills):
        before = load.count()
        eventually("answers", lambda count=before: load.count() > count + ANSWERS_BEFORE_A_KILL)
        demo.kill_database()
        assert demo.server.process.poll() is None
        before = load.count()
        eventually("answers", lambda count=before: load.count() > count + ANSWERS_AFTER_A_KILL)
        eventually("ready", demo.server.is_ready)
    report = load.end()
    assert set(report["result_codes"]) <= {"2001", "3004"}
    assert report["unanswered"] == 0
    assert report["faults"] == {}
    check_nothing_is_lost(demo, [load])
    check_repeats(demo, load)
    with demo.server.connect() as gateway:
        (step,) = parse_steps(["initial:rg=300"])
        assert gateway.session(subscriber(1)).credit_control(step).result_code == 2001
    assert demo.server.end() == 0


@pytest.mark.ci
def test_a_killed_backend_harms_nobody_for_long(own_demo: Demonstration, folder: Path) -> None:
    demo = own_demo
    load = Load(folder, demo.server.port)
    for _ in range(5):
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
    assert set(report["result_codes"]) <= {"2001", "3004"}
    assert report["unanswered"] == 0
    assert report["faults"] == {}
    check_nothing_is_lost(demo, [load])
    assert demo.server.end() == 0
