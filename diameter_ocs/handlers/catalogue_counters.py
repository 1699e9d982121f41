"""What an operator writes of balance types and counters, and what becomes of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ..charging.counters import (
    NORMAL,
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyCounterType,
    PolicyState,
)
from ..charging.units import UnitType, format_money
from .catalogue_conditions import Readable, parse_condition, parse_limit
from .catalogue_scalars import UNIT_TYPES, Name, Part, schema
from .catalogue_text import Path
from .quantities import quantity_text

COUNTERS_MAX = 20
"""On one balance type."""
POLICY_COUNTERS_MAX = 100
STATES_MAX = 10
CONDITIONS_MAX = 10
CONDITION_CHARACTERS_MAX = 500

Threshold = Annotated[str, Field(min_length=1, max_length=50), schema("number", "string")]
Condition = Annotated[str, Field(min_length=1, max_length=CONDITION_CHARACTERS_MAX)]


class CounterStatePart(Part):
    """A state of a counter on a balance type."""

    name: Name
    """What it is called, and what policy servers are told; unique in the counter."""
    threshold: Threshold | None = None
    """It is entered when more than this is used, or less than this is available: an amount, as
    500 MB or 5.00, or a part of the total, as 20 %; not written: where no threshold is passed."""
    actions: Annotated[
        tuple[Literal["NOTIFY", "BLOCK_BALANCE", "UNBLOCK_BALANCE"], ...], Field(max_length=2)
    ] = ("NOTIFY",)
    """What happens when it is entered: NOTIFY tells the tenant, BLOCK_BALANCE has the balances of
    the type pay for nothing new, UNBLOCK_BALANCE ends that; []: nothing."""


class CounterPart(Part):
    """States of the balances that an account has of a type, all taken together."""

    name: Name
    """What it is called, and what policy servers know it by; unique, policy counters included."""
    of: Literal["used", "available"] = "available"
    """What is compared with the thresholds."""
    reservations: bool = False
    """Whether what is reserved counts as used; states then come and go with each quota."""
    active: bool = True
    """Whether it counts; one that does not is unknown to policy servers."""
    states: Annotated[tuple[CounterStatePart, ...], Field(min_length=1, max_length=STATES_MAX)]
    """One without a threshold, which counts where none is passed, and those with one; not written:
    `normal` is the one without."""


class BalanceTypePart(Part):
    """Money, or an allowance in one type of unit."""

    name: Name
    """What services call it; unique."""
    unit_type: Literal["money", "time", "volume", "units"]
    """What a balance of this type holds."""
    counters: Annotated[tuple[CounterPart, ...], Field(max_length=COUNTERS_MAX)] = ()
    """States of all balances of the type that an account has, together: for notices, for policy
    servers, and to keep them from paying."""


class PolicyStatePart(Part):
    """A state of a policy counter."""

    name: Name
    """What policy servers are told; more than one may have the same, then either is enough."""
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=CONDITIONS_MAX)]
    """What must hold, all of it: counter['NAME'] == 'STATE', or != it; or what an account has of a
    balance type, as balance['TYPE'].used > 5 GB, where .total, .reserved and .available may stand,
    too, and ==, !=, <, <= and >=, and 80 % of the total."""


class PolicyCounterPart(Part):
    """What policy servers are told of accounts whose plans have it."""

    name: Name
    """What policy servers know it by; unique, counters on balance types included."""
    type: Literal["POLICY", "NOTIFICATION"] = "POLICY"
    """Whether policy servers know it, or the tenant's notices alone."""
    default_state: Name = NORMAL
    """Its state where none of the others is."""
    states: Annotated[tuple[PolicyStatePart, ...], Field(min_length=1, max_length=STATES_MAX)]
    """The first whose conditions hold counts."""


def state_names(part: CounterPart) -> tuple[str, ...]:
    """Returns the names of a counter's states."""
    return tuple(state.name for state in filled_in(part.states))


def filled_in(states: Sequence[CounterStatePart]) -> Sequence[CounterStatePart]:
    """Returns the states of a counter with the one by default, if it is not written."""
    has_default = any(state.threshold is None for state in states)
    return states if has_default else (CounterStatePart(name=NORMAL), *states)


