"""Which connections may be there, decided before they say anything.

Until its CER is taken a connection is half open: anybody can make such. They are few, from one
address and in all, and the newest is let in for the oldest: a gateway sends its CER at once, who
wants only to fill places waits. Strangers, whom no rule lets come from their address, go before
those that may be gateways; connections of peers are never ended for another.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..observability import Metrics
from .association import Address

IPV6_SITE_BITS = 64
"""Whoever has one IPv6 address has a whole network of this length."""


class AdmittedConnection(Protocol):
    """A connection as far as the admission needs it."""

    def make_way(self) -> None:
        """Ends at once, for another connection."""


class Places(NamedTuple):
    """How many connections there may be."""

    connections_max: int
    half_open_max: int
    """Of these, without capabilities; one address has at most half of them."""


class _Place(NamedTuple):
    """Where a connection comes from."""

    is_stranger: bool
    origin: tuple[int, int]


Crowd = dict[AdmittedConnection, None]
"""Connections of one place, the oldest first."""


class Admission:
    """Counts the connections and lets new ones in.

    `is_expected` says whether a peer may come from an address.
    """

    def __init__(
        self,
        places: Places,
        is_expected: Callable[[Address], bool],
        metrics: Metrics,
    ) -> None:
        self._places = places
        self._is_expected = is_expected
        self._gauge = metrics.connections_half_open
        self._half_open: dict[AdmittedConnection, _Place] = {}
        self._crowds: dict[_Place, Crowd] = {}
        self._open: set[AdmittedConnection] = set()

    @property
    def connections(self) -> int:
        """How many connections are there."""
        return len(self._half_open) + len(self._open)

    def admit(self, connection: AdmittedConnection, address: Address) -> bool:
        """Lets a new connection in, if need be for an older one; False: there is no place."""
        place = _Place(not self._is_expected(address), _origin(address))
        crowd = self._crowds.get(place, {})
        if len(crowd) >= max(self._places.half_open_max // 2, 1):
            self._make_way(crowd)
        elif (
            len(self._half_open) >= self._places.half_open_max
            or self.connections >= self._places.connections_max
        ):
            others = self._largest_crowd(place.is_stranger)
            if others is None:
                return False
            self._make_way(others)
        self._half_open[connection] = place
        self._crowds.setdefault(place, {})[connection] = None
        self._show()
        return True

    def open(self, connection: AdmittedConnection) -> None:
        """Takes note that a connection is now a peer's."""
        self._leave_crowd(connection)
        self._open.add(connection)
        self._show()

    def leave(self, connection: AdmittedConnection) -> None:
        """Takes note that a connection is over; it may have made way before."""
        self._leave_crowd(connection)
        self._open.discard(connection)
        self._show()

    def _largest_crowd(self, is_stranger: bool) -> Crowd | None:
        """Returns whose place a new connection takes; a stranger never takes an expected one's."""
        places = [place for place in self._crowds if place.is_stranger or not is_stranger]
        if not places:
            return None
        return self._crowds[max(places, key=lambda p: (p.is_stranger, len(self._crowds[p])))]

    def _make_way(self, crowd: Crowd) -> None:
        oldest = next(iter(crowd))
        self._leave_crowd(oldest)
        oldest.make_way()

    def _leave_crowd(self, connection: AdmittedConnection) -> None:
        place = self._half_open.pop(connection, None)
        if place is not None:
            del self._crowds[place][connection]
            if not self._crowds[place]:
                del self._crowds[place]

    def _show(self) -> None:
        self._gauge.set(len(self._half_open))


def _origin(address: Address) -> tuple[int, int]:
    if address.version == 4:
        return 4, int(address)
    return 6, int(address) >> (128 - IPV6_SITE_BITS)
