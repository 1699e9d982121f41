"""Numbers of exchanges and registers in octets (TS 32.299 clause 7.2, TS 29.002 clause 17.7.8).

The standard has the digits alone, two an octet, the low nibble first. Gateways to CAMEL leave the
octet before them that tells the type of number and the numbering plan.
"""

import re

DIGITS_MAX = 15
"""E.164 numbers are not longer."""
DIGITS_MIN = 5
"""What is shorter names a country, and nothing in it."""

_NATURES = frozenset((0x81, 0x91, 0xA1))
"""Unknown, international and national numbers of the plan E.164, as one octet tells them."""

_OCTETS_MAX = DIGITS_MAX // 2 + 2
_DIGITS = "0123456789*#abc"
_FILLER = 0xF
_NORTH_AMERICAN = re.compile(r"1[2-9][0-9]{2}[2-9][0-9]{6}")
_NORTH_AMERICAN_DIGITS = 11


def isdn_address(octets: bytes) -> str | None:
    """Returns the digits of an E.164 number, country code first; None: it is none.

    A first octet that may be type and plan is taken for that, unless the digits are a number of
    North America with it: no other one begins with a 1.
    """
    if len(octets) > _OCTETS_MAX:
        return None
    whole = tbcd(octets)
    if octets[:1] and octets[0] in _NATURES:
        if whole is not None and _NORTH_AMERICAN.fullmatch(whole):
            return whole
        whole = tbcd(octets[1:])
    return whole if whole is not None and is_number(whole) else None


def tbcd(octets: bytes) -> str | None:
    """Returns the digits in octets, of which the last may be filled up; None: it has a gap.

    Digits are 0 to 9 and the signs that telephones have beside them (TS 29.002 clause 17.7.8).
    """
    nibbles = [nibble for octet in octets for nibble in (octet & 0xF, octet >> 4)]
    while nibbles and nibbles[-1] == _FILLER:
        nibbles.pop()
    return None if _FILLER in nibbles else "".join([_DIGITS[nibble] for nibble in nibbles])


def is_number(digits: str) -> bool:
    """Whether digits can be a whole E.164 number; those of North America have eleven."""
    if not (digits.isascii() and digits.isdigit() and DIGITS_MIN <= len(digits) <= DIGITS_MAX):
        return False
    if digits[0] == "1":
        return len(digits) == _NORTH_AMERICAN_DIGITS
    return digits[0] != "0"
