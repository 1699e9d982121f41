"""How the counters of accounts stand, and what changes when they stand otherwise.

A counter on a balance type is an account's that has, or had, balances of the type: it counts those
that are valid, all together. A policy counter is an account's whose plans have it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from .case import NOTHING, Account, Case
from .catalogue import Catalogue
from .conditions import NONE, Sums
from .counters import (
    NORMAL,
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyCounterType,
)
from .decisions import Edr
from .ledger import Balance
from .spending_limits import CounterStatus
from .standing import NO_STANDING, Standing
from .tuples import new
from .units import format_money

CREDIT = ""
"""What stands for the name of the counter that an account's thresholds of money make."""
NOTIFICATION = PolicyCounterType.NOTIFICATION
NOTIFY, BLOCK, UNBLOCK = CounterAction


class Counted(NamedTuple):
    """A counter of an account, and its state."""

    counter: BalanceCounter | PolicyCounter
    state: str


Found = tuple[BalanceCounter | PolicyCounter, str, int]
"""A counter of an account, its state, and where that stands among its own; 0 of a policy
counter."""


class CounterChange(NamedTuple):
    """A counter has another state than before."""

    account_id: int
    counter: BalanceCounter | PolicyCounter
    previous: str
    state: str

    @property
    def is_notified(self) -> bool:
        """Does the tenant hear of it?"""
        counter = self.counter
        if isinstance(counter, PolicyCounter):
            return True
        return any(NOTIFY in each.actions for each in counter.states if each.name == self.state)


class Recount(NamedTuple):
    """What a change has made of the counters of the accounts that it concerns."""

    case: Case
    """With their states."""
    changes: tuple[CounterChange, ...]
    found: Mapping[int, Sequence[Found]]
    """Those of the catalogue, by account."""


def counted(after: Case, edrs: tuple[Edr, ...]) -> tuple[Case, tuple[CounterChange, ...]]:
    """Returns a case with the states that its counters have now, and which of these are new.

    Those accounts are looked at that the EDRs which led to the case are about.
    """
    case, changes, _ = recounted(after, edrs)
    return case, changes


def recounted(after: Case, edrs: tuple[Edr, ...]) -> Recount:
    """Returns likewise, with the counters themselves."""
    catalogue, accounts = after.catalogue, after.accounts
    has_counters = bool(catalogue.counters or catalogue.policy_counters)
    if not has_counters and all(each.standing is NO_STANDING for each in accounts.values()):
        return new(Recount, (after, (), NOTHING))
    changes: list[CounterChange] = []
    found: dict[int, Sequence[Found]] = {}
    for account_id in concerned(after, edrs):
        account = accounts[account_id]
        if not has_counters and not account.standing.thresholds:
            continue
        sums = sums_of(after.balances.values(), account_id, after.now)
        found[account_id] = counters = list(found_of(account, catalogue, sums))
        standing, turned = _renewed(account, catalogue, sums, counters)
        if standing is not account.standing:
            accounts = {**accounts, account_id: account._replace(standing=standing)}
            changes += turned
    if accounts is not after.accounts:
        after = after._replace(accounts=accounts)
    return new(Recount, (after, tuple(changes), found))


def begun(
    account: Account, catalogue: Catalogue, balances: Iterable[Balance], now: int
) -> tuple[Account, tuple[CounterChange, ...]]:
    """Returns a new account with the states of its counters, and which are not the default."""
    if not (catalogue.counters or catalogue.policy_counters):
        return account, ()
    sums = sums_of(balances, account.id, now)
    found = list(found_of(account, catalogue, sums))
    standing, changes = _renewed(account, catalogue, sums, found)
    return account._replace(standing=standing), tuple(changes)


def counters_of(
    account: Account, catalogue: Catalogue, balances: Iterable[Balance], at: int
) -> tuple[Counted, ...]:
    """Returns the counters of an account, by name, as they stand, or will if nothing happens.

    What the account had set as thresholds of its money is none of them.
    """
    sums = sums_of(balances, account.id, at)
    found = [Counted(counter, state) for counter, state, _ in found_of(account, catalogue, sums)]
    return tuple(sorted(found, key=lambda each: each.counter.name))


def statuses(case: Case, account_id: int, at: int | None = None) -> tuple[CounterStatus, ...]:
    """Returns what policy servers may know of an account's counters, by name, likewise.

    None: as they are now.
    """
    sums = sums_of(case.balances.values(), account_id, case.now if at is None else at)
    return statuses_of(found_of(case.accounts[account_id], case.catalogue, sums))


def statuses_of(found: Iterable[Found]) -> tuple[CounterStatus, ...]:
    """Returns what policy servers may know of counters, by name."""
    shown = [
        new(CounterStatus, (counter.name, state, ()))
        for counter, state, _ in found
        if not isinstance(counter, PolicyCounter) or counter.type is not NOTIFICATION
    ]
    return tuple(sorted(shown))


def sums_of(balances: Iterable[Balance], account_id: int, at: int) -> dict[str, Sums]:
    """Returns the sums of an account's balances, by type, of those that have begun.

    Those that have ended add nothing, but to what types there are.
    """
    sums: dict[str, Sums] = {}
    for balance in balances:
        _, owner, kind, _, total, used, reserved, starts, ends, _ = balance
        if owner != account_id or (starts is not None and at < starts):
            continue
        before = sums.get(kind, NONE)
        if ends is not None and ends <= at:
            sums[kind] = before
        elif before is NONE:
            sums[kind] = total, used, reserved
        else:
            sums[kind] = before[0] + total, before[1] + used, before[2] + reserved
    return sums


