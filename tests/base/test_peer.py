"""The peer machine opens, answers, watches and ends a connection as RFC 6733 section 5.6 says."""

import itertools
from dataclasses import replace

import pytest

from diameter_ocs.base.capabilities import PeerAccepted, PeerRefused
from diameter_ocs.base.errors import UnknownPeer
from diameter_ocs.base.events import (
    AnswerDropped,
    AnswerReceived,
    CloseReason,
    Event,
    PeerClosed,
    PeerOpened,
    PeerProved,
    PeerRecovered,
    PeerSuspected,
    RequestReceived,
    RequestRefused,
    RequestTolerated,
)
from diameter_ocs.base.message import (
    decode,
    numbered,
    request,
    retransmitted,
)
from diameter_ocs.base.peer import DisconnectCause, Peer
from diameter_ocs.base.states import State
from diameter_ocs.base.tolerance import Tolerated
from tests.base.peers import (
    DICTIONARY,
    DPR,
    DWR,
    LOCAL,
    close_reason,
    kinds,
    new_peer,
    one,
    open_peer,
    reply,
    reply_to,
    sent,
)
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    DESTINATION_REALM,
    ORIGIN_HOST,
    ORIGIN_REALM,
    avp,
    ccr,
    cer,
    message,
    number,
)

# Capabilities exchange


def test_a_cer_opens_the_connection_and_is_answered_with_all_we_are() -> None:
    peer = new_peer()
    (opened,) = peer.receive_data(cer(avp(278, number(9)), avp(267, number(3), flags=0)), 0.0)
    assert isinstance(opened, PeerOpened)
    assert (opened.origin_host, opened.origin_realm) == ("gw.example", "example")
    assert opened.facts.application_ids == {4}
    assert (opened.facts.product_name, opened.facts.origin_state_id) == ("gateway", 9)
    assert peer.state is State.OPEN
    assert b"".join(peer.messages_to_send()) == message(
        257,
        avp(264, b"ocs1.example"),
        avp(296, b"ocs.example"),
        avp(278, number(77)),
        avp(268, number(2001)),
        avp(257, b"\0\1\x7f\0\0\1"),
        avp(257, b"\0\2" + bytes(15) + b"\1"),
        avp(266, number(0)),
        avp(269, b"ocs under test", flags=0),
        avp(265, number(10415)),
        avp(258, number(4)),
        avp(260, avp(266, number(10415)) + avp(258, number(16777302))),
        avp(267, number(1), flags=0),
        application=0,
        flags=0,
    )


def test_a_cer_is_understood_byte_by_byte() -> None:
    peer = new_peer()
    events = [each for octet in cer() for each in peer.receive_data(bytes([octet]), 0.0)]
    assert kinds(events) == [PeerOpened]


def vendor_application(*members: bytes) -> bytes:
    return avp(260, avp(266, number(10415)) + b"".join(members))


@pytest.mark.parametrize(
    "application",
    [
        avp(258, number(4)),
        avp(259, number(4)),
        avp(258, number(0xFFFFFFFF)),
        vendor_application(avp(258, number(4))),
        vendor_application(avp(259, number(4))),
        vendor_application(avp(258, number(4)), avp(259, number(4))),
        avp(258, number(16777302)),
    ],
)
def test_a_shared_application_is_found_wherever_the_peer_names_it(application: bytes) -> None:
    peer = new_peer()
    peer.receive_data(cer(application, without=AUTH_APPLICATION_ID), 0.0)
    assert peer.state is State.OPEN


def test_a_cer_without_addresses_is_tolerated_and_named() -> None:
    peer = new_peer()
    tolerated, opened = peer.receive_data(cer(without=avp(257, b"\0\1\x7f\0\0\1")), 0.0)
    assert tolerated == RequestTolerated((Tolerated.HOST_IP_ADDRESS_MISSING,))
    assert isinstance(opened, PeerOpened)


EXAMPLE_IDS = avp(258, bytes(4)) + avp(259, bytes(4))


