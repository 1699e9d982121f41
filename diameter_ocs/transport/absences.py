"""Why peers are not here: how the last connection of each ended, or why none came to be."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from .association import Wire

PEERS_MAX = 64
"""Peers that are remembered, the latest."""
STRANGERS_MAX = 16
"""Places that are remembered from where nobody said who he is."""


class Absence(NamedTuple):
    """A peer that is not here, or, without a host, connections that ended before their CER."""

    host: str | None
    """In lower case."""
    address: str
    """Where it was, or should be; a port too, where this node connects to it."""
    wire: Wire
    reason: str
    ended_at: int
    """When it was so last, in microseconds since 1970."""
    times: int
    """How often in a row."""


class Absences:
    """Those of a node, until the peers come."""

    def __init__(self) -> None:
        self._peers: dict[str, Absence] = {}
        self._strangers: dict[str, Absence] = {}

    def note(self, host: str | None, address: str, wire: Wire, reason: str) -> None:
        """Takes note that a connection ended, or could not be opened."""
        absences, name, most = self._strangers, address, STRANGERS_MAX
        if host is not None:
            absences, name, most = self._peers, host.lower(), PEERS_MAX
        known = absences.pop(name, None)
        if known is None and len(absences) >= most:
            del absences[next(iter(absences))]
        times = 1 if known is None else known.times + 1
        now = time.time_ns() // 1000
        absences[name] = Absence(host and name, address, wire, reason, now, times)

    def end(self, host: str, address: str) -> None:
        """Takes note that a peer is here."""
        self._peers.pop(host.lower(), None)
        self._strangers.pop(address, None)

    def all(self) -> Sequence[Absence]:
        """Returns them: peers first, the latest last."""
        return [*self._peers.values(), *self._strangers.values()]
