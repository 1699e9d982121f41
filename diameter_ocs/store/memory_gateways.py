"""The states of gateways in the store without a database."""

from ..charging.restarts import START, GatewayState, Place, Search, Slice, is_left_behind
from .memory import MemoryStore


class MemoryGateways:
    """The twin of those in PostgreSQL."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._searches: dict[str, tuple[GatewayState, Place, int | None]] = {}

    async def note(self, state: GatewayState) -> int:
        """Returns the greatest count of a gateway; if it is this one, its search begins anew."""
        known = self._searches.get(state.origin_host)
        if known is None or known[0].origin_state_id < state.origin_state_id:
            self._searches[state.origin_host] = state, START, state.seen_at
        return self._searches[state.origin_host][0].origin_state_id

    async def take_search(self, now: int, leased_until: int) -> Search | None:
        """Returns a search that nobody else is at, for this process alone until then."""
        waiting = [
            (search_at, host)
            for host, (_, _, search_at) in self._searches.items()
            if search_at is not None and search_at <= now
        ]
        if not waiting:
            return None
        _, host = min(waiting)
        state, after, _ = self._searches[host]
        self._searches[host] = state, after, leased_until
        return Search(state, after, leased_until)

    async def slice_of(self, search: Search, limit: int) -> Slice:
        """Returns the next so many of the open sessions."""
        following = sorted(
            ((number, session.number), session)
            for number, group in self._store.groups.items()
            for session in group.sessions.values()
            if (number, session.number) > search.after
        )[:limit]
        left_behind = [
            (group_id, session.key)
            for (group_id, _), session in following
            if is_left_behind(session, search.state)
        ]
        return Slice(left_behind, following[-1][0] if following else None)

    async def go_on(self, search: Search, after: Place, search_at: int | None) -> None:
        """Notes how far a search has come, and when it goes on; None: it has ended."""
        host = search.state.origin_host
        state, _, at = self._searches[host]
        if (state, at) == (search.state, search.leased_until):
            self._searches[host] = state, after, search_at
