"""Addresses of nodes: of IPv4, IPv6 and E.164."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.formats import decode_address
from diameter_ocs.gy.addresses import ip_address_of, number_of

MAPPED = "0002 00000000000000000000ffff 0a000001"

IP_ADDRESSES = [
    ("0001 0a000001", "10.0.0.1"),
    ("0002 20010db8000000000000000000000001", "2001:db8::1"),
    (MAPPED, "10.0.0.1"),  # IPv4 within IPv6
    ("0001 0a0000", None),
    ("0001 0a00000102", None),
    ("0002 0a000001", None),
    ("0003 0a000001", None),
    ("0008 343931373130373630303030", None),
    ("0001", None),
]
NUMBERS = [
    ("0008 343931373130373630303030", "491710760000"),
    ("0008 2b343931373130373630303030", "491710760000"),  # with a plus
    ("0008 34393137313037363030303000", "491710760000"),  # with a NUL at its end
    ("0008 3132303635353530313030", "12065550100"),
    ("0001 0a000001", None),
    ("0008", None),
    ("0008 303439313731", None),  # no country begins with a zero
    ("0008 343931373130373630303061", None),
    ("0008 ffff343931373130373630303030", None),
    ("0008 32303635353530313030" + "30" * 20, None),
]


@pytest.mark.parametrize(("octets", "text"), IP_ADDRESSES)
def test_ip_address_is_text(octets: str, text: str | None) -> None:
    assert ip_address_of(decode_address(bytes.fromhex(octets))) == text


@pytest.mark.parametrize(("octets", "digits"), NUMBERS)
def test_number_is_digits(octets: str, digits: str | None) -> None:
    assert number_of(decode_address(bytes.fromhex(octets))) == digits


@given(st.binary(min_size=2, max_size=40))
def test_any_octets_are_one_or_the_other_or_neither(octets: bytes) -> None:
    address = decode_address(octets)
    assert ip_address_of(address) is None or number_of(address) is None


def test_long_octets_are_not_looked_into() -> None:
    address = decode_address(b"\0\x08" + b"4" * 60_000)
    assert (ip_address_of(address), number_of(address)) == (None, None)
