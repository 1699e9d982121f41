"""What of SCTP needs no kernel that has it: layouts, notifications, streams, what is missing."""

import socket
import struct
from ipaddress import ip_address

import pytest

from diameter_ocs.transport import sctp
from diameter_ocs.transport.association import PathState, Place
from diameter_ocs.transport.sctp_options import (
    Ended,
    PathChanged,
    pack_places,
    read_notification,
    sending_on,
    unpack_place,
    usable,
)
from diameter_ocs.transport.sctp_streams import Streams
from tests.conftest import has_sctp

IPV4 = Place(ip_address("192.0.2.1"), 3868)
IPV6 = Place(ip_address("2001:db8::1"), 3868)
IPV4_OCTETS = struct.pack("=H", socket.AF_INET) + bytes.fromhex("0f1c c0000201") + bytes(8)
IPV6_OCTETS = (
    struct.pack("=H", socket.AF_INET6)
    + bytes.fromhex("0f1c 00000000 20010db8000000000000000000000001")
    + bytes(4)
)
BASE = bytes(20)
CREDIT_CONTROL = bytes(8) + (4).to_bytes(4) + bytes(8)


def association_change(state: int) -> bytes:
    return struct.pack("@HHIHHHHi", 0x8001, 0, 20, state, 0, 16, 16, 1)


def address_change(octets: bytes, state: int) -> bytes:
    return (
        struct.pack("@HHI", 0x8002, 0, 148)
        + octets.ljust(128, b"\0")
        + struct.pack("@iii", state, 0, 1)
    )


def test_socket_addresses_are_as_long_as_their_families() -> None:
    assert pack_places([IPV4, IPV6]) == IPV4_OCTETS + IPV6_OCTETS
    assert (len(IPV4_OCTETS), len(IPV6_OCTETS)) == (16, 28)


@pytest.mark.parametrize(("octets", "place"), [(IPV4_OCTETS, IPV4), (IPV6_OCTETS, IPV6)])
def test_socket_addresses_are_read_wherever_they_lie(octets: bytes, place: Place) -> None:
    assert unpack_place(bytes(28) + octets, 28) == place


def test_ipv4_in_ipv6_is_ipv4() -> None:
    mapped = Place(ip_address("::ffff:192.0.2.1"), 3868)
    assert unpack_place(pack_places([mapped]), 0) == IPV4


def test_the_payload_protocol_is_in_the_network_s_order() -> None:
    ((level, kind, values),) = sending_on(7)
    assert (level, kind) == (132, 2)
    assert values == struct.pack("=HH", 7, 0) + bytes.fromhex("0000002e") + bytes(8)


TOLD = [each for each in PathState if each is not PathState.UNCONFIRMED]
"""As the kernel numbers them (RFC 6458 section 6.1.2)."""


@pytest.mark.parametrize(("number", "state"), [*enumerate(TOLD)])
def test_a_path_s_new_state_is_told(number: int, state: PathState) -> None:
    assert read_notification(address_change(IPV6_OCTETS, number)) == PathChanged(IPV6, state)


def test_a_state_that_is_not_known_is_not_told() -> None:
    assert read_notification(address_change(IPV4_OCTETS, 7)) is None
    assert read_notification(association_change(9)) is None


def test_the_end_of_an_association_has_a_reason_but_when_it_was_agreed() -> None:
    ends = {state: read_notification(association_change(state)) for state in range(5)}
    assert (ends[0], ends[3]) == (None, Ended(None))
    reasons = [end.reason for state in (1, 2, 4) if isinstance(end := ends[state], Ended)]
    assert len(set(reasons)) == 3
    assert all(reasons)
    assert "started anew" in str(reasons[1])


def test_a_message_that_is_cut_off_ends_the_association() -> None:
    assert isinstance(read_notification(struct.pack("@HHIIi", 0x8006, 0, 16, 0, 1)), Ended)


def test_a_shutdown_is_told_by_the_end_of_data_alone() -> None:
    assert read_notification(struct.pack("@HHIi", 0x8005, 0, 12, 1)) is None


def test_messages_take_turns_over_the_streams_and_the_base_protocol_has_the_first() -> None:
    streams = Streams(3)
    asked = [CREDIT_CONTROL, BASE, *[CREDIT_CONTROL] * 3, BASE, CREDIT_CONTROL]
    assert [streams.choose(each) for each in asked] == [0, 0, 1, 2, 0, 0, 1]


def test_one_stream_carries_all() -> None:
    streams = Streams(1)
    assert [streams.choose(CREDIT_CONTROL) for _ in range(3)] == [0, 0, 0]


def test_addresses_that_no_other_machine_can_use_are_not_told() -> None:
    places = [
        Place(ip_address(each), 3868)
        for each in ("fe80::1", "192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "169.254.1.1")
    ]
    assert [*map(str, usable(places))] == ["192.0.2.1", "2001:db8::1"]
    assert usable(places[:1]) == (ip_address("fe80::1"),)


def test_a_machine_without_sctp_says_what_to_do() -> None:
    said = sctp.missing()
    assert (said is None) == has_sctp()
    assert said is None or "modprobe sctp" in said
