"""What operators do about tenants: make, show, suspend and resume them."""

from typing import Any

from ..charging.commands import Effect, Tenant
from .commands import Accounts, CommandWork, Done, Order, perform
from .moments import optional_moment_text
from .refusals import Refusal, check_name, no_tenant


async def create_tenant(accounts: Accounts, name: str, order: Order) -> Done:
    """Adds a tenant, which has no catalogue yet."""

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        check_name("a tenant", name, 50)
        if not await work.add_tenant(name):
            raise Refusal("tenant_exists", f"there is a tenant {name!r} already")
        return Effect({"tenant": name}, None, {"tenant": name})

    return await perform(accounts, order, "tenant create", (name, {}), change)


async def suspend_tenant(accounts: Accounts, name: str, order: Order) -> Done:
    """Has nobody of a tenant served until it is resumed."""
    return await _suspend(accounts, name, "tenant suspend", order)


async def resume_tenant(accounts: Accounts, name: str, order: Order) -> Done:
    """Has the accounts of a suspended tenant served again."""
    return await _suspend(accounts, name, "tenant resume", order)


async def _suspend(accounts: Accounts, name: str, operation: str, order: Order) -> Done:
    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        tenant = await work.tenant(name, changes=True)
        if tenant is None:
            raise no_tenant(name)
        is_suspended = tenant.suspended_at is not None
        if is_suspended == (operation == "tenant suspend"):
            said = "is suspended already" if is_suspended else "is not suspended"
            raise Refusal("tenant_state", f"tenant {name!r} {said}")
        after = tenant._replace(suspended_at=None if is_suspended else stamp[0])
        await work.suspend_tenant(name, after.suspended_at)
        answer = tenant_answer(after)
        return Effect(answer, tenant_answer(tenant), answer)

    return await perform(accounts, order, operation, (name, {}), change)


async def show_tenant(accounts: Accounts, name: str) -> dict[str, Any]:
    """Describes a tenant."""
    found = await accounts.find_tenants(name)
    if not found:
        raise no_tenant(name)
    return tenant_answer(found[0])


def tenant_answer(tenant: Tenant) -> dict[str, Any]:
    """Describes a tenant."""
    return {
        "tenant": tenant.name,
        "catalogue_version": tenant.catalogue_version,
        "suspended_at": optional_moment_text(tenant.suspended_at),
    }
