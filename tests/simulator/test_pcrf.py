"""A policy server that is led through a script, against a stand-in that serves Sy."""

import os
import signal
import threading
from collections.abc import Callable, Iterable

import pytest
from diameter.message import Avp, Message, MessageHeader, constants

from diameter_ocs.simulator.encoding import Identity, Subscriber, disconnect_peer_request
from diameter_ocs.simulator.errors import SimulatorError, StepError
from diameter_ocs.simulator.pcrf import Conduct, Pcrf, PcrfTold, connect_pcrf, parse_pcrf_script
from diameter_ocs.simulator.policy_counters import CounterReport, PendingStatus
from diameter_ocs.simulator.server_requests import ServerRequest
from tests.simulator.conftest import HOST, REALM, FakeServer

IDENTITY = Identity("pcrf.test.example", "test.example", "test.example")
SUBSCRIBER = Subscriber("001010000000001", "15550100001")
TGPP = constants.VENDOR_TGPP
SESSION_ID = 263


def octets(code: int, value: bytes) -> Avp:
    return Avp(code, 0, value, Avp.avp_flag_mandatory)


def report(counter: str, status: str, *pending: Avp) -> Avp:
    named = [Avp.new(2901, TGPP, value=counter), Avp.new(2902, TGPP, value=status)]
    return Avp.new(2903, TGPP, value=[*named, *pending])


def pending(status: str, seconds: int) -> Avp:
    time = Avp(2906, TGPP, seconds.to_bytes(4), Avp.avp_flag_mandatory)
    return Avp.new(2905, TGPP, value=[Avp.new(2902, TGPP, value=status), time])


def session_id(request: Message) -> bytes:
    return request.find_avps((SESSION_ID, 0))[0].payload


def answer_of(request: Message, *avps: Avp) -> bytes:
    """Make an SLA or STA, AVP by AVP."""
    asked = request.header
    header = MessageHeader(
        command_code=asked.command_code,
        command_flags=0x40,
        application_id=constants.APP_3GPP_SY,
        hop_by_hop_identifier=asked.hop_by_hop_identifier,
        end_to_end_identifier=asked.end_to_end_identifier,
    )
    told = [octets(SESSION_ID, session_id(request)), *avps]
    if asked.command_code == constants.CMD_SPENDING_LIMIT:
        told.append(Avp.new(258, value=constants.APP_3GPP_SY))
    told += [Avp.new(264, value=HOST), Avp.new(296, value=REALM)]
    return Message(header, told).as_bytes()


def subscribed(request: Message) -> bytes:
    """Answer that all is well, and that the counter `data` is high."""
    told = [report("data", "high")] if request.header.command_code == 8388635 else []
    return answer_of(request, Avp.new(268, value=2001), *told)


def snr(
    session: bytes,
    *avps: Avp,
    flags: int = 0xC0,
    host: bytes = b"pcrf.test.example",
    realm: bytes = b"test.example",
) -> bytes:
    """Make an SNR."""
    header = MessageHeader(
        command_code=8388636,
        command_flags=flags,
        application_id=constants.APP_3GPP_SY,
        hop_by_hop_identifier=0x0A0B0C0D,
        end_to_end_identifier=0x01020304,
    )
    told = [
        octets(SESSION_ID, session),
        Avp.new(258, value=constants.APP_3GPP_SY),
        Avp.new(264, value=HOST),
        Avp.new(296, value=REALM),
        Avp.new(283, value=realm),
        Avp.new(293, value=host),
        *avps,
    ]
    return Message(header, told).as_bytes()


def once(*avps: Avp, flags: int = 0xC0) -> Callable[[Message], Iterable[bytes]]:
    """Notify after the first answer alone."""
    done: list[bool] = []

    def notify(request: Message) -> Iterable[bytes]:
        if done:
            return []
        done.append(True)
        return [snr(session_id(request), *avps, flags=flags)]

    return notify


def play(server: FakeServer, *texts: str, name: bytes | None = None) -> tuple[Pcrf, list[PcrfTold]]:
    script = parse_pcrf_script(texts, Conduct())
    pcrf = connect_pcrf("127.0.0.1", server.port, IDENTITY, SUBSCRIBER, name)
    try:
        return pcrf, list(pcrf.run(script))
    finally:
        pcrf.close()


@pytest.fixture
def sy_server(fake_server) -> FakeServer:
    fake_server.answer = subscribed
    return fake_server


def notified(told: list[PcrfTold]) -> list[ServerRequest]:
    return [event for event, _ in told if isinstance(event, ServerRequest)]


def answers(server: FakeServer) -> list[int]:
    """The result codes of the SNAs."""
    return [code for each in snas(server) for code in values(each, 268)]


def snas(server: FakeServer) -> list[Message]:
    return [each for each in server.others if each.header.command_code == 8388636]


