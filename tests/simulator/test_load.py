"""The load client against a stand-in server on loopback."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from diameter.message import Message

from diameter_ocs.simulator.load import LoadRun
from diameter_ocs.simulator.load_connections import connect_all, disconnect_all
from diameter_ocs.simulator.load_plan import LoadPlan


def plan(port: int, **changes: object) -> LoadPlan:
    defaults = {"connections": 2, "outstanding": 6, "subscribers": 5, "requests": 60}
    return LoadPlan(port=port, **(defaults | {"duration_seconds": None} | changes))


def run(load_plan: LoadPlan) -> dict:
    connections = connect_all(load_plan)
    report = LoadRun(load_plan, connections).run()
    disconnect_all(connections)
    return report


def used_octets(request: Message) -> Counter:
    if request.cc_request_type == 1:
        return Counter()
    return Counter(
        {
            service.rating_group: service.used_service_unit[0].cc_total_octets
            for service in request.multiple_services_credit_control
        }
    )


def test_every_request_is_answered_and_every_session_closed(fake_server) -> None:
    report = run(plan(fake_server.port, check_every=1))
    assert report["ended"] == "requests"
    assert report["sent"] == report["answered"] == len(fake_server.requests) >= 60
    assert report["unanswered"] == report["unmatched"] == 0
    assert report["sessions_opened"] == report["sessions_closed"]
    assert report["result_codes"] == {"2001": report["answered"]}
    assert report["checked"] == report["answered"]
    assert report["faults"] == {}
    latency = report["latency_milliseconds"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]


def test_the_reported_octets_are_those_that_were_sent(fake_server) -> None:
    report = run(plan(fake_server.port))
    total = sum((used_octets(request) for request in fake_server.requests), Counter())
    assert report["used_octets"] == {str(group): {"2001": n} for group, n in total.items()}


def test_sessions_are_one_four_one_and_walk_through_the_subscribers(fake_server) -> None:
    run(plan(fake_server.port, connections=1, outstanding=1, requests=36))
    kinds = [request.cc_request_type for request in fake_server.requests]
    assert kinds == [1, 2, 2, 2, 2, 3] * 6
    numbers = [request.cc_request_number for request in fake_server.requests]
    assert numbers == [0, 1, 2, 3, 4, 5] * 6
    imsis = [request.subscription_id[0].subscription_id_data for request in fake_server.requests]
    assert imsis[::6] == [f"00101000000000{n}" for n in (1, 2, 3, 4, 5, 1)]
    assert len({request.session_id for request in fake_server.requests}) == 6


def test_each_connection_has_its_own_origin_host(fake_server) -> None:
    run(plan(fake_server.port, connections=4))
    hosts = {request.origin_host for request in fake_server.requests}
    assert hosts == {f"pgw{n}.demo.example".encode() for n in (1, 2, 3, 4)}


def test_the_journal_holds_a_line_for_each_answer(fake_server, tmp_path: Path) -> None:
    report = run(plan(fake_server.port, answered=tmp_path / "answered"))
    lines = [json.loads(line) for line in (tmp_path / "answered").read_text().splitlines()]
    assert len(lines) == report["answered"]
    told = {(line["session_id"], line["request_number"]): line for line in lines}
    for request in fake_server.requests:
        line = told[request.session_id, request.cc_request_number]
        assert line["request_type"] == request.cc_request_type
        assert line["result_code"] == 2001
        used = {int(group): octets for group, octets in line["used_octets"].items()}
        assert used == dict(used_octets(request))


def test_the_record_holds_each_request_and_its_answer(fake_server, tmp_path: Path) -> None:
    report = run(plan(fake_server.port, record=tmp_path / "record"))
    octets, messages = (tmp_path / "record").read_bytes(), []
    while octets:
        length = int.from_bytes(octets[1:4], "big")
        messages.append(Message.from_bytes(octets[:length]))
        octets = octets[length:]
    requests = [message for message in messages if message.header.is_request]
    answers = [message for message in messages if not message.header.is_request]
    assert len(requests) == len(answers) == report["answered"]
    assert {message.header.hop_by_hop_identifier for message in requests} == {
        message.header.hop_by_hop_identifier for message in answers
    }


def test_a_refused_session_is_not_continued(fake_server) -> None:
    def refuse(request: Message) -> bytes:
        answer = request.to_answer()
        answer.session_id, answer.result_code = request.session_id, 5030
        answer.cc_request_type, answer.cc_request_number = request.cc_request_type, 0
        return answer.as_bytes()

    fake_server.answer = refuse
    report = run(plan(fake_server.port, check_every=1))
    assert {request.cc_request_type for request in fake_server.requests} == {1}
    assert report["result_codes"] == {"5030": report["answered"]}
    assert report["used_octets"] == {}
    assert report["sessions_closed"] == 0
    assert report["faults"] == {}


def test_usage_of_a_group_without_credit_is_told_apart(fake_server) -> None:
    grant = fake_server.answer

    def limit(request: Message) -> bytes:
        answer = Message.from_bytes(grant(request))
        service = answer.multiple_services_credit_control[1]
        service.result_code, service.granted_service_unit = 4012, None
        return answer.as_bytes()

    fake_server.answer = limit
    report = run(plan(fake_server.port, check_every=1))
    assert list(report["used_octets"]["300"]) == ["2001"]
    assert list(report["used_octets"]["380"]) == ["4012"]
    assert report["faults"] == {}


def test_an_answer_to_another_session_is_a_fault(fake_server) -> None:
    grant = fake_server.answer

    def mislead(request: Message) -> bytes:
        return grant(request).replace(b"pgw1", b"pgwX", 1)

    fake_server.answer = mislead
    report = run(plan(fake_server.port, connections=1, check_every=1))
    assert sum(report["faults"].values()) == report["answered"]


def test_a_second_answer_is_not_counted_as_an_answer(fake_server) -> None:
    grant = fake_server.answer
    fake_server.answer = lambda request: grant(request) * 2
    report = run(plan(fake_server.port, connections=1, outstanding=1))
    assert report["answered"] == report["sent"]
    assert report["unmatched"] >= report["answered"] - 1


def test_a_lost_connection_ends_the_run_and_keeps_what_was_answered(
    fake_server, tmp_path: Path
) -> None:
    grant = fake_server.answer

    def die_later(request: Message) -> bytes | None:
        return grant(request) if len(fake_server.requests) <= 40 else None

    fake_server.answer = die_later
    report = run(plan(fake_server.port, requests=10_000, answered=tmp_path / "answered"))
    assert report["ended"].startswith("connection lost (")
    assert 0 < report["unanswered"] <= 6
    assert len((tmp_path / "answered").read_text().splitlines()) == report["answered"]


def test_a_stopped_run_awaits_answers_but_sends_nothing_more(fake_server) -> None:
    grant = fake_server.answer
    load_plan = plan(fake_server.port, connections=1, outstanding=1, requests=10_000)
    connections = connect_all(load_plan)
    load_run = LoadRun(load_plan, connections)

    def stop_at_ten(request: Message) -> bytes:
        if len(fake_server.requests) == 10:
            load_run.stop("terminated")
        return grant(request)

    fake_server.answer = stop_at_ten
    report = load_run.run()
    disconnect_all(connections)
    assert report["ended"] == "terminated"
    assert report["sent"] == report["answered"] == 10


def test_a_watchdog_request_is_answered_under_load(fake_server) -> None:
    fake_server.watchdog = True
    report = run(plan(fake_server.port, connections=1))
    assert report["faults"] == {}
    watchdogs = [other for other in fake_server.others if other.header.command_code == 280]
    assert {watchdog.result_code for watchdog in watchdogs} == {2001}


def test_an_open_loop_sends_as_many_as_are_planned_and_ends_its_sessions(fake_server) -> None:
    report = run(plan(fake_server.port, requests=None, duration_seconds=0.302, rate=200))
    planned = 61  # at 0, 5, 10 ms and so on up to 300
    assert report["ended"] == "duration"
    assert report["sent"] == report["answered"] == len(fake_server.requests)
    assert planned <= report["sent"] + report["unsent"] <= planned + 6
    assert report["sessions_opened"] == report["sessions_closed"]
    assert report["faults"] == {}


def test_what_finds_no_slot_is_late_and_waits_from_when_it_was_due(fake_server) -> None:
    report = run(plan(fake_server.port, requests=None, duration_seconds=0.2, rate=100_000))
    assert report["sent"] == report["answered"]
    assert 0 < report["unsent"] < report["late"] <= 20_001
    # Of 20,000 the stand-in answers some hundred: the last of them were due almost at once.
    assert report["latency_milliseconds"]["max"] > 100


def test_a_lost_connection_ends_an_open_loop(fake_server) -> None:
    fake_server.answer = lambda request: None
    report = run(plan(fake_server.port, requests=10_000, rate=1_000))
    assert report["ended"].startswith("connection lost (")
    assert report["unanswered"] == report["sent"] > 0


def test_the_report_says_how_long_requests_are(fake_server) -> None:
    octets = run(plan(fake_server.port))["request_octets"]
    assert octets.keys() == {"initial", "update", "terminate"}
    assert all(600 <= length <= 900 for length in octets.values())


def load_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "diameter_ocs.simulator.load", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_process_prints_one_line_of_json(fake_server) -> None:
    ended = load_process("--port", str(fake_server.port), "--requests", "30")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["answered"] >= 30
    assert ended.stdout.count("\n") == 1


def test_the_process_says_when_it_cannot_connect(fake_server) -> None:
    fake_server.capabilities_code = 3010
    ended = load_process("--port", str(fake_server.port))
    assert ended.returncode == 2
    assert "met pgw1.demo.example with 3010" in ended.stderr
    assert ended.stdout == ""
