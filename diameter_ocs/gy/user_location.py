"""The network in a 3GPP-User-Location-Info (TS 29.061 clause 16.4.7.2, TS 29.274 clause 8.21).

Whatever it holds, it begins with a network: that of the tracking area where there is one, which is
the one that serves, and else that of the cell.
"""

from .plmn import plmn_of_octets

OCTETS_MIN = {
    0: 8,  # CGI
    1: 8,  # SAI
    2: 7,  # RAI, which some send without its last octet, all ones
    128: 6,  # TAI
    129: 8,  # ECGI
    130: 13,  # TAI and ECGI
    131: 7,  # eNodeB
    132: 12,  # TAI and eNodeB
    133: 7,  # extended eNodeB
    134: 12,  # TAI and extended eNodeB
    135: 9,  # NCGI
    136: 7,  # TAI of 5GS
    137: 15,  # TAI of 5GS and NCGI
    138: 4,  # NG-RAN node, of any length
    139: 7,  # TAI of 5GS and NG-RAN node, of any length
}
"""How long the value is by its first octet, which is the type; more may follow."""

PART_OCTETS = (7, 7, 7, 5, 7, 5, 6, 6)
"""How long CGI, SAI, RAI, TAI, ECGI, LAI, eNodeB and extended eNodeB are in GTPv2.

Some gateways copy from there: the first octet has a bit for each of them that follows, from the
lowest up.
"""

_PARTS_FROM = 4
_PARTS_TO = 127
_TEXT_STARTS = frozenset(b"012345678")
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


START_OCTETS = 4
"""The octets in which type and network stand."""


def user_location(octets: bytes) -> str | None:
    """Returns the PLMN of where a user is; None: octets of no known type, or cut short."""
    if octets and may_be_text(octets[0]) and _HEXADECIMAL.issuperset(octets):
        octets = bytes.fromhex(octets[: len(octets) & -2].decode("ascii"))
    octets_min = _octets_min(octets[0]) if octets else None
    if octets_min is None or len(octets) < octets_min:
        return None
    return plmn_of_octets(octets[1:START_OCTETS])


def may_be_text(first: int) -> bool:
    """Whether a value may be written in hexadecimal digits, by its first octet.

    If not, its start and its length say it all.
    """
    return first in _TEXT_STARTS


def _octets_min(kind: int) -> int | None:
    """Returns how long a value of a type is at least; None: the type is unknown."""
    if _PARTS_FROM <= kind <= _PARTS_TO:
        return 1 + sum(part for at, part in enumerate(PART_OCTETS) if kind >> at & 1)
    return OCTETS_MIN.get(kind)
