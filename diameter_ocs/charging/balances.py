"""What commands make of balances; each change is a posting."""

from .case import Case, Change
from .groups import Deed, Group, GroupChange, changed, edr_of
from .ledger import Balance, Ledger


def create_balance(group: Group, new: Balance, actor: str) -> GroupChange:
    """Gives an account one more balance."""
    ledger = Ledger(group.case.balances)
    ledger.add(new)
    deed = Deed("create balance", new.account_id, actor, new.balance_type)
    return changed(group, group, deed, ledger)


def credit(case: Case, balance_id: int, amount: int, actor: str) -> Change:
    """Raises the total of a balance; a debit is a negative amount.

    Raises:
        InsufficientBalance: less would be available than nothing.
        ValueError: the total would be too large.
    """
    ledger = Ledger(case.balances)
    ledger.credit(balance_id, amount)
    return _moved(case, balance_id, ledger, ("credit" if amount >= 0 else "debit", actor))


def set_balance(group: Group, terms: Balance, value: int | None, actor: str) -> GroupChange:
    """Changes priority and dates of a balance to these; fixes what it has above what was used.

    `value` is that figure; None leaves it. It raises what `credit` does.
    """
    old = group.case.balances[terms.id]
    assert (terms[:3], terms[4:7]) == (old[:3], old[4:7])
    after = group.with_balances({**group.case.balances, terms.id: terms})
    ledger = Ledger(after.case.balances)
    if value is not None:
        ledger.credit(terms.id, value - (old.total - old.used))
    return changed(group, after, Deed("set", terms.account_id, actor, terms.balance_type), ledger)


def _moved(case: Case, balance_id: int, ledger: Ledger, by: tuple[str, str]) -> Change:
    action, actor = by
    edr = edr_of(Deed(action, case.balances[balance_id].account_id, actor), case, ledger)
    return Change(case, case._replace(version=edr.number, balances=ledger.balances), (edr,))
