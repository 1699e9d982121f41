"""Work for a batch of which some part cannot be stored: it is halved until the rest is done."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ..charging.faults import BrokenBatch

Item = TypeVar("Item")
Result = TypeVar("Result")


async def by_halves(
    batch: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[Result]],
    give_up: Callable[[Item, BrokenBatch], None],
    narrow: Callable[[Sequence[Item]], Sequence[Item]] = lambda part: part,
) -> list[Result]:
    """Does the work of a batch, in its order, and returns what each part gave.

    `work` raises BrokenBatch before it has done anything for any item of a part; `give_up` takes
    an item that cannot be done alone. `narrow` says what of a part is still to be done.
    """
    results = []
    parts = [batch]
    while parts:
        part = narrow(parts.pop())
        if not part:
            continue
        try:
            results.append(await work(part))
        except BrokenBatch as fault:
            if len(part) == 1:
                give_up(part[0], fault)
                continue
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    return results
