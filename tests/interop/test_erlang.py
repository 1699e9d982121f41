"""Erlang/OTP's Diameter stack, which knows nothing of ours, is charged by the demonstration."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CLONE = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).parent / "gy_client.escript"
APT = "apt-get install -y --no-install-recommends erlang-base erlang-diameter"
READY_SECONDS = 90
STOP_SECONDS = 30

pytestmark = pytest.mark.ci


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_ready(metrics_port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/readyz", timeout=2) as page:
            return bool(page.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The Diameter port of a demonstration server, which ends cleanly when the tests have run."""
    folder = Path(tempfile.mkdtemp(prefix="ocs-erlang-", dir="/tmp"))
    folder.chmod(0o711)
    diameter_port, metrics_port = free_port(), free_port()
    command = [sys.executable, "-m", "diameter_ocs", "serve", "--demo", "--data", str(folder / "d")]
    command += ["--listen", f"127.0.0.1:{diameter_port}", "--metrics", f"127.0.0.1:{metrics_port}"]
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=CLONE, stdout=output, stderr=subprocess.STDOUT)
    try:
        limit = time.monotonic() + READY_SECONDS
        while not is_ready(metrics_port):
            assert server.poll() is None, f"the server ended: {log.read_text()}"
            assert time.monotonic() < limit, f"the server is not ready: {log.read_text()}"
            time.sleep(0.1)
        yield diameter_port
        server.send_signal(signal.SIGTERM)
        assert server.wait(STOP_SECONDS) == 0, log.read_text()
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def answers(port: int) -> dict[str, dict[str, Any]]:
    """What OTP tells of each answer, by step."""
    escript = shutil.which("escript")
    if escript is None:
        pytest.fail(f"escript is not installed; type: {APT}")
    command = [escript, str(SCRIPT), "127.0.0.1", str(port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"{ended.stderr}\n{ended.stdout}\nOTP needs: {APT}"
    return {line["step"]: line for line in map(json.loads, ended.stdout.splitlines())}


STEPS = {
    "initial": 2001,
    "update": 2001,
    "terminate": 2001,
    "unknown_subscriber": 5030,
    "unknown_mandatory_avp": 5001,
    "foreign_mandatory_avp": 2001,
    "foreign_terminate": 2001,
    "update_without_session": 5002,
    "event": 2001,
    "event_again": 2001,
    "event_unnamed": 2001,
    "event_unknown_group": 5031,
    "event_of_another_action": 5004,
    "event_in_part": 2001,
    "event_unpaid": 4012,
}


def test_every_step_is_answered(answers: dict[str, dict[str, Any]]) -> None:
    assert list(answers) == list(STEPS)


@pytest.mark.parametrize(("step", "code"), STEPS.items())
def test_the_result_code_is_the_one_of_the_case(
    answers: dict[str, dict[str, Any]], step: str, code: int
) -> None:
    assert answers[step]["result_code"] == code


@pytest.mark.parametrize("step", STEPS)
def test_otp_finds_nothing_wrong_in_an_answer(
    answers: dict[str, dict[str, Any]], step: str
) -> None:
    answer = answers[step]
    assert answer["decode_errors"] == []
    assert answer["wrong_m_bits"] == []
    assert answer["header_flags"] == ["proxiable"]
    assert answer["session_is_echoed"] is True


@pytest.mark.parametrize(
    ("step", "groups"),
    [("initial", [300, 380]), ("update", [300]), ("foreign_mandatory_avp", [300, 380])],
)
def test_every_requested_group_is_granted(
    answers: dict[str, dict[str, Any]], step: str, groups: list[int]
) -> None:
    services = answers[step]["services"]
    assert [service["rating_group"] for service in services] == groups
    assert [service["result_code"] for service in services] == [2001] * len(groups)
    assert all(service["granted_octets"] > 0 for service in services)
    assert all(service["validity_seconds"] >= 60 for service in services)


def test_a_report_without_a_request_is_granted_nothing(answers: dict[str, dict[str, Any]]) -> None:
    assert all(service["granted_octets"] is None for service in answers["terminate"]["services"])


def test_the_unknown_avp_comes_back_in_failed_avp(answers: dict[str, dict[str, Any]]) -> None:
    failed = answers["unknown_mandatory_avp"]["failed_avps"]
    assert failed == [{"code": 9999, "vendor": 10415}]
    assert answers["unknown_mandatory_avp"]["services"] == []


def test_an_event_is_granted_once_and_for_good(answers: dict[str, dict[str, Any]]) -> None:
    (served,) = answers["event"]["services"]
    assert (served["rating_group"], served["granted_units"]) == (200, 3)
    assert served["validity_seconds"] is None
    assert not served["is_final"]
    assert answers["event_again"]["services"] == [served]


def test_an_event_that_names_no_units_is_for_its_messages(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert answers["event_unnamed"]["services"] == []
    assert answers["event_unnamed"]["granted_units"] == 2


def test_what_is_left_is_granted_and_then_nothing(answers: dict[str, dict[str, Any]]) -> None:
    """Of 100 texts five are spent, and 20.00 EUR pay for 250 more: the repeat cost nothing."""
    (served,) = answers["event_in_part"]["services"]
    assert (served["granted_units"], served["is_final"]) == (345, True)
    (refused,) = answers["event_unpaid"]["services"]
    assert (refused["result_code"], refused["granted_units"]) == (4012, None)


def test_what_an_event_may_not_ask_comes_back(answers: dict[str, dict[str, Any]]) -> None:
    failed = {name: answers[name]["failed_avps"] for name in STEPS if name.startswith("event_")}
    assert failed["event_unknown_group"] == [{"code": 432, "vendor": 0}]
    assert failed["event_of_another_action"] == [{"code": 436, "vendor": 0}]
