"""Who is at an end of a call or a message: numbers in URIs and in addresses, each in one spelling.

A number in the international form is its digits; any other one stays as it was dialled.
"""

from typing import NamedTuple

from ..base.codec import Group
from ..base.text import spelled_out
from ..charging.uris import SEPARATORS, Uri, uri_of
from .isdn_address import DIGITS_MAX, is_number

ADDRESS_LENGTH_MAX = 128
"""Characters that are kept of an address: nobody is told apart by what follows."""

PLAIN_DIGITS_MIN = 8
"""Digits without a plus that may be an international number: shorter ones are dialled so."""

_EMERGENCY = "urn:service:sos"
_NOBODY = ("", "unknown", "anonymous")
_PREFIXES = ("00", "011")
"""What is dialled before a number of another country."""

_MSISDN, _SHORT_NUMBER = 1, 4
_NOT_DIALLED = (0, 2, 3, 5, 7)
"""Types of address: mail, IPv4, IPv6, a name in letters, an IMSI."""
_OF_PLMN = "/TYPE="
"""What multimedia messages put after a number."""


class Party(NamedTuple):
    """One end of a communication."""

    address: str
    """Digits where it is a number, else what names it."""
    country_digits: str | None = None
    """The international number, or what of it is known, by which the country is found."""
    carrier: str | None = None
    """The number or code that ported numbers are routed by."""
    is_emergency: bool = False


def party_of_uri(text: str) -> Party | None:
    """Reads the URI of a party; None: it names nobody."""
    text = spelled_out(text).strip()
    if text.lower().partition(".")[0] == _EMERGENCY:
        return Party(text.lower()[:ADDRESS_LENGTH_MAX], is_emergency=True)
    if text.lower() in _NOBODY:
        return None
    uri = uri_of(text)
    digits = uri.number.removeprefix("+")
    is_dialled = digits.isascii() and digits.isdigit()
    if not is_dialled:
        name = uri.number if uri.scheme == "tel" else spelled_out(uri.spelled(uri.user))
        return Party(name[:ADDRESS_LENGTH_MAX], carrier=_carrier(uri)) if name else None
    return Party(digits[:ADDRESS_LENGTH_MAX], _country_digits(uri, digits), _carrier(uri))


def party_of_address(address: Group) -> Party | None:
    """Reads the address of a party of a message; None: it names nobody."""
    text = spelled_out(address.first("Address-Data") or "").strip()
    kind = address.first("Address-Type")
    if kind in _NOT_DIALLED:
        return Party(text[:ADDRESS_LENGTH_MAX]) if text else None
    text, _, _ = text.partition(_OF_PLMN)
    digits = text.translate(SEPARATORS).removeprefix("+")
    if kind == _MSISDN and is_number(digits):
        return Party(digits, digits)
    if kind == _SHORT_NUMBER and digits.isascii() and digits.isdigit():
        return Party(digits[:ADDRESS_LENGTH_MAX])
    return party_of_uri(text)


def _country_digits(uri: Uri, digits: str) -> str | None:
    """Returns the digits by which the country of a number is found; None: nobody can tell.

    What is dialled within a context lies in its country, unless a prefix leads out of it. Other
    numbers without a plus are taken for international ones where they are as long as those.
    """
    if uri.number.startswith("+"):
        return digits if is_number(digits) else None
    if uri.is_local:
        context = _parameter(uri, "phone-context")
        if not context.startswith("+") or digits.startswith(_PREFIXES):
            return None
        return (context[1:] + digits.removeprefix("0"))[:DIGITS_MAX]
    return digits if len(digits) >= PLAIN_DIGITS_MIN and is_number(digits) else None


def _carrier(uri: Uri) -> str | None:
    """Returns the routing number of a ported number, else the code of the carrier chosen."""
    if not uri.user_parameters:
        return None
    return carrier_of(_parameter(uri, "rn") or _parameter(uri, "cic"))


def carrier_of(code: str | None) -> str | None:
    """Returns a routing number or a carrier's code in one spelling; None: there is none.

    Its digits may be hexadecimal, which are the same in capitals (RFC 4694 section 5).
    """
    if not code:
        return None
    carrier = spelled_out(code).strip().translate(SEPARATORS).removeprefix("+").upper()
    return carrier[:ADDRESS_LENGTH_MAX] or None


def _parameter(uri: Uri, name: str) -> str:
    for parameter in uri.user_parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == name:
            return value.strip().translate(SEPARATORS)
    return ""
