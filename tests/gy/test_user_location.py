"""The network in each type of 3GPP-User-Location-Info, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.gy.user_location import OCTETS_MIN, user_location

TABLE = [
    ("00 62f210 1234 5678", "26201"),  # CGI
    ("01 32f451 00c8 4e21", "23415"),  # SAI, LAC 200, SAC 20001
    ("02 62f210 1234 0aff", "26201"),  # RAI
    ("02 62f210 1234 0a", "26201"),  # RAI without its last octet
    ("80 62f210 2b67", "26201"),  # TAI, TAC 11111
    ("81 130014 01a2d30b", "310410"),  # ECGI, eNodeB 107219, cell 11
    ("82 62f210 2b67 130014 01a2d30b", "26201"),  # TAI and ECGI: the TAI's
    ("83 62f210 01a2d3", "26201"),  # eNodeB
    ("84 62f210 2b67 130014 01a2d3", "26201"),  # TAI and eNodeB
    ("85 62f210 01a2d3", "26201"),  # extended eNodeB
    ("86 62f210 2b67 130014 01a2d3", "26201"),  # TAI and extended eNodeB
    ("87 62f210 0123456789", "26201"),  # NCGI
    ("88 62f210 00012c", "26201"),  # TAI of 5GS, TAC 300
    ("89 62f210 00012c 130014 0123456789", "26201"),  # TAI of 5GS and NCGI: the TAI's
    ("89 62f210 00012c 62f210 1234567890", "26201"),  # the spare nibble trails
    ("8a 62f210 000001", "26201"),  # NG-RAN node
    ("8b 62f210 00012c 62f210 000001", "26201"),  # TAI of 5GS and NG-RAN node
]
COPIED = [
    ("18 62f210 2b67 62f210 01a2d30b", "26201"),  # TAI and ECGI
    ("08 62f210 2b67", "26201"),  # TAI
    ("10 130014 01a2d30b", "310410"),  # ECGI
    ("04 62f210 1234 0aff", "26201"),  # RAI
    ("20 62f210 1234", "26201"),  # LAI
    ("40 62f210 01a2d3", "26201"),  # eNodeB
    ("58 62f210 2b67 62f210 01a2d30b 62f210 01a2d3", "26201"),  # TAI, ECGI and eNodeB
    ("7f 62f210" + "00" * 41, "26201"),  # all of them
]
IN_TEXT = [
    ("8262f2102b6762f21001a2d30b", "26201"),
    ("8262F2102B6762F21001A2D30B", "26201"),
    ("0062f21012345678", "26201"),
    ("1862f2102b6762f21001a2d30b", "26201"),
    ("8062f2102b67f", "26201"),  # a nibble too many
    ("8062f210", None),  # cut short
    ("9062f2102b67", None),
    ("0", None),
]
UNREADABLE = [
    "",
    "82",
    "03 62f210 2b67 1234 5678",
    "8c 62f210 2b67 62f210 01a2d30b",
    "ff 62f210 2b67 62f210 01a2d30b",
    "80 6af210 2b67",
    "80 ffffff 2b67",
    "82 ffffff 2b67 62f210 01a2d30b",
]
READABLE = [octets for octets, _ in TABLE[:2] + TABLE[3:15] + COPIED]


@pytest.mark.parametrize(("octets", "plmn"), TABLE)
def test_each_type_begins_with_a_network(octets: str, plmn: str) -> None:
    assert user_location(bytes.fromhex(octets)) == plmn


@pytest.mark.parametrize(("octets", "plmn"), COPIED)
def test_first_octet_may_have_a_bit_for_each_part(octets: str, plmn: str) -> None:
    assert user_location(bytes.fromhex(octets)) == plmn


@pytest.mark.parametrize(("text", "plmn"), IN_TEXT)
def test_octets_may_be_written_in_text(text: str, plmn: str | None) -> None:
    assert user_location(text.encode()) == plmn


@pytest.mark.parametrize("octets", UNREADABLE)
def test_unknown_types_and_no_networks_say_nothing(octets: str) -> None:
    assert user_location(bytes.fromhex(octets)) is None


@pytest.mark.parametrize("octets", READABLE)
def test_location_cut_short_says_nothing(octets: str) -> None:
    whole = bytes.fromhex(octets)
    assert [user_location(whole[:end]) for end in range(len(whole))] == [None] * len(whole)


@pytest.mark.parametrize("kind", OCTETS_MIN)
def test_octets_after_a_location_do_not_matter(kind: int) -> None:
    octets = bytes((kind,)) + bytes.fromhex("62f210").ljust(60_000, b"\1")
    assert user_location(octets) == "26201"


@given(st.binary(max_size=40))
def test_any_octets_are_a_network_in_digits_or_say_nothing(octets: bytes) -> None:
    plmn = user_location(octets)
    assert plmn is None or (plmn.isdigit() and len(plmn) in (5, 6))
