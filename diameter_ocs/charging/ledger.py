"""Balances and what moves on them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .session import Amounts
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


_new = tuple.__new__
"""Makes a named tuple of a tuple of its fields: half the time of calling its class."""


class InsufficientBalance(Exception):
    """A command asks for more than a balance has available."""


class Ledger:
    """The balances of a group while one request of an account moves them."""

    __slots__ = ("_account_id", "_before", "_moved", "_paying")

    def __init__(self, balances: Mapping[int, Balance], account_id: int | None = None) -> None:
        """`account_id` is whose balances pay; None: nobody's, they are moved by name."""
        self._before = balances
        self._moved: dict[int, Balance] = {}
        self._account_id = account_id
        self._paying: dict[tuple[str, ...], tuple[int, ...]] = {}

    @property
    def balances(self) -> dict[int, Balance]:
        """All balances as they are now."""
        return {**self._before, **self._moved}

    def paying(self, balance_types: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the account's balances of some types, in the order in which they pay.

        That is the order of the types, then priority (highest first), then age (oldest first).
        """
        numbers = self._paying.get(balance_types)
        if numbers is None:
            account_id, own = self._account_id, []
            for balance in self._before.values():
                if balance.balance_type in balance_types and balance.account_id == account_id:
                    own.append(balance)
            if len(own) > 1:
                own.sort(key=lambda b: (balance_types.index(b.balance_type), -b.priority, b.id))
            numbers = self._paying[balance_types] = tuple([balance.id for balance in own])
        return numbers

    def available(self, balance_id: int) -> int:
        """Returns what is free on a balance, never below 0."""
        balance = self._moved.get(balance_id) or self._before[balance_id]
        available = balance.total - balance.used - balance.reserved
        return available if available > 0 else 0

    def reserved(self, balance_id: int) -> int:
        """Returns what is held of a balance, by all sessions together."""
        balance = self._moved.get(balance_id) or self._before[balance_id]
        return balance.reserved

    def reserve(self, balance_ids: Iterable[int], amount: int) -> tuple[Amounts, int]:
        """Holds what is available of an amount on balances, one after the other.

        Returns what is held and how much is missing.
        """
        assert amount >= 0
        parts = []
        for balance_id in balance_ids:
            balance = self._moved.get(balance_id) or self._before[balance_id]
            number, account_id, name, priority, total, used, reserved = balance
            available = total - used - reserved
            part = amount if amount < available else available
            if part > 0:
                self._moved[balance_id] = _new(
                    Balance, (number, account_id, name, priority, total, used, reserved + part)
                )
                parts.append((balance_id, part))
                amount -= part
                if not amount:
                    break
        return tuple(parts), amount

    def settle(self, balance_id: int, held: int, spent: int) -> None:
        """Releases what was held and posts what was spent of it."""
        balance = self._moved.get(balance_id) or self._before[balance_id]
        number, account_id, name, priority, total, used, reserved = balance
        assert 0 <= spent <= held <= reserved
        self._moved[balance_id] = _new(
            Balance, (number, account_id, name, priority, total, used + spent, reserved - held)
        )

    def credit(self, balance_id: int, amount: int) -> None:
        """Raises the total; a debit is a negative credit.

        Raises:
            InsufficientBalance: less would be available than nothing.
            ValueError: the total would be too large to be stored.
        """
        balance = self._moved.get(balance_id) or self._before[balance_id]
        total = balance.total + amount
        if abs(total) > AMOUNT_MAX:
            raise ValueError(f"balance {balance_id} cannot hold as much as that")
        if amount < 0 and balance.available + amount < 0:
            raise InsufficientBalance
        self._moved[balance_id] = balance._replace(total=total)

    def postings(self) -> tuple[Posting, ...]:
        """Returns what has changed since the start, one posting a balance, by balance id."""
        postings = []
        for number in sorted(self._moved):
            before, after = self._before[number], self._moved[number]
            if after != before:
                total = after.total - before.total
                used = after.used - before.used
                postings.append(Posting(number, total, used, after.reserved - before.reserved))
        return tuple(postings)

    def changed_balances(self) -> dict[int, Balance]:
        """Returns the balances that have changed since the start."""
        before = self._before
        return {
            number: balance for number, balance in self._moved.items() if balance != before[number]
        }
