"""Counters on balance types: in which state the balances of an account are."""

from enum import StrEnum
from typing import NamedTuple


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

    def state_of(self, total: int, used: int, reserved: int) -> CounterState:
        """Returns the state of balances that have these sums."""
        spent = used + reserved if self.has_reservations else used
        amount = spent if self.is_on_used else total - spent
        scale = 1
        if self.is_in_percent:
            amount, scale = amount * 100, max(total, 0)
        default, *others = self.states
        for state in reversed(others):
            assert state.threshold is not None
            limit = state.threshold * scale
            if amount > limit if self.is_on_used else amount < limit:
                return state
        return default
