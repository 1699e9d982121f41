"""Streams are cut into messages however they arrive, and refused when they cannot be followed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.errors import InvalidMessageLength
from diameter_ocs.base.framing import Framer
from tests.base.wire import SESSION_ID, ccr, message

MESSAGES = [ccr(), message(280, application=0, flags=0x80), ccr(SESSION_ID)]


def test_whole_messages_come_out_of_one_chunk() -> None:
    assert Framer(4096).receive_data(b"".join(MESSAGES)) == MESSAGES


def test_messages_come_out_byte_by_byte() -> None:
    framer = Framer(4096)
    received = [
        each
        for position in range(len(b"".join(MESSAGES)))
        for each in framer.receive_data(b"".join(MESSAGES)[position : position + 1])
    ]
    assert received == MESSAGES


def test_trailing_octets_wait_for_their_rest() -> None:
    framer = Framer(4096)
    first, second = MESSAGES[0], MESSAGES[1]
    assert framer.receive_data(first + second[:7]) == [first]
    assert framer.receive_data(b"") == []
    assert framer.receive_data(second[7:]) == [second]


@given(st.lists(st.integers(1, 200), max_size=30))
def test_any_cut_of_the_stream_gives_the_same_messages(sizes: list[int]) -> None:
    framer = Framer(4096)
    stream = b"".join(MESSAGES)
    received = []
    for size in sizes:
        received += framer.receive_data(stream[:size])
        stream = stream[size:]
    received += framer.receive_data(stream)
    assert received == MESSAGES


@pytest.mark.parametrize("length", [0, 19, 22, 4100, 0xFFFFFF])
def test_a_length_that_cannot_be_is_refused(length: int) -> None:
    framer = Framer(4096)
    with pytest.raises(InvalidMessageLength):
        framer.receive_data(b"\1" + length.to_bytes(3) + bytes(16))


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "the beginning of TLS"),
        (b"HTTP/1.1 400 Bad Request", "what came is not Diameter"),
        (b"\1\0\0\x16", "a message of 22 octets cannot be"),
    ],
)
def test_who_speaks_something_else_is_told_apart(beginning: bytes, said: str) -> None:
    with pytest.raises(InvalidMessageLength, match=said):
        Framer(4096).receive_data(beginning.ljust(24, b"\0"))


def test_messages_before_a_bad_length_are_not_lost() -> None:
    framer = Framer(4096)
    bad = b"\1\0\0\x16" + bytes(16)
    assert framer.receive_data(MESSAGES[0] + bad) == [MESSAGES[0]]
    assert framer.fault is not None
    assert framer.fault_header == bad
    with pytest.raises(InvalidMessageLength):
        framer.receive_data(MESSAGES[0])


def test_the_longest_message_passes() -> None:
    octets = b"\1" + (4096).to_bytes(3) + bytes(4092)
    assert Framer(4096).receive_data(octets) == [octets]


def test_what_is_no_stream_brings_whole_messages() -> None:
    framer = Framer(4096, is_stream=False)
    assert framer.receive_data(MESSAGES[0]) == [MESSAGES[0]]
    assert framer.receive_data(MESSAGES[1] + MESSAGES[2]) == MESSAGES[1:]
    assert framer.fault is None


@pytest.mark.parametrize("octets", [1, 19, 20, len(MESSAGES[0]) - 1])
def test_a_message_that_is_cut_off_is_not_awaited_where_it_would_be_whole(octets: int) -> None:
    framer = Framer(4096, is_stream=False)
    assert framer.receive_data(MESSAGES[1] + MESSAGES[0][:octets]) == [MESSAGES[1]]
    assert framer.fault is not None
    assert framer.fault_header == MESSAGES[0][:octets][:20].ljust(20, b"\0")
    with pytest.raises(InvalidMessageLength, match="shorter than it says"):
        framer.receive_data(MESSAGES[1])
