"""Where the subscriber is: the ordered sources, and what the tenant knows of nodes."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from .information import NO_INFORMATION, LocationReport, LocationSource, ServiceInformation


class Location(NamedTuple):
    """Where the subscriber is, as far as anybody says."""

    source: LocationSource | None = None
    """Which source was believed; None: none said anything."""
    plmn: str | None = None
    countries: tuple[str, ...] = ()
    """Empty: unknown."""
    skipped: tuple[LocationSource, ...] = ()
    """Sources that were there, would have been believed, and could not be read or placed."""
    is_remembered: bool = False
    """The request said nothing: it is where the session was before."""

    @property
    def is_known(self) -> bool:
        """Did anybody say it?"""
        return self.source is not None

    @property
    def is_assumed(self) -> bool:
        """Is it only likely?"""
        return self.source is LocationSource.RECEIVED_ADDRESS


UNKNOWN = Location()


class Place(NamedTuple):
    """Where a node stands."""

    countries: tuple[str, ...] = ()
    plmn: str | None = None


class Circumstances(NamedTuple):
    """What the choice of services and prices depends on, besides account and time."""

    location: Location = UNKNOWN
    information: ServiceInformation = NO_INFORMATION
    """Without its reports."""
    is_on_net: bool | None = None
    """Whether the other party is a subscriber of the tenant; None: there is none."""


NO_CIRCUMSTANCES = Circumstances()

Prefixes = Mapping[str, Place]
Addresses = Mapping[IPv4Network | IPv6Network, Place]


def determine(
    reports: Iterable[LocationReport], last: Location, prefixes: Prefixes, addresses: Addresses
) -> Location:
    """Returns where the subscriber is, by the first report that can be placed.

    `reports` come in the order in which they are believed. `last` is where the session was before:
    when the user's own equipment or serving network said so it is believed before what merely
    stands near, else when nothing in the request can be placed.
    """
    was_near = last.source is not None and last.source <= LocationSource.SGSN_ADDRESS
    skipped: list[LocationSource] = []
    for report in reports:
        if was_near and report.source > LocationSource.SGSN_ADDRESS:
            break
        place = _place_of(report, prefixes, addresses)
        if place.plmn is not None or place.countries:
            return Location(report.source, place.plmn, place.countries, tuple(skipped))
        skipped.append(report.source)
    return last._replace(skipped=tuple(skipped), is_remembered=last.is_known)


def _place_of(report: LocationReport, prefixes: Prefixes, addresses: Addresses) -> Place:
    """Returns what a report says; of a number, or an address, the tenant knows best."""
    if report.address is not None:
        return _place_of_address(report.address, addresses)
    number = report.number or ""
    for length in range(len(number), 0, -1):
        place = prefixes.get(number[:length])
        if place is not None:
            return place
    return Place(report.countries, report.plmn)


def _place_of_address(text: str, addresses: Addresses) -> Place:
    try:
        address = ip_address(text)
    except ValueError:
        return Place()
    networks = [network for network in addresses if address in network]
    if not networks:
        return Place()
    return addresses[max(networks, key=lambda network: network.prefixlen)]
