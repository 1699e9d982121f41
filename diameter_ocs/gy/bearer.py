"""Which bearer a request is about, and which life of its gateway: numbers that only it gives."""

from ..base.codec import Avp, Group
from .parts import NOTHING

CHARGING_ID = "3GPP-Charging-Id"
ORIGIN_STATE_ID = "Origin-State-Id"


def charging_id_avp(command: Group) -> Avp | None:
    """Returns the AVP that numbers the bearer; None: there is none."""
    information = command.first("Service-Information") or NOTHING
    packet = information.first("PS-Information") or NOTHING
    furnished = packet.first("PS-Furnish-Charging-Information") or NOTHING
    groups = (packet, command, furnished)
    return next((group.avp(CHARGING_ID) for group in groups if CHARGING_ID in group), None)


def charging_id_of(octets: bytes) -> int | None:
    """Returns the number of a bearer; 0 is that of none."""
    return int.from_bytes(octets) or None
