"""Looks after what comes due, every few seconds; no fault ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from ..charging.faults import BrokenBatch, CasesUnavailable, StaleCase

log = structlog.get_logger()

ROUND_SECONDS = 5.0
"""How long it rests when nothing more is due, or when the database is away."""

Work = Callable[[], Awaitable[bool]]
"""Does some of what is due; returns whether to go on at once."""


class Rounds:
    """Does several works in turn, each until nothing is left; the log calls them by `name`."""

    def __init__(
        self, name: str, works: Sequence[Work], round_seconds: float = ROUND_SECONDS
    ) -> None:
        self._name = name
        self._works = works
        self._round_seconds = round_seconds
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self._round_seconds)

    async def once(self) -> None:
        """Does one round, after the one that is under way."""
        async with self._turn:
            for work in self._works:
                await self._finish(work)

    async def _finish(self, work: Work) -> None:
        """Does a work until it is done or has to wait for the next round."""
        try:
            while await work():
                pass
        except (CasesUnavailable, StaleCase, BrokenBatch) as fault:
            log.warning("work put off", work=self._name, reason=str(fault))
        except Exception:
            log.exception("work failed", work=self._name)
