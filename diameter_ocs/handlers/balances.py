"""What operators do to balances."""

from typing import NamedTuple

from ..charging.accounts import AccountSummary
from ..charging.balances import credit
from ..charging.case import Case, Change
from ..charging.commands import Effect
from ..charging.ledger import Balance, InsufficientBalance
from .amounts import parse_amount
from .answers import balance_answer
from .commands import Accounts, CommandWork, Done, Order, locked_case, perform
from .provisioning import find_account, tenant_of_account
from .refusals import Refusal


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


async def credit_balance(
    accounts: Accounts, tenant: str | None, asked: Credit, order: Order
) -> Done:
    """Raises or lowers the total of a balance; a debit takes what is available at most."""
    owner = await tenant_of_account(accounts, tenant, asked.account)

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, actor = stamp
        account = await find_account(work, owner, asked.account)
        case = await locked_case(work, account.group_id, now)
        balance = _find_balance(case, account, asked)
        unit_type = case.catalogue.balance_types[balance.balance_type].unit_type
        amount = parse_amount(asked.amount, unit_type)
        changed = _credited(case, balance, -amount if asked.is_debit else amount, actor)
        await work.work.apply([changed])
        before, after = [
            {
                "account": account.name,
                "balance": balance.id,
                **balance_answer(each.balances[balance.id], case.catalogue, case.now),
                "currency": case.catalogue.currency,
            }
            for each in (case, changed.after)
        ]
        return Effect(after, before, after, account.name)

    operation = "balance debit" if asked.is_debit else "balance credit"
    return await perform(accounts, order, operation, (owner, asked), change)


def _find_balance(case: Case, account: AccountSummary, asked: Credit) -> Balance:
    """Returns the one balance that is meant."""
    own = [balance for balance in case.balances.values() if balance.account_id == account.id]
    if asked.balance is not None:
        found = [balance for balance in own if balance.id == asked.balance]
        if not found:
            raise Refusal("balance_unknown", f"{account.name} has no balance {asked.balance}")
        return found[0]
    name = asked.balance_type or case.catalogue.default_monetary_balance_type
    if name not in case.catalogue.balance_types:
        known = ", ".join(sorted(case.catalogue.balance_types))
        raise Refusal("balance_type_unknown", f"say --type; there is: {known}")
    found = [balance for balance in own if balance.balance_type == name]
    if not found:
        raise Refusal("balance_unknown", f"{account.name} has no balance of {name}")
    if len(found) > 1:
        ids = ", ".join(str(balance.id) for balance in sorted(found))
        raise Refusal(
            "balance_needed", f"{account.name} has several of {name}: say --balance {ids}"
        )
    return found[0]


def _credited(case: Case, balance: Balance, amount: int, actor: str) -> Change:
    try:
        return credit(case, balance.id, amount, actor)
    except InsufficientBalance:
        raise Refusal(
            "insufficient_balance",
            f"balance {balance.id} has less available than that; `account show` says how much",
        ) from None
    except ValueError:
        raise Refusal("invalid_amount", "a balance cannot hold as much as that") from None
