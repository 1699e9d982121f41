"""A connection that this node opens: the CER, and what comes of its CEA (RFC 6733 5.3, 5.6)."""

from dataclasses import replace

import pytest

from diameter_ocs.base.capabilities import PeerAccepted, PeerRefused
from diameter_ocs.base.errors import UnknownPeer
from diameter_ocs.base.events import (
    AnswerDropped,
    CerFacts,
    CloseReason,
    Event,
    PeerClosed,
    PeerOpened,
    PeerSuspected,
    RequestReceived,
    RequestTolerated,
)
from diameter_ocs.base.peer import EARLY_MESSAGES_MAX, DisconnectCause, Peer
from diameter_ocs.base.states import State
from diameter_ocs.base.tolerance import Tolerated
from tests.base.peers import (
    DPR,
    DWR,
    LOCAL,
    calling_peer,
    cea,
    close_reason,
    kinds,
    new_peer,
    one,
    sent,
)
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    ORIGIN_HOST,
    ORIGIN_REALM,
    avp,
    ccr,
    cer,
    message,
    number,
)

HOST_IP_ADDRESS = avp(257, b"\0\1\x7f\0\0\1")


def ended(peer: Peer, events: list[Event]) -> tuple[CloseReason, str]:
    """Returns why a connection has ended, which it has without another word."""
    (closed,) = events
    assert isinstance(closed, PeerClosed)
    assert (peer.state, peer.next_timer(), peer.messages_to_send()) == (State.CLOSED, None, [])
    assert peer.facts is None
    return closed.reason, closed.detail


def test_the_cer_goes_out_at_once_with_all_we_are() -> None:
    peer = new_peer()
    assert not peer.is_initiator
    assert peer.initiate("gw.example", 5.0) == []
    assert (peer.state, peer.is_initiator, peer.next_timer()) == (State.WAIT_CEA, True, 15.0)
    assert peer.messages_to_send() == [
        message(
            257,
            avp(264, b"ocs1.example"),
            avp(296, b"ocs.example"),
            avp(278, number(77)),
            avp(257, b"\0\1\x7f\0\0\1"),
            avp(257, b"\0\2" + bytes(15) + b"\1"),
            avp(266, number(0)),
            avp(269, b"ocs under test", flags=0),
            avp(265, number(10415)),
            avp(258, number(4)),
            avp(260, avp(266, number(10415)) + avp(258, number(16777302))),
            avp(267, number(1), flags=0),
            application=0,
            flags=0x80,
            hop_by_hop=1000,
            end_to_end=1000,
        )
    ]


def test_the_cea_opens_the_connection() -> None:
    peer, asked = calling_peer()
    (opened,) = peer.receive_data(cea(asked, avp(278, number(9))), 1.0)
    assert isinstance(opened, PeerOpened)
    assert (opened.origin_host, opened.origin_realm) == ("gw.example", "example")
    assert (opened.facts.product_name, opened.facts.origin_state_id) == ("gateway", 9)
    assert peer.facts == opened.facts
    assert (peer.state, peer.is_usable, peer.next_timer()) == (State.OPEN, True, 31.0)
    assert peer.messages_to_send() == []


def test_a_cea_is_understood_byte_by_byte() -> None:
    peer, asked = calling_peer()
    octets = cea(asked)
    events = [each for octet in octets for each in peer.receive_data(bytes([octet]), 0.0)]
    assert kinds(events) == [PeerOpened]


def test_what_follows_the_cea_in_one_chunk_is_taken() -> None:
    peer, asked = calling_peer()
    events = peer.receive_data(cea(asked) + DWR + ccr(), 0.0)
    assert kinds(events) == [PeerOpened, RequestReceived]
    assert one(peer).command_code == 280


def test_once_open_it_is_as_if_the_peer_had_opened_it() -> None:
    peer, asked = calling_peer()
    peer.receive_data(cea(asked), 0.0)
    peer.timer_expired(30.0)
    assert one(peer).command_code == 280
    assert kinds(peer.timer_expired(60.0)) == [PeerSuspected]
    assert close_reason(peer.timer_expired(90.0)) is CloseReason.WATCHDOG


def test_a_second_cer_on_it_is_answered_if_it_is_the_same_peer() -> None:
    peer, asked = calling_peer()
    peer.receive_data(cea(asked), 0.0)
    assert peer.receive_data(cer(hop_by_hop=9), 1.0) == []
    assert one(peer).hop_by_hop == 9


def test_a_relay_shares_every_application() -> None:
    peer, asked = calling_peer()
    relay = avp(258, number(0xFFFFFFFF))
    assert kinds(peer.receive_data(cea(asked, relay, without=AUTH_APPLICATION_ID), 1.0)) == [
        PeerOpened
    ]


