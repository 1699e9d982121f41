"""Balances and what moves on them."""

from collections.abc import Mapping
from typing import NamedTuple

from .units import AMOUNT_MAX


class Balance(NamedTuple):
    """One bucket of units or money of an account.

    Invariant: total = used + reserved + available, and neither used nor reserved is below 0.
    """

    id: int
    account_id: int
    balance_type: str
    priority: int
    """Among balances of one type the highest pays first."""
    total: int
    used: int
    reserved: int

    @property
    def available(self) -> int:
        """What may still be reserved or spent."""
        return self.total - self.used - self.reserved


class Posting(NamedTuple):
    """What one EDR changed on one balance: differences of total, used and reserved."""

    balance_id: int
    total: int
    used: int
    reserved: int


class InsufficientBalance(Exception):
    """A command asks for more than a balance has available."""


class Ledger:
    """The balances of a group while one request moves them."""

    __slots__ = ("_before", "balances")

    def __init__(self, balances: Mapping[int, Balance]) -> None:
        self._before = balances
        self.balances = dict(balances)

    def available(self, balance_id: int) -> int:
        """Returns what is free on a balance, never below 0."""
        available = self.balances[balance_id].available
        return available if available > 0 else 0

    def reserve(self, balance_id: int, amount: int) -> None:
        """Holds an amount that is available."""
        number, account_id, name, priority, total, used, reserved = self.balances[balance_id]
        assert 0 <= amount <= total - used - reserved
        self.balances[balance_id] = Balance(
            number, account_id, name, priority, total, used, reserved + amount
        )

    def settle(self, balance_id: int, held: int, spent: int) -> None:
        """Releases what was held and posts what was spent of it."""
        number, account_id, name, priority, total, used, reserved = self.balances[balance_id]
        assert 0 <= spent <= held <= reserved
        self.balances[balance_id] = Balance(
            number, account_id, name, priority, total, used + spent, reserved - held
        )

    def credit(self, balance_id: int, amount: int) -> None:
        """Raises the total; a debit is a negative credit.

        Raises:
            InsufficientBalance: less would be available than nothing.
            ValueError: the total would be too large to be stored.
        """
        balance = self.balances[balance_id]
        total = balance.total + amount
        if abs(total) > AMOUNT_MAX:
            raise ValueError(f"balance {balance_id} cannot hold as much as that")
        if amount < 0 and balance.available + amount < 0:
            raise InsufficientBalance
        self.balances[balance_id] = balance._replace(total=total)

    def postings(self) -> tuple[Posting, ...]:
        """Returns what has changed since the start, one posting a balance, by balance id."""
        before = self._before
        return tuple(
            Posting(
                number,
                balance.total - before[number].total,
                balance.used - before[number].used,
                balance.reserved - before[number].reserved,
            )
            for number, balance in sorted(self.changed_balances().items())
        )

    def changed_balances(self) -> dict[int, Balance]:
        """Returns the balances that have changed since the start."""
        before = self._before
        return {
            number: balance
            for number, balance in self.balances.items()
            if balance is not before[number] and balance != before[number]
        }
