"""Values of the type Address: IP addresses and numbers (RFC 6733 section 4.3.1, TS 32.299 7.2)."""

from ipaddress import IPv4Address, IPv6Address

from ..base.formats import Value
from .isdn_address import is_number

_OCTETS_MAX = 32
_IPV4, _IPV6, _E164 = 1, 2, 8


def ip_address_of(address: Value) -> str | None:
    """Returns an IP address in text, one of IPv4 within IPv6 as itself; None: it is none."""
    family, octets = address
    if family == _IPV4 and len(octets) == 4:
        return str(IPv4Address(octets))
    if family == _IPV6 and len(octets) == 16:
        whole = IPv6Address(octets)
        return str(whole.ipv4_mapped or whole)
    return None


def number_of(address: Value) -> str | None:
    """Returns the digits of an E.164 number; None: it is none."""
    family, octets = address
    if family != _E164 or len(octets) > _OCTETS_MAX:
        return None
    digits: str = octets.decode("ascii", "replace").strip("\0 ").removeprefix("+")
    return digits if is_number(digits) else None
