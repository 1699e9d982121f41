"""Numbers of exchanges and registers, with and without the octet that tells their kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.gy.isdn_address import is_number, isdn_address, tbcd

ADDRESSES = [
    ("947101670000", "491710760000"),
    ("33060910 32f4", "33609001234"),  # an odd number of digits
    ("91947101670000", "491710760000"),  # international
    ("81947101670000", "491710760000"),  # of an unknown kind
    ("a1947101670000", "491710760000"),  # national, and not so
    ("91330609 1032f4", "33609001234"),
    ("91947101670000ff", "491710760000"),  # filled up with a whole octet
    ("21605505 01f0", "12065550100"),
]
AMBIGUOUS = [
    ("91715505 01f0", "19175550100"),  # of New York without a kind, none of Andorra with one
    ("81885505 01f0", "18885550100"),
    ("91917155 0501f0", "19175550100"),  # with a kind: it would have too many digits without
    ("91115155 0501", None),  # the digits after it are no number either
]
UNREADABLE = [
    "",
    "91",
    "ff",
    "94",  # a country and nothing in it
    "0071016700",  # no country begins with a zero
    "9471f1670000",  # a gap
    "947101a70000",  # a sign that is no digit
    "a1",
    "94710167000000000000",  # more digits than a number has
    "2160550501",  # a number of North America cut short
]
SIGNS = [
    ("2143", "1234"),
    ("21f3", "123"),
    ("21fff3", None),
    ("0f", None),
    ("badc", "*#ab"),
    ("", ""),
    ("ffff", ""),
]


@pytest.mark.parametrize(("octets", "digits"), ADDRESSES)
def test_address_is_digits_with_or_without_a_kind(octets: str, digits: str) -> None:
    assert isdn_address(bytes.fromhex(octets)) == digits


@pytest.mark.parametrize(("octets", "digits"), AMBIGUOUS)
def test_number_of_north_america_has_its_first_octet(octets: str, digits: str | None) -> None:
    assert isdn_address(bytes.fromhex(octets)) == digits


@pytest.mark.parametrize("octets", UNREADABLE)
def test_what_is_no_number_says_nothing(octets: str) -> None:
    assert isdn_address(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(("octets", "digits"), SIGNS)
def test_digits_are_nibbles_filled_up_at_the_end(octets: str, digits: str | None) -> None:
    assert tbcd(bytes.fromhex(octets)) == digits


def test_longest_number_is_read_with_a_kind_and_a_filler() -> None:
    assert isdn_address(bytes.fromhex("91 94325476981032f4")) == "492345678901234"


@given(st.binary(max_size=80))
def test_any_octets_are_a_whole_number_or_say_nothing(octets: bytes) -> None:
    digits = isdn_address(octets)
    assert digits is None or is_number(digits)


def test_long_octets_are_not_looked_into() -> None:
    assert isdn_address(bytes(60_000)) is None
