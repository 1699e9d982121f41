"""What a request says of where the subscriber is: one report of each source that is there.

Which one is believed is for charging to say; here they stand in the order in which it looks.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..base.codec import Group
from ..base.formats import Value
from ..charging.information import Direction, LocationReport, LocationSource
from .access_network import UNREADABLE, AccessNetwork, access_networks, believed
from .addresses import ip_address_of, number_of
from .isdn_address import isdn_address
from .numbering import Numbering
from .parts import NOTHING, Parts
from .party import party_of_address
from .plmn import plmn_of_digits, plmn_of_domain
from .user_location import user_location

USER_LOCATION = "3GPP-User-Location-Info"

_REGISTERS = (
    (LocationSource.VLR_NUMBER, "VLR-Number"),
    (LocationSource.MSC_ADDRESS, "MSC-Address"),
)


class Accesses(NamedTuple):
    """How a terminal reaches the IMS, as far as SIP tells; None where it does not."""

    transferred: AccessNetwork | None
    """Where a call was handed over to."""
    current: AccessNetwork | None
    cell: AccessNetwork | None
    """The last cell before the access became a wireless LAN or a line."""

    @property
    def kind(self) -> str | None:
        """The type of the access network."""
        network = self.transferred or self.current
        return None if network is None else network.kind or None


NO_ACCESSES = Accesses(None, None, None)


def accesses_of(ims: Group, numbering: Numbering) -> Accesses:
    """Returns the access networks in IMS-Information; of several of a kind the newest."""
    if ims is NOTHING:
        return NO_ACCESSES
    transfers = _newest(ims.all("Access-Transfer-Information"))
    here = [*_newest(ims.all("Access-Network-Info-Change")), ims]
    return Accesses(
        _network(transfers, "Access-Network-Information", numbering),
        _network(here, "Access-Network-Information", numbering),
        _network([*transfers, *here], "Cellular-Network-Information", numbering),
    )


def reports_of(
    parts: Parts, accesses: Accesses, direction: Direction | None, numbering: Numbering
) -> tuple[LocationReport, ...]:
    """Returns what each source says; one that is there and cannot be read says nothing."""
    reports = list(_of_packets(parts, numbering))
    reports += _of_nodes(parts, direction, numbering)
    if parts.ims is not NOTHING:
        reports += _of_sip(parts.ims, accesses, numbering)
    if parts.texts is not NOTHING:
        reports += _assumed(parts.texts, direction, numbering)
    return tuple(reports)


def _of_packets(parts: Parts, numbering: Numbering) -> Iterator[LocationReport]:
    octets = parts.on_access(USER_LOCATION)
    if octets is not None:
        yield _in_network(LocationSource.USER_LOCATION, user_location(octets), numbering)
    text = parts.on_access("3GPP-SGSN-MCC-MNC")
    if text is not None:
        yield _in_network(LocationSource.SERVING_NETWORK, plmn_of_digits(text), numbering)
    address = parts.on_access("SGSN-Address")
    if address is not None:
        yield LocationReport(LocationSource.SGSN_ADDRESS, address=ip_address_of(address))


def _of_nodes(
    parts: Parts, direction: Direction | None, numbering: Numbering
) -> Iterator[LocationReport]:
    """Yields what the numbers of exchanges and registers tell: the country that they stand in."""
    if parts.texts is not NOTHING:
        address = _serving_address(parts.texts, direction)
        if address is not None:
            yield _at_number(LocationSource.ORIGINATOR, number_of(address), numbering)
    for source, name in _REGISTERS:
        octets = parts.circuit.first(name)
        if octets is not None:
            yield _at_number(source, isdn_address(octets), numbering)


def _of_sip(ims: Group, accesses: Accesses, numbering: Numbering) -> Iterator[LocationReport]:
    if accesses.transferred is not None and not accesses.transferred.is_silent:
        plmn = accesses.transferred.plmn
        yield _in_network(LocationSource.TRANSFER_ACCESS_NETWORK, plmn, numbering)
    if accesses.current is not None and not accesses.current.is_silent:
        yield _in_network(LocationSource.ACCESS_NETWORK, accesses.current.plmn, numbering)
    visited = ims.first("IMS-Visited-Network-Identifier")
    if visited is not None:
        plmn = plmn_of_domain(visited, numbering)
        yield _in_network(LocationSource.VISITED_NETWORK, plmn, numbering)
    if accesses.cell is not None and not accesses.cell.is_silent:
        yield _in_network(LocationSource.CELLULAR_NETWORK, accesses.cell.plmn, numbering)


def _assumed(
    texts: Group, direction: Direction | None, numbering: Numbering
) -> Iterator[LocationReport]:
    """Yields where the sender of a message is at home, where it is the sender who is charged."""
    address = texts.first("Originator-Received-Address")
    if address is not None and direction is not Direction.TERMINATING:
        party = party_of_address(address)
        digits = None if party is None else party.country_digits
        yield _at_number(LocationSource.RECEIVED_ADDRESS, digits, numbering)


def _serving_address(texts: Group, direction: Direction | None) -> Value | None:
    """Returns the address of the node that serves the party of a message that is charged."""
    if direction is not Direction.TERMINATING:
        return texts.first("Originator-SCCP-Address")
    addresses = (each.first("Recipient-SCCP-Address") for each in texts.all("Recipient-Info"))
    return next((address for address in addresses if address is not None), None)


def _network(groups: list[Group], name: str, numbering: Numbering) -> AccessNetwork | None:
    """Returns the network of the first group in which one tells a PLMN, else of the first."""
    networks = [_believed(group.all(name), numbering) for group in groups if name in group]
    telling = (network for network in networks if network.plmn is not None)
    return next(telling, networks[0] if networks else None)


def _believed(headers: list[Value], numbering: Numbering) -> AccessNetwork:
    """Returns the network of some headers that is believed."""
    networks = [each for octets in headers for each in access_networks(octets, numbering)]
    return believed(networks) or UNREADABLE


def _newest(groups: list[Group]) -> list[Group]:
    """Returns groups by their Change-Time, the newest first; what was added later is newer."""
    newest = groups[::-1]
    newest.sort(key=_change_time, reverse=True)
    return newest


def _change_time(group: Group) -> int:
    changed_at: int = group.first("Change-Time") or 0
    return changed_at


def _in_network(source: LocationSource, plmn: str | None, numbering: Numbering) -> LocationReport:
    if plmn is None:
        return LocationReport(source)
    return LocationReport(source, plmn=plmn, countries=numbering.countries_of_plmn(plmn))


def _at_number(source: LocationSource, digits: str | None, numbering: Numbering) -> LocationReport:
    if digits is None:
        return LocationReport(source)
    return LocationReport(source, number=digits, countries=numbering.countries_of_number(digits))
