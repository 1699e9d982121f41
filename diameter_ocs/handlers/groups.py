"""A command that changes a group of accounts: lock, read, decide, write, as charging does."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from ..charging.accounts import AccountSummary, Narrowed, summary
from ..charging.case import AccountState
from ..charging.commands import Effect
from ..charging.course import followed_group
from ..charging.groups import Group, GroupChange
from ..charging.lifecycle import wake
from ..charging.requests import Identity
from .answers import account_answer, identity_texts
from .commands import Accounts, Busy, CommandWork, Done, FindsAccounts, Order, perform
from .provisioning import catalogue_of, find_account, tenant_meant
from .refusals import Refusal

Find = Callable[[FindsAccounts, str | None], Awaitable[AccountSummary]]
"""Finds the one account that is meant, given the tenant or None."""


class Found(NamedTuple):
    """The account that a command changes, in its group, and what the command may use."""

    work: CommandWork
    group: Group
    account: AccountSummary
    """As it is within the transaction."""
    actor: str

    @property
    def now(self) -> int:
        """When the command is done, in microseconds since 1970."""
        return self.group.case.now


class Decided(NamedTuple):
    """What is to be done, and what is answered."""

    change: GroupChange
    answer: Mapping[str, Any]
    opened: int | None = None
    """The id of an account that was opened: it is what the audit is about."""


Decide = Callable[[Found], Awaitable[Decided]]


async def change_group(
    accounts: Accounts,
    tenant: str | None,
    find: Find,
    asked: tuple[str, Any, Order],
    decide: Decide,
) -> Done:
    """Changes the group of an account; `asked` is the operation, its body and the order.

    The audit keeps the account as it was and as it is.
    """
    operation, body, order = asked
    owner = await tenant_meant(accounts, tenant, lambda: find(accounts, None))

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, actor = stamp
        await catalogue_of(work, owner)  # it stays the latest until the end
        found = await find(work, owner)
        group = await work.load_group(found.group_id, now)
        if group is None or group.case.accounts[found.id].state is AccountState.DELETED:
            raise Busy
        woken = wake(group)
        account = summary(woken.after, found.id)
        changed, answer, opened = await decide(Found(work, woken.after, account, actor))
        changed = woken.then(followed_group(changed))
        taken = await work.apply_group(changed)
        if taken:
            raise Refusal("exists", f"these belong to somebody already: {', '.join(taken[:10])}")
        if opened is not None:
            return Effect(answer, None, _described(changed.after, opened), answer["account"])
        before, after = [_described(each, found.id) for each in (group, changed.after)]
        return Effect(answer, before, after, found.name)

    return await perform(accounts, order, operation, (owner, body), change)


def _described(group: Group, account_id: int) -> dict[str, Any]:
    case = group.case
    return account_answer(summary(group, account_id), case.catalogue, case.now)


def named(name: str) -> Find:
    """Finds an account by its name."""

    async def find(accounts: FindsAccounts, tenant: str | None) -> AccountSummary:
        return await find_account(accounts, tenant, name)

    return find


def with_device(name: str) -> Find:
    """Finds the account of a device."""

    async def find(accounts: FindsAccounts, tenant: str | None) -> AccountSummary:
        return await _only(accounts, tenant, Narrowed(device=name), ("device", name))

    return find


def with_identity(identity: Identity) -> Find:
    """Finds the account that networks call by an identity."""

    async def find(accounts: FindsAccounts, tenant: str | None) -> AccountSummary:
        (text,) = identity_texts([identity])
        return await _only(accounts, tenant, Narrowed(identity=identity), ("identity", text))

    return find


async def _only(
    accounts: FindsAccounts, tenant: str | None, narrowed: Narrowed, what: tuple[str, str]
) -> AccountSummary:
    kind, name = what
    found = await accounts.find_accounts(tenant, None, 2, narrowed)
    if not found:
        raise Refusal(f"{kind}_unknown", f"there is no {kind} {name!r}; `{kind} list` shows them")
    if len(found) > 1:
        raise Refusal("tenant_needed", f"several tenants have a {kind} {name!r}: say --tenant")
    return found[0]
