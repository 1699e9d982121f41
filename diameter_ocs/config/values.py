"""Values of the configuration: what is written in text, and what it must be like."""

import ipaddress
import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

PORT_MAX = 65535
PLACE_WANTED = "must be an IP address and a port, as 192.0.2.9:3868 or [::1]:3868"
IDENTITY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
IDENTITY_PATTERN = re.compile(r"[A-Za-z0-9_.*?\[\]!-]+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Endpoint(NamedTuple):
    """A host, or an address of it, and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(value: object) -> Endpoint:
    """Returns the endpoint written as HOST:PORT, or [ADDRESS]:PORT for IPv6."""
    if isinstance(value, Endpoint):
        return value
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:\[\]]+)):(\d{1,5})", str(value))
    if found is None or int(found[3]) > PORT_MAX:
        raise ValueError("must be HOST:PORT, or [ADDRESS]:PORT for IPv6")
    return Endpoint(found[1] or found[2], int(found[3]))


def parse_endpoint_or_none(value: object) -> Endpoint | None:
    """Returns the endpoint, or None for what is not to be at all."""
    return None if value in ("", None) else parse_endpoint(value)


class Place(NamedTuple):
    """An address and a port."""

    address: Address
    port: int

    def __str__(self) -> str:
        return str(Endpoint(str(self.address), self.port))


def parse_place(value: object) -> Place:
    """Returns the place written as ADDRESS:PORT, or [ADDRESS]:PORT for IPv6."""
    if isinstance(value, Place):
        return value
    try:
        host, port = parse_endpoint(value)
        return Place(ipaddress.ip_address(host), port)
    except ValueError:
        raise ValueError(PLACE_WANTED) from None


def parse_peer_endpoint(value: object) -> Endpoint:
    """Returns the endpoint of somebody else, whose port is not to be chosen here."""
    endpoint = parse_endpoint(value)
    if endpoint.port == 0:
        raise ValueError("must be HOST:PORT with the port at which the peer listens")
    return endpoint


def parse_address(value: object) -> Address:
    """Returns the address that is written."""
    try:
        return ipaddress.ip_address(str(value))
    except ValueError:
        raise ValueError("must be an IP address such as 192.0.2.1 or 2001:db8::1") from None


def parse_network(value: object) -> Network:
    """Returns the network that is written, or that of one address."""
    try:
        return ipaddress.ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"must be an IP address or network: {error}") from None


def split(value: object) -> object:
    """Splits text at its commas: lists in the environment are written so."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def is_identity(value: str) -> bool:
    """Says whether it can be a host name or a realm; a pattern cannot."""
    return IDENTITY.fullmatch(value) is not None


def _check_identity(value: str) -> str:
    if not is_identity(value):
        raise ValueError("must be a host name or realm such as ocs.example")
    return value


def _check_identity_pattern(value: str) -> str:
    if not IDENTITY_PATTERN.fullmatch(value):
        raise ValueError("must be a host name or a pattern of it such as pgw*.example")
    return value


def _check_realm(value: str) -> str:
    return value if value == "*" else _check_identity(value)


Identity = Annotated[str, AfterValidator(_check_identity)]
IdentityPattern = Annotated[str, AfterValidator(_check_identity_pattern)]
Realm = Annotated[str, AfterValidator(_check_realm)]
AnswerBudget = Annotated[float, Field(ge=0.1, le=60)]
# RFC 3539 section 3.4.1: Tw is at least 6 seconds.
WatchdogSeconds = Annotated[float, Field(ge=6, le=3600)]
ServiceContext = Annotated[str, Field(pattern=r"^32[0-9]{3}$")]
