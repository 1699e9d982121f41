"""Balances and what moves on them."""

from collections.abc import Iterable, Mapping
from operator import sub
from typing import NamedTuple, Protocol

from .session import Amounts
from .tuples import new
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
    valid_from: int | None = None
    """When it begins to pay, in microseconds since 1970; None: at once."""
    valid_until: int | None = None
    """When it pays no more, except what is reserved then; None: never."""
    subscription_id: int | None = None
    """The subscription that brought it."""

    @property
    def available(self) -> int:
        """What may still be reserved or spent."""
        return self.total - self.used - self.reserved

    def has_ended(self, now: int) -> bool:
        """Does it pay for nothing any more but what is reserved?"""
        return self.valid_until is not None and self.valid_until <= now


def is_valid(valid_from: int | None, valid_until: int | None, now: int) -> bool:
    """Does what has these dates count now?"""
    return (valid_from is None or valid_from <= now) and (valid_until is None or now < valid_until)


class Posting(NamedTuple):
    """What one EDR changed on one balance: differences of total, used and reserved."""

    balance_id: int
    total: int
    used: int
    reserved: int


NOTHING_BLOCKED: frozenset[tuple[int, str]] = frozenset()

_Amounts = tuple[int, int, int]
"""Total, used and reserved of a balance."""


