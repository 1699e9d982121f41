"""What an answer says of the end of a quota (RFC 8506 sections 8.34 and 8.68)."""

from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import each, first

ACTIONS = ("TERMINATE", "REDIRECT", "RESTRICT_ACCESS")
ADDRESS_TYPES = ("IPv4", "IPv6", "URL", "SIP URI")
EXTENSION_TYPES = {
    c.AVP_REDIRECT_ADDRESS_IPADDRESS: "IP",
    c.AVP_REDIRECT_ADDRESS_URL: "URL",
    c.AVP_REDIRECT_ADDRESS_SIP_URI: "SIP URI",
}
"""What stands in Redirect-Server-Extension."""


@dataclass(frozen=True, slots=True)
class FinalUnit:
    """What a gateway is to do when a quota is used up, or at once where it got none."""

    action: str
    address_type: str | None = None
    address: str | None = None
    filter_rules: tuple[str, ...] = ()
    filter_ids: tuple[str, ...] = ()

    def text(self) -> str:
        """Says in a few words what is to be done."""
        parts = [self.action]
        if self.address is not None:
            parts.append(f"to {self.address_type} {self.address}")
        filters = [*(f'"{rule}"' for rule in self.filter_rules), *self.filter_ids]
        if filters:
            parts.append(f"({', '.join(filters)})")
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON; what is absent is None."""
        return {
            **asdict(self),
            "filter_rules": list(self.filter_rules),
            "filter_ids": list(self.filter_ids),
        }


def read_final_unit(group: list[Any]) -> FinalUnit:
    """Reads the members of Final-Unit-Indication, or of QoS-Final-Unit-Indication."""
    kind, address = _server(group)
    rules = each(group, c.AVP_RESTRICTION_FILTER_RULE)
    return FinalUnit(
        _named(ACTIONS, first(group, c.AVP_FINAL_UNIT_ACTION)),
        kind,
        address,
        tuple(rule.value.decode() for rule in rules),
        tuple(name.value for name in each(group, c.AVP_FILTER_ID)),
    )


def _server(group: list[Any]) -> tuple[str | None, str | None]:
    """Returns the type and the address of the server that users are sent to."""
    server = first(group, c.AVP_REDIRECT_SERVER)
    if server is not None:
        kind = _named(ADDRESS_TYPES, first(server, c.AVP_REDIRECT_ADDRESS_TYPE))
        return kind, first(server, c.AVP_REDIRECT_SERVER_ADDRESS)
    for member in first(group, c.AVP_REDIRECT_SERVER_EXTENSION) or ():
        if member.code in EXTENSION_TYPES:
            value = member.value
            is_address = member.code == c.AVP_REDIRECT_ADDRESS_IPADDRESS
            return EXTENSION_TYPES[member.code], value[1] if is_address else value
    return None, None


def _named(names: tuple[str, ...], value: int | None) -> str:
    known = value is not None and 0 <= value < len(names)
    return names[value or 0] if known else f"unknown ({value})"
