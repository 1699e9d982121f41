"""Conditions of policy counters: what counters and balances of an account must be, read once.

counter['data left'] == 'low'       the state of a counter on a balance type: == or !=
balance['data'].used > 5 GB         the sum of an account's balances of a type: total, used,
balance['money'].available < 5.00   reserved or available, compared by ==, !=, <, <=, > or >= with
balance['data'].available < 20 %    an amount, or with a part of their total

A counter that an account does not have is in no state, and balances that it does not have are 0.
"""

from collections.abc import Mapping
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import NamedTuple

COMPARISONS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}

Sums = tuple[int, int, int]
"""Total, used and reserved of an account's balances of one type that are valid."""
NONE: Sums = (0, 0, 0)


class Part(StrEnum):
    """What of balances is compared."""

    TOTAL = "total"
    USED = "used"
    RESERVED = "reserved"
    AVAILABLE = "available"

    def of(self, sums: Sums) -> int:
        """Returns it."""
        total, used, reserved = sums
        if self is Part.TOTAL:
            return total
        if self is Part.USED:
            return used
        return reserved if self is Part.RESERVED else total - used - reserved


class CounterCondition(NamedTuple):
    """A counter must be, or not be, in a state."""

    counter: str
    state: str
    is_equal: bool

    def holds(self, states: Mapping[str, str], sums: Mapping[str, Sums]) -> bool:
        """Does it hold, given the states of an account's counters and what its balances are?"""
        return (states.get(self.counter) == self.state) is self.is_equal


class BalanceCondition(NamedTuple):
    """The sum of balances must compare so with a limit."""

    balance_type: str
    part: Part
    comparison: str
    limit: int
    """In units of the balance type, or in percent of the total."""
    is_in_percent: bool = False

    def holds(self, states: Mapping[str, str], sums: Mapping[str, Sums]) -> bool:
        """Does it hold, given the states of an account's counters and what its balances are?"""
        found = sums.get(self.balance_type, NONE)
        amount, limit = self.part.of(found), self.limit
        if self.is_in_percent:
            amount, limit = amount * 100, limit * found[0]
        return bool(COMPARISONS[self.comparison](amount, limit))


Condition = CounterCondition | BalanceCondition
