"""What requests say of the service, as a person writes it: where, who with whom, over what.

    SETTING  = WORD "=" [VALUE]
    context  = 32251 data, 32260 IMS, 32270 MMS, 32274 SMS, 32275 MMTel or 32276 calls of the
               circuit-switched network, or a whole Service-Context-Id
    location = PLMN["/" TYPE]: 3GPP-User-Location-Info of a type of TS 29.061, 24 as GTPv2 has it
    network  = PLMN: 3GPP-SGSN-MCC-MNC
    sgsn     = an IP address: SGSN-Address
    apn      = the access point's name; rat = the number of 3GPP-RAT-Type
    access   = Access-Network-Information of IMS-Information
    transfer = the same of Access-Transfer-Information
    cellular = Cellular-Network-Information; visited = IMS-Visited-Network-Identifier
    vlr      = digits of VLR-Number; msc = digits of MSC-Address
    sccp     = digits of the SCCP address of the node that serves whoever is charged
    role     = originating, terminating or forwarding: which side is charged
    calling  = a number, a URI or an e-mail address; called = one or, after commas, several
    size     = octets of Message-Size
    bearer   = the number of 3GPP-Charging-Id of data; unasked each session has one of its own
    sub      = CC-Sub-Session-Id: its requests are numbered apart
    state    = Origin-State-Id: how often the gateway lost its sessions, or since when it has them

A PLMN is an MCC and an MNC in digits: 26201 or 310410. Without a VALUE the AVP is left out. Where
an AVP is an OctetString, 0x and hexadecimal digits are its octets.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from ipaddress import ip_address

UNSIGNED32_MAX = 2**32 - 1
UNSIGNED64_MAX = 2**64 - 1
LOCATION_TYPES = (0, 1, 2, 24, *range(128, 138))
ROLES = ("originating", "terminating", "forwarding")


@dataclass(frozen=True, slots=True)
class Information:
    """What requests say of their service, as it is written; "" leaves an AVP out.

    None is what they say unasked: data sessions are in the home network of their subscriber, and so
    are calls in the IMS where nothing else of the place is written.
    """

    context: str | None = None
    location: str | None = None
    network: str | None = None
    sgsn: str | None = None
    apn: str | None = None
    rat: str | None = None
    access: str | None = None
    transfer: str = ""
    cellular: str = ""
    visited: str = ""
    vlr: str = ""
    msc: str = ""
    sccp: str = ""
    role: str = ROLES[0]
    calling: str | None = None
    called: str | None = None
    size: str = ""
    bearer: str | None = None
    sub: str = ""
    state: str = ""

    @property
    def is_placed(self) -> bool:
        """Is anything of the place written?"""
        places = (self.location, self.network, self.sgsn, self.access, self.transfer)
        return any((*places, self.cellular, self.visited, self.vlr, self.msc, self.sccp))

    def having(self, word: str, value: str) -> "Information":
        """Returns it with one setting changed; ValueError says what a wrong value should be."""
        is_right, form = _FORMS[word]
        if value and not is_right(value):
            raise ValueError(f"{value!r} is none; write {form}")
        if not value and word in _NEEDED:
            raise ValueError(f"nothing stands after it; write {form}")
        return replace(self, **{word: value})


UNASKED = Information()

WORDS = tuple(field.name for field in fields(Information))
_NEEDED = ("context", "role")


def octets_of(value: str) -> bytes | None:
    """Returns the octets that a value spells out; None where it does not begin with 0x."""
    return bytes.fromhex(value[2:]) if value.startswith("0x") else None


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _is_ip_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return "%" not in value


_PLMN = "[0-9]{5,6}"
_OCTETS = "0x([0-9A-Fa-f]{2})*"
_TYPES = "|".join(map(str, LOCATION_TYPES))
_NUMBER = (_like(f"[0-9]{{1,20}}|{_OCTETS}"), "digits such as 447700900000, or octets as 0x...")
_OCTETS_OR_TEXT = (_like(rf"(?!0x).+|{_OCTETS}"), "text, or octets as 0x and pairs of digits")
_TEXT = (bool, "text")
_UNSIGNED = (
    lambda value: value.isdecimal() and len(value) <= 10 and int(value) <= UNSIGNED32_MAX,
    f"a number up to {UNSIGNED32_MAX}",
)

# word: (what its values are like, how to write one)
_FORMS: dict[str, tuple[Callable[[str], bool], str]] = {
    "context": (_like("[0-9]{5}|[^@]+@[^@]+"), "a document such as 32260, or 8.32260@3gpp.org"),
    "location": (
        _like(f"{_PLMN}(/({_TYPES}))?|{_OCTETS}"),
        "an MCC and MNC such as 26201, 26201/TYPE with the TYPE"
        f" {', '.join(map(str, LOCATION_TYPES[:-1]))} or {LOCATION_TYPES[-1]}, or octets as 0x...",
    ),
    "network": (_like(_PLMN), "an MCC and MNC such as 26201"),
    "sgsn": (_is_ip_address, "an IP address such as 192.0.2.11"),
    "apn": _TEXT,
    "rat": (lambda value: value.isdecimal() and int(value) < 256, "a number up to 255"),
    "access": _OCTETS_OR_TEXT,
    "transfer": _OCTETS_OR_TEXT,
    "cellular": _OCTETS_OR_TEXT,
    "visited": _TEXT,
    "vlr": _NUMBER,
    "msc": _NUMBER,
    "sccp": (_like("[0-9]{1,20}"), "digits such as 447700900000"),
    "role": (_like("|".join(ROLES)), f"{', '.join(ROLES[:-1])} or {ROLES[-1]}"),
    "calling": _TEXT,
    "called": _TEXT,
    "size": (_like("[0-9]{1,9}"), "a whole number of octets"),
    "bearer": _UNSIGNED,
    "sub": (
        lambda value: value.isdecimal() and len(value) <= 20 and int(value) <= UNSIGNED64_MAX,
        f"a number up to {UNSIGNED64_MAX}",
    ),
    "state": _UNSIGNED,
}
