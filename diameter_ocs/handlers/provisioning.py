"""What operators do: tenants, catalogues, accounts, credit."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from ..charging.accounts import (
    AccountSummary,
    NewAccount,
    Opening,
    numbers_needed,
    open_account,
    summary_of_opening,
)
from ..charging.catalogue import Catalogue
from ..charging.commands import Effect, Tenant
from ..charging.hours import zone
from ..charging.units import AMOUNT_MAX
from .answers import account_answer, identity_texts
from .catalogue import stored_text
from .catalogue_build import build
from .catalogue_document import Document
from .catalogue_notices import expiring_before
from .catalogue_versions import Compared
from .commands import (
    Accounts,
    CommandWork,
    Done,
    FindsAccounts,
    Order,
    perform,
)
from .refusals import Refusal, check_name, is_name, no_tenant

IDENTITIES_MAX = 100
NAMES_TOLD = 10


class Owned(Protocol):
    """What belongs to a tenant."""

    @property
    def tenant(self) -> str:
        """The tenant's name."""


async def apply_catalogue(
    accounts: Accounts, document: Document, order: Order, compared: Compared | None = None
) -> Done:
    """Makes a checked document the next version of its tenant's catalogue, unless it runs already.

    If another version is running than it was compared with nothing is changed. None: whichever is
    running.
    """
    base = None if compared is None else compared.base
    name, text = document.tenant, stored_text(document)

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        running = await _applicable(work, document, base)
        if compared is not None and compared.is_running:
            same = {"version": running}
            return Effect({"tenant": name, **same}, same, same)
        version = (running or 0) + 1
        await work.add_catalogue(name, version, text, stamp, document.source)
        if running is not None and await _announces_otherwise(work, document, running):
            await work.wake_tenant(name)
        answer = {"tenant": name, "version": version}
        return Effect(answer, {"version": running}, {"version": version})

    return await perform(accounts, order, "catalogue apply", (name, text), change)


async def check_catalogue(accounts: Accounts, document: Document) -> int:
    """Refuses what `apply_catalogue` would refuse; returns the version that it would be."""
    async with accounts.commanding() as work:
        return (await _applicable(work, document, None) or 0) + 1


async def _applicable(work: CommandWork, document: Document, base: int | None) -> int | None:
    """Refuses a document that would hurt what is there; returns the version that is running."""
    name = document.tenant
    tenant = await work.tenant(name, changes=True)
    if tenant is None:
        raise Refusal(
            "tenant_unknown", f"there is no tenant {name!r}: `tenant create {name}` makes it"
        )
    running = tenant.catalogue_version
    if base is not None and base != (running or 0):
        raise Refusal(
            "conflict",
            f"version {running} was applied at the same moment: see `catalogue diff`, and put both"
            " together",
        )
    lost = set(await work.subscribed_plans(name)) - {plan.name for plan in document.plans}
    if lost:
        names = ", ".join(sorted(lost))
        raise Refusal("plan_in_use", f"accounts still have plans that the document lacks: {names}")
    await _check_balances(work, document, tenant)
    return running


async def _announces_otherwise(work: CommandWork, document: Document, running: int) -> bool:
    """Are accounts told at other times than before that something of theirs ends soon?"""
    before = await work.read_catalogue(document.tenant, running)
    return before.expiring_before != expiring_before(document.notices)


async def _check_balances(work: CommandWork, document: Document, tenant: Tenant) -> None:
    """Refuses a document that would make something else of what accounts have."""
    version = tenant.catalogue_version
    if version is None:
        return
    held = await work.held_balance_types(tenant.name)
    before = await work.read_catalogue(tenant.name, version)
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
    money = before.default_monetary_balance_type
    if money in held and after.default_monetary_balance_type != money:
        raise Refusal(
            "balance_type_in_use",
            f"accounts pay from their balances of {money}: write"
            f" `default_monetary_balance_type: {money}`",
        )


async def create_account(
    accounts: Accounts, tenant: str | None, new: NewAccount, order: Order
) -> Done:
    """Opens an account; the answer says what it begins with."""
    name = await tenant_named(accounts, tenant)

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        catalogue = await catalogue_of(work, name)
        (opening,) = await _open(work, (name, catalogue), [new], stamp)
        answer = account_answer(summary_of_opening(name, opening), catalogue, stamp[0])
        return Effect(answer, None, answer, new.name)

    return await perform(accounts, order, "account create", (name, new), change)


async def create_accounts(
    accounts: Accounts, tenant: str | None, new: Sequence[NewAccount], order: Order
) -> Done:
    """Opens accounts, all or none; the answer says how many."""
    name = await tenant_named(accounts, tenant)

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        await _open(work, (name, await catalogue_of(work, name)), new, stamp)
        answer = {"tenant": name, "accounts": len(new)}
        return Effect(answer, None, answer)

    return await perform(accounts, order, "account import", (name, new), change)


