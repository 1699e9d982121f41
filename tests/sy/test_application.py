"""Spending limits and credit control with the same node, and on the same connection."""

import itertools
from collections.abc import Callable

import pytest

from diameter_ocs.base.capabilities import Application, LocalNode, PeerAccepted
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.events import PeerOpened, RequestReceived, RequestRefused
from diameter_ocs.base.message import Identity
from diameter_ocs.base.peer import Peer
from diameter_ocs.base.tolerance import Tolerated
from diameter_ocs.sy.application import application
from tests.base.wire import AUTH_APPLICATION_ID as CREDIT_CONTROL
from tests.base.wire import avp, ccr, cer, message, number
from tests.sy.wire import (
    AUTH_APPLICATION_ID,
    DESTINATION_REALM,
    INITIAL,
    ORIGIN_HOST,
    ORIGIN_REALM,
    SESSION_ID,
    SY,
    VENDOR,
    slr,
    str_,
)

VENDORS = avp(260, avp(266, number(VENDOR)) + AUTH_APPLICATION_ID)
RELAY = avp(258, b"\xff\xff\xff\xff")

Connect = Callable[..., Peer]


@pytest.fixture
def connect(dictionary: Dictionary) -> Connect:
    """Opens a connection of a peer that says in its CER what it has."""
    local = LocalNode(
        identity=Identity("ocs.example", "ocs.example"),
        host_ip_addresses=((1, b"\x7f\0\0\1"),),
        vendor_id=0,
        product_name="ocs under test",
        applications=(Application(4, frozenset({"Credit-Control"})), application(dictionary)),
        dictionary=dictionary,
        supported_vendor_ids=(VENDOR,),
    )

    def connect(*capabilities: bytes, strict: bool = False) -> Peer:
        identifiers = itertools.count(1000)
        peer = Peer(
            local,
            lambda _: PeerAccepted(strict=strict),
            next_identifier=lambda: next(identifiers),
            jitter=lambda: 0.0,
            now=0.0,
        )
        opened = peer.receive_data(cer(*capabilities, without=CREDIT_CONTROL), 0.0)
        assert [type(event) for event in opened] == [PeerOpened]
        return peer

    return connect


def result_code(answer: bytes) -> int:
    """Return the Result-Code of an answer."""
    return int.from_bytes(answer.partition(avp(268, b"\0\0\0\0")[:8])[2][:4])


def test_both_applications_are_told_to_peers(connect: Connect) -> None:
    cea = b"".join(connect(CREDIT_CONTROL).messages_to_send())
    assert avp(265, number(VENDOR)) + CREDIT_CONTROL + VENDORS in cea


@pytest.mark.parametrize(
    "capabilities",
    [
        [VENDORS],
        [CREDIT_CONTROL, VENDORS],
        [AUTH_APPLICATION_ID],
        [avp(259, number(SY))],
        [avp(260, avp(266, number(VENDOR)) + avp(259, number(SY)))],
        [avp(260, avp(266, number(0)) + AUTH_APPLICATION_ID)],
        [avp(260, avp(266, number(13019)) + avp(258, number(7))), VENDORS],
        [RELAY],
    ],
)
def test_a_peer_has_the_application_in_whatever_form_it_says_so(
    connect: Connect, capabilities: list[bytes]
) -> None:
    peer = connect(*capabilities)
    assert result_code(b"".join(peer.messages_to_send())) == 2001
    for octets in (slr(), str_()):
        (event,) = peer.receive_data(octets, 0.0)
        assert isinstance(event, RequestReceived)
        assert event.tolerated == ()


@pytest.mark.parametrize("strict", [False, True])
def test_one_connection_carries_both_applications(connect: Connect, strict: bool) -> None:
    peer = connect(CREDIT_CONTROL, VENDORS, strict=strict)
    names = []
    for octets in (ccr(), slr(), ccr(), str_()):
        (event,) = peer.receive_data(octets, 0.0)
        assert isinstance(event, RequestReceived)
        names.append(event.message.name)
    assert names == ["Credit-Control", "Spending-Limit", "Credit-Control", "Session-Termination"]


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (slr(application=4), 3001),
        (str_(application=4), 3001),
        (ccr(application=SY), 3001),
        (slr(application=16777238), 3007),
        (str_(application=0), 3007),
        (message(8388636, SESSION_ID, application=SY), 5005),
    ],
)
def test_a_command_belongs_to_its_application(connect: Connect, octets: bytes, code: int) -> None:
    peer = connect(CREDIT_CONTROL, VENDORS)
    peer.messages_to_send()
    (event,) = peer.receive_data(octets, 0.0)
    assert isinstance(event, RequestRefused)
    assert result_code(b"".join(peer.messages_to_send())) == code


def test_reports_are_sent_from_here_and_not_taken(connect: Connect) -> None:
    own = (SESSION_ID, AUTH_APPLICATION_ID, ORIGIN_HOST, ORIGIN_REALM, DESTINATION_REALM)
    peer = connect(VENDORS)
    peer.messages_to_send()
    to_us = avp(293, b"ocs.example")
    (event,) = peer.receive_data(message(8388636, *own, to_us, application=SY), 0.0)
    assert isinstance(event, RequestRefused)
    assert result_code(b"".join(peer.messages_to_send())) == 3001


APPLICATION_IN_GROUP = Tolerated.APPLICATION_ID_IN_VENDOR_GROUP
UNKNOWN_FOREIGN = avp(99, b"", vendor=9)
FORGIVEN = [
    (slr(VENDORS, without=AUTH_APPLICATION_ID), APPLICATION_IN_GROUP, 5005),
    (str_(VENDORS, without=AUTH_APPLICATION_ID), APPLICATION_IN_GROUP, 5005),
    (slr(kind=avp(2904, number(0), vendor=VENDOR, flags=0)), Tolerated.AVP_FLAGS, 3009),
    (slr(avp(2907, number(1), vendor=VENDOR)), Tolerated.AVP_FLAGS, 3009),
    (slr(flags=0x80), Tolerated.PROXIABLE_BIT_MISSING, 3008),
    (slr(avp(264, b"PCRF.example")), Tolerated.REPEATED_ORIGIN, 5009),
    (slr(UNKNOWN_FOREIGN), Tolerated.UNKNOWN_MANDATORY_AVP, 5001),
]


@pytest.mark.parametrize(("octets", "kind", "code"), FORGIVEN)
def test_what_clients_do_wrong_is_tolerated_unless_the_peer_is_strict(
    connect: Connect, octets: bytes, kind: Tolerated, code: int
) -> None:
    (event,) = connect(VENDORS).receive_data(octets, 0.0)
    assert isinstance(event, RequestReceived)
    assert event.tolerated == (kind,)
    peer = connect(VENDORS, strict=True)
    peer.messages_to_send()
    peer.receive_data(octets, 0.0)
    assert result_code(b"".join(peer.messages_to_send())) == code


def test_avps_may_stand_in_any_order(connect: Connect) -> None:
    own = (INITIAL, DESTINATION_REALM, ORIGIN_REALM, AUTH_APPLICATION_ID, ORIGIN_HOST, SESSION_ID)
    (event,) = connect(VENDORS, strict=True).receive_data(
        message(8388635, *own, application=SY), 0.0
    )
    assert isinstance(event, RequestReceived)
