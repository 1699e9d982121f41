"""In what circumstances something was charged, as JSON and in words."""

from typing import Any

from ..charging.information import LocationSource
from ..charging.location import Circumstances, Location

SOURCES = {
    LocationSource.LOCATION_REPORT: "location report",
    LocationSource.USER_LOCATION: "3GPP-User-Location-Info",
    LocationSource.SERVING_NETWORK: "3GPP-SGSN-MCC-MNC",
    LocationSource.SGSN_ADDRESS: "SGSN-Address",
    LocationSource.ORIGINATOR: "SCCP address",
    LocationSource.VLR_NUMBER: "VLR-Number",
    LocationSource.MSC_ADDRESS: "MSC-Address",
    LocationSource.TRANSFER_ACCESS_NETWORK: "Access-Transfer-Information",
    LocationSource.ACCESS_NETWORK: "Access-Network-Information",
    LocationSource.VISITED_NETWORK: "IMS-Visited-Network-Identifier",
    LocationSource.CELLULAR_NETWORK: "Cellular-Network-Information",
    LocationSource.RECEIVED_ADDRESS: "Originator-Received-Address",
}
"""What people call them."""


def circumstances_json(circumstances: Circumstances) -> dict[str, Any]:
    """Describes where the subscriber was, and with whom it communicated over what."""
    information = circumstances.information
    direction = information.direction
    return {
        "location": _location_json(circumstances.location),
        "direction": None if direction is None else direction.name,
        "calling": information.calling,
        "called": information.called,
        "recipients": list(information.recipients),
        "other_countries": list(information.other_countries),
        "carrier": information.carrier,
        "is_on_net": circumstances.is_on_net,
        "is_emergency": information.is_emergency,
        "apn": information.apn,
        "rat_type": information.rat_type,
        "access": information.access,
        "message_octets": information.message_octets,
    }


def place_text(location: Location) -> str | None:
    """Writes where it is: network and countries, as far as they are known."""
    return " ".join(filter(None, [location.plmn, "/".join(location.countries)])) or None


def location_text(location: Location) -> str | None:
    """Writes where it is and who says so; None: nobody said anything."""
    skipped = ", ".join(SOURCES[source] for source in location.skipped)
    if location.source is None:
        return f"unknown; not to be placed: {skipped}" if skipped else None
    manner = "assumed by" if location.is_assumed else "by"
    parts = [f"{place_text(location)}, {manner} {SOURCES[location.source]}"]
    if location.is_remembered:
        parts.append("said before")
    if skipped:
        parts.append(f"not to be placed: {skipped}")
    return "; ".join(parts)


def _location_json(location: Location) -> dict[str, Any]:
    return {
        "source": None if location.source is None else location.source.name,
        "network": location.plmn,
        "countries": list(location.countries),
        "skipped": [source.name for source in location.skipped],
        "is_remembered": location.is_remembered,
        "is_assumed": location.is_assumed,
    }
