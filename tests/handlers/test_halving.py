"""A batch that cannot be stored as a whole is done but for what cannot be stored alone."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable
from diameter_ocs.handlers.halving import by_halves
from tests.handlers.virtual_time import play

BROKEN = {3, 6}


@pytest.mark.parametrize("size", range(9))
def test_all_but_what_is_broken_is_done_in_order(size: int) -> None:
    given_up: list[int] = []

    async def work(part: Sequence[int]) -> Sequence[int]:
        if BROKEN.intersection(part):
            raise BrokenBatch
        return part

    parts = play(by_halves(range(size), work, lambda item, _: given_up.append(item)))
    assert [item for part in parts for item in part] == [n for n in range(size) if n not in BROKEN]
    assert given_up == [n for n in range(size) if n in BROKEN]


def test_a_part_is_narrowed_before_it_is_tried() -> None:
    tried: list[list[int]] = []

    async def work(part: Sequence[int]) -> None:
        tried.append(list(part))
        if len(part) > 1:
            raise BrokenBatch

    def narrow(part: Sequence[int]) -> list[int]:
        return [item for item in part if item not in {0, 1} or not tried]

    play(by_halves(range(4), work, lambda *_: None, narrow))
    assert tried == [[0, 1, 2, 3], [2, 3], [2], [3]]


def test_another_fault_ends_the_work() -> None:
    async def work(_part: Sequence[int]) -> None:
        raise CasesUnavailable

    with pytest.raises(CasesUnavailable):
        play(by_halves(range(2), work, lambda *_: None))