@pytest.mark.parametrize(
    ("octets", "code", "failed"),
    [
        (cer(avp(258, number(1)), without=AUTH_APPLICATION_ID), 5010, None),
        (cer(without=AUTH_APPLICATION_ID), 5010, None),
        (cer(without=ORIGIN_HOST), 5005, avp(264, b"")),
        (cer(without=ORIGIN_REALM), 5005, avp(296, b"")),
        (cer(vendor_application()), 5005, EXAMPLE_IDS),
        (cer(avp(299, number(1))), 5017, None),
        (cer(avp(9999, b"x")), 5001, avp(9999, b"x")),
        (cer(b"\0\0\1\xb0\x40\0\0\x20"), 5014, avp(432, bytes(4))),
    ],
)
def test_a_cer_that_cannot_be_taken_is_answered_with_a_whole_cea(
    octets: bytes, code: int, failed: bytes | None
) -> None:
    peer = new_peer()
    events = peer.receive_data(octets, 0.0)
    assert kinds(events) == [RequestRefused, PeerClosed]
    assert close_reason(events) is CloseReason.CAPABILITIES_REFUSED
    cea = one(peer)
    assert not cea.is_error
    assert cea.group.first("Result-Code") == code
    assert cea.group.first("Failed-AVP") == failed
    assert cea.group.first("Product-Name") == "ocs under test"
    assert len(cea.group.all("Host-IP-Address")) == 2
    assert peer.is_closed


def test_an_unknown_peer_is_refused_with_the_e_bit() -> None:
    peer = new_peer(lambda facts: PeerRefused(UnknownPeer(f"{facts.origin_host}?"), "not listed"))
    events = peer.receive_data(cer(), 0.0)
    cea = one(peer)
    assert (cea.is_error, cea.group.first("Result-Code")) == (True, 3010)
    assert cea.group.first("Error-Message") == "gw.example?"
    assert events[-1] == PeerClosed(CloseReason.CAPABILITIES_REFUSED, "not listed")


def test_a_peer_may_be_refused_without_a_word() -> None:
    peer = new_peer(lambda _: PeerRefused(None, "connected already"))
    assert kinds(peer.receive_data(cer(), 0.0)) == [PeerClosed]
    assert b"".join(peer.messages_to_send()) == b""


def test_a_peer_is_held_to_its_own_terms() -> None:
    terms = PeerAccepted(watchdog_seconds=7.0, requests_in_flight_max=1)
    peer = open_peer(accepted=terms)
    assert peer.next_timer() == 7.0
    events = peer.receive_data(ccr(hop_by_hop=1) + ccr(hop_by_hop=2), 1.0)
    assert kinds(events) == [RequestReceived, RequestRefused]
    assert one(peer).group.first("Result-Code") == 3004


def held_peer() -> Peer:
    peer = new_peer(lambda _: None)
    assert peer.receive_data(cer(), 1.0) == []
    assert (peer.state, b"".join(peer.messages_to_send()), peer.facts) == (State.HELD, b"", None)
    return peer


def test_a_cer_that_is_held_is_answered_when_it_is_decided() -> None:
    peer = held_peer()
    assert kinds(peer.decide(PeerAccepted(), 2.0)) == [PeerOpened]
    assert one(peer).group.first("Result-Code") == 2001
    assert peer.decide(PeerRefused(None, "too late"), 3.0) == []
    peer = held_peer()
    assert kinds(peer.decide(PeerRefused(None, "connected already"), 2.0)) == [PeerClosed]
    assert b"".join(peer.messages_to_send()) == b""


@pytest.mark.parametrize("octets", [cer(), ccr(), DWR, message(257, application=0, flags=0)])
def test_nothing_may_come_while_a_cer_is_held(octets: bytes) -> None:
    peer = held_peer()
    assert close_reason(peer.receive_data(octets, 1.0)) is CloseReason.UNEXPECTED_MESSAGE
    assert peer.decide(PeerAccepted(), 2.0) == []
    assert b"".join(peer.messages_to_send()) == b""


def test_a_cer_is_not_held_for_ever() -> None:
    peer = held_peer()
    assert peer.next_timer() == 1.0 + LOCAL.cer_seconds
    assert close_reason(peer.timer_expired(11.0)) is CloseReason.CAPABILITIES_LATE


def test_a_cer_that_comes_octet_by_octet_has_no_longer_than_any_other() -> None:
    peer = new_peer()
    for second, octet in enumerate(cer()[:9]):
        assert peer.receive_data(bytes([octet]), float(second)) == []
    assert close_reason(peer.timer_expired(10.0)) is CloseReason.CAPABILITIES_LATE


