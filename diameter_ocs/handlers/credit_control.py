"""Decide the requests of a batch, one after the other, each on what the one before left."""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

import structlog

from ..charging.case import Case, Change
from ..charging.charge import charge
from ..charging.decisions import Decision, Edr
from ..charging.requests import ChargingRequest
from ..charging.spooled import marked

log = structlog.get_logger()


class Fault(Enum):
    """Why a request got no decision."""

    TOO_BUSY = "too busy"
    UNABLE_TO_COMPLY = "unable to comply"


class Folded(NamedTuple):
    """A batch, decided and not yet stored."""

    results: list[Decision | Fault]
    """In the order of the requests."""
    changes: list[Change]


def fold(
    requests: Iterable[tuple[int, ChargingRequest]],
    cases: Mapping[int, Case],
    marks: Collection[int] = (),
) -> Folded:
    """Decides (group, request) in order of arrival; one that cannot be decided harms no other.

    The requests at the places in `marks` report usage anew that had been spooled.
    """
    states = dict(cases)
    edrs: dict[int, list[Edr]] = {}
    results: list[Decision | Fault] = []
    for group, request in requests:
        try:
            decision = charge(request, states[group])
            if len(results) in marks:
                decision = marked(decision)
            if decision.edrs:
                states[group] = states[group].after(decision)
                edrs.setdefault(group, []).extend(decision.edrs)
            results.append(decision)
        except Exception:
            log.exception("request not decided", group=group)
            results.append(Fault.UNABLE_TO_COMPLY)
    changes = [Change(cases[group], states[group], tuple(new)) for group, new in edrs.items()]
    return Folded(results, changes)
