"""What operators do to accounts: open them, below others too, suspend, resume and delete them."""

from ..charging.accounts import (
    NewAccount,
    children,
    delete,
    depth,
    move,
    numbers_needed,
    open_account,
    open_child,
    reauthorize,
    resume,
    summary,
    suspend,
)
from ..charging.case import AccountState
from ..charging.groups import GroupChange
from .answers import account_answer, balance_answers
from .commands import Accounts, Done, Order
from .groups import Decided, Found, change_group, named
from .provisioning import check_account, check_time_zone
from .refusals import Refusal

DEPTH_MAX = 4
"""Accounts from a root to the last of its descendants, both counted."""
GROUP_MAX = 256
"""Accounts with one root: what they have is read for each request of one of them."""


async def create_child(
    accounts: Accounts, tenant: str | None, asked: tuple[NewAccount, str], order: Order
) -> Done:
    """Opens an account below another one, given by its name."""
    new, parent = asked

    async def decide(found: Found) -> Decided:
        case = found.group.case
        check_account(new, case.catalogue)
        if depth(case, found.account.id) >= DEPTH_MAX:
            raise Refusal(
                "too_deep", f"{parent} has {DEPTH_MAX - 1} accounts above it: it can have no child"
            )
        living = [each for each in case.accounts.values() if each.state is not AccountState.DELETED]
        if len(living) >= GROUP_MAX:
            raise Refusal("too_many", f"{parent} is one of {GROUP_MAX} accounts: no more fit")
        numbers = iter(await found.work.numbers(numbers_needed(new, case.catalogue)))
        opening = open_account(new, case.catalogue, numbers, (found.now, found.actor))
        change = open_child(found.group, found.account.id, opening)
        return Decided(change, _answer(change, opening.account.id), opening.account.id)

    body = [new, parent]
    return await change_group(
        accounts, tenant, named(parent), ("account create", body, order), decide
    )


async def suspend_account(accounts: Accounts, tenant: str | None, name: str, order: Order) -> Done:
    """Has an account denied as a whole; its open sessions are closed."""

    async def decide(found: Found) -> Decided:
        if found.account.state is AccountState.SUSPENDED:
            raise Refusal("account_suspended", f"account {name!r} is suspended already")
        change = suspend(found.group, found.account.id, found.actor)
        answer = _answer(change, found.account.id)
        return Decided(change, {**answer, "closed_sessions": _closed(change)})

    return await change_group(
        accounts, tenant, named(name), ("account suspend", name, order), decide
    )


async def resume_account(accounts: Accounts, tenant: str | None, name: str, order: Order) -> Done:
    """Has an account served again."""

    async def decide(found: Found) -> Decided:
        if found.account.state is not AccountState.SUSPENDED:
            raise Refusal("account_active", f"account {name!r} is not suspended")
        change = resume(found.group, found.account.id, found.actor)
        return Decided(change, _answer(change, found.account.id))

    return await change_group(
        accounts, tenant, named(name), ("account resume", name, order), decide
    )


async def reauthorize_account(
    accounts: Accounts, tenant: str | None, name: str, order: Order
) -> Done:
    """Has the gateways of an account's open sessions ask again."""

    async def decide(found: Found) -> Decided:
        sessions = found.group.case.sessions.values()
        count = sum(session.account_id == found.account.id for session in sessions)
        if not count:
            raise Refusal("nothing_to_do", f"account {name!r} has no open session")
        change = reauthorize(found.group, found.account.id, found.actor)
        answer = {"account": name, "tenant": found.account.tenant, "sessions": count}
        return Decided(change, answer)

    return await change_group(
        accounts, tenant, named(name), ("account reauthorize", name, order), decide
    )


async def move_account(
    accounts: Accounts, tenant: str | None, moved: tuple[str, str | None], order: Order
) -> Done:
    """Has an account, given by its name, live by another time zone; None: by its tenant's."""
    name, time_zone = moved
    check_time_zone(time_zone)

    async def decide(found: Found) -> Decided:
        if found.account.time_zone == time_zone:
            lives = "its tenant's time zone" if time_zone is None else time_zone
            raise Refusal("nothing_to_do", f"account {name!r} lives by {lives} already")
        change = move(found.group, found.account.id, time_zone, found.actor)
        return Decided(change, _answer(change, found.account.id))

    return await change_group(accounts, tenant, named(name), ("account set", moved, order), decide)


async def delete_account(accounts: Accounts, tenant: str | None, name: str, order: Order) -> Done:
    """Ends an account that has neither devices nor children; its name is free again."""

    async def decide(found: Found) -> Decided:
        account, case = found.account, found.group.case
        below = [child.name for child in children(case, account.id)]
        if below:
            raise Refusal(
                "account_in_use",
                f"account {name!r} has children, delete them first: {', '.join(below[:10])}",
            )
        if account.devices:
            devices = ", ".join(device.name for device in account.devices[:10])
            raise Refusal(
                "account_in_use",
                f"account {name!r} has devices, `device remove` them first: {devices}",
            )
        change = delete(found.group, account.id, found.actor)
        answer = {
            "account": name,
            "tenant": account.tenant,
            "id": account.id,
            "closed_sessions": _closed(change),
            "currency": case.catalogue.currency,
            "written_off": balance_answers(account.balances, case.catalogue, found.now),
        }
        return Decided(change, answer)

    return await change_group(
        accounts, tenant, named(name), ("account delete", name, order), decide
    )


def _answer(change: GroupChange, account_id: int) -> dict[str, object]:
    case = change.after.case
    return account_answer(summary(change.after, account_id), case.catalogue, case.now)


def _closed(change: GroupChange) -> int:
    """Returns how many open sessions a command has closed."""
    return len(change.before.case.sessions) - len(change.after.case.sessions)
