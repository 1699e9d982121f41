"""What an operator writes after `when`, and what becomes of it: all of it must hold."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..charging.dates import parse_dates
from ..charging.expressions import parse_countries, parse_networks, parse_numbers
from ..charging.hours import parse_days, parse_times, working_hours
from ..charging.information import Direction
from ..charging.restrictions import Restrictions
from .catalogue_places import CountriesText, NetworksText, NumbersText
from .catalogue_scalars import Part

HOURS_MAX = 100


def _check_days(text: str) -> str:
    parse_days(text)
    return text


def _check_times(text: str) -> str:
    parse_times(text)
    return text


def _check_dates(text: str) -> str:
    parse_dates(text)
    return text


def _listed(value: object) -> object:
    """One mapping stands for a list of one."""
    return [value] if isinstance(value, dict) else value


class HoursPart(Part):
    """Some hours of some days of the week, or of some dates."""

    days: Annotated[str, AfterValidator(_check_days)] = "mon-sun"
    """As mon-fri, or sat,sun."""
    times: Annotated[str, AfterValidator(_check_times)] = "00:00-24:00"
    """As 08:00-12:00,13:00-18:00; 22:00-06:00 ends on the day after."""
    dates: Annotated[str, AfterValidator(_check_dates)] | None = None
    """Only on these, as 2026-12-24 - 2026-12-31, or every year 12-25."""


class WhenPart(Part):
    """What must hold, all of it; what nobody knows never holds."""

    countries: CountriesText | None = None
    """Where the subscriber is: DE, (DE,AT), !DE or *."""
    networks: NetworksText | None = None
    """Likewise: 262/01, 262/* or 310/(260,410)."""
    at: Literal["home", "roaming"] | None = None
    """Whether the subscriber is in one of the home networks."""
    party: Literal["on_net", "off_net"] | None = None
    """Whether the other party, called or calling, is of the tenant's own; several are off_net."""
    party_countries: CountriesText | None = None
    """Where the other party's number belongs; of several recipients, those of all."""
    party_numbers: NumbersText | None = None
    """The other party's number, country code first: 4930123, 49171* or 0800*; of several recipients
    the first one's."""
    same_country: bool | None = None
    """Whether the other party's number belongs to the country where the subscriber is."""
    direction: Literal["originating", "terminating", "forwarding"] | None = None
    """Whether the subscriber calls, is called, or forwards."""
    hours: Annotated[
        Annotated[tuple[HoursPart, ...], Field(min_length=1, max_length=HOURS_MAX)] | None,
        BeforeValidator(_listed, json_schema_input_type=HoursPart | tuple[HoursPart, ...] | None),
    ] = None
    """By the account's time: in one of these."""


def restrictions(part: WhenPart | None) -> Restrictions | None:
    """Returns what must hold; None: nothing must."""
    if part is None:
        return None
    countries, networks = part.countries, part.networks
    to_countries, numbers = part.party_countries, part.party_numbers
    hours = None
    if part.hours is not None:
        hours = working_hours(
            [(each.days, each.times) for each in part.hours if each.dates is None],
            [(each.dates, each.days, each.times) for each in part.hours if each.dates is not None],
        )
    return Restrictions(
        from_countries=None if countries is None else parse_countries(countries),
        from_networks=None if networks is None else parse_networks(networks),
        to_countries=None if to_countries is None else parse_countries(to_countries),
        numbers=None if numbers is None else parse_numbers(numbers),
        hours=hours,
        is_on_net=None if part.party is None else part.party == "on_net",
        is_roaming=None if part.at is None else part.at == "roaming",
        is_same_country=part.same_country,
        direction=None if part.direction is None else Direction[part.direction.upper()],
    )