def test_octets_that_make_no_message_do_not_prove_a_peer_to_be_there() -> None:
    peer = open_peer()
    octets = itertools.chain(ccr(avp(1, bytes(10_000), flags=0)))
    events: list[Event] = []
    for second in range(1, 200):
        events += peer.receive_data(bytes([next(octets)]), float(second))
        events += peer.timer_expired(float(second))
    assert kinds(events) == [PeerSuspected, PeerClosed]
    assert close_reason(events) is CloseReason.WATCHDOG


@pytest.mark.parametrize("octets", [DWR, ccr(), None])
def test_a_peer_that_is_probed_proves_itself_by_any_message(octets: bytes | None) -> None:
    peer = open_peer()
    peer.probe(1.0)
    peer.probe(1.5)
    dwr = one(peer)
    assert (dwr.command_code, dwr.is_request) == (280, True)
    assert peer.next_timer() == 1.0 + LOCAL.probe_seconds
    events = peer.receive_data(octets or reply_to(dwr), 2.0)
    assert kinds(events)[0] is PeerProved
    assert peer.timer_expired(3.0) == []
    assert peer.state is State.OPEN


def test_a_peer_that_is_probed_and_silent_is_replaced() -> None:
    peer = open_peer()
    peer.probe(1.0)
    assert close_reason(peer.timer_expired(3.0)) is CloseReason.REPLACED
    assert peer.next_timer() is None


def test_only_an_open_peer_is_probed() -> None:
    peer = open_peer()
    peer.disconnect(DisconnectCause.REBOOTING, 0.5)
    peer.messages_to_send()
    deadline = peer.next_timer()
    peer.probe(1.0)
    assert (b"".join(peer.messages_to_send()), peer.next_timer()) == (b"", deadline)


@pytest.mark.parametrize("octets", [DWR, ccr(), DPR, message(257, application=0, flags=0)])
def test_a_first_message_that_is_no_cer_ends_the_connection_unanswered(octets: bytes) -> None:
    peer = new_peer()
    assert close_reason(peer.receive_data(octets, 0.0)) is CloseReason.UNEXPECTED_MESSAGE
    assert b"".join(peer.messages_to_send()) == b""


def test_a_connection_without_a_cer_ends_at_its_guard_time() -> None:
    peer = new_peer()
    assert peer.next_timer() == LOCAL.cer_seconds
    assert peer.timer_expired(9.9) == []
    assert close_reason(peer.timer_expired(10.0)) is CloseReason.CAPABILITIES_LATE
    assert peer.next_timer() is None


def test_a_second_cer_of_the_same_peer_is_answered_again() -> None:
    peer = open_peer()
    assert peer.receive_data(cer(hop_by_hop=9), 1.0) == []
    cea = one(peer)
    assert (cea.group.first("Result-Code"), cea.hop_by_hop) == (2001, 9)


def test_a_second_cer_of_another_peer_ends_the_connection() -> None:
    peer = open_peer()
    octets = cer(avp(264, b"other.example"), without=ORIGIN_HOST)
    assert close_reason(peer.receive_data(octets, 1.0)) is CloseReason.CAPABILITIES_CHANGED


# Requests


def test_a_request_that_passes_is_given_out() -> None:
    peer = open_peer()
    (event,) = peer.receive_data(ccr(), 1.0)
    assert isinstance(event, RequestReceived)
    assert event.message.group.first("Session-Id") == "gw.example;1;2"
    assert b"".join(peer.messages_to_send()) == b""
    reply(peer, event.message)
    assert one(peer).hop_by_hop == 0x11111111
    assert peer.requests_in_flight == 0


def test_messages_of_one_chunk_are_taken_in_order() -> None:
    peer = new_peer()
    events = peer.receive_data(cer() + ccr(hop_by_hop=1) + DWR + ccr(hop_by_hop=2)[:-1], 0.0)
    assert kinds(events) == [PeerOpened, RequestReceived]
    assert [each.command_code for each in sent(peer)] == [257, 280]


