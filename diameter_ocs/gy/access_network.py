"""The access network of a terminal, as SIP tells it (RFC 7315 section 5.4, TS 24.229 7.2A.4).

It is text: a type, and parameters after semicolons. Several may stand in one AVP, with commas
between them. A cell begins with MCC and MNC in digits, then come area and cell in hexadecimal.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from .numbering import Numbering
from .plmn import PLMN_DIGITS, plmn_of_digits

OCTETS_MAX = 4096
"""Nobody sends as much; what is longer is not read."""

NETWORKS_MAX = 8
"""Further ones in one AVP are not read."""

CELL_LENGTHS = {
    "cgi-3gpp": (8,),  # LAC 4, CI 4
    "utran-sai-3gpp": (8,),  # LAC 4, SAC 4
    "utran-cell-id-3gpp": (11, 13, 15),  # LAC or TAC 4, cell 7; TAC 6, cell 7; TAC 6, cell 9
}
"""How many digits follow the PLMN, by the parameter that they stand in."""

_CELLULAR = ("3GPP-GERAN", "3GPP-UTRAN", "3GPP-E-UTRAN", "3GPP-NR")
"""How the types begin that should tell a cell."""

_BLANKS = ' "\t'
_NETWORK_PROVIDED = "network-provided"
_PARTS = {mark: re.compile(rf'(?:[^{mark}"]|"[^"]*"?)+') for mark in ",;"}
_DIGITS = re.compile(r"[0-9]{5,6}")
_KIND = re.compile(r"[!-~]{1,64}")


class AccessNetwork(NamedTuple):
    """One access network."""

    kind: str
    """The type or class in capitals, as 3GPP-E-UTRAN-FDD; empty where it is none."""
    plmn: str | None
    """None: it does not tell, as that of a wireless LAN."""
    is_network_provided: bool
    """It is the network that says so, and not the terminal."""
    is_silent: bool = False
    """It is of a type that has no cell to tell, as a wireless LAN."""


UNREADABLE = AccessNetwork("", None, is_network_provided=False)


def access_networks(octets: bytes, numbering: Numbering) -> list[AccessNetwork]:
    """Returns the access networks in one AVP."""
    if len(octets) > OCTETS_MAX:
        return []
    text = octets.replace(b"\0", b"").decode("utf-8", "replace")
    return [_access_network(each, numbering) for each in _parts(text, ",")[:NETWORKS_MAX]]


def believed(networks: Iterable[AccessNetwork]) -> AccessNetwork | None:
    """Returns the network that is believed: one that tells a PLMN, the network's word first."""
    return max(networks, key=_credibility, default=None)


def _credibility(network: AccessNetwork) -> tuple[bool, bool]:
    return network.plmn is not None, network.is_network_provided


def _access_network(text: str, numbering: Numbering) -> AccessNetwork:
    kind, *parameters = _parts(text, ";") or [""]
    plmn = None
    is_network_provided = has_cell = False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        name = name.strip().lower()
        if name == _NETWORK_PROVIDED:
            is_network_provided = True
        elif name in CELL_LENGTHS and plmn is None:
            has_cell = True
            plmn = _plmn_of_cell(value.strip(_BLANKS), CELL_LENGTHS[name], numbering)
    kind = kind.strip().upper()
    is_readable = _KIND.fullmatch(kind) is not None
    is_silent = is_readable and not has_cell and not kind.startswith(_CELLULAR)
    return AccessNetwork(kind if is_readable else "", plmn, is_network_provided, is_silent)


def _plmn_of_cell(cell: str, cell_lengths: tuple[int, ...], numbering: Numbering) -> str | None:
    """Returns the PLMN that a cell begins with, whose length says how long the MNC is.

    Where it is of none of the lengths that there are, what is known of the country says so.
    """
    for each in cell_lengths:
        rest = len(cell) - each
        if rest in PLMN_DIGITS and (plmn := plmn_of_digits(cell[:rest])) is not None:
            return plmn
    digits = _DIGITS.match(cell)
    parts = None if digits is None else numbering.split(digits.group())
    return None if parts is None else "".join(parts)


def _parts(text: str, mark: str) -> list[str]:
    """Returns what stands between marks; those within quotes are none."""
    if '"' in text:
        return _PARTS[mark].findall(text)
    return [part for part in text.split(mark) if part]