def values(request: Message, code: int, vendor: int = 0) -> list[object]:
    return [avp.value for avp in request.find_avps((code, vendor))]


def test_it_subscribes_is_notified_and_terminates(sy_server) -> None:
    sy_server.after = once(report("data", "low", pending("high", 0)))
    pcrf, told = play(sy_server, "subscribe@2001 wait-snr:data=low terminate@2001")
    assert [event.text() for event, _ in told] == [
        "subscribe: 2001 SUCCESS; data=high",
        "SNR; data=low, high from 2036-02-07T06:28:16Z; answered 2001 SUCCESS",
        "terminate: 2001 SUCCESS",
    ]
    assert [unmet for _, unmet in told] == [()] * 3
    assert pcrf.view["data"] == CounterReport(
        "data", "low", (PendingStatus("high", "2036-02-07T06:28:16Z"),)
    )
    subscribe, terminate = sy_server.requests
    assert values(subscribe, 2904, TGPP) == [0]
    assert values(subscribe, 2901, TGPP) == []
    assert [dict_of(each) for each in values(subscribe, 443)] == [
        {450: 1, 444: "001010000000001"},
        {450: 0, 444: "15550100001"},
    ]
    assert values(terminate, 295) == [1]
    assert session_id(subscribe) == session_id(terminate)
    assert answers(sy_server) == [2001]


def dict_of(group: object) -> dict[int, object]:
    return {avp.code: avp.value for avp in group}


def test_the_application_is_offered_in_a_group_of_the_vendor(sy_server) -> None:
    play(sy_server, "subscribe")
    sy_server.has_sy = False
    with pytest.raises(SimulatorError, match="an answer that does not offer Sy"):
        play(sy_server, "subscribe")


def test_counters_and_features_hold_for_the_requests_after_them(sy_server) -> None:
    play(
        sy_server, "counters=data,voice features=1 subscribe counters=data update counters= update"
    )
    initial, second, third = sy_server.requests
    assert values(initial, 2901, TGPP) == ["data", "voice"]
    (features,) = initial.find_avps((628, TGPP))
    assert features.is_mandatory is False
    assert dict_of(features.value) == {266: TGPP, 629: 1, 630: 1}
    assert values(second, 2904, TGPP) == [1]
    assert values(second, 2901, TGPP) == ["data"]
    assert values(second, 443) == []
    assert values(second, 628, TGPP) == []
    assert values(third, 2901, TGPP) == []


def test_a_second_subscription_refreshes_the_session_until_it_is_terminated(sy_server) -> None:
    play(sy_server, "subscribe subscribe terminate subscribe")
    first, again, last, new = map(session_id, sy_server.requests)
    assert first == again == last
    assert new != first


def test_a_session_may_have_any_name(sy_server) -> None:
    name = "pcrf;1;ä%/ ".encode() + b"\xff"
    sy_server.after = once(report("data", "low"))
    _, told = play(sy_server, "subscribe wait-snr terminate", name=name)
    assert {session_id(request) for request in sy_server.requests} == {name}
    assert [unmet for _, unmet in told] == [()] * 3
    assert told[0].event.as_dict()["session_id"] == "pcrf;1;ä%/ \\xff"
    (sna,) = snas(sy_server)
    assert session_id(sna) == name


@pytest.mark.parametrize(
    ("reaction", "code"), [("5002", 5002), ("2001/0.05s", 2001), ("3004", 3004)]
)
def test_a_notification_may_be_answered_otherwise(sy_server, reaction: str, code: int) -> None:
    sy_server.after = once(report("data", "low"))
    pcrf, told = play(sy_server, f"subscribe snr={reaction} wait-snr terminate")
    assert [request.result_code for request in notified(told)] == [code]
    assert answers(sy_server) == [code]
    assert pcrf.view["data"].status == ("low" if code == 2001 else "high")


def test_a_notification_may_be_left_unanswered_or_the_connection_dropped(sy_server) -> None:
    sy_server.after = once(report("data", "low"))
    _, told = play(sy_server, "subscribe snr=silent wait-snr terminate")
    assert notified(told)[0].text() == "SNR; data=low; not answered"
    sy_server.after = once(report("data", "low"))
    _, told = play(sy_server, "subscribe snr=drop wait-snr snr=2001 update terminate")
    assert notified(told)[0].is_dropped
    assert answers(sy_server) == []


def test_a_session_that_the_server_asks_to_end_is_terminated(sy_server) -> None:
    sy_server.after = once(Avp.new(2907, TGPP, value=2, is_mandatory=False))
    _, told = play(sy_server, "subscribe wait:0.05s")
    assert [event.text() for event, _ in told[1:]] == [
        "SNR; the session is to end; answered 2001 SUCCESS",
        "terminate: 2001 SUCCESS",
    ]
    sy_server.after = once(Avp.new(2907, TGPP, value=3, is_mandatory=True))
    _, told = play(sy_server, "snr=still subscribe wait:0.05s")
    assert told[1].unmet == ("SN-Request-Type has the M bit",)
    assert len(told) == 2