def blocked_by(
    case: Case, account_ids: Iterable[int], balances: Iterable[Balance]
) -> frozenset[tuple[int, str]]:
    """Returns what would be kept from paying if balances became these: owners and balance types.

    What is blocked now stays so.
    """
    blocked = set(blocked_now(case, account_ids))
    balances = tuple(balances)
    for account_id in account_ids:
        account, catalogue = case.accounts[account_id], case.catalogue
        sums = sums_of(balances, account_id, case.now)
        found = list(found_of(account, catalogue, sums))
        standing, _ = _renewed(account, catalogue, sums, found)
        blocked.update((account_id, kind) for kind in standing.blocked)
    return frozenset(blocked)


def blocked_now(case: Case, account_ids: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Yields what is kept from paying: owners and balance types."""
    for account_id in account_ids:
        for kind in blocked_of(case.accounts[account_id].standing, case.catalogue):
            yield account_id, kind


def concerned(after: Case, edrs: tuple[Edr, ...]) -> set[int]:
    """Returns the accounts that EDRs are about, and those whose balances they post."""
    found = {edr.account_id for edr in edrs}
    if len(after.accounts) > 1:
        for edr in edrs:
            for posting in edr.postings:
                balance = after.balances.get(posting.balance_id)
                if balance is not None:
                    found.add(balance.account_id)
    return found


def blocked_of(standing: Standing, catalogue: Catalogue) -> tuple[str, ...]:
    """Returns the balance types of an account that are kept from paying.

    One that no counter of the catalogue can block any more is not.
    """
    return tuple(kind for kind in standing.blocked if kind in catalogue.blockable)


def own_counters(standing: Standing, catalogue: Catalogue) -> Iterator[BalanceCounter]:
    """Yields the counters on balance types as they are for an account, be they in force or not."""
    overrides = {each.name: each for each in standing.overrides}
    for name, counter in catalogue.counters.items():
        own = overrides.get(name)
        yield counter if own is None or own.balance_type != counter.balance_type else own


def credit_counter(thresholds: Iterable[int], money: str) -> BalanceCounter:
    """Returns the counter that an account's thresholds of money make, which nobody subscribes to.

    Reservations do not count: else it would turn with every quota.
    """
    states = [
        CounterState(f"below {format_money(threshold)}", threshold)
        for threshold in sorted(thresholds, reverse=True)
    ]
    return BalanceCounter(CREDIT, money, (CounterState(NORMAL, None), *states))


def found_of(account: Account, catalogue: Catalogue, sums: dict[str, Sums]) -> Iterator[Found]:
    """Yields the counters of an account, each with its state and where that stands among its own.

    Those on balance types come first.
    """
    counters: Iterable[BalanceCounter] = catalogue.counters.values()
    if account.standing.overrides:
        counters = own_counters(account.standing, catalogue)
    states: dict[str, str] = {}
    for counter in counters:
        of_type = sums.get(counter.balance_type)
        if of_type is not None and counter.is_active:
            place = counter.place_of(*of_type)
            state = states[counter.name] = counter.states[place].name
            yield counter, state, place
    if not catalogue.policy_counters:
        return
    names = {
        name
        for plan in account.plans
        if plan in catalogue.plans
        for name in catalogue.plans[plan].policy_counters
    }
    for name in sorted(names):
        policy_counter = catalogue.policy_counters[name]
        yield policy_counter, policy_counter.state_of(states, sums), 0


def _renewed(
    account: Account, catalogue: Catalogue, sums: dict[str, Sums], found: Sequence[Found]
) -> tuple[Standing, list[CounterChange]]:
    """Returns how an account stands with such counters, and which of them have changed."""
    standing, money = account.standing, catalogue.default_monetary_balance_type
    if standing.thresholds and money in sums:
        credit = credit_counter(standing.thresholds, money)
        place = credit.place_of(*sums[money])
        found = (*found, (credit, credit.states[place].name, place))
    states = [(counter.name, state) for counter, state, _ in found if state != counter.default]
    states.sort()
    if tuple(states) == standing.states and not standing.blocked:
        return standing, []
    before = dict(standing.states)
    changes, blocks = [], {True: set[str](), False: set[str]()}
    for counter, state, place in found:
        previous = before.get(counter.name, counter.default)
        if state == previous:
            continue
        changes.append(CounterChange(account.id, counter, previous, state))
        if isinstance(counter, BalanceCounter):
            is_blocked = _blocks(counter, previous, place)
            if is_blocked is not None:
                blocks[is_blocked].add(counter.balance_type)
    blocked = set(standing.blocked) - blocks[False] | blocks[True]
    if blocked:
        blocked &= {
            counter.balance_type
            for counter, _, _ in found
            if isinstance(counter, BalanceCounter) and counter.may_block
        }
    after = standing._replace(states=tuple(states), blocked=tuple(sorted(blocked)))
    return standing if after == standing else after, changes


def _blocks(counter: BalanceCounter, previous: str, place: int) -> bool | None:
    """Does the way from a state to another one end with its balances blocked? None: as they were.

    What lies between is entered, too: it does not matter how large the steps are.
    """
    is_blocked = None
    for state in counter.entered(previous, place):
        if BLOCK in state.actions:
            is_blocked = True
        elif UNBLOCK in state.actions:
            is_blocked = False
    return is_blocked
