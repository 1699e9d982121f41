"""What headers of SIP tell of an access network, by its type, with every spelling and fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.gy.access_network import (
    NETWORKS_MAX,
    AccessNetwork,
    access_networks,
    believed,
)
from tests.gy.networks import Networks

BY_TYPE = [
    ("3GPP-GERAN;cgi-3gpp=2620112345678", "26201"),
    ("3GPP-GERAN;cgi-3gpp=31041012345678", "310410"),
    ("3GPP-UTRAN-FDD;utran-cell-id-3gpp=2620112341a2d30b", "26201"),
    ("3GPP-UTRAN-TDD;utran-cell-id-3gpp=31041012341a2d30b", "310410"),
    ("3GPP-UTRAN-FDD;utran-sai-3gpp=2341500c84e21", "23415"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=001010001000019B", "00101"),  # TAC 0001, ECI 000019B
    ("3GPP-E-UTRAN-TDD;utran-cell-id-3gpp=2341011ABD9B71FD", "23410"),  # TAC 11AB, ECI D9B71FD
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=3102600abc0abcdef", "310260"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=262010001001a2d30b", "26201"),  # in 5GS: TAC of 6
    ("3GPP-NR-FDD;utran-cell-id-3gpp=0010100313200001c001", "00101"),  # TAC 003132
    ("3GPP-NR-TDD;utran-cell-id-3gpp=31041000313200001c001", "310410"),
    ("3GPP-NR-U;utran-cell-id-3gpp=2620100313200001c001", "26201"),
    ("3GPP-E-UTRAN;utran-cell-id-3gpp=2620112ab1a2d30b;network-provided", "26201"),
    ("3GPP-NR;utran-cell-id-3gpp=2620100313200001c001;network-provided", "26201"),
    ("untrusted-non-3GPP-VIRTUAL-EPC;utran-cell-id-3gpp=2620112ab1a2d30b", "26201"),
    ("3GPP-WLAN;i-wlan-node-id=00112233aabb", None),
    ("IEEE-802.11;i-wlan-node-id=00112233aabb", None),
    ("IEEE-802.11ac;i-wlan-node-id=00112233aabb;UE-local-IP-address=192.0.2.1", None),
    ("VIRTUAL-no-PS", None),
    ("3GPP2-1X;ci-3gpp2=1234123412341234", None),
    ("3GPP2-1X-HRPD;ci-3gpp2=2620112345678", None),
    ("xDSL;dsl-location=26201", None),
    ("DOCSIS", None),
    ("IEEE-802.3;eth-location=2620112345678", None),
]
SPELLINGS = [
    ('3GPP-E-UTRAN-FDD;utran-cell-id-3gpp="2620112ab1a2d30b"', "26201"),
    ("3gpp-e-utran-fdd;UTRAN-CELL-ID-3GPP=2620112AB1A2D30B", "26201"),
    (" 3GPP-E-UTRAN-FDD ; utran-cell-id-3gpp = 2620112ab1a2d30b ; network-provided ", "26201"),
    ('3GPP-E-UTRAN-FDD;local-time-zone="UTC+01:00";utran-cell-id-3gpp=2620112ab1a2d30b', "26201"),
    ('3GPP-E-UTRAN-FDD;a="x;y,z";utran-cell-id-3gpp=2620112ab1a2d30b', "26201"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620112ab1a2d30b\0", "26201"),
    ('3GPP-E-UTRAN-FDD;utran-cell-id-3gpp="2620112ab1a2d30b', "26201"),  # an open quote
    ("3GPP-E-UTRAN-FDD;cell-info-age=30;utran-cell-id-3gpp=2620112ab1a2d30b", "26201"),
    ("3GPP-E-UTRAN-FDD;;utran-cell-id-3gpp=2620112ab1a2d30b;", "26201"),
]
ODD_LENGTHS = [
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620112ab", "26201"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=31041012ab", "310410"),  # MNCs there have three digits
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201ab" + "0" * 30, "26201"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201", "26201"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201f2ab1a2d30b0", "26201"),
    ("3GPP-GERAN;cgi-3gpp=262011234", "26201"),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620", None),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2a20112ab1a2d30b", None),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=", None),
    ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp", None),
    ("3GPP-E-UTRAN-FDD", None),
]


def plmns(octets: bytes) -> list[str | None]:
    return [network.plmn for network in access_networks(octets, Networks())]


@pytest.mark.parametrize(("text", "plmn"), BY_TYPE)
def test_cell_of_each_type_begins_with_a_network(text: str, plmn: str | None) -> None:
    assert plmns(text.encode()) == [plmn]


@pytest.mark.parametrize(("text", "plmn"), SPELLINGS)
def test_spelling_does_not_matter(text: str, plmn: str) -> None:
    assert plmns(text.encode()) == [plmn]


@pytest.mark.parametrize(("text", "plmn"), ODD_LENGTHS)
def test_cell_of_an_odd_length_is_split_by_what_is_known_of_the_country(
    text: str, plmn: str | None
) -> None:
    assert plmns(text.encode()) == [plmn]


def test_type_and_who_says_so_are_told() -> None:
    header = b"3gpp-e-utran-fdd;utran-cell-id-3gpp=2620112ab1a2d30b;Network-Provided"
    assert access_networks(header, Networks()) == [
        AccessNetwork("3GPP-E-UTRAN-FDD", "26201", is_network_provided=True)
    ]


@pytest.mark.parametrize("kind", ["A" * 65, "\x1b[31m", "3GPP E-UTRAN", "ü"])
def test_type_is_a_short_word_or_none(kind: str) -> None:
    header = f"{kind};utran-cell-id-3gpp=2620112ab1a2d30b".encode()
    assert access_networks(header, Networks()) == [
        AccessNetwork("", "26201", is_network_provided=False)
    ]


def test_commas_outside_quotes_separate_access_networks() -> None:
    header = b'IEEE-802.11;x="a,b",3GPP-E-UTRAN;utran-cell-id-3gpp=2620112ab1a2d30b'
    assert plmns(header) == [None, "26201"]


def test_networks_in_one_header_are_bounded() -> None:
    assert len(plmns(b"a," * 2000)) == NETWORKS_MAX


@pytest.mark.parametrize("octets", [b"", b",", b"\0", b"a" * 60_000])
def test_nothing_worth_reading_is_no_access_network(octets: bytes) -> None:
    assert plmns(octets) == []


TERMINAL = AccessNetwork("A", "26201", is_network_provided=False)
NETWORK = AccessNetwork("B", "310410", is_network_provided=True)
WIRELESS_LAN = AccessNetwork("C", None, is_network_provided=True)


@pytest.mark.parametrize(
    ("networks", "one"),
    [
        ([TERMINAL, NETWORK, WIRELESS_LAN], NETWORK),
        ([WIRELESS_LAN, TERMINAL], TERMINAL),
        ([TERMINAL, TERMINAL._replace(plmn="20801")], TERMINAL),
        ([WIRELESS_LAN], WIRELESS_LAN),
        ([], None),
    ],
)
def test_word_of_the_network_is_believed_before_that_of_the_terminal(
    networks: list[AccessNetwork], one: AccessNetwork | None
) -> None:
    assert believed(networks) == one


@given(st.one_of(st.binary(max_size=80), st.text('3GP-;,="utran-cell-id26201 ').map(str.encode)))
def test_any_octets_are_networks_in_digits_or_none(octets: bytes) -> None:
    for plmn in plmns(octets):
        assert plmn is None or (plmn.isdigit() and len(plmn) in (5, 6))
