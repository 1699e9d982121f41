"""Where the values of usual requests stand, and that reading them there changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import DiameterError
from diameter_ocs.base.message import Decoder as MessageDecoder
from diameter_ocs.base.message import Message
from diameter_ocs.charging.units import AMOUNT_MAX
from diameter_ocs.gy.decode import (
    AVPS_MAX,
    LAYOUTS_REMEMBERED,
    TEXTS_REMEMBERED,
    Decoded,
    Decoder,
)
from diameter_ocs.gy.information_reader import AVP_OCTETS_MAX
from diameter_ocs.gy.places import TEXT_OCTETS_MAX, places_of
from tests.gy.networks import Networks

NOON = 1_709_985_600_000_000
SECONDS = NOON // 1_000_000

Pair = tuple[str, Any]
Write = Callable[..., Message]

TIMESTAMP: Pair = ("Event-Timestamp", SECONDS)
SUPPORTED: Pair = ("Multiple-Services-Indicator", 1)


def subscription(data: str | bytes = "15550100001", kind: int = 0) -> Pair:
    return "Subscription-Id", [("Subscription-Id-Type", kind), ("Subscription-Id-Data", data)]


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", members


def requested(*members: Pair) -> Pair:
    return "Requested-Service-Unit", members


def used(*members: Pair) -> Pair:
    return "Used-Service-Unit", members


def packet(*members: Pair) -> Pair:
    return "Service-Information", [("PS-Information", members)]


USUAL: tuple[Pair, ...] = (TIMESTAMP, subscription(), SUPPORTED)
GROUP: Pair = ("Rating-Group", 300)
TOTAL: Pair = ("CC-Total-Octets", 5)

USUAL_REQUESTS: list[tuple[Pair, ...]] = [
    (),
    (service(GROUP),),
    (service(GROUP, requested()),),
    (service(GROUP, requested(TOTAL)), service(("Rating-Group", 0), requested(), used(TOTAL))),
    (service(GROUP, used(TOTAL, ("CC-Input-Octets", 2), ("CC-Output-Octets", 3)), used(TOTAL)),),
    (subscription("001010000000001", 1), ("User-Name", "a@b")),
    (("Service-Information", []),),
    (packet(("3GPP-User-Location-Info", b"")),),
    (packet(("3GPP-Charging-Id", 7)), ("Origin-State-Id", 3)),
    (packet(("PS-Furnish-Charging-Information", [("3GPP-Charging-Id", 7)])),),
]

UNUSUAL_REQUESTS: list[tuple[Pair, ...]] = [
    (service(),),
    (service(("Service-Identifier", 1)),),
    (service(GROUP, ("Service-Identifier", 1)),),
    (service(GROUP, ("Reporting-Reason", 2)),),
    (service(GROUP, ("Tariff-Change-Usage", 1), used(TOTAL)),),
    (service(GROUP, used(TOTAL, ("Tariff-Change-Usage", 0)), used(TOTAL)),),
    (service(GROUP, used()),),
    (service(GROUP, used(("CC-Time", 1))),),
    (service(GROUP, used(TOTAL, ("CC-Time", 1))),),
    (service(GROUP, used(TOTAL, ("CC-Service-Specific-Units", 1))),),
    (service(GROUP, used(TOTAL, ("Reporting-Reason", 2))),),
    (service(GROUP, used(("CC-Input-Octets", 1))),),
    (service(GROUP, used(TOTAL), used(("CC-Output-Octets", 1))),),
    (service(GROUP, requested(("CC-Time", 1))),),
    (service(GROUP, requested(("CC-Input-Octets", 1))),),
    (service(GROUP), service(("Service-Identifier", 1))),
    (requested(),),
    (used(TOTAL), service(GROUP)),
    (("CC-Sub-Session-Id", 1),),
    (("Requested-Action", 0),),
    (("AoC-Request-Type", 1),),
    (("Subscription-Id-Extension", [("Subscription-Id-E164", "+15550100001")]),),
    (("Service-Information", [subscription("001010000000001", 1)]),),
    (("Service-Information", [("IMS-Information", [])]),),
    (("Service-Information", [("PS-Information", []), ("SMS-Information", [])]),),
    (("Called-Station-Id", "a" * AVP_OCTETS_MAX),),
    (("Proxy-Info", [("Proxy-Host", "a.example"), ("Proxy-State", b"s")]),),
    (("Origin-Host", "pgw.example"),),
    (TIMESTAMP,),
    (subscription("x" * TEXT_OCTETS_MAX),),
]


@pytest.mark.parametrize("members", USUAL_REQUESTS)
def test_places_of_usual_requests_are_known(write: Write, members: tuple[Pair, ...]) -> None:
    assert places_of(write(*USUAL, *members)) is not None


@pytest.mark.parametrize("members", UNUSUAL_REQUESTS)
def test_unusual_requests_have_no_places(write: Write, members: tuple[Pair, ...]) -> None:
    assert places_of(write(*USUAL, *members)) is None


@pytest.mark.parametrize("absent", range(2))
def test_request_that_lacks_what_is_usual_has_no_places(write: Write, absent: int) -> None:
    assert places_of(write(*(pair for at, pair in enumerate(USUAL) if at != absent))) is None


class Twice:
    """Reads requests with places and texts remembered, and as if for the first time."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._messages = MessageDecoder(dictionary)
        self._decoder = Decoder(dictionary, Networks())

    def read(self, octets: bytes) -> tuple[Decoded | tuple[int, bytes | None], ...]:
        """Returns what each of both says."""
        first = Decoder(self._dictionary, Networks())
        return tuple(self._attempt(decoder, octets) for decoder in (self._decoder, first))

    def _attempt(self, decoder: Decoder, octets: bytes) -> Decoded | tuple[int, bytes | None]:
        try:
            return decoder.decode(self._messages.decode(octets), "demo", NOON)
        except DiameterError as error:
            return error.result_code, error.failed_avp