def test_the_terms_of_the_rim_hold() -> None:
    told: list[CerFacts] = []

    def authorise(facts: CerFacts) -> PeerAccepted:
        told.append(facts)
        return PeerAccepted(
            strict=True,
            is_reopened=True,
            watchdog_seconds=6,
            requests_in_flight_max=1,
            answer_budget_seconds=3.0,
            profile="gateways",
        )

    peer, asked = calling_peer(authorise)
    peer.receive_data(cea(asked), 1.0)
    assert [facts.origin_host for facts in told] == ["gw.example"]
    assert (peer.is_strict, peer.is_on_trial, peer.next_timer()) == (True, True, 7.0)
    assert (peer.answer_budget_seconds, peer.profile) == (3.0, "gateways")
    assert one(peer).command_code == 280
    peer.receive_data(ccr(hop_by_hop=1) + ccr(hop_by_hop=2), 1.0)
    assert [each.group.first("Result-Code") for each in sent(peer)] == [3004]


# What a CEA may say otherwise

KNOWN = {
    3010: "its CEA says 3010 DIAMETER_UNKNOWN_PEER: it does not know this node's Origin-Host "
    "ocs1.example of ocs.example, or not from this address",
    4003: "its CEA says 4003 DIAMETER_ELECTION_LOST: it keeps its own connection to this node",
    5010: "its CEA says 5010 DIAMETER_NO_COMMON_APPLICATION: it serves none of the applications "
    "of this node, 4, 16777302",
    5017: "its CEA says 5017 DIAMETER_NO_COMMON_SECURITY: it wants a security inside the "
    "connection that is not offered here",
    5012: "its CEA says 5012 DIAMETER_UNABLE_TO_COMPLY",
    2002: "its CEA says 2002",
    9999: "its CEA says 9999",
    0: "its CEA has no Result-Code",
}


@pytest.mark.parametrize("code", KNOWN)
def test_what_a_refusing_cea_means_is_told(code: int) -> None:
    peer, asked = calling_peer()
    events = peer.receive_data(cea(asked, code=code), 1.0)
    assert ended(peer, events) == (CloseReason.REFUSED_BY_PEER, KNOWN[code])


def test_a_refusing_cea_needs_no_more_than_its_result_code() -> None:
    peer, asked = calling_peer()
    octets = message(
        257, avp(268, number(3010)), application=0, flags=0x20, hop_by_hop=asked.hop_by_hop
    )
    assert ended(peer, peer.receive_data(octets, 1.0))[1] == KNOWN[3010]


def test_the_peers_own_words_are_told_short_and_printable() -> None:
    peer, asked = calling_peer()
    text = avp(281, b"no\x1b[2J\0 \xff" + b"x" * 1000, flags=0)
    _, detail = ended(peer, peer.receive_data(cea(asked, text, code=5012), 1.0))
    assert detail.isprintable()
    assert r'; its Error-Message: "no\x1b[2J \xffxxx' in detail
    assert detail.endswith('x..."')
    assert len(detail) < 300


OTHER_HOST = avp(264, b"gw2\x1b.example")
UNSHARED = "none of the applications [4294967294] is served here, only [4, 16777302]"
UNFIT = [
    # what is wrong, what the CEA has more, and what less, its flags, what is told
    (
        "another host",
        OTHER_HOST,
        ORIGIN_HOST,
        0,
        r"its CEA comes from gw2\x1b.example, and GW.example was called: is the address right?",
    ),
    ("no common application", avp(258, number(0xFFFFFFFE)), AUTH_APPLICATION_ID, 0, UNSHARED),
    (
        "TLS inside the connection",
        avp(299, number(1)),
        None,
        0,
        "TLS inside the connection is not offered: use no in-band security",
    ),
    ("no realm", b"", ORIGIN_REALM, 0, "its CEA cannot be read: Origin-Realm is missing"),
    (
        "two hosts",
        OTHER_HOST,
        None,
        0,
        "its CEA cannot be read: Origin-Host stands 2 times, and may 1 times",
    ),
    ("a part of an AVP", b"\0\0\1\x0a\x40\0\0\x20", None, 0, "its CEA cannot be read: "),
    (
        "an unknown mandatory AVP",
        avp(9999, b"x"),
        None,
        0,
        "its CEA cannot be read: the mandatory ",
    ),
    (
        "the E bit",
        b"",
        None,
        0x20,
        "its CEA cannot be read: an answer that says success must not have the E bit",
    ),
    (
        "the P bit",
        b"",
        None,
        0x40,
        "its CEA cannot be read: Capabilities-Exchange must not have the P bit",
    ),
]


