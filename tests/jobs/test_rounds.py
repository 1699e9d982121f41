"""Rounds of work: each until nothing is left, whatever befell the one before."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from diameter_ocs.jobs.rounds import ROUND_SECONDS, Rounds
from tests.handlers.virtual_time import play


class Script:
    """A work that does as it is told, one line a call, and notes when it was called."""

    def __init__(self, *lines: bool | Exception) -> None:
        self.lines = list(lines)
        self.times: list[float] = []

    async def __call__(self) -> bool:
        self.times.append(asyncio.get_running_loop().time())
        line = self.lines.pop(0) if self.lines else False
        if isinstance(line, Exception):
            raise line
        return line


def run_for(seconds: float, *works: Callable[[], Awaitable[bool]]) -> None:
    async def story() -> None:
        running = asyncio.create_task(Rounds("a script", works).run())
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.wait([running])

    play(story())


def test_it_works_every_few_seconds() -> None:
    work = Script()
    run_for(3 * ROUND_SECONDS - 1, work)
    assert work.times == [0, ROUND_SECONDS, 2 * ROUND_SECONDS]


def test_it_goes_on_at_once_while_there_is_more() -> None:
    work = Script(True, True, False)
    run_for(1, work)
    assert work.times == [0, 0, 0]


@pytest.mark.parametrize("fault", [CasesUnavailable, StaleCase, BrokenBatch, ZeroDivisionError])
def test_a_fault_costs_one_work_one_round(fault: type[Exception]) -> None:
    one, two = Script(True, fault(), True), Script()
    run_for(ROUND_SECONDS + 1, one, two)
    assert one.times == [0, 0, ROUND_SECONDS, ROUND_SECONDS]
    assert two.times == [0, ROUND_SECONDS]


def test_a_round_out_of_turn_waits_for_the_one_under_way() -> None:
    running: list[int] = []

    async def slow() -> bool:
        running.append(len(running))
        await asyncio.sleep(1)
        assert running.pop() == 0
        return False

    async def story() -> None:
        rounds = Rounds("a script", [slow])
        await asyncio.gather(rounds.once(), rounds.once())
        assert asyncio.get_running_loop().time() == 2

    play(story())
