"""Groups of which something begins or ends, in the store without a database."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from ..charging.groups import Group, GroupChange
from .memory import MemoryStore, MemoryWork


class MemoryLifecycle:
    """The twin of `lifecycle.PostgresLifecycle`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def due_groups(self, now: int, limit: int) -> Sequence[int]:
        """Returns groups to look at, those that wait longest first."""
        due = sorted(
            (group.wake_at, number)
            for number, group in self._store.groups.items()
            if group.wake_at is not None and group.wake_at <= now
        )
        return [number for _, number in due[:limit]]

    @asynccontextmanager
    async def waking(self) -> AsyncIterator["MemoryWaking"]:
        """Begins a transaction; what it applies is kept when it is left without an error."""
        async with self._store.work() as work:
            waking = MemoryWaking(self._store, work)
            yield waking
        waking.commit()


class MemoryWaking:
    """A transaction in which groups are looked at."""

    def __init__(self, store: MemoryStore, work: MemoryWork) -> None:
        self._store = store
        self._work = work
        self._changes: Sequence[GroupChange] = ()

    async def load(self, groups: Collection[int], now: int) -> Mapping[int, Group]:
        """Locks groups and reads them; those that nobody else holds."""
        await self._work.lock(groups)
        cases = await self._work.load_sessions((), now)
        return {number: self._store.groups[number].with_all(case) for number, case in cases.items()}

    async def apply(self, changes: Sequence[GroupChange]) -> None:
        """Keeps for the commit what time has made of groups, and when to look at them again."""
        await self._work.apply([change.charged for change in changes if change.edrs])
        self._changes = changes

    def commit(self) -> None:
        """Notes when groups are to be looked at next."""
        for change in self._changes:
            after = change.after
            self._store.groups[after.case.group_id].take_wake(after)
