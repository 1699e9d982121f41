"""What opening an account means, and how accounts are shown: pure, as charging is."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .case import Account, AccountState, Case
from .catalogue import Catalogue
from .counting import Counted, begun, counters_of
from .decisions import Edr, EdrKind, Outcome
from .groups import Deed, Device, Group, GroupChange, Subscription, changed
from .ledger import Balance, Ledger
from .notices import Occasion, opened, rows_of, turned
from .outbox import Outgoing
from .reauthorization import aborted, sessions_called
from .requests import Identity
from .session import CloseReason
from .standing import NO_STANDING, Standing
from .supervision import close


class NewAccount(NamedTuple):
    """What an operator says of an account that is to be opened."""

    name: str
    plans: tuple[str, ...]
    identities: tuple[Identity, ...]
    """Of its first device, which gets the account's name."""
    money: int = 0
    """What its balance of money begins with, in micro-units."""
    time_zone: str | None = None
    """By which it lives; None: the tenant's."""


class Opening(NamedTuple):
    """A new account with all that belongs to it."""

    account: Account
    device: Device | None
    subscriptions: tuple[Subscription, ...]
    balances: tuple[Balance, ...]
    edr: Edr
    outgoing: tuple[Outgoing, ...] = ()
    """What leaves when it is stored as an account without a parent, in order."""

    @property
    def identities(self) -> tuple[Identity, ...]:
        """What networks call it."""
        return () if self.device is None else self.device.identities


class AccountSummary(NamedTuple):
    """An account as commands show it."""

    group_id: int
    id: int
    tenant: str
    name: str
    parent: str | None
    """Its name."""
    state: AccountState
    subscriptions: tuple[Subscription, ...]
    devices: tuple[Device, ...]
    balances: tuple[Balance, ...]
    time_zone: str | None = None
    """By which it lives; None: the tenant's."""
    standing: Standing = NO_STANDING
    """How its counters stand."""

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Those of all its devices."""
        return tuple(sorted(name for device in self.devices for name in device.identities))

    def plans(self, now: int) -> tuple[str, ...]:
        """Returns the plans that it has at a time."""
        return tuple(each.plan for each in self.subscriptions if each.is_active(now))

    def counters(self, catalogue: Catalogue, now: int) -> tuple[Counted, ...]:
        """Returns its counters as they stand at a time, by name."""
        account = Account(self.id, self.name, self.plans(now), standing=self.standing)
        return counters_of(account, catalogue, self.balances, now)


class Narrowed(NamedTuple):
    """Which accounts are asked for; None: any."""

    parent: str | None = None
    """Its name."""
    state: AccountState | None = None
    plan: str | None = None
    """One that they have now."""
    device: str | None = None
    """The name of a device of theirs."""
    identity: Identity | None = None


ANY = Narrowed()


def open_account(
    new: NewAccount, catalogue: Catalogue, numbers: Iterator[int], stamp: tuple[int, str]
) -> Opening:
    """Returns an account with the balances that its plans bring, and one of money.

    `numbers` gives the ids; `stamp` is when (microseconds since 1970) and by whom.
    """
    now, actor = stamp
    account_id = next(numbers)
    device = None
    if new.identities:
        device = Device(next(numbers), account_id, new.name, new.identities)
    subscriptions = [Subscription(next(numbers), account_id, plan, now) for plan in new.plans]
    ledger = Ledger({})
    for balance_type, total, subscription_id in _balances(new, catalogue, subscriptions):
        owned = next(numbers), account_id, balance_type
        ledger.add(Balance(*owned, 0, total, 0, 0, subscription_id=subscription_id))
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
    balances = tuple(ledger.balances.values())
    account = Account(account_id, new.name, new.plans, time_zone=new.time_zone)
    account, changes = begun(account, catalogue, balances, now)
    outgoing: tuple[Outgoing, ...] = ()
    if catalogue.noticed:
        notices = opened(account, device, subscriptions, now)
        told = (*notices, *turned(changes, {account_id: account}, catalogue))
        outgoing = rows_of(told, catalogue, Occasion(account_id, edr.number, now))
    return Opening(account, device, tuple(subscriptions), balances, edr, outgoing)


def summary_of_opening(tenant: str, opening: Opening) -> AccountSummary:
    """Returns a new root account likewise."""
    return AccountSummary(
        opening.account.id,
        opening.account.id,
        tenant,
        opening.account.name,
        None,
        opening.account.state,
        opening.subscriptions,
        () if opening.device is None else (opening.device,),
        opening.balances,
        opening.account.time_zone,
        opening.account.standing,
    )


def open_child(group: Group, parent_id: int, opening: Opening) -> GroupChange:
    """Returns a group with an account that was opened as the child of one of its accounts.

    Its counters turn with what follows from that.
    """
    case = group.case
    account = opening.account._replace(parent_id=parent_id, standing=NO_STANDING)
    after = group.with_account(account)
    if opening.device is not None:
        after = after.with_device(opening.device)
    for subscription in opening.subscriptions:
        after = after.with_subscription(subscription)
    edr = opening.edr._replace(number=case.version + 1, at=case.now)
    balances = {**case.balances, **{balance.id: balance for balance in opening.balances}}
    charged = after.case._replace(version=edr.number, balances=balances)
    return GroupChange(group, after._replace(case=charged), (edr,))


def summary(group: Group, account_id: int) -> AccountSummary:
    """Returns an account as commands show it."""
    case, account = group.case, group.case.accounts[account_id]
    parent = None if account.parent_id is None else case.accounts[account.parent_id].name
    return AccountSummary(
        case.group_id,
        account_id,
        case.catalogue.tenant,
        account.name,
        parent,
        account.state,
        tuple(each for each in group.subscriptions.values() if each.account_id == account_id),
        tuple(each for each in group.devices.values() if each.account_id == account_id),
        tuple(sorted(each for each in case.balances.values() if each.account_id == account_id)),
        account.time_zone,
        account.standing,
    )


def depth(case: Case, account_id: int) -> int:
    """Returns how many accounts lead to an account from the root, both counted."""
    parent_id = case.accounts[account_id].parent_id
    return 1 if parent_id is None else 1 + depth(case, parent_id)


def children(case: Case, account_id: int) -> list[Account]:
    """Returns the accounts that have an account as their parent, without those deleted."""
    return [
        each
        for _, each in sorted(case.accounts.items())
        if each.parent_id == account_id and each.state is not AccountState.DELETED
    ]


def suspend(group: Group, account_id: int, actor: str) -> GroupChange:
    """Denies an account as a whole; its open sessions are closed."""
    after, edrs, aborts = _without_sessions(group, account_id, CloseReason.SUSPENDED)
    account = after.case.accounts[account_id]._replace(state=AccountState.SUSPENDED)
    deed = Deed("suspend account", account_id, actor)
    change = changed(group, after.with_account(account), deed)
    return change.after_edrs(edrs)._replace(outgoing=aborts)


def resume(group: Group, account_id: int, actor: str) -> GroupChange:
    """Serves an account again that was suspended."""
    account = group.case.accounts[account_id]._replace(state=AccountState.ACTIVE)
    return changed(group, group.with_account(account), Deed("resume account", account_id, actor))


def reauthorize(group: Group, account_id: int, actor: str) -> GroupChange:
    """Calls the open sessions of an account to ask again."""
    deed = Deed("reauthorize", account_id, actor)
    case, call = sessions_called(account_id, group.case)
    change = changed(group, group._replace(case=case), deed)
    return change._replace(outgoing=(call,))


def move(group: Group, account_id: int, time_zone: str | None, actor: str) -> GroupChange:
    """Has an account live by another time zone; None: by the tenant's."""
    account = group.case.accounts[account_id]._replace(time_zone=time_zone)
    deed = Deed("set time zone", account_id, actor, time_zone)
    return changed(group, group.with_account(account), deed)