@pytest.mark.parametrize(
    ("more", "without", "flags", "detail"),
    [row[1:] for row in UNFIT],
    ids=[row[0] for row in UNFIT],
)
def test_a_cea_that_does_not_fit_ends_the_connection(
    more: bytes, without: bytes | None, flags: int, detail: str
) -> None:
    peer, asked = calling_peer()
    events = peer.receive_data(cea(asked, more, without=without, flags=flags), 1.0)
    reason, told = ended(peer, events)
    assert reason is CloseReason.CAPABILITIES_REFUSED
    assert told.startswith(detail)
    assert told.isprintable()


def test_a_cea_is_tolerated_as_a_cer_is_and_what_is_wrong_is_named() -> None:
    peer, asked = calling_peer()
    tolerated, opened = peer.receive_data(cea(asked, ORIGIN_HOST, without=HOST_IP_ADDRESS), 1.0)
    assert isinstance(opened, PeerOpened)
    assert tolerated == RequestTolerated(
        (Tolerated.HOST_IP_ADDRESS_MISSING, Tolerated.REPEATED_ORIGIN)
    )


@pytest.mark.parametrize("is_known_before", [True, False])
def test_a_strict_peer_is_refused_what_is_tolerated_of_others(is_known_before: bool) -> None:
    local = replace(LOCAL, strict=is_known_before)
    peer, asked = calling_peer(lambda _: PeerAccepted(strict=not is_known_before), local)
    events = peer.receive_data(cea(asked, without=HOST_IP_ADDRESS), 1.0)
    reason, detail = ended(peer, events)
    assert reason is CloseReason.CAPABILITIES_REFUSED
    assert detail.endswith("Host-IP-Address is missing")


def test_a_peer_that_the_rim_refuses_is_left_without_a_dpr() -> None:
    refused = PeerRefused(UnknownPeer("gw.example is no peer"), "gw.example is no peer")
    peer, asked = calling_peer(lambda _: refused)
    events = peer.receive_data(cea(asked), 1.0)
    assert ended(peer, events) == (CloseReason.CAPABILITIES_REFUSED, "gw.example is no peer")


def test_a_cea_that_does_not_come_ends_the_connection_in_time() -> None:
    peer, _ = calling_peer(local=replace(LOCAL, cea_seconds=4.0))
    assert peer.timer_expired(3.9) == []
    assert ended(peer, peer.timer_expired(4.0)) == (
        CloseReason.CAPABILITIES_LATE,
        "no CEA came in time",
    )


def test_a_peer_that_hangs_up_instead_of_a_cea_is_told_of() -> None:
    peer, _ = calling_peer()
    reason, detail = ended(peer, peer.connection_lost(1.0))
    assert reason is CloseReason.CONNECTION_LOST
    assert "it may not know this node's Origin-Host" in detail


def test_a_connection_that_gives_way_ends_without_a_word() -> None:
    peer, asked = calling_peer()
    assert ended(peer, peer.give_way(1.0))[0] is CloseReason.GAVE_WAY
    assert peer.receive_data(cea(asked), 1.0) == []
    assert peer.give_way(1.0) == []


def test_a_stop_before_the_cea_ends_the_connection_without_a_dpr() -> None:
    peer, _ = calling_peer()
    events = peer.disconnect(DisconnectCause.REBOOTING, 1.0)
    assert ended(peer, events)[0] is CloseReason.DISCONNECTED_BY_US


# Other messages than the CEA

STRAY_CEA = message(257, avp(268, number(2001)), application=0, flags=0, hop_by_hop=5)
OTHERS = [
    (DWR, "Device-Watchdog (request)"),
    (DPR, "Disconnect-Peer (request)"),
    (ccr(), "Credit-Control (request)"),
    (cer(), "Capabilities-Exchange (request)"),
    (STRAY_CEA, "Capabilities-Exchange (answer)"),
    (message(999, flags=0), "command 999 (answer)"),
]


@pytest.mark.parametrize(("octets", "told"), OTHERS)
def test_on_a_stream_nothing_comes_before_the_cea(octets: bytes, told: str) -> None:
    peer, asked = calling_peer()
    events = peer.receive_data(octets + cea(asked), 1.0)
    assert ended(peer, events) == (
        CloseReason.UNEXPECTED_MESSAGE,
        f"the peer sent {told}, where its CEA was awaited",
    )


@pytest.mark.parametrize("octets", [octets for octets, _ in OTHERS])
def test_without_a_stream_what_has_overtaken_the_cea_waits_for_it(octets: bytes) -> None:
    peer, asked = calling_peer(is_stream=False)
    assert peer.receive_data(octets, 1.0) == []
    assert (peer.state, peer.messages_to_send()) == (State.WAIT_CEA, [])
    later, asked_later = calling_peer(is_stream=False)
    expected = later.receive_data(cea(asked_later), 2.0) + later.receive_data(octets, 2.0)
    assert kinds(peer.receive_data(cea(asked), 2.0)) == kinds(expected)
    assert (peer.state, peer.messages_to_send()) == (later.state, later.messages_to_send())


