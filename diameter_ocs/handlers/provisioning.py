"""What operators do: tenants, catalogues, accounts, credit."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ..charging.accounts import (
    AccountSummary,
    NewAccount,
    Opening,
    balances_needed,
    credit,
    open_account,
)
from ..charging.case import Case, Change
from ..charging.catalogue import Catalogue
from ..charging.faults import StaleCase
from ..charging.ledger import Balance, InsufficientBalance
from ..charging.units import AMOUNT_MAX
from .catalogue_build import build
from .catalogue_document import Document
from .ports import Work

LOCK_TRIES = 200
LOCK_WAIT_SECONDS = 0.05
"""A command waits for an account that is being charged; never for long."""
IDENTITIES_MAX = 100


class Refusal(Exception):
    """What was asked is not possible; `code` is stable, the message says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Accounts(Protocol):
    """What the commands need of whatever keeps the accounts."""

    async def add_tenant(self, name: str) -> bool:
        """Adds a tenant; False: it is there already."""

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""

    async def add_catalogue(
        self, tenant_name: str, version: int, document: str, stamp: tuple[int, str]
    ) -> bool:
        """Makes a document the tenant's next version; False: somebody else was faster."""

    async def subscribed_plans(self, tenant_name: str) -> Collection[str]:
        """Returns the plans that accounts of a tenant have."""

    async def held_balance_types(self, tenant_name: str) -> Collection[str]:
        """Returns the types of the balances that accounts of a tenant have."""

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""

    async def numbers(self, count: int) -> Sequence[int]:
        """Returns numbers for new accounts and balances, never given out before."""

    async def add_accounts(self, tenant_name: str, openings: Sequence[Opening]) -> Sequence[str]:
        """Adds accounts, all or none; the names and identities that are taken are returned."""

    async def find_accounts(
        self, tenant_name: str | None, name: str | None, limit: int
    ) -> Sequence[AccountSummary]:
        """Returns accounts in the order of their ids; None: any."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """Begins a transaction."""


async def create_tenant(accounts: Accounts, name: str) -> None:
    """Adds a tenant, which has no catalogue yet."""
    if not _is_name(name, 50):
        raise Refusal("invalid_name", "a tenant's name has 1 to 50 printable characters")
    if not await accounts.add_tenant(name):
        raise Refusal("tenant_exists", f"there is a tenant {name!r} already")


async def apply_catalogue(accounts: Accounts, document: Document, stamp: tuple[int, str]) -> int:
    """Makes a checked document the next version of its tenant's catalogue; returns the version."""
    tenants = await accounts.tenants()
    if document.tenant not in tenants:
        raise Refusal(
            "tenant_unknown",
            f"there is no tenant {document.tenant!r}: `tenant create {document.tenant}` makes it",
        )
    lost = set(await accounts.subscribed_plans(document.tenant)) - {p.name for p in document.plans}
    if lost:
        names = ", ".join(sorted(lost))
        raise Refusal("plan_in_use", f"accounts still have plans that the document lacks: {names}")
    await _check_balances(accounts, document, tenants[document.tenant])
    version = (tenants[document.tenant] or 0) + 1
    text = document.model_dump_json()
    if not await accounts.add_catalogue(document.tenant, version, text, stamp):
        raise Refusal("conflict", "another catalogue was applied at the same moment: try again")
    return version


async def _check_balances(accounts: Accounts, document: Document, version: int | None) -> None:
    """Refuses a document that would make something else of what accounts have."""
    if version is None:
        return
    held = await accounts.held_balance_types(document.tenant)
    before = await accounts.read_catalogue(document.tenant, version)
    after = build(document, version + 1)
    changed = [
        name
        for name in sorted(held)
        if after.balance_types.get(name) != before.balance_types.get(name)
    ]
    if changed:
        names = ", ".join(changed)
        raise Refusal("balance_type_in_use", f"accounts have balances of {names}: keep as they are")
    if held and after.currency != before.currency:
        raise Refusal(
            "currency_in_use", f"accounts have balances in {before.currency}: keep this currency"
        )


