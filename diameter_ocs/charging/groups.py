"""A group of accounts with all that belongs to it, as commands find it and leave it."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from .case import Account, Case, Change
from .decisions import Edr, EdrKind, Outcome
from .ledger import Balance, Ledger, is_valid
from .outbox import Outgoing
from .requests import Identity


class Subscription(NamedTuple):
    """What gives an account a plan; it begins and ends at microseconds since 1970."""

    id: int
    account_id: int
    plan: str
    subscribed_at: int
    valid_from: int | None = None
    """None: when it was subscribed to."""
    valid_until: int | None = None
    """None: it has no end."""

    def is_active(self, now: int) -> bool:
        """Does it supply the services of its plan?"""
        return is_valid(self.valid_from, self.valid_until, now)


class Device(NamedTuple):
    """What an account is reached by."""

    id: int
    account_id: int
    name: str
    """What the operator calls it, unique in the tenant."""
    identities: tuple[Identity, ...] = ()
    """What networks call it, each unique in the tenant."""


class Group(NamedTuple):
    """The case of a group with all its open sessions, and what charging does not read."""

    case: Case
    subscriptions: Mapping[int, Subscription]
    """The ended ones too."""
    devices: Mapping[int, Device]
    woken_at: int | None = None
    """Until when it is told what began and ended in it; None: nothing had a date."""

    def at(self, now: int) -> "Group":
        """Returns the group at another time, as if nothing but time made a difference."""
        return self._replace(case=self.case._replace(now=now)).renewed()

    def renewed(self) -> "Group":
        """Returns the group with the plans of its accounts as the subscriptions now say."""
        now = self.case.now
        accounts = {
            number: account._replace(plans=(), plans_change_at=None)
            for number, account in self.case.accounts.items()
        }
        for each in self.subscriptions.values():
            accounts[each.account_id] = accounts[each.account_id].with_plan(
                each.plan, each.valid_from, each.valid_until, now
            )
        return self._replace(case=self.case._replace(accounts=accounts))

    def with_account(self, account: Account) -> "Group":
        """Returns the group with an account added or replaced."""
        accounts = {**self.case.accounts, account.id: account}
        return self._replace(case=self.case._replace(accounts=accounts))

    def with_balances(self, balances: Mapping[int, Balance]) -> "Group":
        """Returns the group with other balances."""
        return self._replace(case=self.case._replace(balances=balances))

    def with_subscription(self, subscription: Subscription) -> "Group":
        """Returns the group with a subscription added or replaced."""
        subscriptions = {**self.subscriptions, subscription.id: subscription}
        return self._replace(subscriptions=subscriptions).renewed()

    def with_device(self, device: Device) -> "Group":
        """Returns the group with a device added or replaced."""
        return self._replace(devices={**self.devices, device.id: device})


class GroupChange(NamedTuple):
    """What a command makes of a group."""

    before: Group
    after: Group
    edrs: tuple[Edr, ...]
    outgoing: tuple[Outgoing, ...] = ()
    """What leaves when it is stored, in order."""

    @property
    def charged(self) -> Change:
        """What of it charging reads."""
        return Change(self.before.case, self.after.case, self.edrs, self.outgoing)

    def then(self, later: "GroupChange") -> "GroupChange":
        """Returns both changes as one; the later begins where this one ends."""
        edrs, outgoing = self.edrs + later.edrs, self.outgoing + later.outgoing
        return GroupChange(self.before, later.after, edrs, outgoing)

    def after_edrs(self, earlier: tuple[Edr, ...]) -> "GroupChange":
        """Returns the change with EDRs of what was done first."""
        return self._replace(edrs=earlier + self.edrs)

    def without(self, balance_ids: Collection[int]) -> "GroupChange":
        """Returns the change in which balances that were emptied are no more."""
        after = self.after.case.balances
        assert not any(any(after[number][4:7]) for number in balance_ids)
        kept = {number: balance for number, balance in after.items() if number not in balance_ids}
        return self._replace(after=self.after.with_balances(kept))


class Deed(NamedTuple):
    """What a command does, as the journal says it."""

    action: str
    account_id: int
    actor: str | None
    """None: nobody said so; time brought it."""
    about: str | None = None
    """The plan, the device or the identity that it is about."""
    kind: EdrKind = EdrKind.ACCOUNT


def edr_of(deed: Deed, case: Case, ledger: Ledger | None = None) -> Edr:
    """Returns the journal's record of a command that finds the group as this case."""
    return Edr(
        number=case.version + 1,
        at=case.now,
        account_id=deed.account_id,
        kind=deed.kind,
        action=deed.action,
        outcome=Outcome.SUCCESS,
        postings=() if ledger is None else ledger.postings(),
        catalogue_version=case.catalogue.version,
        actor=deed.actor,
        reason=deed.about,
    )


def changed(before: Group, after: Group, deed: Deed, ledger: Ledger | None = None) -> GroupChange:
    """Returns what a command makes of a group; a ledger has moved the balances of `after`."""
    edr = edr_of(deed, after.case, ledger)
    balances = after.case.balances if ledger is None else ledger.balances
    case = after.case._replace(version=edr.number, balances=balances)
    return GroupChange(before, after._replace(case=case), (edr,))
