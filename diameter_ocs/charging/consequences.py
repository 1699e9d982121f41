"""What follows from a change besides what was asked: counters that turn, and who is told."""

from .case import Case
from .counting import counted
from .decisions import Edr
from .outbox import Outgoing
from .reauthorization import reauthorized
from .reporting import reported


def consequences(
    before: Case, after: Case, edrs: tuple[Edr, ...]
) -> tuple[Case, tuple[Outgoing, ...]]:
    """Returns the case with the new states of its counters, and what is to leave.

    `edrs` are those of the change, without which nobody is told of anything.
    """
    after, _ = counted(after, edrs)
    after, calls = reauthorized(before, after, edrs)
    after, reports = reported(before, after, edrs)
    return after, (*calls, *reports)
