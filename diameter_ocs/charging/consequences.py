"""What follows from a change besides what was asked: counters that turn, and who is told."""

from collections.abc import Iterable

from .case import Case
from .counting import recounted
from .decisions import Edr
from .notices import Notice, Occasion, charged, rows_of
from .outbox import Outgoing
from .reauthorization import reauthorized
from .reporting import reported


def consequences(
    before: Case, after: Case, edrs: tuple[Edr, ...], told: Iterable[Notice] = ()
) -> tuple[Case, tuple[Outgoing, ...]]:
    """Returns the case with the new states of its counters, and what is to leave.

    `edrs` are those of the change, without which nobody is told of anything. `told` are notices of
    what charging does not see.
    """
    after, changes, found = recounted(after, edrs)
    after, calls = reauthorized(before, after, edrs)
    after, reports = reported(before, after, edrs, found)
    outgoing = (*calls, *reports)
    if after.catalogue.noticed and edrs:
        occasion = Occasion(after.group_id, after.version, after.now)
        notices = (*told, *charged(before, after, edrs, changes))
        outgoing += rows_of(notices, after.catalogue, occasion)
    return after, outgoing
