"""Close the sessions that gateways lost when they restarted, where their peers' profiles say so."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from ..charging.bounded import keep
from ..charging.requests import SessionKey
from ..charging.restarts import GatewayState, Place, Search, close_left_behind
from ..observability import SparingLog
from .ports import Gateways
from .supervision import DUE_MAX, Look, Supervision

log = structlog.get_logger()

SLICE_MAX = 1024
"""Open sessions that are gone through at a time."""
LEASE_MICROSECONDS = 30 * 1_000_000
"""After so long another process goes on with the search of one that has died."""
ATTEMPTS_MAX = 10
"""How often sessions are tried that somebody else holds, or that cannot be closed."""
GATEWAYS_MAX = 10_000
"""Gateways of which a process remembers the count; others are asked of the store again."""


class Restarts:
    """Hears of gateways' restarts; several processes may do so side by side.

    `clock` gives microseconds since 1970 UTC. The works raise what the store raises; whatever is
    undone then is done in the next round.
    """

    def __init__(
        self, gateways: Gateways, supervision: Supervision, clock: Callable[[], int]
    ) -> None:
        self._gateways = gateways
        self._supervision = supervision
        self._clock = clock
        self._greatest: dict[str, int] = {}
        self._unwritten: dict[str, GatewayState] = {}
        self._attempts: tuple[str, Place, int] = ("", (0, 0), 0)
        self._gone_back = SparingLog("gateway counts restarts backwards")

    @property
    def works(self) -> Sequence[Callable[[], Awaitable[bool]]]:
        """Everything that it does, in its order."""
        return self.write, self.search

    def hear(self, origin_host: str, origin_state_id: int) -> None:
        """Takes what a request tells of the state of its gateway."""
        greatest = self._greatest.get(origin_host)
        if greatest == origin_state_id:
            return
        if greatest is not None and origin_state_id < greatest:
            self._tell_gone_back(origin_host, origin_state_id, greatest)
            return
        self._remember(origin_host, origin_state_id)
        host = origin_host.lower()
        if len(self._unwritten) < GATEWAYS_MAX:
            self._unwritten[host] = GatewayState(host, origin_state_id, self._clock())

    async def write(self) -> bool:
        """Has the store know what was heard."""
        for host, state in list(self._unwritten.items()):
            greatest = await self._gateways.note(state)
            if self._unwritten.get(host) == state:
                del self._unwritten[host]
            if greatest > state.origin_state_id:
                self._remember(host, greatest)
                self._tell_gone_back(host, state.origin_state_id, greatest)
        return False

    async def search(self) -> bool:
        """Closes what was lost among some of the open sessions; returns whether to go on."""
        now = self._clock()
        search = await self._gateways.take_search(now, now + LEASE_MICROSECONDS)
        if search is None:
            return False
        found = await self._gateways.slice_of(search, SLICE_MAX)
        undone = await self._close(search, found.left_behind)
        if undone and self._may_try_again(search):
            await self._gateways.go_on(search, search.after, self._clock())
            return False
        if undone:
            log.error(
                "sessions of a restarted gateway not closed",
                origin_host=search.state.origin_host,
                sessions=undone,
            )
        if found.last is None:
            log.info("sessions of a restarted gateway closed", origin_host=search.state.origin_host)
            await self._gateways.go_on(search, search.after, None)
        else:
            await self._gateways.go_on(search, found.last, self._clock())
        return True

    async def _close(self, search: Search, keys: Sequence[tuple[int, SessionKey]]) -> int:
        """Closes sessions, some in each transaction; returns how many could not be."""
        undone = 0
        for start in range(0, len(keys), DUE_MAX):
            looks = [
                Look(group, key, partial(close_left_behind, key, search.state))
                for group, key in keys[start : start + DUE_MAX]
            ]
            undone += len(looks) - len(await self._supervision.decide(looks))
        return undone

    def _may_try_again(self, search: Search) -> bool:
        """Counts the attempts at a slice of a search."""
        at = search.state.origin_host, search.after
        attempts = self._attempts[2] + 1 if self._attempts[:2] == at else 1
        self._attempts = (*at, attempts)
        return attempts < ATTEMPTS_MAX

    def _remember(self, origin_host: str, origin_state_id: int) -> None:
        self._greatest.pop(origin_host, None)
        keep(self._greatest, origin_host, origin_state_id, GATEWAYS_MAX)

    def _tell_gone_back(self, origin_host: str, told: int, greatest: int) -> None:
        self._gone_back.warning(log, origin_host=origin_host, told=told, greatest=greatest)