async def _open(
    work: CommandWork, owner: tuple[str, Catalogue], new: Sequence[NewAccount], at: tuple[int, str]
) -> Sequence[Opening]:
    """Opens accounts of a tenant, given its catalogue."""
    tenant, catalogue = owner
    for account in new:
        check_account(account, catalogue)
    count = sum(numbers_needed(account, catalogue) for account in new)
    numbers = iter(await work.numbers(count))
    openings = [open_account(account, catalogue, numbers, at) for account in new]
    taken = await work.add_accounts(tenant, openings)
    if taken:
        raise Refusal("exists", f"these belong to an account already: {_named_in(new, taken)}")
    return openings


def check_account(new: NewAccount, catalogue: Catalogue) -> None:
    """Refuses what cannot be opened."""
    check_name("an account", new.name, 100)
    if not new.plans:
        raise Refusal("plan_needed", f"{new.name}: name a plan")
    if len(new.identities) > IDENTITIES_MAX:
        raise Refusal("invalid_account", f"{new.name}: more than {IDENTITIES_MAX} identities")
    for identity in new.identities:
        if not is_name(identity.value, 255):
            raise Refusal("invalid_account", f"{identity.value!r} is no identity")
    if not 0 <= new.money <= AMOUNT_MAX:
        raise Refusal("invalid_amount", f"{new.name}: a balance cannot begin with such an amount")
    for plan in new.plans:
        check_plan(plan, catalogue)
    check_time_zone(new.time_zone)
    if new.money and catalogue.default_monetary_balance_type is None:
        raise Refusal("no_money", "the catalogue has no balance type of money")


def check_time_zone(name: str | None) -> None:
    """Refuses a time zone that there is not; None is the tenant's."""
    try:
        if name is not None:
            zone(name)
    except ValueError as error:
        raise Refusal("invalid_time_zone", str(error)) from None


def check_plan(plan: str, catalogue: Catalogue) -> None:
    """Refuses a plan that nobody can have."""
    if plan not in catalogue.plans:
        known = ", ".join(sorted(catalogue.plans)) or "none"
        raise Refusal("plan_unknown", f"there is no plan {plan!r}; there is: {known}")


def _named_in(new: Sequence[NewAccount], taken: Collection[str]) -> str:
    """Writes names that are taken as they were given."""
    texts = [each.name for each in new if each.name in taken]
    texts += [
        text
        for each in new
        for identity, text in zip(each.identities, identity_texts(each.identities), strict=True)
        if identity.value in taken
    ]
    return ", ".join(texts[:NAMES_TOLD])


async def find_account(accounts: FindsAccounts, tenant: str | None, name: str) -> AccountSummary:
    """Returns the one account of that name."""
    found = await accounts.find_accounts(tenant, name, 2)
    if not found:
        raise Refusal("account_unknown", f"there is no account {name!r}; `account list` shows them")
    if len(found) > 1:
        raise Refusal("tenant_needed", f"several tenants have an account {name!r}: say --tenant")
    return found[0]


def _which_tenant(tenants: Collection[str]) -> str:
    if not tenants:
        return "there is no tenant yet: `tenant create NAME` makes one"
    told = ", ".join(sorted(tenants)[:NAMES_TOLD])
    more = ", ..." if len(tenants) > NAMES_TOLD else ""
    return f"there is more than one tenant, say --tenant: {told}{more}"


async def tenant_named(accounts: Accounts, tenant: str | None) -> str:
    """Returns the tenant that is meant: the only one, when none is named."""
    tenants = await accounts.tenants()
    if tenant is None and len(tenants) == 1:
        return next(iter(tenants))
    if tenant is None:
        raise Refusal("tenant_needed", _which_tenant(tenants))
    if tenant not in tenants:
        raise no_tenant(tenant)
    return tenant


async def tenant_meant(
    accounts: Accounts, tenant: str | None, find: Callable[[], Awaitable[Owned]]
) -> str:
    """Returns the tenant that is meant: the only one, or that of what is found without a tenant."""
    if tenant is not None:
        return tenant
    tenants = await accounts.tenants()
    return next(iter(tenants)) if len(tenants) == 1 else (await find()).tenant


async def catalogue_of(work: CommandWork, tenant: str) -> Catalogue:
    """Returns the catalogue of a tenant, which stays the latest until the transaction ends."""
    found = await work.tenant(tenant, changes=False)
    if found is None:
        raise no_tenant(tenant)
    if found.catalogue_version is None:
        raise Refusal(
            "catalogue_missing",
            f"tenant {tenant!r} sells nothing yet: `catalogue apply FILE` first",
        )
    return await work.read_catalogue(tenant, found.catalogue_version)
