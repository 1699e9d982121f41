"""What opening an account and changing a balance by command mean: pure, as charging is."""

from collections.abc import Iterator
from typing import NamedTuple

from .case import Account, Case, Change
from .catalogue import Catalogue
from .decisions import Edr, EdrKind, Outcome
from .ledger import Balance, Ledger
from .requests import Identity


class NewAccount(NamedTuple):
    """What an operator says of an account that is to be opened."""

    name: str
    plans: tuple[str, ...]
    identities: tuple[Identity, ...]
    money: int = 0
    """What its balance of money begins with, in micro-units."""


class Opening(NamedTuple):
    """A new account with all that belongs to it."""

    account: Account
    identities: tuple[Identity, ...]
    """Of its one device."""
    balances: tuple[Balance, ...]
    edr: Edr


class AccountSummary(NamedTuple):
    """An account as commands show it."""

    group_id: int
    id: int
    tenant: str
    name: str
    plans: tuple[str, ...]
    identities: tuple[Identity, ...]
    balances: tuple[Balance, ...]


def open_account(
    new: NewAccount, catalogue: Catalogue, numbers: Iterator[int], stamp: tuple[int, str]
) -> Opening:
    """Returns an account with the balances that its plans bring, and one of money.

    `numbers` gives the id of the account and of each balance; `stamp` is when (microseconds since
    1970) and by whom.
    """
    now, actor = stamp
    account_id = next(numbers)
    totals = {}
    empty = {}
    for balance_type, total in _balances(new, catalogue):
        number = next(numbers)
        totals[number] = total
        empty[number] = Balance(number, account_id, balance_type, 0, 0, 0, 0)
    ledger = Ledger(empty)
    for number, total in totals.items():
        ledger.credit(number, total)
    edr = Edr(
        number=1,
        at=now,
        account_id=account_id,
        kind=EdrKind.ACCOUNT,
        action="create account",
        outcome=Outcome.SUCCESS,
        postings=ledger.postings(),
        catalogue_version=catalogue.version,
        actor=actor,
    )
    return Opening(
        Account(account_id, new.name, new.plans),
        new.identities,
        tuple(ledger.balances.values()),
        edr,
    )


def credit(case: Case, balance_id: int, amount: int, actor: str) -> Change:
    """Raises the total of a balance; a debit is a negative amount.

    Raises:
        InsufficientBalance: less would be available than nothing.
        ValueError: the total would be too large.
    """
    ledger = Ledger(case.balances)
    ledger.credit(balance_id, amount)
    edr = Edr(
        number=case.version + 1,
        at=case.now,
        account_id=case.balances[balance_id].account_id,
        kind=EdrKind.ACCOUNT,
        action="credit" if amount >= 0 else "debit",
        outcome=Outcome.SUCCESS,
        postings=ledger.postings(),
        catalogue_version=case.catalogue.version,
        actor=actor,
    )
    after = case._replace(version=edr.number, balances=ledger.balances)
    return Change(case, after, (edr,))


def balances_needed(new: NewAccount, catalogue: Catalogue) -> int:
    """Returns how many balances an account begins with."""
    return sum(1 for _ in _balances(new, catalogue))


def _balances(new: NewAccount, catalogue: Catalogue) -> Iterator[tuple[str, int]]:
    """Returns type and total of the balances that an account begins with."""
    for plan in new.plans:
        for allowance in catalogue.plans[plan].allowances:
            yield allowance.balance_type, allowance.total
    if catalogue.default_monetary_balance_type is not None:
        yield catalogue.default_monetary_balance_type, new.money
