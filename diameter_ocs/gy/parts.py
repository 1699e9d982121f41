"""The groups of a request that tell of its service (Service-Information, TS 32.299 clause 7.2)."""

from typing import NamedTuple

from ..base.codec import Avp, Group
from ..base.formats import Value
from ..base.layouts import Layout

NOTHING = Group(b"", 0, Layout())
"""A group that is absent."""

_COUNTED = ("Service-Data-Container", "Traffic-Data-Volumes")


class Parts(NamedTuple):
    """The groups by what they are about; NOTHING stands for one that is absent."""

    access: tuple[Group, ...]
    """Where AVPs about the access may stand, the first one counts: PS-Information, which not only
    data has, with old gateways the command, then what was counted, the latest first, a service."""
    ims: Group
    circuit: Group
    texts: Group
    pictures: Group

    def on_access(self, name: str) -> Value | None:
        """Returns the value of an AVP about the access, None without one."""
        for group in self.access:
            value = group.first(name)
            if value is not None:
                return value
        return None

    def access_avp(self, name: str) -> Avp | None:
        """Returns the AVP whose value `on_access` returns."""
        return next((group.avp(name) for group in self.access if name in group), None)


def parts_of(command: Group) -> Parts:
    """Returns the groups of a request."""
    first = (command.first("Service-Information") or NOTHING).first
    return Parts(
        _access(command, first("PS-Information") or NOTHING),
        first("IMS-Information") or NOTHING,
        first("VCS-Information") or NOTHING,
        first("SMS-Information") or NOTHING,
        first("MMS-Information") or NOTHING,
    )


def _access(command: Group, packet: Group) -> tuple[Group, ...]:
    counted = [group for name in _COUNTED for group in packet.all(name)[::-1]]
    return (packet, command, *counted, *command.all("Multiple-Services-Credit-Control"))
