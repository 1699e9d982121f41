"""What operators do to balances."""

from typing import NamedTuple

from ..charging.accounts import AccountSummary
from ..charging.balances import create_balance, credit, set_balance
from ..charging.case import Case, Change
from ..charging.catalogue import BalanceType, Catalogue
from ..charging.commands import Effect
from ..charging.counting import blocked_of, counted
from ..charging.course import followed
from ..charging.groups import Group, GroupChange
from ..charging.ledger import Balance, InsufficientBalance
from .amounts import parse_amount
from .answers import balance_answer
from .commands import Accounts, CommandWork, Done, Order, locked_case, perform
from .groups import Decided, Found, change_group, named
from .provisioning import find_account, tenant_meant
from .refusals import Refusal
from .subscriptions import checked_dates

PRIORITY_MAX = 1_000_000
"""Of balances of one type the highest pays first."""


class Credit(NamedTuple):
    """A credit or debit, as people ask for it."""

    account: str
    amount: str
    """Above 0, as `parse_amount` reads it."""
    is_debit: bool = False
    balance_type: str | None = None
    """None: the tenant's money."""
    balance: int | None = None
    """The id, where an account has several of a type."""


class Terms(NamedTuple):
    """What a balance is to have, as people ask for it; None: what is usual, or what it has."""

    amount: str | None
    priority: int | None = None
    valid_from: int | None = None
    """Microseconds since 1970."""
    valid_until: int | None = None
    balance_type: str | None = None
    """None: the tenant's money."""
    balance: int | None = None
    """The id of one that is there."""


async def new_balance(
    accounts: Accounts, tenant: str | None, asked: tuple[str, Terms], order: Order
) -> Done:
    """Gives an account, named first, one more balance."""
    name, terms = asked

    async def decide(found: Found) -> Decided:
        case = found.group.case
        kind = _type_meant(case.catalogue, terms.balance_type)
        amount = (
            0 if terms.amount is None else parse_amount(terms.amount, kind.unit_type, at_least=0)
        )
        (number,) = await found.work.numbers(1)
        new = Balance(
            number,
            found.account.id,
            kind.name,
            _checked_priority(terms.priority or 0),
            amount,
            0,
            0,
            *checked_dates(terms.valid_from, terms.valid_until, found.now),
        )
        return _decided(found, create_balance(found.group, new, found.actor), number)

    return await change_group(
        accounts, tenant, named(name), ("balance create", asked, order), decide
    )


async def set_terms(
    accounts: Accounts, tenant: str | None, asked: tuple[str, Terms], order: Order
) -> Done:
    """Fixes what a balance of an account, named first, has; its priority and its dates."""
    name, terms = asked

    async def decide(found: Found) -> Decided:
        case = found.group.case
        old = balance_meant(case, found.account, (terms.balance_type, terms.balance))
        kind, value = case.catalogue.balance_types[old.balance_type], None
        if terms.amount is not None:
            value = parse_amount(terms.amount, kind.unit_type, at_least=0)
        priority = old.priority if terms.priority is None else terms.priority
        begins, ends = _dates(old, terms, found.now)
        new = old._replace(
            priority=_checked_priority(priority), valid_from=begins, valid_until=ends
        )
        if new == old and value in (None, old.total - old.used):
            raise Refusal("nothing_to_do", f"balance {old.id} is so already")
        return _decided(found, _set(found.group, new, value, found.actor), old.id)

    return await change_group(accounts, tenant, named(name), ("balance set", asked, order), decide)


async def credit_balance(
    accounts: Accounts, tenant: str | None, asked: Credit, order: Order
) -> Done:
    """Raises or lowers the total of a balance; a debit takes what is available at most."""
    owner = await tenant_meant(
        accounts, tenant, lambda: find_account(accounts, None, asked.account)
    )

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, actor = stamp
        account = await find_account(work, owner, asked.account)
        case = await locked_case(work, account.group_id, now)
        balance = balance_meant(case, account, (asked.balance_type, asked.balance))
        unit_type = case.catalogue.balance_types[balance.balance_type].unit_type
        amount = parse_amount(asked.amount, unit_type)
        amount = -amount if asked.is_debit else amount
        changed = followed(_credited(case, balance, amount, actor))
        await work.work.apply([changed])
        before, after = [_answer(account, each, balance.id) for each in (case, changed.after)]
        return Effect(after, before, after, account.name)

    operation = "balance debit" if asked.is_debit else "balance credit"
    return await perform(accounts, order, operation, (owner, asked), change)