def delete(group: Group, account_id: int, actor: str) -> GroupChange:
    """Ends an account: sessions are closed, and what its balances have leaves the books.

    What is left of it is what its late requests need. It has neither devices nor children.
    """
    after, edrs, aborts = _without_sessions(group, account_id, CloseReason.DELETED)
    assert not children(after.case, account_id)
    assert all(device.account_id != account_id for device in after.devices.values())
    own = {b.id for b in after.case.balances.values() if b.account_id == account_id}
    ledger = Ledger(after.case.balances)
    for number in own:
        ledger.empty(number)
    subscriptions = {s.id: s for s in after.subscriptions.values() if s.account_id != account_id}
    account = after.case.accounts[account_id]._replace(state=AccountState.DELETED)
    after = after._replace(subscriptions=subscriptions).with_account(account).renewed()
    deed = Deed("delete account", account_id, actor, account.name)
    change = changed(group, after, deed, ledger).without(own)
    return change.after_edrs(edrs)._replace(outgoing=aborts)


def _without_sessions(
    group: Group, account_id: int, reason: CloseReason
) -> tuple[Group, tuple[Edr, ...], tuple[Outgoing, ...]]:
    """Closes the open sessions of an account, the oldest first: all that they hold is released.

    Their gateways are told.

    A call for help goes on though its account be suspended.
    """
    case = group.case
    edrs: tuple[Edr, ...] = ()
    aborts: tuple[Outgoing, ...] = ()
    for session in sorted(group.case.sessions.values()):
        is_emergency = session.circumstances.information.is_emergency
        if session.account_id == account_id and not (
            is_emergency and reason is CloseReason.SUSPENDED
        ):
            decision = close(session, reason, case)
            case, edrs = case.after(decision), (*edrs, *decision.edrs)
            aborts += (aborted(session),)
    return group._replace(case=case), edrs, aborts


def numbers_needed(new: NewAccount, catalogue: Catalogue) -> int:
    """Returns how many ids an account needs with all that it begins with."""
    balances = sum(len(catalogue.plans[plan].allowances) for plan in new.plans)
    has_money = catalogue.default_monetary_balance_type is not None
    return 1 + bool(new.identities) + len(new.plans) + balances + has_money


def _balances(
    new: NewAccount, catalogue: Catalogue, subscriptions: Iterable[Subscription]
) -> Iterator[tuple[str, int, int | None]]:
    """Returns type, total and subscription of the balances that an account begins with."""
    for subscription in subscriptions:
        for allowance in catalogue.plans[subscription.plan].allowances:
            yield allowance.balance_type, allowance.total, subscription.id
    if catalogue.default_monetary_balance_type is not None:
        yield catalogue.default_monetary_balance_type, new.money, None