def counter(part: CounterPart, balance_type: str, unit_type: UnitType | None) -> BalanceCounter:
    """Returns a counter, its states in the order in which they are reached.

    Raises:
        ValueError: a threshold cannot be read.
    """
    states, is_in_percent = [], False
    for state in filled_in(part.states):
        limit = None
        if state.threshold is not None:
            limit, is_in_percent = parse_limit(state.threshold, unit_type)
        states.append(CounterState(state.name, limit, tuple(map(CounterAction, state.actions))))
    return BalanceCounter(
        part.name,
        balance_type,
        in_order(states, part.of == "used"),
        part.of == "used",
        part.reservations,
        is_in_percent,
        part.active,
    )


def part_of(found: BalanceCounter, unit_type: UnitType | None) -> CounterPart:
    """Returns a counter as an operator may write it, its states as they are reached."""
    return CounterPart(
        name=found.name,
        of="used" if found.is_on_used else "available",
        reservations=found.has_reservations,
        active=found.is_active,
        states=tuple(
            CounterStatePart(
                name=state.name,
                threshold=limit_text(state.threshold, found.is_in_percent, unit_type),
                actions=tuple(action.value for action in state.actions),
            )
            for state in found.states
        ),
    )


def limit_text(limit: int | None, is_in_percent: bool, unit_type: UnitType | None) -> str | None:
    """Writes what sums are compared with as it is read."""
    if limit is None:
        return None
    if is_in_percent:
        return f"{limit} %"
    return format_money(limit) if unit_type is None else quantity_text(limit, unit_type)


def in_order(states: Iterable[CounterState], is_on_used: bool) -> tuple[CounterState, ...]:
    """Returns states in the order in which they are reached, the default one first."""
    default, others = list[CounterState](), list[CounterState]()
    for state in states:
        (default if state.threshold is None else others).append(state)
    others.sort(key=lambda state: state.threshold or 0, reverse=not is_on_used)
    return (*default, *others)


def readable_with(balance_types: Iterable[BalanceTypePart]) -> Readable:
    """Returns what conditions may name."""
    kinds = list(balance_types)
    return Readable(
        {part.name: state_names(part) for kind in kinds for part in kind.counters},
        {kind.name: UNIT_TYPES.get(kind.unit_type) for kind in kinds},
    )


def policy_counter(part: PolicyCounterPart, readable: Readable) -> PolicyCounter:
    """Returns a policy counter.

    Raises:
        ExpressionError: a condition cannot be read.
    """
    return PolicyCounter(
        part.name,
        part.default_state,
        tuple(
            PolicyState(
                state.name, tuple(parse_condition(text, readable) for text in state.conditions)
            )
            for state in part.states
        ),
        PolicyCounterType(part.type),
    )


def faults(part: CounterPart, unit_type: UnitType | None) -> Iterator[tuple[Path, str]]:
    """Finds what is wrong with a counter itself, with paths from the counter on."""
    if sum(state.threshold is None for state in part.states) > 1:
        yield ("states",), "more than one state has no threshold: it is not known which counts"
    seen: set[str] = set() if len(filled_in(part.states)) == len(part.states) else {NORMAL}
    limits = list[tuple[int, bool]]()
    for index, state in enumerate(part.states):
        if state.name in seen:
            lack = "; the one without a threshold is called normal" if state.name == NORMAL else ""
            yield ("states", index, "name"), f"the state {state.name!r} is there already{lack}"
        seen.add(state.name)
        if len(set(state.actions)) < len(state.actions):
            yield ("states", index, "actions"), "an action is written more than once"
        if {"BLOCK_BALANCE", "UNBLOCK_BALANCE"} <= set(state.actions):
            yield ("states", index, "actions"), "a state blocks or unblocks, not both"
        if state.threshold is None:
            continue
        try:
            limit = parse_limit(state.threshold, unit_type)
        except ValueError as error:
            yield ("states", index, "threshold"), str(error)
            continue
        for reason in _of_limit(limit, limits, part.of, unit_type):
            yield ("states", index, "threshold"), reason
        limits.append(limit)


def _of_limit(
    limit: tuple[int, bool], before: list[tuple[int, bool]], of: str, unit_type: UnitType | None
) -> Iterator[str]:
    """Finds what is wrong with a threshold, given those before it."""
    if limit in before:
        yield "another state has this threshold"
    if before and limit[1] is not before[0][1]:
        yield "the thresholds of a counter are all amounts, or all percent"
    if unit_type is None:
        return
    if of == "available" and limit[0] == 0:
        unit = "1 %" if limit[1] else "1"
        yield f"less than nothing is never available: {unit} is where nothing is left"
    if of == "used" and limit == (100, True):
        yield "more than all is never used: 99 % is where nearly all is used"
