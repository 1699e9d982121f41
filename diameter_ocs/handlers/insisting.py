"""Work for a batch that is tried again while the database is away or has moved on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from ..charging.faults import BrokenBatch, CasesUnavailable, CatalogueUnreadable, StaleCase
from ..observability import Metrics

log = structlog.get_logger()

REST_SECONDS = 0.005
"""The rest after a second fault of the database; each next one of a batch is twice as long."""
REST_SECONDS_MAX = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


async def insist(
    work: Callable[[list[Item]], Awaitable[Result]],
    batch: Sequence[Item],
    waits: Callable[[Item], bool],
    refuse: Callable[[list[Item], CatalogueUnreadable], None],
    metrics: Metrics,
) -> Result | None:
    """Does the work of a batch; while the database is away, again as long as somebody waits.

    Who does not wait any more is left out; None: nobody does. `refuse` takes those that wait when a
    catalogue cannot be read, and ends the wait of those whom it hurts.

    Raises:
        BrokenBatch: the work cannot be done, whatever the reason.
    """
    rest = 0.0
    while waiting := [item for item in batch if waits(item)]:
        try:
            return await work(waiting)
        except StaleCase:
            metrics.database_retries.inc()
        except CasesUnavailable as fault:
            metrics.database_errors.labels("unavailable").inc()
            if not rest:
                log.warning("database unavailable", reason=str(fault), requests=len(waiting))
        except CatalogueUnreadable as fault:
            refuse([item for item in waiting if waits(item)], fault)
            continue
        except BrokenBatch as fault:
            log.error("batch not done", requests=len(waiting), reason=str(fault))
            raise
        except Exception as fault:
            log.exception("batch not done", requests=len(waiting), reason=str(fault))
            raise BrokenBatch(str(fault)) from fault
        await asyncio.sleep(rest)
        rest = min(max(2 * rest, REST_SECONDS), REST_SECONDS_MAX)
    return None
