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


Step = tuple[int, Owed]
"""The group of a request, and the request with the spooled usage that it reports once more."""


def fold(steps: Iterable[Step], cases: Mapping[int, Case]) -> Folded:
    """Decides requests in order of arrival; one that cannot be decided harms no other."""
    course = Course(cases)
    cases = course.cases
    results: list[Decision | Fault] = []
    for group, owed in steps:
        try:
            case = cases[group]
            decision = _decide(owed, case)
            if decision.edrs:
                course.take(case, decision)
            results.append(decision)
        except Exception:
            log.exception("request not decided", group=group)
            results.append(Fault.UNABLE_TO_COMPLY)
    return Folded(results, course.changes())


def _decide(owed: Owed, case: Case) -> Decision:
    if not owed.again:
        return charge(owed.request, case)
    return marked(charge(less_stored(owed, case), case))
