"""`simulate` as a person or a program gives it, against a stand-in server."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import FakeServer, fake_server, rar
from tests.simulator.test_pcrf import Avp, answer_of, once, report, subscribed

__all__ = ["fake_server"]

Run = Callable[..., Any]


@pytest.fixture
def simulate(run_anywhere: Run, fake_server: FakeServer) -> Run:
    """Give `simulate` with the stand-in as its server."""
    names = ("--destination-realm", "test.example", "--origin-realm", "test.example")

    def run(kind: str, *arguments: object) -> Any:
        server = f"127.0.0.1:{fake_server.port}"
        host = f"{kind}.test.example"
        return run_anywhere(
            *("simulate", kind, *arguments, "--server", server, *names, "--origin-host", host)
        )

    return run


def test_a_policy_server_prints_what_it_is_told(simulate: Run, fake_server: FakeServer) -> None:
    fake_server.answer, fake_server.after = subscribed, once(report("data", "low"))
    ended = simulate("pcrf", "--seconds", 0.1, "--counter", "data", "--session-id", "a;b")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "subscribe: 2001 SUCCESS; data=high",
        "SNR; data=low; answered 2001 SUCCESS",
        "terminate: 2001 SUCCESS",
    ]


def test_who_is_not_subscribed_does_not_wait(simulate: Run, fake_server: FakeServer) -> None:
    fake_server.answer = lambda request: answer_of(request, Avp.new(268, value=5030))
    ended = simulate("pcrf")
    assert ended.status == 1
    assert ended.out == "subscribe: 5030 USER_UNKNOWN\n"
    assert ended.err == "diameter-ocs: expected result code 2001, got 5030 USER_UNKNOWN\n"


def test_a_policy_server_writes_a_line_of_json_for_each(
    simulate: Run, fake_server: FakeServer
) -> None:
    fake_server.answer, fake_server.after = subscribed, once(report("data", "low"))
    ended = simulate("pcrf", "subscribe@2001 wait-snr terminate@5002", "--json")
    assert ended.status == 1
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line.get("command") for line in lines] == ["SLA", "SNR", "STA", None]
    assert lines[1]["counters"] == [{"counter": "data", "status": "low", "pending": []}]
    assert lines[1]["result_code"] == 2001
    assert lines[3] == {
        "counters": {"data": "low"},
        "unmet": ["expected result code 5002, got 2001 SUCCESS"],
    }


def test_a_gateway_tells_what_it_was_asked(simulate: Run, fake_server: FakeServer) -> None:
    fake_server.after = lambda request: (
        [rar(request.session_id)] if request.cc_request_number == 0 else []
    )
    steps = "initial:rg=300/request wait-rar:rg=300/used=1/request@2001/2001 terminate"
    ended = simulate("pgw", steps)
    assert ended.status == 0
    assert [line.partition(";")[0] for line in ended.out.splitlines()] == [
        *("initial 0: 2001 SUCCESS", "RAR", "update 1: 2001 SUCCESS", "terminate 2: 2001 SUCCESS")
    ]
    ended = simulate("pgw", "rar=5002", steps, "--json")
    assert ended.status == 0
    assert [each["result_code"] for each in ended.json["requests"]] == [5002]
    assert [each["request_type"] for each in ended.json["answers"]] == [1, 3]


def test_what_does_not_come_has_its_own_exit_status(simulate: Run) -> None:
    ended = simulate("pgw", "initial:rg=300/request patience=0.05s wait-rar")
    assert ended.status == 1
    assert ended.err == "diameter-ocs: no RAR came within 0.05 s\n"


def test_a_wrong_step_is_said(simulate: Run) -> None:
    ended = simulate("pcrf", "subscribe:all", "listen")
    assert ended.status == 2
    assert "'listen' is no kind of step" in ended.err
