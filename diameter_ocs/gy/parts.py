"""The groups of a request that tell of its service (Service-Information, TS 32.299 clause 7.2)."""

from typing import NamedTuple

from ..base.codec import Avp, Group
from ..base.formats import Value
from ..base.layouts import Layout

NOTHING = Group(b"", 0, Layout())
"""A group that is absent."""

_CONTAINERS = ("Service-Data-Container", "Traffic-Data-Volumes")


class Parts(NamedTuple):
    """The groups by what they are about; NOTHING stands for one that is absent."""

    command: Group
    packet: Group
    """PS-Information, which other services than data have, too, to tell of the access."""
    ims: Group
    circuit: Group
    texts: Group
    pictures: Group

    def on_access(self, name: str) -> Value | None:
        """Returns the value of an AVP about the access, None without one."""
        holder = self._holder(name)
        return None if holder is None else holder.first(name)

    def access_avp(self, name: str) -> Avp | None:
        """Returns the AVP whose value `on_access` returns."""
        holder = self._holder(name)
        return None if holder is None else holder.avp(name)

    def _holder(self, name: str) -> Group | None:
        """Returns the group in which an AVP about the access stands, None without one.

        That is PS-Information, with old gateways the command itself, else what was counted, where
        the latest comes last, else a service.
        """
        for group in (self.packet, self.command):
            if name in group:
                return group
        counted = [group for container in _CONTAINERS for group in self.packet.all(container)[::-1]]
        services = self.command.all("Multiple-Services-Credit-Control")
        return next((group for group in (*counted, *services) if name in group), None)


def parts_of(command: Group) -> Parts:
    """Returns the groups of a request."""
    service = command.first("Service-Information") or NOTHING
    return Parts(
        command,
        service.first("PS-Information") or NOTHING,
        service.first("IMS-Information") or NOTHING,
        service.first("VCS-Information") or NOTHING,
        service.first("SMS-Information") or NOTHING,
        service.first("MMS-Information") or NOTHING,
    )
