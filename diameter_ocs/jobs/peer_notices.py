"""Tells tenants of peers that come and go, as this server sees them."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..charging.catalogue import Catalogue
from ..charging.delivery import HeldPeer
from ..charging.faults import CatalogueUnreadable
from ..charging.notice_types import PeerDown, PeerUp
from ..charging.notices import Notice, Occasion, rows_of
from ..charging.outbox import Outgoing
from .notices import Applied

ROUND_SECONDS = 0.5
"""How soon what was seen is written down."""
SEEN_MAX = 10_000
"""So much is kept while the database is away; then the oldest is forgotten."""
NOBODYS_GROUP = 0
NOBODY = 0
"""The group, and the account, of what is about none."""


class Leaves(Protocol):
    """What is needed of the outbox."""

    async def leave(
        self, group_id: int, make: Callable[[int], Sequence[Outgoing]], at: int
    ) -> None:
        """Has something leave that no change of a group causes; it is made with its number."""


class Sight(NamedTuple):
    """Which peers are here, and whose they are."""

    held: Callable[[], Sequence[HeldPeer]]
    whose: Callable[[HeldPeer], str | None]
    """None: any tenant's."""


class _Seen(NamedTuple):
    peer: HeldPeer
    is_here: bool
    at: int


class PeerNotices:
    """What one server, given by its Origin-Host, has seen and not written down yet."""

    def __init__(
        self,
        applied: Applied,
        outbox: Leaves,
        sight: Sight,
        server: str,
        clock: Callable[[], int],
    ) -> None:
        self._applied = applied
        self._outbox = outbox
        self._sight = sight
        self._server = server
        self._clock = clock
        self._here: Mapping[str, HeldPeer] = {}
        self._seen = deque[_Seen](maxlen=SEEN_MAX)

    def look(self) -> None:
        """Takes note of who has come or gone since it looked last."""
        before, now = self._here, self._clock()
        self._here = {peer.host: peer for peer in self._sight.held()}
        for host in sorted(before.keys() - self._here.keys()):
            self._seen.append(_Seen(before[host], False, now))
        for host in sorted(self._here.keys() - before.keys()):
            self._seen.append(_Seen(self._here[host], True, now))

    async def tell(self) -> bool:
        """Writes down what was seen, for those who want to hear it."""
        while self._seen:
            seen = self._seen[0]
            wanting = await self._wanting(self._sight.whose(seen.peer))
            if wanting:
                await self._outbox.leave(NOBODYS_GROUP, self._rows(seen, wanting), seen.at)
            if self._seen and self._seen[0] is seen:
                self._seen.popleft()
        return False

    def _rows(
        self, seen: _Seen, wanting: Sequence[Catalogue]
    ) -> Callable[[int], Sequence[Outgoing]]:
        peer = seen.peer
        data = (PeerUp if seen.is_here else PeerDown)(peer.realm, self._server)
        notices = [Notice(NOBODY, peer.host, data)]

        def make(number: int) -> Sequence[Outgoing]:
            occasion = Occasion(NOBODYS_GROUP, number, seen.at)
            return [row for each in wanting for row in rows_of(notices, each, occasion)]

        return make

    async def _wanting(self, tenant: str | None) -> Sequence[Catalogue]:
        """Returns the catalogues of those who want to hear of a tenant's peers, or of anybody's."""
        found = []
        for name, version in (await self._applied.tenants()).items():
            if version is None or tenant not in (None, name):
                continue
            try:
                catalogue = await self._applied.read_catalogue(name, version)
            except CatalogueUnreadable:  # the watch of catalogues tells of it
                continue
            if catalogue.noticed:
                found.append(catalogue)
        return found