REFUSED = [
    ("3001", message(999, ORIGIN_HOST), 3001),
    ("3001 of an application", ccr(application=16777302), 3001),
    ("3002", ccr(avp(293, b"other.example")), 3002),
    ("3003", ccr(avp(283, b"other.example"), without=DESTINATION_REALM), 3003),
    ("3007", ccr(application=16777238), 3007),
    ("3008", ccr(flags=0xE0), 3008),
    ("3009", ccr(avp(432, number(1), flags=0x41)), 3009),
    ("5001", ccr(avp(9999, b"x")), 5001),
    ("5005", ccr(without=CC_REQUEST_NUMBER), 5005),
    ("5008", ccr(avp(268, number(1))), 5008),
    ("5009", ccr(CC_REQUEST_NUMBER), 5009),
    ("5014", ccr(b"\0\0\1\xb0\x40\0\0\x20"), 5014),
]


@pytest.mark.parametrize(
    ("octets", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_request_that_fails_is_answered_and_the_connection_lives(
    octets: bytes, code: int
) -> None:
    peer = open_peer()
    (event,) = peer.receive_data(octets, 1.0)
    assert isinstance(event, RequestRefused)
    assert event.error.result_code == code
    told = one(peer)
    assert told.group.first("Result-Code") == code
    assert told.is_error is (code < 4000)
    assert (told.hop_by_hop, told.end_to_end) == (0x11111111, 0x22222222)
    assert ("Failed-AVP" in told.group) is (code > 5000 or code == 3009)
    assert peer.state is State.OPEN
    assert peer.requests_in_flight == 0


@pytest.mark.parametrize(
    ("command", "more"), [("Abort-Session", []), ("Re-Auth", [("Re-Auth-Request-Type", 0)])]
)
def test_a_command_that_only_we_send_is_not_taken(
    command: str, more: list[tuple[str, int]]
) -> None:
    members = [
        ("Session-Id", "a"),
        ("Origin-Host", "gw.example"),
        ("Origin-Realm", "example"),
        ("Destination-Realm", "ocs.example"),
        ("Destination-Host", "ocs1.example"),
        ("Auth-Application-Id", 4),
        *more,
    ]
    peer = open_peer()
    events = peer.receive_data(request(DICTIONARY, command, 1, 1, members), 1.0)
    assert kinds(events) == [RequestRefused]
    assert one(peer).group.first("Result-Code") == 3001


def test_more_requests_than_the_limit_are_answered_too_busy() -> None:
    peer = open_peer()
    events = peer.receive_data(ccr(hop_by_hop=1) + ccr(hop_by_hop=2) + ccr(hop_by_hop=3), 1.0)
    assert kinds(events) == [RequestReceived, RequestReceived, RequestRefused]
    told = one(peer)
    assert (told.group.first("Result-Code"), told.hop_by_hop, told.is_error) == (3004, 3, True)
    first = events[0]
    assert isinstance(first, RequestReceived)
    reply(peer, first.message)
    assert kinds(peer.receive_data(ccr(hop_by_hop=4), 1.0)) == [RequestReceived]


def test_a_watchdog_is_answered_while_no_request_is_taken() -> None:
    peer = open_peer(replace(LOCAL, requests_in_flight_max=0))
    peer.receive_data(ccr() + DWR, 1.0)
    assert [each.group.first("Result-Code") for each in sent(peer)] == [3004, 2001]


def test_a_strict_peer_is_held_to_the_letter() -> None:
    octets = ccr(avp(9999, b"x", vendor=2011))
    (event,) = open_peer().receive_data(octets, 1.0)
    assert isinstance(event, RequestReceived)
    assert event.tolerated == (Tolerated.UNKNOWN_MANDATORY_AVP,)
    strict = open_peer(accepted=PeerAccepted(strict=True))
    assert kinds(strict.receive_data(octets, 1.0)) == [RequestRefused]


def test_another_version_is_answered_and_ends_the_connection() -> None:
    peer = open_peer()
    events = peer.receive_data(ccr(version=2) + ccr(), 1.0)
    assert kinds(events) == [RequestRefused, PeerClosed]
    assert close_reason(events) is CloseReason.UNSUPPORTED_VERSION
    told = one(peer)
    assert (told.version, told.is_error) == (1, False)
    assert told.group.first("Result-Code") == 5011


def test_a_length_that_cannot_be_is_answered_and_ends_the_connection() -> None:
    peer = open_peer()
    bad = b"\1\0\0\x15" + ccr()[4:20]
    events = peer.receive_data(ccr(hop_by_hop=5) + bad, 1.0)
    assert kinds(events) == [RequestReceived, RequestRefused, PeerClosed]
    assert close_reason(events) is CloseReason.MALFORMED
    told = one(peer)
    assert told.group.first("Result-Code") == 5015
    assert (told.hop_by_hop, told.is_error) == (0x11111111, False)


def test_a_stranger_whose_octets_are_no_diameter_gets_no_answer() -> None:
    peer = new_peer()
    events = peer.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0.0)
    assert close_reason(events) is CloseReason.MALFORMED
    assert b"".join(peer.messages_to_send()) == b""


# Requests of ours


def test_the_answer_to_a_request_of_ours_is_given_out_once() -> None:
    peer = open_peer()
    rar = request(DICTIONARY, "Re-Auth", 5, 6, [("Session-Id", "a")])
    assert peer.send(rar)
    assert b"".join(peer.messages_to_send()) == rar
    raa = reply_to(decode(rar, DICTIONARY))
    assert kinds(peer.receive_data(raa, 1.0)) == [AnswerReceived]
    assert kinds(peer.receive_data(raa, 1.0)) == [AnswerDropped]
    assert peer.state is State.OPEN


def test_no_request_of_ours_goes_out_before_the_cer_or_after_the_dpr() -> None:
    rar = request(DICTIONARY, "Re-Auth", 5, 6, [("Session-Id", "a")])
    assert not new_peer().send(rar)
    peer = open_peer()
    peer.disconnect(DisconnectCause.REBOOTING, 1.0)
    assert not peer.send(rar)


def test_no_request_of_ours_goes_to_a_peer_that_is_suspect() -> None:
    rar = request(DICTIONARY, "Re-Auth", 5, 6, [("Session-Id", "a")])
    peer = open_peer()
    peer.timer_expired(30.0)
    assert peer.send(rar)
    assert kinds(peer.timer_expired(60.0)) == [PeerSuspected]
    assert not peer.send(rar)
    peer.receive_data(ccr(), 61.0)
    assert peer.send(rar)


def test_an_answer_that_is_awaited_no_more_or_of_another_command_is_dropped() -> None:
    peer = open_peer()
    for hop_by_hop in (5, 6):
        assert peer.send(request(DICTIONARY, "Re-Auth", hop_by_hop, 1, [("Session-Id", "a")]))
    peer.give_up(5)
    first, second = sent(peer)
    other = request(DICTIONARY, "Abort-Session", 6, 1, [("Session-Id", "a")])
    assert kinds(peer.receive_data(reply_to(first), 1.0)) == [AnswerDropped]
    stray = reply_to(decode(other, DICTIONARY))
    assert kinds(peer.receive_data(stray, 1.0)) == [AnswerDropped]
    assert kinds(peer.receive_data(reply_to(second), 1.0)) == [AnswerReceived]


def test_a_retransmission_differs_by_the_t_bit_alone() -> None:
    octets = request(DICTIONARY, "Re-Auth", 5, 6, [("Session-Id", "a")])
    again = decode(retransmitted(octets), DICTIONARY)
    assert again.is_retransmission
    assert again.is_request
    assert again.is_proxiable
    assert retransmitted(again.octets) == again.octets
    assert numbered(again.octets, 9)[12:16] == bytes([0, 0, 0, 9])
    assert len(again.octets) == len(octets)


# Watchdog


def test_silence_is_probed_suspected_and_ended() -> None:
    peer = open_peer()
    assert peer.next_timer() == 30.0
    assert peer.timer_expired(29.0) == []
    assert peer.timer_expired(30.0) == []
    dwr = one(peer)
    assert (dwr.command_code, dwr.is_request, dwr.group.first("Origin-State-Id")) == (280, True, 77)
    assert kinds(peer.timer_expired(60.0)) == [PeerSuspected]
    assert peer.is_suspect
    assert b"".join(peer.messages_to_send()) == b""
    assert close_reason(peer.timer_expired(90.0)) is CloseReason.WATCHDOG
    assert peer.next_timer() is None


def test_a_watchdog_answer_keeps_the_connection() -> None:
    peer = open_peer()
    peer.timer_expired(30.0)
    assert peer.receive_data(reply_to(one(peer)), 31.0) == []
    assert peer.next_timer() == 61.0


def test_a_request_of_a_suspect_peer_is_taken_and_clears_it() -> None:
    peer = open_peer()
    peer.timer_expired(30.0)
    peer.timer_expired(60.0)
    assert kinds(peer.receive_data(ccr(), 61.0)) == [PeerRecovered, RequestReceived]
    assert not peer.is_suspect


def test_a_stray_watchdog_answer_is_dropped_but_shows_life() -> None:
    peer = open_peer()
    stray = message(280, avp(268, number(2001)), ORIGIN_HOST, application=0, flags=0)
    assert kinds(peer.receive_data(stray, 20.0)) == [AnswerDropped]
    assert peer.next_timer() == 50.0


def test_a_reopened_peer_is_probed_at_once_and_answered_all_the_same() -> None:
    peer = open_peer(accepted=PeerAccepted(is_reopened=True))
    assert kinds(peer.receive_data(ccr(), 1.0)) == [RequestReceived]
    peer = new_peer(lambda _: PeerAccepted(is_reopened=True))
    peer.receive_data(cer(), 0.0)
    assert [each.command_code for each in sent(peer)] == [257, 280]


# Disconnecting


def test_a_peer_that_disconnects_is_answered_and_given_time_to_close() -> None:
    peer = open_peer()
    assert peer.receive_data(DPR, 1.0) == []
    dpa = one(peer)
    assert (dpa.command_code, dpa.group.first("Result-Code")) == (282, 2001)
    assert "Origin-State-Id" not in dpa.group
    assert (peer.state, peer.next_timer()) == (State.LEAVING, 6.0)
    assert close_reason(peer.timer_expired(6.0)) is CloseReason.DISCONNECTED_BY_PEER


def test_a_request_after_the_dpr_is_turned_away() -> None:
    peer = open_peer()
    peer.receive_data(DPR, 1.0)
    peer.messages_to_send()
    assert kinds(peer.receive_data(ccr(), 1.0)) == [RequestRefused]
    assert one(peer).group.first("Result-Code") == 3004


def test_our_disconnection_ends_with_the_dpa() -> None:
    peer = open_peer()
    assert peer.disconnect(DisconnectCause.BUSY, 1.0) == []
    dpr = one(peer)
    assert (dpr.command_code, dpr.group.first("Disconnect-Cause")) == (282, 1)
    events = peer.receive_data(reply_to(dpr), 1.1)
    assert close_reason(events) is CloseReason.DISCONNECTED_BY_US


def test_requests_that_arrived_before_our_dpr_are_answered() -> None:
    peer = open_peer()
    (event,) = peer.receive_data(ccr(), 1.0)
    assert isinstance(event, RequestReceived)
    peer.disconnect(DisconnectCause.REBOOTING, 1.0)
    assert peer.receive_data(reply_to(one(peer)), 1.1) == []
    assert peer.state is State.DRAINING
    reply(peer, event.message)
    assert one(peer).command_code == 272
    due = peer.next_timer()
    assert due is not None
    assert due <= 1.1
    assert close_reason(peer.timer_expired(1.1)) is CloseReason.DISCONNECTED_BY_US


def test_a_peer_that_never_answers_our_dpr_is_left_in_time() -> None:
    peer = open_peer()
    peer.disconnect(DisconnectCause.REBOOTING, 1.0)
    assert peer.next_timer() == 6.0
    assert close_reason(peer.timer_expired(6.0)) is CloseReason.DISCONNECT_LATE


def test_two_dprs_that_cross_are_both_answered() -> None:
    peer = open_peer()
    peer.disconnect(DisconnectCause.REBOOTING, 1.0)
    dpr = one(peer)
    assert peer.receive_data(DPR, 1.1) == []
    assert one(peer).group.first("Result-Code") == 2001
    assert close_reason(peer.receive_data(reply_to(dpr), 1.2)) is CloseReason.DISCONNECTED_BY_US


def test_a_lost_transport_is_reported_once() -> None:
    peer = open_peer()
    assert close_reason(peer.connection_lost(1.0)) is CloseReason.CONNECTION_LOST
    assert peer.connection_lost(1.0) == []
    assert peer.disconnect(DisconnectCause.REBOOTING, 1.0) == []
    assert peer.receive_data(ccr(), 1.0) == []


def test_an_answer_without_a_connection_is_not_sent() -> None:
    peer = open_peer()
    (event,) = peer.receive_data(ccr(), 1.0)
    assert isinstance(event, RequestReceived)
    peer.connection_lost(1.0)
    assert not peer.send(reply_to(event.message))
    assert b"".join(peer.messages_to_send()) == b""
