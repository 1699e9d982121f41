"""Decide the requests of a batch, one after the other, each on what the one before left."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

import structlog

from ..charging.case import Case, Change
from ..charging.charge import charge
from ..charging.course import Course
from ..charging.decisions import Decision
from ..charging.spooled import Owed, less_stored, marked

log = structlog.get_logger()


class Fault(Enum):
    """Why a request got no decision."""

    TOO_BUSY = "too busy"
    CATALOGUE_UNREADABLE = "catalogue unreadable"
    UNABLE_TO_COMPLY = "unable to comply"


class Folded(NamedTuple):
    """A batch, decided and not yet stored."""

    results: list[Decision | Fault]
    """In the order of the requests."""
    changes: list[Change]
    faults: list[tuple[int, Exception]]
    """Faults of ours, with their groups, for which requests were not decided."""

    def tell(self) -> None:
        """Logs the faults, once it is known that the cases were as they were thought to be."""
        for group, fault in self.faults:
            log.error("request not decided", group=group, exc_info=fault)


Step = tuple[int, Owed]
"""The group of a request, and the request with the spooled usage that it reports once more."""


def fold(steps: Iterable[Step], cases: Mapping[int, Case]) -> Folded:
    """Decides requests in order of arrival; one that cannot be decided harms no other.

    A case may be presumed and stale, so that what it holds does not fit together: who stores what
    was decided finds that out, and `tell` is for after that.
    """
    course = Course(cases)
    cases = course.cases
    results: list[Decision | Fault] = []
    faults: list[tuple[int, Exception]] = []
    for group, owed in steps:
        try:
            case = cases[group]
            decision = _decide(owed, case)
            if decision.edrs:
                course.take(case, decision)
            results.append(decision)
        except Exception as fault:
            faults.append((group, fault))
            results.append(Fault.UNABLE_TO_COMPLY)
    return Folded(results, course.changes(), faults)


def _decide(owed: Owed, case: Case) -> Decision:
    if not owed.again:
        return charge(owed.request, case)
    return marked(charge(less_stored(owed, case), case))
