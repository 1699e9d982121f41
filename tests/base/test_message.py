"""Answers copy what belongs to the request and say what went wrong."""

import pytest

from diameter_ocs.base import errors
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import (
    Identity,
    answer,
    decode,
    error_answer,
    parse_header,
    request,
)
from tests.base.wire import (
    ANSWER,
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CC_REQUEST_TYPE,
    SESSION_ID,
    avp,
    ccr,
    message,
    number,
)

OWN = Identity("ocs.example", "example", 5)
OWN_AVPS = avp(264, b"ocs.example") + avp(296, b"example")
STATE_ID = avp(278, number(5))
PROXY_ONE = avp(284, avp(280, b"p1.example") + avp(33, b"\0\1\2"))
PROXY_TWO = avp(284, avp(280, b"p2.example") + avp(33, b"x") + avp(9999, b"?", flags=0))

ALL_ERRORS = [
    leaf for leaf in vars(errors).values() if isinstance(leaf, type) and "result_code" in vars(leaf)
]


def test_a_header_is_read_whole(dictionary: Dictionary) -> None:
    octets = ccr(flags=0xD0)
    for read in (parse_header(octets), decode(octets, dictionary)):
        assert (read.version, read.command_code, read.application_id) == (1, 272, 4)
        assert (read.hop_by_hop, read.end_to_end) == (0x11111111, 0x22222222)
        assert (read.is_request, read.is_proxiable) == (True, True)
        assert (read.is_error, read.is_retransmission) == (False, True)
        assert read.octets == octets


def test_an_avp_gives_its_octets_and_its_data(dictionary: Dictionary) -> None:
    location = avp(22, b"\x82\x62\xf2", vendor=10415)
    read = decode(ccr(location), dictionary)
    session_id, uli = read.group.avp("Session-Id"), read.group.avp("3GPP-User-Location-Info")
    assert session_id is not None
    assert uli is not None
    assert read.raw(session_id) == SESSION_ID
    assert read.data(session_id) == b"gw.example;1;2"
    assert read.raw(uli) == location
    assert read.data(uli) == b"\x82\x62\xf2"


def test_padding_that_is_not_zero_is_not_copied(dictionary: Dictionary) -> None:
    read = decode(message(272, avp(263, b"abc")[:-1] + b"\xff"), dictionary)
    session_id = read.group.avp("Session-Id")
    assert session_id is not None
    assert read.raw(session_id) == avp(263, b"abc")


def test_an_answer_copies_the_header_and_echoes_session_and_proxies(
    dictionary: Dictionary,
) -> None:
    read = decode(ccr(PROXY_ONE, PROXY_TWO, flags=0xD0), dictionary)
    octets = answer(read, dictionary, OWN, [("Result-Code", 2001), CC_REQUEST_TYPE])
    assert octets == message(
        272,
        SESSION_ID,
        OWN_AVPS,
        STATE_ID,
        avp(268, number(2001)),
        CC_REQUEST_TYPE,
        PROXY_ONE,
        PROXY_TWO,
        flags=ANSWER,
    )


def test_the_p_bit_of_an_answer_is_that_of_the_request(dictionary: Dictionary) -> None:
    read = decode(ccr(flags=0x80), dictionary)
    assert answer(read, dictionary, OWN, [])[4] == 0


def test_an_answer_without_a_session_begins_with_its_origin(dictionary: Dictionary) -> None:
    read = decode(message(282, application=0, flags=0x80), dictionary)
    octets = answer(read, dictionary, OWN, [("Result-Code", 2001)])
    assert octets == message(282, OWN_AVPS, avp(268, number(2001)), application=0, flags=0)


@pytest.mark.parametrize("leaf", ALL_ERRORS, ids=lambda leaf: str(leaf.result_code))
def test_only_protocol_errors_have_the_e_bit(
    dictionary: Dictionary, leaf: type[errors.DiameterError]
) -> None:
    read = decode(ccr(PROXY_ONE), dictionary)
    octets = error_answer(read, dictionary, OWN, leaf("why", avp(415, b"\0\0\0\0")))
    is_protocol_error = leaf.result_code < 4000
    copied = (AUTH_APPLICATION_ID, CC_REQUEST_TYPE, CC_REQUEST_NUMBER)
    assert octets == message(
        272,
        SESSION_ID,
        OWN_AVPS,
        STATE_ID,
        avp(268, number(leaf.result_code)),
        *(() if is_protocol_error else copied),
        avp(281, b"why", flags=0),
        avp(279, avp(415, b"\0\0\0\0")),
        PROXY_ONE,
        flags=0x60 if is_protocol_error else 0x40,
    )


def test_every_error_of_the_standard_has_one_class() -> None:
    codes = [leaf.result_code for leaf in ALL_ERRORS]
    assert len(codes) == len(set(codes))
    assert {
        3001, 3002, 3003, 3004, 3007, 3008, 3009, 3010,
        5001, 5004, 5005, 5008, 5009, 5010, 5011, 5012, 5014, 5015,
    } <= set(codes)  # fmt: skip


def test_an_error_copies_only_what_the_request_has(dictionary: Dictionary) -> None:
    read = decode(ccr(without=CC_REQUEST_NUMBER), dictionary)
    octets = error_answer(read, dictionary, OWN, errors.MissingAvp("no number"))
    assert decode(octets, dictionary).group.first("CC-Request-Type") == 1
    assert "CC-Request-Number" not in decode(octets, dictionary).group


def test_an_error_tells_the_application_also_without_its_avp(dictionary: Dictionary) -> None:
    read = decode(ccr(without=AUTH_APPLICATION_ID), dictionary)
    octets = error_answer(read, dictionary, OWN, errors.UnableToComply(""))
    assert decode(octets, dictionary).group.first("Auth-Application-Id") == 4
    assert "Error-Message" not in decode(octets, dictionary).group


def test_a_request_that_breaks_off_is_answered_from_what_was_read(dictionary: Dictionary) -> None:
    octets = ccr(PROXY_ONE, b"\0\0\1\xb0\x40\0\0\x20")
    read = decode(octets, dictionary)
    assert isinstance(read.fault, errors.InvalidAvpLength)
    told = decode(error_answer(read, dictionary, OWN, read.fault), dictionary)
    assert told.fault is None
    assert told.group.first("Result-Code") == 5014
    assert told.group.first("Session-Id") == "gw.example;1;2"
    assert told.group.first("CC-Request-Number") == 0
    assert told.group.first("Failed-AVP") == avp(432, bytes(4))
    assert len(told.group.all("Proxy-Info")) == 1


def test_an_unknown_command_is_answered(dictionary: Dictionary) -> None:
    read = decode(message(999, SESSION_ID), dictionary)
    assert read.name is None
    octets = error_answer(read, dictionary, OWN, errors.CommandUnsupported("unknown"))
    assert octets == message(
        999,
        SESSION_ID,
        OWN_AVPS,
        avp(268, number(3001)),
        avp(281, b"unknown", flags=0),
        flags=0x60,
    )


def test_a_request_of_ours_has_the_numbers_of_its_command(dictionary: Dictionary) -> None:
    assert request(dictionary, "Re-Auth", 7, 8, [("Session-Id", "a")]) == message(
        258, avp(263, b"a"), hop_by_hop=7, end_to_end=8
    )
    assert request(dictionary, "Device-Watchdog", 7, 8, []) == message(
        280, application=0, flags=0x80, hop_by_hop=7, end_to_end=8
    )