def balance_meant(
    case: Case, account: AccountSummary, named_by: tuple[str | None, int | None]
) -> Balance:
    """Returns the one balance that is meant by its type or its id.

    Of a type those that have ended are not meant.
    """
    type_name, number = named_by
    own = [balance for balance in case.balances.values() if balance.account_id == account.id]
    if number is not None:
        found = [balance for balance in own if balance.id == number]
        if not found:
            raise Refusal("balance_unknown", f"{account.name} has no balance {number}")
        return found[0]
    name = _type_meant(case.catalogue, type_name).name
    found = [balance for balance in own if balance.balance_type == name]
    found = [balance for balance in found if not balance.has_ended(case.now)] or found
    if not found:
        raise Refusal("balance_unknown", f"{account.name} has no balance of {name}")
    if len(found) > 1:
        ids = ", ".join(str(balance.id) for balance in sorted(found))
        raise Refusal(
            "balance_needed", f"{account.name} has several of {name}: say --balance {ids}"
        )
    return found[0]


def _type_meant(catalogue: Catalogue, name: str | None) -> BalanceType:
    kind = catalogue.balance_types.get(name or catalogue.default_monetary_balance_type or "")
    if kind is None:
        known = ", ".join(sorted(catalogue.balance_types))
        wrong = "say --type" if name is None else f"there is no balance type {name!r}"
        raise Refusal("balance_type_unknown", f"{wrong}; there is: {known}")
    return kind


def _checked_priority(priority: int) -> int:
    if abs(priority) > PRIORITY_MAX:
        raise Refusal(
            "invalid_priority", f"a priority is between -{PRIORITY_MAX} and {PRIORITY_MAX}"
        )
    return priority


def _dates(old: Balance, terms: Terms, now: int) -> tuple[int | None, int | None]:
    """Returns the dates that a balance gets; those that are not named stay."""
    if terms.valid_from is None and terms.valid_until is None:
        return old.valid_from, old.valid_until
    begins = old.valid_from if terms.valid_from is None else terms.valid_from
    ends = old.valid_until if terms.valid_until is None else terms.valid_until
    return checked_dates(begins, ends, now)


def _set(group: Group, terms: Balance, value: int | None, actor: str) -> GroupChange:
    try:
        return set_balance(group, terms, value, actor)
    except InsufficientBalance:
        raise Refusal(
            "insufficient_balance",
            f"sessions have reserved {terms.reserved} of balance {terms.id}: it cannot have less",
        ) from None
    except ValueError:
        raise Refusal("invalid_amount", "a balance cannot hold as much as that") from None


def _credited(case: Case, balance: Balance, amount: int, actor: str) -> Change:
    if amount > 0 and balance.has_ended(case.now):
        raise Refusal(
            "balance_ended",
            f"balance {balance.id} has ended: `balance create` makes another,"
            " `balance set --until` prolongs it",
        )
    try:
        return credit(case, balance.id, amount, actor)
    except InsufficientBalance:
        raise Refusal(
            "insufficient_balance",
            f"balance {balance.id} has less available than that; `account show` says how much",
        ) from None
    except ValueError:
        raise Refusal("invalid_amount", "a balance cannot hold as much as that") from None


def _decided(found: Found, change: GroupChange, number: int) -> Decided:
    after, _ = counted(change.after.case, change.edrs)
    return Decided(change, _answer(found.account, after, number))


def _answer(account: AccountSummary, case: Case, number: int) -> dict[str, object]:
    blocked = blocked_of(case.accounts[account.id].standing, case.catalogue)
    return {
        "account": account.name,
        "balance": number,
        **balance_answer(case.balances[number], case.catalogue, case.now, blocked),
        "currency": case.catalogue.currency,
    }
