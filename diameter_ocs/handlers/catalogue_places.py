"""What an operator writes of places: networks, numbers and addresses, and what becomes of it."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator

from ..charging.expressions import parse_countries, parse_networks, parse_numbers
from ..charging.hours import zone
from ..charging.location import Place
from .catalogue_scalars import Part, schema
from .quantities import shortened

TABLE_ENTRIES_MAX = 10_000
"""In a table of prefixes or addresses."""
COUNTRY = "[A-Za-z]{2}"
NETWORK = "[0-9]{3}/[0-9]{2,3}"
PREFIX = r"\+?[1-9][0-9]{0,14}"
EMERGENCY = "[0-9]{2,15}"
CARRIER = r"[+(]?[0-9A-Za-z][0-9A-Za-z.()-]{0,31}"
_SEPARATORS = str.maketrans("", "", "-.()")


def _check_country(text: str) -> str:
    if not re.fullmatch(COUNTRY, text):
        raise ValueError(f"{shortened(text)} is not a country of two letters, as US")
    return str(parse_countries(text))


def _check_network(text: str) -> str:
    if not re.fullmatch(NETWORK, text):
        raise ValueError(f"{shortened(text)} is no network, as 262/01 or 310/260")
    return text


def _check_prefix(text: str) -> str:
    if not re.fullmatch(PREFIX, text):
        raise ValueError(
            "write the first digits of numbers, country code first: 49171, not 0049171"
        )
    return text.removeprefix("+")


def _check_emergency(text: str) -> str:
    if not re.fullmatch(EMERGENCY, text):
        raise ValueError("write a number of 2 to 15 digits, as 112")
    return text


def _check_carrier(text: str) -> str:
    if not re.fullmatch(CARRIER, text):
        raise ValueError("write a carrier's code in up to 32 letters and digits")
    return text.translate(_SEPARATORS).removeprefix("+").upper()


def _check_address(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        reason = str(error) if "host bits" in str(error) else f"{shortened(text)} is none"
        raise ValueError(f"write addresses as 192.0.2.0/24 or 2001:db8::/32: {reason}") from None


def _check_time_zone(name: str) -> str:
    zone(name)
    return name


Country = Annotated[str, AfterValidator(_check_country), schema("string", pattern=f"^{COUNTRY}$")]
Network = Annotated[str, AfterValidator(_check_network), schema("string", pattern=f"^{NETWORK}$")]
Prefix = Annotated[
    str, AfterValidator(_check_prefix), schema("string", "integer", pattern=rf"^{PREFIX}$")
]
EmergencyNumber = Annotated[
    str, AfterValidator(_check_emergency), schema("string", "integer", pattern=f"^{EMERGENCY}$")
]
CarrierCode = Annotated[
    str, AfterValidator(_check_carrier), schema("string", "integer", pattern=f"^{CARRIER}$")
]
Address = Annotated[str, AfterValidator(_check_address)]
TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
CountriesText = Annotated[str, AfterValidator(lambda text: str(parse_countries(text)))]
"""An expression of countries, as it is best written."""
NetworksText = Annotated[str, AfterValidator(lambda text: str(parse_networks(text)))]
NumbersText = Annotated[str, AfterValidator(lambda text: str(parse_numbers(text)))]


class PrefixPart(Part):
    """Where the nodes stand whose numbers begin alike, and whose they are."""

    prefix: Prefix
    """The first digits, country code first; of several the longest counts."""
    country: Country
    """As ISO 3166-1 has it: DE."""
    network: Network | None = None
    """MCC and MNC: 262/01."""


class AddressPart(Part):
    """Where the nodes stand that have such addresses, and whose they are."""

    address: Address
    """One address, or a network of them, as 192.0.2.0/24; of several the smallest counts."""
    country: Country
    """As ISO 3166-1 has it: DE."""
    network: Network | None = None
    """MCC and MNC: 262/01."""


def prefixes(parts: tuple[PrefixPart, ...]) -> dict[str, Place]:
    """Returns where nodes stand by the first digits of their numbers."""
    return {part.prefix: _place(part) for part in parts}


def addresses(parts: tuple[AddressPart, ...]) -> dict[IPv4Network | IPv6Network, Place]:
    """Returns where nodes stand by their addresses."""
    return {ip_network(part.address): _place(part) for part in parts}


def _place(part: PrefixPart | AddressPart) -> Place:
    network = part.network
    return Place((part.country,), None if network is None else network.replace("/", ""))
