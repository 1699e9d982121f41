"""Conditions of policy counters as an operator writes them, read with the counters and balance
types that they name (the grammar stands in `charging.conditions`)."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ..charging.conditions import (
    COMPARISONS,
    BalanceCondition,
    Condition,
    CounterCondition,
    Part,
)
from ..charging.expressions import ExpressionError
from ..charging.units import UnitType, parse_money
from .quantities import parse_quantity, shortened
from .refusals import suggestion

_SUBJECT = re.compile(r"""\s*(counter|balance)\s*\[\s*(?:'([^']*)'|"([^"]*)")\s*\]\s*""")
_PART = re.compile(r"\.\s*([a-z]+)\s*")
_COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)\s*")
_STATE = re.compile(r"""(?:'([^']*)'|"([^"]*)")\s*$""")
_PERCENT = re.compile(r"([0-9]{1,3})\s*%")


class Readable(NamedTuple):
    """What conditions may name."""

    counters: Mapping[str, Collection[str]]
    """By the name of a counter on a balance type, its states."""
    types: Mapping[str, UnitType | None]
    """The balance types; None: money."""


def parse_limit(text: str, unit_type: UnitType | None) -> tuple[int, bool]:
    """Reads what a sum of balances is compared with: an amount, or percent; which of these it is.

    Raises:
        ValueError: it is neither.
    """
    percent = _PERCENT.fullmatch(text.strip())
    if percent is not None:
        if int(percent[1]) > 100:
            raise ValueError(f"{shortened(text)} is more than the whole; write it like 20 %")
        return int(percent[1]), True
    try:
        amount = parse_money(text.strip()) if unit_type is None else parse_quantity(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 20 %") from None
    return amount, False


def parse_condition(text: str, readable: Readable) -> Condition:
    """Reads a condition.

    Raises:
        ExpressionError: it cannot be read, or names what there is not.
    """
    subject = _SUBJECT.match(text)
    if subject is None:
        raise ExpressionError("here belongs counter['NAME'] or balance['TYPE'].used", 0)
    kind, *names = subject.groups()
    name, place = next(each for each in names if each is not None), subject.start(1)
    if kind == "counter":
        return _counter(text, name, subject, readable)
    if name not in readable.types:
        near = suggestion(name, readable.types)
        raise ExpressionError(f"there is no balance type {name!r}{near}", place)
    return _balance(text, name, subject.end(), readable.types[name])


def _counter(text: str, name: str, subject: re.Match[str], readable: Readable) -> CounterCondition:
    states = readable.counters.get(name)
    if states is None:
        near = suggestion(name, readable.counters)
        reason = f"there is no counter {name!r} on a balance type{near}"
        raise ExpressionError(reason, subject.start(1))
    comparison = _COMPARISON.match(text, subject.end())
    if comparison is None or comparison[1] not in ("==", "!="):
        raise ExpressionError("here belongs == or !=, and a state in quotes", subject.end())
    state = _STATE.match(text, comparison.end())
    if state is None:
        raise ExpressionError("here belongs a state in quotes, and then the end", comparison.end())
    found = next(each for each in state.groups() if each is not None)
    if found not in states:
        reason = f"counter {name!r} has no state {found!r}{suggestion(found, states)}"
        raise ExpressionError(reason, comparison.end())
    return CounterCondition(name, found, comparison[1] == "==")


def _balance(text: str, name: str, place: int, unit_type: UnitType | None) -> BalanceCondition:
    part = _PART.match(text, place)
    if part is None or part[1] not in list(Part):
        raise ExpressionError(f"here belongs one of {', '.join(f'.{p}' for p in Part)}", place)
    comparison = _COMPARISON.match(text, part.end())
    if comparison is None:
        raise ExpressionError(f"here belongs one of {' '.join(COMPARISONS)}", part.end())
    try:
        limit, is_in_percent = parse_limit(text[comparison.end() :], unit_type)
    except ValueError as error:
        raise ExpressionError(str(error), comparison.end()) from None
    return BalanceCondition(name, Part(part[1]), comparison[1], limit, is_in_percent)