class Funds(Protocol):
    """What amounts are reserved from."""

    def paying(self, balance_types: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the balances of some types that may pay, in the order in which they do."""

    def available(self, balance_id: int) -> int:
        """Returns what may still be reserved of a balance."""

    def reserve(self, balance_ids: Iterable[int], amount: int) -> tuple[Amounts, int]:
        """Holds what is available; returns what is held and how much is missing."""


class InsufficientBalance(Exception):
    """A command asks for more than a balance has available."""


class Ledger:
    """The balances of a group while one request of an account moves them."""

    __slots__ = ("_before", "_blocked", "_moved", "_now", "_payers", "_paying")

    def __init__(
        self,
        balances: Mapping[int, Balance],
        payers: tuple[int, ...] = (),
        now: int = 0,
        blocked: frozenset[tuple[int, str]] = NOTHING_BLOCKED,
    ) -> None:
        """`payers` are the accounts whose balances pay, in order, those that are valid `now`.

        Without any, balances are moved by name. `blocked` are owners and balance types of those
        that pay for nothing new.
        """
        self._before = balances
        self._moved: dict[int, _Amounts] = {}
        self._payers = payers
        self._now = now
        self._blocked = blocked
        self._paying: dict[tuple[str, ...], tuple[int, ...]] = {}

    @property
    def balances(self) -> dict[int, Balance]:
        """All balances as they are now."""
        return {**self._before, **self.changed_balances()}

    def copied(self) -> "Ledger":
        """Returns the balances as they are now, for trying what is not meant."""
        copy = Ledger(self._before, self._payers, self._now, self._blocked)
        copy._moved, copy._paying = dict(self._moved), self._paying
        return copy

    def paying(self, balance_types: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the balances of some types that may pay now, in the order in which they do.

        That is the order of the types, then the account's own before its parents', then priority
        (highest first), then age (oldest first). Of balances that came at once the one that ends
        first has the lower id.
        """
        numbers = self._paying.get(balance_types)
        if numbers is not None:
            return numbers
        payers, blocked, found = self._payers, self._blocked, []
        for balance in self._before.values():
            if balance.balance_type in balance_types and balance.account_id in payers:
                starts, ends = balance.valid_from, balance.valid_until
                if starts is ends is None or is_valid(starts, ends, self._now):
                    found.append(balance)
        if blocked:
            found = [each for each in found if (each.account_id, each.balance_type) not in blocked]
        if len(found) > 1:
            found.sort(
                key=lambda b: (
                    balance_types.index(b.balance_type),
                    payers.index(b.account_id),
                    -b.priority,
                    b.id,
                )
            )
        numbers = self._paying[balance_types] = tuple([balance.id for balance in found])
        return numbers

    def block(self, blocked: frozenset[tuple[int, str]]) -> None:
        """Has balances of these owners and types pay for nothing new, and only these."""
        if blocked != self._blocked:
            self._blocked, self._paying = blocked, {}

    def has_only_blocked(self, balance_types: tuple[str, ...]) -> bool:
        """Would balances of some types pay now, of which none does since all are blocked?"""
        if not self._blocked or self.paying(balance_types):
            return False
        unblocked = Ledger(self._before, self._payers, self._now)
        return bool(unblocked.paying(balance_types))

    def type_of(self, balance_id: int) -> str:
        """Returns the balance type of a balance."""
        return self._before[balance_id].balance_type

    def available(self, balance_id: int) -> int:
        """Returns what is free on a balance, never below 0."""
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        available = total - used - reserved
        return available if available > 0 else 0

    def reserved(self, balance_id: int) -> int:
        """Returns what is held of a balance, by all sessions together."""
        _, _, reserved = self._moved.get(balance_id) or self._given(balance_id)
        return reserved

    def reserve(self, balance_ids: Iterable[int], amount: int) -> tuple[Amounts, int]:
        """Holds what is available of an amount on balances, one after the other.

        Returns what is held and how much is missing.
        """
        assert amount >= 0
        parts = []
        for balance_id in balance_ids:
            total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
            available = total - used - reserved
            part = amount if amount < available else available
            if part > 0:
                self._moved[balance_id] = total, used, reserved + part
                parts.append((balance_id, part))
                amount -= part
                if not amount:
                    break
        return tuple(parts), amount

    def reserve_whole(self, balance_id: int, amount: int) -> bool:
        """Holds an amount on a balance, if all of it is available."""
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        if amount > total - used - reserved:
            return False
        self._moved[balance_id] = total, used, reserved + amount
        return True

    def post(self, balance_id: int, spent: int, held: int) -> None:
        """Posts what was spent of what is held on a balance, and releases the rest."""
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        assert 0 <= spent <= held <= reserved
        self._moved[balance_id] = total, used + spent, reserved - held

    def settle(self, held: Amounts, spent: int, staying: int = 0) -> Amounts:
        """Posts the first of what is held, releases the last; returns what stays between."""
        assert spent >= 0 <= staying
        rest = []
        for balance_id, amount in held:
            gone = spent if spent < amount else amount
            stays = amount - gone
            if stays > staying:
                stays = staying
            spent -= gone
            staying -= stays
            if stays:
                rest.append((balance_id, stays))
            if stays < amount:
                total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
                reserved -= amount - stays
                assert reserved >= 0
                self._moved[balance_id] = total, used + gone, reserved
        assert not spent
        return tuple(rest)

    def give_back(self, balance_id: int, spent: int) -> None:
        """Takes back what was spent."""
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        assert 0 <= spent <= used
        self._moved[balance_id] = total, used - spent, reserved

    def refund(self, balance_id: int, amount: int) -> None:
        """Gives back what was spent.

        What was used before a cycle began anew is not called used any more: it raises the total.
        """
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        spent = min(amount, used)
        self._moved[balance_id] = total, used - spent, reserved
        if spent < amount:
            self.credit(balance_id, amount - spent)

    def credit(self, balance_id: int, amount: int) -> None:
        """Raises the total; a debit is a negative credit.

        Raises:
            InsufficientBalance: less would be available than nothing.
            ValueError: the total would be too large to be stored.
        """
        total, used, reserved = self._moved.get(balance_id) or self._given(balance_id)
        total += amount
        if abs(total) > AMOUNT_MAX:
            raise ValueError(f"balance {balance_id} cannot hold as much as that")
        if amount < 0 and total < used + reserved:
            raise InsufficientBalance
        self._moved[balance_id] = total, used, reserved

    def add(self, balance: Balance) -> None:
        """Brings a new balance into the books: all that it has is posted."""
        assert balance.id not in self._before
        self._before = {**self._before, balance.id: balance._replace(total=0)}
        self._moved[balance.id] = balance.total, balance.used, balance.reserved

    def empty(self, balance_id: int) -> None:
        """Takes out of the books what a balance has and what was used of it."""
        _, _, reserved = self._moved.get(balance_id) or self._given(balance_id)
        assert not reserved
        self._moved[balance_id] = 0, 0, 0

    def spent(self) -> dict[int, int]:
        """Returns what was spent of balances since the start."""
        return {
            number: used - self._before[number].used
            for number, (_, used, _) in self._moved.items()
            if used != self._before[number].used
        }

    def postings(self) -> tuple[Posting, ...]:
        """Returns what has changed since the start, one posting a balance, by balance id."""
        postings = []
        for number, after in sorted(self._moved.items()):
            before = self._given(number)
            if after != before:
                total, used, reserved = map(sub, after, before)
                postings.append(new(Posting, (number, total, used, reserved)))
        return tuple(postings)

    def changed_balances(self) -> dict[int, Balance]:
        """Returns the balances that have changed since the start."""
        changed = {}
        for number, after in self._moved.items():
            if after != self._given(number):
                _, owner, name, priority, _, _, _, starts, ends, bringer = self._before[number]
                balance = number, owner, name, priority, *after, starts, ends, bringer
                changed[number] = new(Balance, balance)
        return changed

    def _given(self, balance_id: int) -> _Amounts:
        """Returns what a balance began with."""
        _, _, _, _, total, used, reserved, _, _, _ = self._before[balance_id]
        return total, used, reserved
