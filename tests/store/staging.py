"""Commands that stop in the midst of their transaction until they are told to go on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from diameter_ocs.handlers.commands import Accounts, CommandWork


class Staged:
    """The accounts of a store; commands stop when they come to a call of that name.

    `reached` is set when one is there, before the call or after it; then `go` is waited for.
    """

    def __init__(self, accounts: Accounts, call: str, is_after: bool = False) -> None:
        self._accounts = accounts
        self._call = call
        self._is_after = is_after
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._accounts, name)

    @asynccontextmanager
    async def commanding(self) -> AsyncIterator["StagedWork"]:
        async with self._accounts.commanding() as work:
            yield StagedWork(work, self._call, self._staged)

    async def _staged(self, call: Callable[..., Awaitable[object]], *arguments: object) -> object:
        if not self._is_after:
            await self._stop()
        result = await call(*arguments)
        if self._is_after:
            await self._stop()
        return result

    async def _stop(self) -> None:
        self.reached.set()
        await self.go.wait()


class StagedWork:
    """The transaction of a command, with one call that stops."""

    def __init__(
        self, work: CommandWork, call: str, staged: Callable[..., Awaitable[object]]
    ) -> None:
        self._work = work
        self._call = call
        self._staged = staged

    def __getattr__(self, name: str) -> object:
        found = getattr(self._work, name)
        if name != self._call:
            return found
        return lambda *arguments, **named: self._staged(found, *arguments, **named)
