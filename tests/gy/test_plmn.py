"""Networks in octets, in digits and in domain names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.gy.plmn import plmn_of_digits, plmn_of_domain, plmn_of_octets
from tests.gy.networks import Networks

OCTETS = [
    ("62f210", "26201"),
    ("32f451", "23415"),
    ("130014", "310410"),
    ("130062", "310260"),
    ("00f110", "00101"),
    ("001100", "001001"),  # another network than the one above
    ("62f210ffffff", "26201"),
    ("62f2", None),
    ("", None),
    ("6af210", None),  # no digit in the MCC
    ("62f2a0", None),  # none in the MNC
    ("62f21a", None),
    ("62e210", None),  # the third digit of the MNC is neither one nor the filler
    ("62fa10", None),
    ("f2f210", None),
    ("ffffff", None),
]
DIGITS = [
    ("26201", "26201"),
    ("310410", "310410"),
    ("26201\0", "26201"),
    (" 26201 ", "26201"),
    ("2620", None),
    ("2620100", None),
    ("2620a", None),
    ("26201F", None),
    ("٢٦٢٠١", None),
    ("", None),
]
DOMAINS = [
    ("ims.mnc001.mcc262.3gppnetwork.org", "26201"),
    ("IMS.MNC001.MCC262.3GPPNETWORK.ORG", "26201"),
    ('"ims.mnc001.mcc262.3gppnetwork.org"', "26201"),
    ("ims.mnc01.mcc262.3gppnetwork.org", "26201"),
    ("epc.mnc410.mcc310.3gppnetwork.org", "310410"),
    ("ims.mnc012.mcc310.3gppnetwork.org", "310012"),  # MNCs there have three digits
    ("mnc001.mcc262.gprs", "26201"),
    ("scscf.visited.example", None),
    ("ims.mnc1.mcc262.3gppnetwork.org", None),
    ("ims.mnc0012.mcc262.3gppnetwork.org", None),
    ("ims.mcc262.mnc001.3gppnetwork.org", None),
    ("ims.mnc00a.mcc262.3gppnetwork.org", None),
    ("", None),
]


@pytest.mark.parametrize(("octets", "plmn"), OCTETS)
def test_octets_are_digits_in_nibbles(octets: str, plmn: str | None) -> None:
    assert plmn_of_octets(bytes.fromhex(octets)) == plmn


@pytest.mark.parametrize(("text", "plmn"), DIGITS)
def test_digits_are_five_or_six(text: str, plmn: str | None) -> None:
    assert plmn_of_digits(text) == plmn


@pytest.mark.parametrize(("text", "plmn"), DOMAINS)
def test_domain_names_the_network_with_a_zero_before_a_short_mnc(
    text: str, plmn: str | None
) -> None:
    assert plmn_of_domain(text, Networks()) == plmn


@given(st.binary(max_size=8), st.text(max_size=40))
def test_anything_is_a_network_in_digits_or_none(octets: bytes, text: str) -> None:
    read = (plmn_of_octets(octets), plmn_of_digits(text), plmn_of_domain(text, Networks()))
    for plmn in read:
        assert plmn is None or (plmn.isascii() and plmn.isdigit() and len(plmn) in (5, 6))
