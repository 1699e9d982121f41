"""The gateway against a stand-in server on loopback."""

import socket
from collections.abc import Callable

import pytest
from diameter.message import Message

from diameter_ocs.simulator.gateway import (
    DEFAULT_STEPS,
    Identity,
    SimulatorError,
    Subscriber,
    connect,
    parse_steps,
)
from tests.simulator.conftest import grant_all

IDENTITY = Identity("pgw.test.example", "test.example", "test.example")


def test_a_default_session_runs_and_says_goodbye(fake_server) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        answers = [session.credit_control(step) for step in parse_steps(DEFAULT_STEPS)]
    assert [answer.result_code for answer in answers] == [2001] * 3
    assert [answer.faults for answer in answers] == [()] * 3
    assert [request.cc_request_number for request in fake_server.requests] == [0, 1, 2]
    assert {request.session_id for request in fake_server.requests} == {session.session_id}
    assert [other.header.command_code for other in fake_server.others] == [282]


def test_the_server_is_addressed_by_name_once_it_has_answered(fake_server) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(["initial update initial"]):
            session.credit_control(step)
    hosts = [request.destination_host for request in fake_server.requests]
    assert hosts == [None, b"ocs.test.example", None]


def test_a_second_initial_step_opens_another_session(fake_server) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(["initial initial"]):
            session.credit_control(step)
    first, second = fake_server.requests
    assert first.session_id != second.session_id
    assert second.cc_request_number == 0


def test_an_event_is_a_session_of_its_own(fake_server) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(["initial event event terminate"]):
            session.credit_control(step)
    names = [request.session_id for request in fake_server.requests]
    assert names[0] == names[3] == session.session_id
    assert len(set(names)) == 3
    assert [request.cc_request_number for request in fake_server.requests] == [0, 0, 0, 1]


def test_a_refund_has_the_name_of_the_last_event_that_was_paid(fake_server) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(["initial event check refund refund:refund=1-2-3 event refund"]):
            session.credit_control(step)
    names = [request.session_id for request in fake_server.requests]
    assert names[1] == names[3]
    assert names[5] == names[6]
    assert len(set(names)) == 5
    numbers = [request.cc_request_number for request in fake_server.requests]
    assert numbers == [0, 0, 0, 1, 0, 0, 1]


def test_sub_sessions_of_one_session_have_numbers_of_their_own(fake_server) -> None:
    steps = ["sub=7 initial update sub=8 initial sub=7 terminate sub= initial sub=8 initial"]
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(steps):
            session.credit_control(step)
    told = [(each.cc_sub_session_id, each.cc_request_number) for each in fake_server.requests]
    assert told == [(7, 0), (7, 1), (8, 0), (7, 2), (None, 0), (8, 0)]
    names = [each.session_id for each in fake_server.requests]
    assert len(set(names[:5])) == 1
    assert names[5] != names[4]


def marking(request: Message) -> bytes:
    """Answer as usual, and say of an event that is paid by what it is refunded."""
    answer = grant_all(request)
    if request.requested_action != 0:
        return answer
    message = Message.from_bytes(answer)
    message.multiple_services_credit_control[
        0
    ].refund_information = f"event {request.cc_request_number} of {request.session_id}".encode()
    return message.as_bytes()


def test_a_refund_names_what_the_answer_to_the_last_event_told(fake_server) -> None:
    fake_server.answer = marking
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        for step in parse_steps(["event:rg=200 check:rg=200 refund:rg=200/units=1/refund"]):
            session.credit_control(step)
    event, _, refund = fake_server.requests
    (service,) = refund.multiple_services_credit_control
    assert service.refund_information == f"event 0 of {event.session_id}".encode()
    assert refund.session_id != event.session_id


@pytest.mark.parametrize("before", ["initial:rg=200", "event:rg=200"])
def test_a_refund_of_what_no_answer_told_is_not_sent(fake_server, before: str) -> None:
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        opening, refund = parse_steps([before, "refund:rg=200/refund"])
        session.credit_control(opening)
        with pytest.raises(SimulatorError, match="write refund=TEXT"):
            session.credit_control(refund)
    assert len(fake_server.requests) == 1


def test_a_watchdog_request_is_answered_while_an_answer_is_awaited(fake_server) -> None:
    fake_server.watchdog = True
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        gateway.session(Subscriber()).credit_control(parse_steps(["initial"])[0])
    watchdog = fake_server.others[0]
    assert (watchdog.header.command_code, watchdog.result_code) == (280, 2001)


def test_nobody_listening_is_said_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(
        SimulatorError, match=rf"cannot connect to 127.0.0.1:{port} .*start the server"
    ):
        connect("127.0.0.1", port, IDENTITY)


def test_a_refused_peer_is_told_its_name_and_how_it_is_let_in(fake_server) -> None:
    fake_server.capabilities_code = 3010
    hint = r"met pgw\.test\.example with 3010 UNKNOWN_PEER; `peer accept pgw\.test\.example`"
    with pytest.raises(SimulatorError, match=hint):
        connect("127.0.0.1", fake_server.port, IDENTITY)


def closing(request: Message) -> None:
    return None


def not_diameter(request: Message) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(closing, "connection was lost .closed by the server"), (not_diameter, "no Diameter message")],
)
def test_a_broken_connection_is_said(
    fake_server, answer: Callable[[Message], bytes | None], sentence: str
) -> None:
    fake_server.answer = answer
    with connect("127.0.0.1", fake_server.port, IDENTITY) as gateway:
        session = gateway.session(Subscriber())
        with pytest.raises(SimulatorError, match=sentence):
            session.credit_control(parse_steps(["initial"])[0])


def test_silence_ends_at_the_time_limit(fake_server) -> None:
    fake_server.answer = lambda request: b""
    with connect("127.0.0.1", fake_server.port, IDENTITY, timeout_seconds=0.05) as gateway:
        session = gateway.session(Subscriber())
        with pytest.raises(SimulatorError, match=r"no answer within 0\.05 s"):
            session.credit_control(parse_steps(["initial"])[0])
