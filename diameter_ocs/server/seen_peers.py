"""Joins whoever tells tenants of peers, and the peers of this server."""

from collections.abc import Callable

from ..charging.delivery import HeldPeer
from ..handlers.ports import Outbox
from ..jobs.notices import Applied
from ..jobs.peer_notices import PeerNotices, Sight
from ..transport.peers import PeerTable
from ..transport.routes import Routes
from .sending import Correspondence


def seeing(
    peers: PeerTable, applied: Applied, outbox: Outbox, server: str, clock: Callable[[], int]
) -> PeerNotices:
    """Returns who tells of the peers that come and go; `server` is our Origin-Host."""

    def whose(peer: HeldPeer) -> str | None:
        names = peer.host, peer.realm
        return peers.tenant_of(names, "", names)

    sight = Sight(Correspondence(Routes(peers)).held, whose)
    seen = PeerNotices(applied, outbox, sight, server, clock)
    peers.watch(seen.look)
    return seen
