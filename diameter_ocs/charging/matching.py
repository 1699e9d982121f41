"""Whether restrictions hold in the circumstances of a request, and which does not."""

from datetime import tzinfo
from typing import NamedTuple

from .catalogue import Catalogue
from .considered import Reason
from .location import Circumstances, Location
from .restrictions import Restrictions


class Occasion(NamedTuple):
    """What restrictions are held against."""

    circumstances: Circumstances
    at: int
    """Microseconds since 1970 UTC."""
    time_zone: tzinfo
    catalogue: Catalogue


def unmet(
    restrictions: Restrictions | None, occasion: Occasion, takes_unplaced: bool
) -> Reason | None:
    """Returns why restrictions do not hold; None: they do.

    That the location is unknown is the reason only where nothing else is; with `takes_unplaced` it
    is none.
    """
    if restrictions is None:
        return None
    circumstances = occasion.circumstances
    reason = _unmet_by_service(restrictions, circumstances, occasion)
    if reason is not None or not restrictions.needs_location:
        return reason
    if not circumstances.location.is_known:
        return None if takes_unplaced else Reason.LOCATION_UNKNOWN
    return _unmet_by_place(restrictions, circumstances, occasion.catalogue)


def is_roaming(location: Location, catalogue: Catalogue) -> bool | None:
    """Says whether a subscriber is away from the home networks, or countries; None: unknown."""
    home = catalogue.home_networks
    if location.plmn is not None and home is not None:
        return not home.matches(location.plmn)
    if not (location.countries and catalogue.home_countries):
        return None
    return not any(country in catalogue.home_countries for country in location.countries)


def _unmet_by_service(
    restrictions: Restrictions, circumstances: Circumstances, occasion: Occasion
) -> Reason | None:
    information = circumstances.information
    countries, numbers, hours = restrictions.to_countries, restrictions.numbers, restrictions.hours
    if countries is not None and not countries.matches(information.other_countries):
        return Reason.OTHER_COUNTRY
    if numbers is not None and not numbers.matches(information.other_party):
        return Reason.NUMBER
    if hours is not None and not hours.contains(occasion.at, occasion.time_zone):
        return Reason.HOURS
    if restrictions.is_on_net not in (None, circumstances.is_on_net):
        return Reason.ON_NET
    if restrictions.is_same_country is not None and not information.other_countries:
        return Reason.SAME_COUNTRY
    if restrictions.direction not in (None, information.direction):
        return Reason.DIRECTION
    return None


def _unmet_by_place(
    restrictions: Restrictions, circumstances: Circumstances, catalogue: Catalogue
) -> Reason | None:
    location, others = circumstances.location, circumstances.information.other_countries
    countries, networks = restrictions.from_countries, restrictions.from_networks
    if countries is not None and not countries.matches(location.countries):
        return Reason.COUNTRY
    if networks is not None and not networks.matches(location.plmn):
        return Reason.NETWORK
    if restrictions.is_roaming not in (None, is_roaming(location, catalogue)):
        return Reason.ROAMING
    if restrictions.is_same_country is not None:
        is_same = not set(others).isdisjoint(location.countries)
        if not location.countries or is_same is not restrictions.is_same_country:
            return Reason.SAME_COUNTRY
    return None
