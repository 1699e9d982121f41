"""Where the subscriber is, and in what circumstances a request is charged."""

from typing import NamedTuple

from .information import NO_INFORMATION, LocationSource, ServiceInformation


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


UNKNOWN = Location()


class Place(NamedTuple):
    """Where a node stands, as the tenant says."""

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
