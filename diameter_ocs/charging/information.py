"""What a request says of the service itself: who with whom, from where, over what."""

from enum import IntEnum
from typing import NamedTuple


class Direction(IntEnum):
    """Which side of the communication is charged (Role-Of-Node, TS 32.299 7.2.185)."""

    ORIGINATING = 0
    TERMINATING = 1
    FORWARDING = 2


class LocationSource(IntEnum):
    """What may say where a subscriber is; the first that can be read is believed."""

    LOCATION_REPORT = 1
    """Location reporting information: 5G, or a mapped field."""
    USER_LOCATION = 2
    """3GPP-User-Location-Info."""
    SERVING_NETWORK = 3
    """3GPP-SGSN-MCC-MNC."""
    SGSN_ADDRESS = 4
    """The tenant's table of the addresses of serving nodes."""
    ORIGINATOR = 5
    """The SCCP address of the node that serves the party of a short message that is charged."""
    VLR_NUMBER = 6
    MSC_ADDRESS = 7
    TRANSFER_ACCESS_NETWORK = 8
    """Access-Network-Information of a transfer of access."""
    ACCESS_NETWORK = 9
    """Access-Network-Information of the IMS."""
    VISITED_NETWORK = 10
    """IMS-Visited-Network-Identifier."""
    CELLULAR_NETWORK = 11
    """Cellular-Network-Information: the last cell before the access became another one."""
    RECEIVED_ADDRESS = 12
    """Originator-Received-Address: an assumption, for it names the subscriber, not the place."""


class LocationReport(NamedTuple):
    """What one source says; without any value it was there and could not be read."""

    source: LocationSource
    plmn: str | None = None
    """MCC and MNC in digits: "26201", "310410"."""
    number: str | None = None
    """E.164 digits of a node, or of whoever stands for the place."""
    address: str | None = None
    """The IP address of a serving node, of which only the tenant knows where it stands."""
    countries: tuple[str, ...] = ()
    """ISO 3166-1 codes of what the network or the number belong to; of some, several."""

    @property
    def is_readable(self) -> bool:
        """Does it say anything?"""
        return not (self.plmn is None and self.number is None and self.address is None)


class ServiceInformation(NamedTuple):
    """What a request says of its service, in no protocol's words (Service-Information, 8.4.1).

    Numbers are E.164 digits where they are such, else the address as it came.
    """

    reports: tuple[LocationReport, ...] = ()
    """Where the subscriber is, by source, in the order in which they are believed."""
    direction: Direction | None = None
    calling: str | None = None
    called: str | None = None
    """Of a message with several recipients the first."""
    recipients: tuple[str, ...] = ()
    other_countries: tuple[str, ...] = ()
    """Those of the number at the other end: called, or calling where the call comes in.

    Of several recipients, if those of all are the same; else none.
    """
    carrier: str | None = None
    """The carrier, or routing, code that comes with the other number."""
    is_emergency: bool = False
    apn: str | None = None
    rat_type: int | None = None
    """As 3GPP-RAT-Type numbers them (TS 29.061): 6 is E-UTRAN."""
    access: str | None = None
    """The access type of the IMS, as "3GPP-E-UTRAN-FDD"."""
    message_octets: int | None = None

    @property
    def other_party(self) -> str | None:
        """The number or address at the other end."""
        return self.calling if self.direction is Direction.TERMINATING else self.called


NO_INFORMATION = ServiceInformation()