async def create_accounts(
    accounts: Accounts, tenant: str | None, new: Sequence[NewAccount], stamp: tuple[int, str]
) -> Sequence[Opening]:
    """Opens accounts, all or none; `stamp` is when (microseconds since 1970) and by whom."""
    tenant, catalogue = await _tenant_and_catalogue(accounts, tenant)
    for account in new:
        _check_account(account, catalogue)
    count = sum(1 + balances_needed(account, catalogue) for account in new)
    numbers = iter(await accounts.numbers(count))
    openings = [open_account(account, catalogue, numbers, stamp) for account in new]
    taken = await accounts.add_accounts(tenant, openings)
    if taken:
        raise Refusal("exists", f"these belong to an account already: {', '.join(taken[:10])}")
    return openings


def _is_name(text: str, length: int) -> bool:
    return text == text.strip() and text.isprintable() and 0 < len(text) <= length


def _check_account(new: NewAccount, catalogue: Catalogue) -> None:
    if not _is_name(new.name, 100):
        raise Refusal("invalid_name", "an account's name has 1 to 100 printable characters")
    if not new.plans:
        raise Refusal("plan_needed", f"{new.name}: name a plan")
    if len(new.identities) > IDENTITIES_MAX:
        raise Refusal("invalid_account", f"{new.name}: more than {IDENTITIES_MAX} identities")
    for identity in new.identities:
        if not _is_name(identity.value, 255):
            raise Refusal("invalid_account", f"{identity.value!r} is no identity")
    if not 0 <= new.money <= AMOUNT_MAX:
        raise Refusal("invalid_amount", f"{new.name}: a balance cannot begin with such an amount")
    for plan in new.plans:
        if plan not in catalogue.plans:
            known = ", ".join(sorted(catalogue.plans)) or "none"
            raise Refusal("plan_unknown", f"there is no plan {plan!r}; there is: {known}")
    if new.money and catalogue.default_monetary_balance_type is None:
        raise Refusal("no_money", "the catalogue has no balance type of money")


async def credit_balance(
    accounts: Accounts,
    account: AccountSummary,
    balance: Balance,
    amount: int,
    stamp: tuple[int, str],
) -> Balance:
    """Raises the total of a balance; a debit is a negative amount."""
    if not amount:
        raise Refusal("invalid_amount", "an amount of nothing changes nothing")
    now, actor = stamp
    for _ in range(LOCK_TRIES):
        try:
            async with accounts.work() as work:
                if await work.lock([account.group_id]):
                    cases, _moved = await work.load([], now)
                    change = _credited(cases[account.group_id], balance, amount, actor)
                    await work.apply([change])
                    return change.after.balances[balance.id]
        except StaleCase:
            continue
        await asyncio.sleep(LOCK_WAIT_SECONDS)
    raise Refusal("busy", f"account {account.name!r} is busy: try again")


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


async def find_account(accounts: Accounts, tenant: str | None, name: str) -> AccountSummary:
    """Returns the one account of that name."""
    found = await accounts.find_accounts(tenant, name, 2)
    if not found:
        raise Refusal("account_unknown", f"there is no account {name!r}")
    if len(found) > 1:
        raise Refusal("tenant_needed", f"several tenants have an account {name!r}: say --tenant")
    return found[0]


async def _tenant_and_catalogue(accounts: Accounts, tenant: str | None) -> tuple[str, Catalogue]:
    """Returns the tenant, the only one when none is named, with its catalogue."""
    tenants = await accounts.tenants()
    if tenant is None and len(tenants) == 1:
        tenant = next(iter(tenants))
    if tenant is None:
        raise Refusal("tenant_needed", "say --tenant: there is none, or more than one")
    if tenant not in tenants:
        raise Refusal("tenant_unknown", f"there is no tenant {tenant!r}")
    version = tenants[tenant]
    if version is None:
        raise Refusal(
            "catalogue_missing",
            f"tenant {tenant!r} sells nothing yet: `catalogue apply FILE` first",
        )
    return tenant, await accounts.read_catalogue(tenant, version)
