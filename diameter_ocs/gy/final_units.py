"""What a gateway does at the end of a quota, as AVPs (RFC 8506 sections 8.34 and 8.68)."""

from ipaddress import ip_address
from typing import Any

from ..charging.final_units import AddressType, FinalUnit

IPV4, IPV6 = 1, 2
"""Address families (RFC 6733 section 4.3.1)."""

Pairs = list[tuple[str, Any]]


def final_unit_indication(final_unit: FinalUnit) -> Pairs:
    """Returns the members of Final-Unit-Indication; a TERMINATE has its action alone."""
    members: Pairs = [("Final-Unit-Action", final_unit.action)]
    members += [("Restriction-Filter-Rule", rule) for rule in final_unit.filter_rules]
    members += [("Filter-Id", name) for name in final_unit.filter_ids]
    if final_unit.address_type is not None:
        server = [
            ("Redirect-Address-Type", final_unit.address_type),
            ("Redirect-Server-Address", final_unit.address),
        ]
        members.append(("Redirect-Server", server))
    return members


def qos_final_unit_indication(final_unit: FinalUnit) -> Pairs | None:
    """Returns the members of QoS-Final-Unit-Indication; None: it cannot say the same.

    A gateway that knows it does not look at the other one. IPFilterRules have no place in it:
    without them it would be told less.
    """
    if final_unit.filter_rules:
        return None
    members: Pairs = [("Final-Unit-Action", final_unit.action)]
    members += [("Filter-Id", name) for name in final_unit.filter_ids]
    if final_unit.address_type is not None:
        server = _server(final_unit.address_type, final_unit.address)
        members.append(("Redirect-Server-Extension", [server]))
    return members


def _server(address_type: AddressType, address: str) -> tuple[str, Any]:
    if address_type is AddressType.URL:
        return "Redirect-Address-URL", address
    if address_type is AddressType.SIP_URI:
        return "Redirect-Address-SIP-URI", address
    family = IPV4 if address_type is AddressType.IPV4 else IPV6
    return "Redirect-Address-IPAddress", (family, ip_address(address).packed)
