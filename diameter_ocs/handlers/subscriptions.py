"""What operators do to the plans of accounts."""

from typing import NamedTuple

from ..charging.groups import GroupChange, Subscription
from ..charging.subscriptions import cancel, subscribe
from .answers import balance_answers, subscription_answer
from .commands import Accounts, Done, Order
from .groups import Decided, Found, change_group, named
from .provisioning import check_plan
from .refusals import Refusal


class NewSubscription(NamedTuple):
    """A plan that an account is to have, from and until microseconds since 1970."""

    account: str
    plan: str
    valid_from: int | None = None
    """None: at once."""
    valid_until: int | None = None
    """None: without an end."""


async def add_subscription(
    accounts: Accounts, tenant: str | None, asked: NewSubscription, order: Order
) -> Done:
    """Gives an account a plan with its allowances."""

    async def decide(found: Found) -> Decided:
        catalogue, now = found.group.case.catalogue, found.now
        check_plan(asked.plan, catalogue)
        begins, ends = checked_dates(asked.valid_from, asked.valid_until, now)
        numbers = iter(await found.work.numbers(1 + len(catalogue.plans[asked.plan].allowances)))
        new = Subscription(next(numbers), found.account.id, asked.plan, now, begins, ends)
        change = subscribe(found.group, new, numbers, found.actor)
        return Decided(change, _answer(found, change.after.subscriptions[new.id], change))

    return await change_group(
        accounts, tenant, named(asked.account), ("subscription add", asked, order), decide
    )


async def cancel_subscription(
    accounts: Accounts, tenant: str | None, asked: tuple[str, int], order: Order
) -> Done:
    """Ends a plan of an account now; `asked` is the account and the subscription's id."""
    account, number = asked

    async def decide(found: Found) -> Decided:
        ended = next((each for each in found.account.subscriptions if each.id == number), None)
        if ended is None:
            raise Refusal(
                "subscription_unknown",
                f"account {account!r} has no subscription {number}; `subscription list` shows them",
            )
        if ended.valid_until is not None and ended.valid_until <= found.now:
            raise Refusal("subscription_ended", f"subscription {number} has ended already")
        change = cancel(found.group, number, found.actor)
        after = change.after.subscriptions.get(number, ended)
        return Decided(change, _answer(found, after, change))

    return await change_group(
        accounts, tenant, named(account), ("subscription cancel", asked, order), decide
    )


def checked_dates(
    valid_from: int | None, valid_until: int | None, now: int
) -> tuple[int | None, int | None]:
    """Returns dates as they are kept: what begins by now has no beginning."""
    begins = None if valid_from is None or valid_from <= now else valid_from
    if valid_until is not None and valid_until <= (begins or now):
        raise Refusal("invalid_time", "--until has to be later than now, and later than --from")
    return begins, valid_until


def _answer(found: Found, subscription: Subscription, change: GroupChange) -> dict[str, object]:
    case = change.after.case
    own = [each for each in case.balances.values() if each.subscription_id == subscription.id]
    return {
        "account": found.account.name,
        "tenant": found.account.tenant,
        **subscription_answer(subscription, found.now),
        "currency": case.catalogue.currency,
        "balances": balance_answers(sorted(own), case.catalogue, found.now),
    }