def test_what_a_server_should_not_send_is_a_fault(sy_server) -> None:
    sy_server.after = lambda request: [
        snr(session_id(request), report("voice", "low"), host=b"other.test.example", flags=0x90)
    ]
    _, told = play(sy_server, "subscribe wait-snr")
    assert told[1].event.text().startswith("SNR again; voice=low; answered 2001 SUCCESS; FAULT")
    assert told[1].unmet == (
        "P bit is False, not True",
        "Destination-Host is other.test.example, not pcrf.test.example",
        "nobody subscribed to the counter voice",
    )


def test_a_notification_before_the_answer_is_of_no_open_session(sy_server) -> None:
    sy_server.answer = lambda request: snr(session_id(request)) + subscribed(request)
    _, told = play(sy_server, "subscribe wait-snr")
    assert [request.result_code for request in notified(told)] == [5002]


def test_codes_may_stand_in_experimental_result(sy_server) -> None:
    code = [Avp.new(266, value=TGPP), Avp.new(298, value=5570)]
    failed = Avp.new(279, value=[Avp.new(2901, TGPP, value="gold")])
    sy_server.answer = lambda request: answer_of(request, Avp.new(297, value=code), failed)
    _, told = play(sy_server, "counters=gold subscribe@5570 subscribe@2001")
    refused = told[0].event
    assert (refused.result_code, refused.is_experimental) == (5570, True)
    assert refused.text() == (
        "subscribe: 5570 UNKNOWN_POLICY_COUNTERS; failed AVP: Policy-Counter-Identifier (676f6c64)"
    )
    assert [unmet for _, unmet in told] == [
        *((), ("expected result code 2001, got 5570 UNKNOWN_POLICY_COUNTERS",))
    ]


def test_an_answer_without_a_code_or_of_another_session_is_a_fault(sy_server) -> None:
    sy_server.answer = lambda request: answer_of(request).replace(b"pcrf.", b"pcrg.", 1)
    _, told = play(sy_server, "subscribe")
    session, codes = told[0].unmet
    assert session.startswith("Session-Id is b'pcrg.")
    assert codes == "number of result codes is 0, not 1"


def test_what_is_awaited_and_does_not_come_is_said(sy_server) -> None:
    sy_server.after = once(report("data", "low"))
    _, told = play(sy_server, "subscribe patience=0.05s wait-snr:data=none patience=5s terminate")
    assert told[2] == PcrfTold(None, ("no SNR that tells data=none came within 0.05 s",))


def test_a_connection_is_made_anew_and_the_session_goes_on(sy_server) -> None:
    _, told = play(sy_server, "subscribe reconnect update terminate")
    assert [event.text() for event, _ in told] == [
        "subscribe: 2001 SUCCESS; data=high",
        "connected again",
        "update: 2001 SUCCESS; data=high",
        "terminate: 2001 SUCCESS",
    ]


def test_a_server_that_goes_down_is_waited_for(sy_server) -> None:
    leaves = [[disconnect_peer_request(IDENTITY, 1)]]
    sy_server.after = lambda _: leaves.pop() if leaves else []
    _, told = play(sy_server, "subscribe wait:0.6s update terminate")
    texts = [event.text() for event, _ in told]
    assert "going down" in texts[1]
    assert texts[2:] == [
        "connected again",
        "update: 2001 SUCCESS; data=high",
        "terminate: 2001 SUCCESS",
    ]


def test_an_interrupt_ends_a_wait_and_the_session_is_terminated(sy_server) -> None:
    sy_server.after = once(report("data", "low"))
    script = parse_pcrf_script(["subscribe wait terminate"], Conduct())
    pcrf = connect_pcrf("127.0.0.1", sy_server.port, IDENTITY, SUBSCRIBER, None)
    told = pcrf.run(script)
    assert [next(told).event.text()[:3] for _ in range(2)] == ["sub", "SNR"]
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert [event.text() for event, _ in told] == ["terminate: 2001 SUCCESS"]
    pcrf.close()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("initial", "no kind of step; write subscribe, update, terminate, wait, wait-snr or rec"),
        ("location=20801", "no setting; write counters, features, snr or patience"),
        ("features=x", "no amount"),
        ("wait-snr:data", "write COUNTER=STATUS"),
        ("subscribe@x", "no result code"),
        ("snr=never", "no duration"),
    ],
)
def test_what_is_written_wrongly_is_said(text: str, sentence: str) -> None:
    with pytest.raises(StepError, match=sentence):
        parse_pcrf_script([text], Conduct())
