"""Look at accounts of which something begins or ends: it is told though nobody asks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from ..charging.faults import BrokenBatch, CatalogueUnreadable
from ..charging.groups import Group, GroupChange
from ..charging.lifecycle import wake
from .halving import by_halves
from .passed_over import PassedOver

log = structlog.get_logger()

DUE_MAX = 128
"""Groups that are looked at in one transaction."""


class Waking(Protocol):
    """One transaction; it ends as `ports.Work` does, and raises the same."""

    async def load(self, groups: Collection[int], now: int) -> Mapping[int, Group]:
        """Locks groups and reads them, without their devices; those that nobody else holds."""

    async def apply(self, changes: Sequence[GroupChange]) -> None:
        """Stores what time has made of groups, and when they are to be looked at again."""


class Dated(Protocol):
    """Keeps when something of groups begins or ends next."""

    async def due_groups(self, now: int, limit: int) -> Sequence[int]:
        """Returns groups to look at, those that wait longest first."""

    def waking(self) -> AbstractAsyncContextManager[Waking]:
        """Begins a transaction."""


class Lifecycle:
    """Looks at groups when it is time; two processes may do so side by side.

    `clock` gives microseconds since 1970 UTC. It raises what the store raises; whatever is undone
    then is found again in the next round.
    """

    def __init__(self, dated: Dated, clock: Callable[[], int]) -> None:
        self._dated = dated
        self._clock = clock
        self._passed_over = PassedOver[int](DUE_MAX)

    async def look(self) -> bool:
        """Looks at groups that are due; returns whether to go on at once with others."""
        due = await self._dated.due_groups(self._clock(), self._passed_over.limit)
        parts = await by_halves(self._passed_over.left(due), self._try, _give_up)
        return self._passed_over.go_on(due, [group for done in parts for group in done])

    async def _try(self, groups: Sequence[int]) -> list[int]:
        """Takes groups through one transaction; those that somebody holds wait for a round."""
        async with self._dated.waking() as waking:
            found = await waking.load(groups, self._clock())
            woken = [(number, _woken(group)) for number, group in sorted(found.items())]
            await waking.apply([change for _, change in woken if change is not None])
        return [number for number, change in woken if change is not None]


def _woken(group: Group) -> GroupChange | None:
    """Returns what time has made of a group; one that cannot be decided harms no other."""
    try:
        return wake(group)
    except Exception:
        log.exception("account not looked at", group=group.case.group_id)
        return None


def _give_up(group: int, fault: BrokenBatch) -> None:
    """Says what was left undone; of a catalogue that cannot be read the watch says it once."""
    if not isinstance(fault, CatalogueUnreadable):
        log.error("account not looked at", group=group, reason=str(fault))
