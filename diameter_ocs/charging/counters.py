"""Counters: in which state the balances of an account are, each type or several together."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from .conditions import Condition, Sums

NORMAL = "normal"
"""The state that a counter has by default where nothing else is said."""


class CounterAction(StrEnum):
    """What happens when a counter enters a state."""

    NOTIFY = "NOTIFY"
    BLOCK_BALANCE = "BLOCK_BALANCE"
    """The balances of its type pay for nothing new."""
    UNBLOCK_BALANCE = "UNBLOCK_BALANCE"


class CounterState(NamedTuple):
    """A state of a counter, and where it begins."""

    name: str
    threshold: int | None
    """In units of the balance type, or in percent; None: where no threshold is passed."""
    actions: tuple[CounterAction, ...] = (CounterAction.NOTIFY,)
    """Empty: nothing happens, and nobody but subscribers is told."""


class BalanceCounter(NamedTuple):
    """What the sum of an account's balances of one type is compared with."""

    name: str
    """Unique in the tenant, policy counters included: gateways know it by this name."""
    balance_type: str
    states: tuple[CounterState, ...]
    """The first is the default; the others follow in the order in which they are reached."""
    is_on_used: bool = False
    """A state is entered when more than its threshold is used; else when less is available."""
    has_reservations: bool = False
    """What is reserved counts as used."""
    is_in_percent: bool = False
    """The thresholds are percent of the total."""
    is_active: bool = True

    @property
    def default(self) -> str:
        """The state in which it begins."""
        return self.states[0].name

    @property
    def may_block(self) -> bool:
        """Does any of its states keep balances from paying?"""
        return any(CounterAction.BLOCK_BALANCE in state.actions for state in self.states)

    def place_of(self, total: int, used: int, reserved: int) -> int:
        """Returns the place of the state of balances that have these sums.

        Of nothing nothing is left: 0 %.
        """
        spent = used + reserved if self.has_reservations else used
        amount = spent if self.is_on_used else total - spent
        scale = 1
        if self.is_in_percent:
            if total <= 0 and not self.is_on_used:
                return len(self.states) - 1
            amount, scale = amount * 100, max(total, 0)
        is_on_used, reached = self.is_on_used, 0
        for _, threshold, _ in self.states[1:]:
            assert threshold is not None
            limit = threshold * scale
            if amount <= limit if is_on_used else amount >= limit:
                break
            reached += 1
        return reached

    def spent_at(self, place: int, total: int) -> int:
        """Returns with how much spent of a total the state at a place begins."""
        threshold = self.states[place].threshold
        assert threshold is not None
        if self.is_in_percent:
            percent = threshold if self.is_on_used else 100 - threshold
            return max(total, 0) * percent // 100 + 1
        return (threshold if self.is_on_used else total - threshold) + 1

    def entered(self, previous: str, place: int) -> Iterator[CounterState]:
        """Yields the states that are entered on the way from a state to the one at a place."""
        names = [state.name for state in self.states]
        before = names.index(previous) if previous in names else 0
        if before < place:
            yield from self.states[before + 1 : place + 1]
        else:
            yield from reversed(self.states[place:before])


class PolicyCounterType(StrEnum):
    """Who is told of a policy counter."""

    POLICY = "POLICY"
    """Policy servers that subscribe to it, and the tenant."""
    NOTIFICATION = "NOTIFICATION"
    """The tenant alone."""


class PolicyState(NamedTuple):
    """A state of a policy counter, and what must hold for it."""

    name: str
    conditions: tuple[Condition, ...]
    """All must hold."""


class PolicyCounter(NamedTuple):
    """What plans say about an account, by its counters and balances together."""

    name: str
    """Unique in the tenant, counters on balance types included."""
    default: str
    """Its state where none of the others is."""
    states: tuple[PolicyState, ...]
    """The first whose conditions hold counts."""
    type: PolicyCounterType = PolicyCounterType.POLICY

    def state_of(self, states: Mapping[str, str], sums: Mapping[str, Sums]) -> str:
        """Returns its state, given those of the account's counters and what its balances are."""
        for name, conditions in self.states:
            if all(condition.holds(states, sums) for condition in conditions):
                return name
        return self.default
