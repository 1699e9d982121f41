"""The test clock of a database: given to one in which nothing was charged, and moved forward."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol

from ..charging.commands import Effect
from ..charging.units import UnitType
from .commands import NOBODYS, Accounts, CommandWork, Done, Order, perform
from .moments import moment_text, parse_moment
from .peers import Register, seen
from .quantities import SPOKEN, parse_quantity
from .refusals import Refusal

LATEST = parse_moment("2100-01-01")
"""Beyond it no clock goes."""
LOOK_SECONDS = 0.1


class Clocks(Protocol):
    """What is needed of whatever keeps the test clock."""

    async def now(self) -> int:
        """Returns what time it is in the database, in microseconds since 1970."""

    async def ahead(self) -> int | None:
        """Returns how many microseconds the test clock is ahead; None: there is none."""

    async def give(self) -> bool:
        """Gives the database a test clock; False: sessions or events have been charged in it."""

    async def followers(self) -> Mapping[str, int | None]:
        """Returns how far servers have followed, by their ids."""


class Move(NamedTuple):
    """Where a test clock is to be moved: to a time, or by so many microseconds."""

    to: int | None = None
    by: int | None = None

    def target(self, now: int) -> int:
        """Returns to what time it is moved."""
        if self.to is not None:
            return self.to
        assert self.by is not None, "one of them is said"
        return now + self.by


def parse_move_by(text: str) -> Move:
    """Reads by how much a clock is to be moved, as 90 s, 2h or 30d."""
    try:
        seconds = parse_quantity(text)
    except ValueError:
        seconds = 0
    if not seconds or text.strip().lstrip("0123456789_ ") not in SPOKEN[UnitType.TIME]:
        raise Refusal("invalid_time", f"{text!r} is no span of time: write 90s, 15min, 2h or 30d")
    return Move(by=seconds * 1_000_000)


async def begin(clocks: Clocks, register: Register, is_wanted: bool) -> int | None:
    """Returns how far ahead the clock is that a server is to go by; None: it has no test clock.

    Raises:
        Refusal: the database is not one for it, or is one for nothing else.
    """
    ahead = await clocks.ahead()
    if ahead is not None and not is_wanted:
        raise Refusal(
            "test_clock_needed",
            "this database has a test clock, and what is charged in it is for trials:"
            " `serve --test-clock` serves it",
        )
    if ahead is not None or not is_wanted:
        return ahead
    elsewhere = "try things in another database: name one with --data or --database-url"
    if await seen(register, await clocks.now()):
        raise Refusal(
            "database_in_use", f"a server goes by the time of this database: end it, or {elsewhere}"
        )
    if not await clocks.give():
        raise Refusal(
            "test_clock_refused",
            f"in this database was charged by the time of the world: {elsewhere}",
        )
    return 0


async def target_of(clocks: Clocks, asked: Move) -> int:
    """Returns the time that it will be in the database, as far as it can be moved at all."""
    now = await clocks.now()
    if await clocks.ahead() is None:
        return now
    return min(max(now, asked.target(now)), LATEST)


async def move(accounts: Accounts, register: Register, asked: Move, order: Order) -> Done:
    """Moves the test clock forward; the answer names the servers that are to follow."""

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, _ = stamp
        ahead = await work.clock_ahead()
        if ahead is None:
            raise Refusal(
                "test_clock_missing",
                "this database has no test clock: `serve --test-clock` gives one to a database in"
                " which nothing was charged yet",
            )
        target = _checked(asked.target(now), now)
        await work.move_clock(ahead + target - now)
        answer = {**clock_answer(target, ahead + target - now), "servers": []}
        for server in await seen(register, now):
            answer["servers"].append({"id": server.id, "origin_host": server.origin_host})
        return Effect(answer, clock_answer(now, ahead), clock_answer(target, ahead + target - now))

    operation = "clock set" if asked.by is None else "clock advance"
    return await perform(accounts, order, operation, (NOBODYS, asked._asdict()), change)


async def left_behind(
    clocks: Clocks, servers: Collection[str], ahead: int, seconds: int
) -> Collection[str]:
    """Waits until servers have done what came due; returns those that have not in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        followers = await clocks.followers()
        behind = [each for each in servers if each in followers and (followers[each] or 0) < ahead]
        if not behind or loop.time() >= until:
            return behind
        await asyncio.sleep(LOOK_SECONDS)


def clock_answer(now: int, ahead: int | None) -> dict[str, Any]:
    """Describes the time in a database."""
    return {
        "time": moment_text(now),
        "test_clock": ahead is not None,
        "ahead_microseconds": ahead or 0,
    }


def _checked(target: int, now: int) -> int:
    if target <= now:
        raise Refusal(
            "time_past",
            f"it is {moment_text(now)} by the test clock, which only moves forward: say a later"
            " time, or begin anew with another database",
        )
    if target > LATEST:
        raise Refusal("invalid_time", f"a test clock goes to {moment_text(LATEST)} at most")
    return target
