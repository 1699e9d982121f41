"""What commands set about the counters of an account; its balances stay as they are."""

from collections.abc import Iterable

from .counters import BalanceCounter
from .groups import Deed, Group, GroupChange, changed
from .standing import Standing


def set_counter(group: Group, account_id: int, own: BalanceCounter, actor: str) -> GroupChange:
    """Gives an account a counter of its own, in the place of the catalogue's of that name."""
    standing = group.case.accounts[account_id].standing
    others = tuple(each for each in standing.overrides if each.name != own.name)
    overrides = tuple(sorted((*others, own)))
    after = standing._replace(overrides=overrides)
    return _stands(group, after, Deed("set counter", account_id, actor, own.name))


def reset_counter(group: Group, account_id: int, name: str, actor: str) -> GroupChange:
    """Has a counter of an account be as the catalogue says again."""
    standing = group.case.accounts[account_id].standing
    others = tuple(each for each in standing.overrides if each.name != name)
    after = standing._replace(overrides=others)
    return _stands(group, after, Deed("reset counter", account_id, actor, name))


def set_thresholds(
    group: Group, account_id: int, thresholds: Iterable[int], actor: str
) -> GroupChange:
    """Has notices tell when an account's money falls below amounts, or rises above them."""
    standing = group.case.accounts[account_id].standing
    after = standing._replace(thresholds=tuple(sorted(set(thresholds), reverse=True)))
    return _stands(group, after, Deed("set thresholds", account_id, actor))


def _stands(group: Group, standing: Standing, deed: Deed) -> GroupChange:
    account = group.case.accounts[deed.account_id]._replace(standing=standing)
    return changed(group, group.with_account(account), deed)