def mostly(usual: Any, *peculiar: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * 12 + [*peculiar])


LOCATIONS = [
    bytes.fromhex("82 62f210 2b67 62f210 01a2d30b"),
    bytes.fromhex("82 62f210 2b67 62f210 01a2d30c"),
    bytes.fromhex("82 130014 2b67 62f210 01a2d30b"),
    bytes.fromhex("90 62f210 2b67 62f210 01a2d30b"),
    b"8062f2102b67f",  # the same octets at their start, of another meaning
    b"8062f2102b67g",
    b"8062f2102b670",
]
"""All of one length."""

ODD_SESSION_IDS = (";gw.example;1;2", "pgw.example 1 2", "pgw\0example;1;2", "pgwü.exampl;12")
numbers = st.one_of(st.sampled_from([0, AMOUNT_MAX, AMOUNT_MAX + 1]), st.integers(0, 2**64 - 1))
values = st.fixed_dictionaries(
    {
        "Session-Id": mostly("pgw.example;1;2", b"\xffgw.example;1;3", *ODD_SESSION_IDS),
        "Origin-Host": mostly("pgw.example", "pgw\0example", b"\xffgw.example", "32251@3gpp."),
        "Service-Context-Id": mostly("32251@3gpp.org", "32260@3gpp.org", "32251@3gpp.net"),
        "Auth-Application-Id": mostly(4, 5),
        "CC-Request-Type": mostly(1, 2, 3, 4, -1),
        "CC-Request-Number": st.integers(0, 2**32 - 1),
    }
)
others = st.tuples(
    mostly(SECONDS, SECONDS + 1, 0, SECONDS + 10**6),
    mostly("15550100001", "15550100002", "1555010000\0", "nobody here"),
    mostly(1, 0),
    st.tuples(st.sampled_from([300, 0, 2**32 - 1]), numbers, numbers, numbers),
    st.tuples(
        st.sampled_from(LOCATIONS),
        mostly("26201", "310410", "2620\0"),
        st.sampled_from([b"\x06", b"\x33"]),
    ),
)


@given(st.lists(st.tuples(values, others), min_size=1, max_size=6))
def test_what_is_read_at_known_places_is_what_is_read_avp_by_avp(
    write: Write, dictionary: Dictionary, requests: list[tuple[dict[str, Any], Any]]
) -> None:
    twice = Twice(dictionary)
    access = (LOCATIONS[0], "26201", b"\6")
    usual = octets_of(write, {}, (SECONDS, "15550100001", 1, (1, 2, 3, 4), access))
    for octets in [usual] * 3 + [octets_of(write, *each) for each in requests for _ in range(2)]:
        again, first = twice.read(octets)
        assert again == first


def octets_of(write: Write, essential: dict[str, Any], rest: tuple[Any, ...]) -> bytes:
    seconds, data, indicator, (rating_group, wanted, *totals), access = rest
    location, network, rat_type = access
    return write(
        ("Event-Timestamp", seconds),
        subscription(data),
        ("Multiple-Services-Indicator", indicator),
        service(
            ("Rating-Group", rating_group),
            requested(("CC-Total-Octets", wanted)),
            *(used(("CC-Total-Octets", total)) for total in totals),
        ),
        service(("Rating-Group", 300), requested()),
        packet(
            ("3GPP-Charging-Id", seconds % 2**32),
            ("3GPP-SGSN-MCC-MNC", network),
            ("3GPP-User-Location-Info", location),
            ("3GPP-RAT-Type", rat_type),
        ),
        with_=essential,
    ).octets


def test_texts_that_come_again_are_read_once(write: Write, dictionary: Dictionary) -> None:
    messages, decoder = MessageDecoder(dictionary), Decoder(dictionary, Networks())
    octets = write(*USUAL, service(GROUP)).octets
    *_, one, other = [decoder.decode(messages.decode(octets), "demo", NOON) for _ in range(5)]
    assert one.request.origin_host is other.request.origin_host
    assert one.request.identities is other.request.identities


def test_padding_of_the_session_is_zero_in_the_answer(write: Write, dictionary: Dictionary) -> None:
    messages, decoder = MessageDecoder(dictionary), Decoder(dictionary, Networks())
    octets = bytearray(write(*USUAL).octets)
    at = octets.index(b"pgw.example;1;2") + len("pgw.example;1;2")
    octets[at] = 7
    for _ in range(5):
        decoded = decoder.decode(messages.decode(bytes(octets)), "demo", NOON)
        assert decoded.session_id.endswith(b"pgw.example;1;2\0")


def test_memory_is_bounded_whatever_comes(write: Write, dictionary: Dictionary) -> None:
    decoder = Decoder(dictionary, Networks())
    for number in range(TEXTS_REMEMBERED + 20):
        message = write(*USUAL, with_={"Origin-Host": f"pgw{number}.example"})
        for _ in range(3):
            decoder.decode(message, "demo", NOON)
        assert decoder._places.get(message.group.layout) is not None
        assert len(decoder._met) <= LAYOUTS_REMEMBERED
        assert len(decoder._places) <= LAYOUTS_REMEMBERED
        assert len(decoder._hosts) <= TEXTS_REMEMBERED


def test_layouts_of_many_avps_are_not_remembered(write: Write, dictionary: Dictionary) -> None:
    decoder = Decoder(dictionary, Networks())
    message = write(*USUAL, *[subscription()] * (AVPS_MAX // 3))
    for _ in range(3):
        decoder.decode(message, "demo", NOON)
    assert not len(decoder._met)
