"""What operators do to the counters of accounts, and how they are shown."""

from typing import Any, NamedTuple

from ..charging.accounts import AccountSummary, summary
from ..charging.catalogue import Catalogue
from ..charging.counters import BalanceCounter
from ..charging.counting import own_counters
from ..charging.overrides import reset_counter, set_counter, set_thresholds
from .amounts import parse_amount
from .answers import counter_answer
from .catalogue_counters import counter, faults, part_of
from .commands import Accounts, Done, Order
from .groups import Decided, Found, change_group, named
from .refusals import Refusal, suggestion

THRESHOLDS_MAX = 10
"""Of the money of one account."""


class OwnCounter(NamedTuple):
    """What a counter of an account is to be, as people ask for it."""

    counter: str
    thresholds: tuple[tuple[str, str], ...] = ()
    """States with their thresholds, as "low" and "500 MB"; the others stay."""
    is_active: bool | None = None
    """None: as it is."""


async def override_counter(
    accounts: Accounts, tenant: str | None, asked: tuple[str, OwnCounter], order: Order
) -> Done:
    """Gives an account, named first, a counter of its own in the place of the catalogue's."""
    name, wanted = asked

    async def decide(found: Found) -> Decided:
        before = _counter_meant(found, wanted.counter)
        own = _changed(before, wanted, found.group.case.catalogue)
        if own == before:
            raise Refusal("nothing_to_do", f"counter {own.name!r} of {name} is so already")
        change = set_counter(found.group, found.account.id, own, found.actor)
        return Decided(change, _answer(found, summary(change.after, found.account.id), own.name))

    return await change_group(accounts, tenant, named(name), ("counter set", asked, order), decide)


async def restore_counter(
    accounts: Accounts, tenant: str | None, asked: tuple[str, str], order: Order
) -> Done:
    """Has a counter, named second, of an account be as the catalogue says again."""
    name, about = asked

    async def decide(found: Found) -> Decided:
        meant = _counter_meant(found, about)
        if meant not in found.account.standing.overrides:
            reason = f"counter {about!r} of {name} is as the catalogue says"
            raise Refusal("nothing_to_do", reason)
        change = reset_counter(found.group, found.account.id, about, found.actor)
        return Decided(change, _answer(found, summary(change.after, found.account.id), about))

    return await change_group(
        accounts, tenant, named(name), ("counter reset", asked, order), decide
    )


async def change_thresholds(
    accounts: Accounts, tenant: str | None, asked: tuple[str, tuple[str, ...]], order: Order
) -> Done:
    """Has notices tell when the money of an account, named first, falls below amounts."""
    name, texts = asked
    thresholds = {parse_amount(text, None) for text in texts}
    if len(thresholds) > THRESHOLDS_MAX:
        raise Refusal("invalid_amount", f"an account has at most {THRESHOLDS_MAX} thresholds")

    async def decide(found: Found) -> Decided:
        catalogue, account = found.group.case.catalogue, found.account
        if catalogue.default_monetary_balance_type is None:
            raise Refusal("no_money", "the catalogue has no balance type of money")
        if thresholds == set(account.standing.thresholds):
            raise Refusal("nothing_to_do", f"the thresholds of {name} are so already")
        change = set_thresholds(found.group, account.id, thresholds, found.actor)
        left = list(change.after.case.accounts[account.id].standing.thresholds)
        answer = {"account": name, "money_thresholds": left, "currency": catalogue.currency}
        return Decided(change, answer)

    return await change_group(
        accounts, tenant, named(name), ("account thresholds", asked, order), decide
    )


def counters_answer(
    account: AccountSummary, catalogue: Catalogue, now: int
) -> list[dict[str, Any]]:
    """Describes all counters of an account; those of types that it has no balances of, too."""
    found = {each.counter.name: each for each in account.counters(catalogue, now)}
    answers = {name: counter_answer(each.counter, each.state) for name, each in found.items()}
    own = {each.name for each in account.standing.overrides}
    for each in own_counters(account.standing, catalogue):
        unit_type = catalogue.balance_types[each.balance_type].unit_type
        terms = part_of(each, unit_type).model_dump(mode="json", exclude={"name"})
        short = answers.get(each.name) or counter_answer(each, None)
        answers[each.name] = {**short, **terms, "is_own": each.name in own}
    return [answers[name] for name in sorted(answers)]


def _answer(found: Found, account: AccountSummary, about: str) -> dict[str, Any]:
    catalogue = found.group.case.catalogue
    (answer,) = [
        each for each in counters_answer(account, catalogue, found.now) if each["counter"] == about
    ]
    return {"account": account.name, **answer}


def _counter_meant(found: Found, name: str) -> BalanceCounter:
    """Returns a counter on a balance type as it is for an account."""
    catalogue = found.group.case.catalogue
    for each in own_counters(found.account.standing, catalogue):
        if each.name == name:
            return each
    if name in catalogue.policy_counters:
        reason = f"{name!r} is a policy counter: it has conditions, which are the same for all"
        raise Refusal("counter_unknown", reason)
    near = suggestion(name, catalogue.counters)
    raise Refusal("counter_unknown", f"no balance type has a counter {name!r}{near}")


def _changed(before: BalanceCounter, wanted: OwnCounter, catalogue: Catalogue) -> BalanceCounter:
    unit_type = catalogue.balance_types[before.balance_type].unit_type
    part, thresholds = part_of(before, unit_type), dict(wanted.thresholds)
    for name in thresholds:
        if name not in [state.name for state in part.states if state.threshold is not None]:
            known = ", ".join(state.name for state in part.states if state.threshold is not None)
            reason = f"counter {before.name!r} has no threshold of {name!r}; it has: {known}"
            raise Refusal("state_unknown", reason)
    states = tuple(
        state.model_copy(update={"threshold": thresholds.get(state.name, state.threshold)})
        for state in part.states
    )
    is_active = before.is_active if wanted.is_active is None else wanted.is_active
    part = part.model_copy(update={"states": states, "active": is_active})
    wrong = [reason for _, reason in faults(part, unit_type)]
    if wrong:
        raise Refusal("invalid_threshold", *wrong)
    return counter(part, before.balance_type, unit_type)
