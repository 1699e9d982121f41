"""What must hold between the counters of a catalogue document, and what they name."""

from collections.abc import Iterator

from ..charging.expressions import ExpressionError
from .catalogue_conditions import parse_condition
from .catalogue_counters import BalanceTypePart, CounterPart, faults, readable_with
from .catalogue_document import Document
from .catalogue_findings import Finding, listed, repeated
from .catalogue_scalars import UNIT_TYPES
from .catalogue_text import Path
from .refusals import suggestion


def of_counters(document: Document) -> Iterator[Finding]:
    """Finds what is wrong with counters, and with where they are named."""
    names = [
        ((*path, "counters", index, "name"), part.name)
        for path, kind in listed("balance_types", document.balance_types)
        for index, part in enumerate(kind.counters)
    ]
    for path, part in listed("policy_counters", document.policy_counters):
        names.append(((*path, "name"), part.name))
    yield from repeated("name", names)
    for path, kind in listed("balance_types", document.balance_types):
        yield from _of_balance_type(path, kind)
    yield from _of_conditions(document)
    yield from _of_plans(document)


def _of_balance_type(path: Path, kind: BalanceTypePart) -> Iterator[Finding]:
    for index, part in enumerate(kind.counters):
        for place, reason in faults(part, UNIT_TYPES.get(kind.unit_type)):
            yield Finding((*path, "counters", index, *place), reason)
    if _does(kind.counters, "BLOCK_BALANCE") and not _does(kind.counters, "UNBLOCK_BALANCE"):
        reason = f"{kind.name!r} would be blocked for good: give a state the action UNBLOCK_BALANCE"
        yield Finding((*path, "counters"), f"{reason}, as the one without a threshold")


def _does(counters: tuple[CounterPart, ...], action: str) -> bool:
    return any(action in state.actions for part in counters for state in part.states)


def _of_conditions(document: Document) -> Iterator[Finding]:
    known = readable_with(document.balance_types)
    policies = {part.name for part in document.policy_counters}
    for path, part in listed("policy_counters", document.policy_counters):
        for index, state in enumerate(part.states):
            for number, text in enumerate(state.conditions):
                try:
                    parse_condition(text, known)
                except ExpressionError as error:
                    place = (*path, "states", index, "conditions", number)
                    yield Finding(place, _reason(error, text, policies), ("balance_types",))


def _reason(error: ExpressionError, text: str, policies: set[str]) -> str:
    """Says why a condition cannot be read; none of them reads another policy counter."""
    if any(f"counter['{name}']" in text or f'counter["{name}"]' in text for name in policies):
        return f"{error}; conditions read no policy counters"
    return str(error)


def _of_plans(document: Document) -> Iterator[Finding]:
    known = [part.name for part in document.policy_counters]
    for path, plan in listed("plans", document.plans):
        for index, name in enumerate(plan.policy_counters):
            if name not in known:
                reason = f"there is no policy counter {name!r}{suggestion(name, known)}"
                place = (*path, "policy_counters", index)
                yield Finding(place, reason, ("policy_counters",))
