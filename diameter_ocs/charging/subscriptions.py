"""What commands make of an account's plans, with the balances that these bring."""

from collections.abc import Iterator

from .groups import Deed, Group, GroupChange, Subscription, changed
from .ledger import Balance, Ledger


def subscribe(group: Group, new: Subscription, numbers: Iterator[int], actor: str) -> GroupChange:
    """Gives an account a plan with its allowances, which count as long as the plan does.

    `numbers` gives the ids of the balances.
    """
    ledger = Ledger(group.case.balances)
    for allowance in group.case.catalogue.plans[new.plan].allowances:
        dates = new.valid_from, new.valid_until, new.id
        kind, total = allowance.balance_type, allowance.total
        ledger.add(Balance(next(numbers), new.account_id, kind, 0, total, 0, 0, *dates))
    deed = Deed("subscribe to plan", new.account_id, actor, new.plan)
    return changed(group, group.with_subscription(new), deed, ledger)


def cancel(group: Group, subscription_id: int, actor: str) -> GroupChange:
    """Ends a plan and its balances; what is reserved of these stays so until it is settled.

    One that has not begun is undone: its allowances leave the books, unless somebody had them pay
    before it.
    """
    now = group.case.now
    ended = group.subscriptions[subscription_id]
    deed = Deed("cancel plan subscription", ended.account_id, actor, ended.plan)
    brought = [b for b in group.case.balances.values() if b.subscription_id == subscription_id]
    is_to_come = ended.valid_from is not None and now < ended.valid_from
    if is_to_come and not any(balance.used or balance.reserved for balance in brought):
        subscriptions = dict(group.subscriptions)
        del subscriptions[subscription_id]
        ledger = Ledger(group.case.balances)
        for balance in brought:
            ledger.empty(balance.id)
        after = group._replace(subscriptions=subscriptions).renewed()
        return changed(group, after, deed, ledger).without({each.id for each in brought})
    balances = {each.id: each._replace(valid_until=_earlier(each, now)) for each in brought}
    if ended.valid_from is not None and now <= ended.valid_from:
        ended = ended._replace(valid_from=None)
    after = group.with_subscription(ended._replace(valid_until=now))
    after = after.with_balances({**group.case.balances, **balances})
    return changed(group, after, deed)


def _earlier(balance: Balance, now: int) -> int:
    return now if balance.valid_until is None else min(balance.valid_until, now)
