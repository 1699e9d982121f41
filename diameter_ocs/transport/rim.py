"""What every connection of a node shares."""

from collections.abc import Callable
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from ..base.capabilities import LocalNode
from ..base.events import RequestReceived
from ..observability import Metrics, SparingLog
from .absences import Absences
from .admission import Admission
from .peers import PeerTable

Asking = TypeVar("Asking")
"""The connection that a request has come by."""


class Rim(NamedTuple, Generic[Asking]):
    """What surrounds connections: whom they ask, and where they write down what happens."""

    local: LocalNode
    peers: PeerTable
    admission: Admission
    on_request: Callable[[Asking, RequestReceived], None]
    """Takes a request, which it answers with `Connection.answer`, exactly once."""
    identifiers: "count[int]"
    metrics: Metrics
    unopened: SparingLog
    """Tells of connections that end before they are open."""
    absences: Absences

    def next_identifier(self) -> int:
        """Returns a hop-by-hop or end-to-end id that no other request of this node has."""
        return next(self.identifiers) & 0xFFFF_FFFF
