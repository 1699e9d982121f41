"""A gateway that is led through a script, against a stand-in server that asks by itself."""

from collections.abc import Callable, Iterable

import pytest
from diameter.message import Message

from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.conversation import Conversation, Told, parse_script
from diameter_ocs.simulator.encoding import Identity, Subscriber
from diameter_ocs.simulator.errors import SimulatorError, StepError
from diameter_ocs.simulator.gateway import connect
from diameter_ocs.simulator.node import Turn
from diameter_ocs.simulator.reactions import Reaction
from diameter_ocs.simulator.server_requests import ServerRequest
from tests.simulator.conftest import FakeServer, asr, rar

IDENTITY = Identity("pgw.test.example", "test.example", "test.example")


def play(server: FakeServer, *texts: str) -> list[Told]:
    script = parse_script(texts)
    with connect("127.0.0.1", server.port, IDENTITY, timeout_seconds=2) as gateway:
        return list(Conversation(gateway, gateway.session(Subscriber())).run(script))


def once(make: Callable[[str], bytes]) -> Callable[[Message], Iterable[bytes]]:
    """Asks after the first answer alone."""
    return lambda request: [make(request.session_id)] if request.cc_request_number == 0 else []


def asked(told: list[Told]) -> list[ServerRequest]:
    return [event for event, _ in told if isinstance(event, ServerRequest)]


def answers(server: FakeServer) -> list[int]:
    """The result codes of what the gateway answered, but for its DPR."""
    return [each.result_code for each in server.others if not each.header.is_request]


def test_a_rar_is_answered_and_an_update_of_all_services_follows(fake_server) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, "initial:rg=300/request=1MiB,rg=310/request=2MiB wait-rar terminate")
    assert [type(event).__name__ for event, _ in told] == [
        *("Answer", "ServerRequest", "Answer", "Answer")
    ]
    assert [unmet for _, unmet in told] == [()] * 4
    assert answers(fake_server) == [2002]
    _, update, _ = fake_server.requests
    services = update.multiple_services_credit_control
    assert update.cc_request_type == 2
    assert [each.rating_group for each in services] == [300, 310]
    assert [each.requested_service_unit.cc_total_octets for each in services] == [2**20, 2**21]
    assert [each.used_service_unit[0].cc_total_octets for each in services] == [0, 0]
    assert [each.reporting_reason for each in services] == [[7], [7]]


def test_a_rar_for_a_rating_group_is_followed_by_that_one_alone(fake_server) -> None:
    fake_server.after = once(lambda session_id: rar(session_id, 310, 320))
    (_, request, _) = play(fake_server, "initial:rg=300/request,rg=310/request wait-rar")
    assert request.event.rating_groups == (310, 320)
    services = fake_server.requests[1].multiple_services_credit_control
    assert [each.rating_group for each in services] == [310, 320]


def test_what_follows_a_rar_may_be_written(fake_server) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, "initial:rg=300/request wait-rar:rg=300/used=5/request=7@2001/4012")
    assert told[-1].unmet == ("expected the services' result codes [4012], got [2001]",)
    (service,) = fake_server.requests[1].multiple_services_credit_control
    assert service.used_service_unit[0].cc_total_octets == 5


@pytest.mark.parametrize(
    ("word", "kinds"), [("update:rg=300/request", [1, 2, 2, 3]), ("wait:0.1s", [1, 2, 3])]
)
def test_a_rar_that_no_step_awaits_is_followed_all_the_same(
    fake_server, word: str, kinds: list[int]
) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, f"initial:rg=300/request {word} terminate")
    assert [request.command for request in asked(told)] == ["RAR"]
    assert [request.cc_request_type for request in fake_server.requests] == kinds


@pytest.mark.parametrize(
    ("reaction", "code"),
    [("2001/still", 2001), ("5002", 5002), ("5012", 5012), ("still", 2002), ("3002", 3002)],
)
def test_a_rar_may_be_answered_and_not_followed(fake_server, reaction: str, code: int) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, f"rar={reaction} initial:rg=300/request wait-rar terminate")
    assert [request.result_code for request in asked(told)] == [code]
    assert answers(fake_server) == [code]
    assert [request.cc_request_type for request in fake_server.requests] == [1, 3]