def test_what_has_overtaken_the_cea_is_taken_in_order() -> None:
    peer, asked = calling_peer(is_stream=False)
    for octets in (ccr(hop_by_hop=1), DWR, ccr(hop_by_hop=2)):
        peer.receive_data(octets, 1.0)
    opened, *requests = peer.receive_data(cea(asked), 1.0)
    assert isinstance(opened, PeerOpened)
    assert [hop_by_hop(each) for each in requests] == [1, 2]
    assert one(peer).command_code == 280


def hop_by_hop(event: Event) -> int:
    assert isinstance(event, RequestReceived)
    return event.message.hop_by_hop


def test_no_more_than_a_few_messages_wait_for_the_cea() -> None:
    peer, _ = calling_peer(is_stream=False)
    for _ in range(EARLY_MESSAGES_MAX):
        assert peer.receive_data(ccr(), 1.0) == []
    assert ended(peer, peer.receive_data(DWR, 1.0)) == (
        CloseReason.UNEXPECTED_MESSAGE,
        "the peer sent Device-Watchdog (request) after 8 others, where its CEA was awaited",
    )


def test_what_waits_is_taken_only_until_it_ends_the_connection() -> None:
    peer, asked = calling_peer(is_stream=False)
    other = cer(avp(264, b"other.example"), without=ORIGIN_HOST)
    for octets in (other, ccr()):
        peer.receive_data(octets, 1.0)
    events = peer.receive_data(cea(asked), 1.0)
    assert kinds(events) == [PeerOpened, PeerClosed]
    assert close_reason(events) is CloseReason.CAPABILITIES_CHANGED


def test_octets_that_are_no_diameter_end_the_connection() -> None:
    peer, _ = calling_peer()
    assert ended(peer, peer.receive_data(b"HTTP/1.1 400 Bad Request\r\n", 1.0))[0] is (
        CloseReason.MALFORMED
    )


# A decision that is put off


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_peer_that_is_held_opens_when_the_rim_decides(is_stream: bool) -> None:
    peer, asked = calling_peer(lambda _: None, is_stream=is_stream)
    assert peer.receive_data(cea(asked), 1.0) == []
    assert (peer.state, peer.facts, peer.next_timer()) == (State.HELD_CEA, None, 11.0)
    # It has sent its CEA, so that it may go on.
    assert peer.receive_data(ccr(), 2.0) == []
    assert kinds(peer.decide(PeerAccepted(), 3.0)) == [PeerOpened, RequestReceived]
    assert peer.is_open


def test_a_peer_that_is_held_and_refused_is_left() -> None:
    peer, asked = calling_peer(lambda _: None)
    peer.receive_data(cea(asked), 1.0)
    events = peer.decide(PeerRefused(None, "it is connected already"), 2.0)
    assert ended(peer, events) == (CloseReason.CAPABILITIES_REFUSED, "it is connected already")


def test_a_held_peer_may_not_send_much() -> None:
    peer, asked = calling_peer(lambda _: None)
    peer.receive_data(cea(asked) + ccr() * EARLY_MESSAGES_MAX, 1.0)
    assert peer.state is State.HELD_CEA
    assert ended(peer, peer.receive_data(ccr(), 1.0))[0] is CloseReason.UNEXPECTED_MESSAGE


def test_nothing_is_decided_twice() -> None:
    peer, asked = calling_peer()
    assert peer.decide(PeerAccepted(), 1.0) == []
    assert peer.state is State.WAIT_CEA
    peer.receive_data(cea(asked), 1.0)
    assert peer.decide(PeerRefused(None, ""), 1.0) == []
    assert peer.is_open


# The end


@pytest.mark.parametrize("is_calling", [True, False])
@pytest.mark.parametrize("cause", [0, 1, 2, 77, -1])
def test_why_the_peer_disconnects_is_kept(cause: int, is_calling: bool) -> None:
    if is_calling:
        peer, asked = calling_peer()
        peer.receive_data(cea(asked), 0.0)
    else:
        peer = new_peer()
        peer.receive_data(cer(), 0.0)
        peer.messages_to_send()
    assert peer.disconnect_cause is None
    octets = cause.to_bytes(4, signed=True)
    dpr = message(282, ORIGIN_HOST, ORIGIN_REALM, avp(273, octets), application=0, flags=0x80)
    peer.receive_data(dpr, 1.0)
    assert one(peer).group.first("Result-Code") == 2001
    assert close_reason(peer.connection_lost(2.0)) is CloseReason.DISCONNECTED_BY_PEER
    assert peer.disconnect_cause == cause


def test_a_late_answer_to_nothing_is_dropped() -> None:
    peer, asked = calling_peer()
    peer.receive_data(cea(asked), 0.0)
    assert kinds(peer.receive_data(cea(asked), 1.0)) == [AnswerDropped]