def test_a_rar_may_be_left_unanswered(fake_server) -> None:
    fake_server.after = once(rar)
    (_, request, _) = play(fake_server, "rar=silent initial wait-rar terminate")
    assert request.event.text() == "RAR; not answered"
    assert answers(fake_server) == []


def test_an_answer_may_be_late_and_what_follows_is_later(fake_server) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, "rar=2002/0.05s initial:rg=300/request wait-rar terminate")
    assert [request.result_code for request in asked(told)] == [2002]
    assert len(fake_server.requests) == 3


def test_the_connection_may_be_dropped_and_is_made_anew(fake_server) -> None:
    fake_server.after = once(rar)
    told = play(fake_server, "rar=drop initial:rg=300/request wait-rar rar=2001 update terminate")
    (request,) = asked(told)
    assert request.text() == "RAR; the connection was dropped"
    assert answers(fake_server) == []
    assert [request.cc_request_type for request in fake_server.requests] == [1, 2, 3]


def test_an_asr_is_answered_and_the_session_ends(fake_server) -> None:
    fake_server.after = once(asr)
    told = play(fake_server, "initial:rg=300/request=1MiB wait-asr terminate")
    assert answers(fake_server) == [2001]
    assert [request.cc_request_type for request in fake_server.requests] == [1, 3]
    (service,) = fake_server.requests[1].multiple_services_credit_control
    assert service.reporting_reason == [2]
    assert told[-1].event.text() == "the session has ended already, as the server asked"


def test_a_session_that_is_not_open_is_unknown(fake_server) -> None:
    fake_server.after = lambda request: [rar("another;1;2")]
    told = play(fake_server, "initial wait-rar")
    assert [request.result_code for request in asked(told)] == [5002]
    assert len(fake_server.requests) == 1


def test_a_rar_that_does_not_come_is_said(fake_server) -> None:
    told = play(fake_server, "initial patience=0.05s wait-rar patience=2s terminate")
    assert told[1] == Told(None, ("no RAR came within 0.05 s",))
    assert isinstance(told[2].event, Answer)


def test_a_rar_that_is_not_as_it_should_be_is_a_fault(fake_server) -> None:
    fake_server.after = once(lambda session_id: rar(session_id, flags=0x90))
    (_, request, _) = play(fake_server, "initial wait-rar")
    assert request.event.text().startswith("RAR again; answered 2002")
    assert request.unmet == ("P bit is False, not True",)


def test_a_lost_connection_ends_a_session_but_not_a_wait(fake_server) -> None:
    fake_server.after = once(lambda session_id: None)
    told = play(fake_server, "initial wait:0.1s terminate")
    turns = [event.text() for event, _ in told if isinstance(event, Turn)]
    assert turns[0].startswith("the connection was lost (closed by the server)")
    assert turns[1:] == ["connected again"]
    assert [request.cc_request_type for request in fake_server.requests] == [1, 3]
    fake_server.answer = lambda request: None
    with pytest.raises(SimulatorError, match="was lost"):
        play(fake_server, "initial")


def test_manners_hold_for_what_comes_after_them() -> None:
    script = parse_script(["initial rar=5002/2s asr=silent patience=1min update rar=drop/still"])
    first, second = script
    assert first.manners.reactions["RAR"] == Reaction(2002)
    assert second.manners.reactions["RAR"] == Reaction(5002, delay_seconds=2)
    assert second.manners.reactions["ASR"] == Reaction(None)
    assert second.manners.patience_seconds == 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wait-nothing", r"no kind of step; write initial, .* wait, wait-rar or wait-asr"),
        ("wait:ever", r"'ever' is no duration"),
        ("rar=now", r"'now' is no duration; write a number such as 5s"),
        ("snr=2001", r"'snr' is no setting; write .* rar, asr or patience"),
        ("wait-rar:", "nothing stands after the colon"),
        ("wait-rar@7", "no result code"),
    ],
)
def test_what_is_written_wrongly_is_said(text: str, sentence: str) -> None:
    with pytest.raises(StepError, match=sentence):
        parse_script([text])
