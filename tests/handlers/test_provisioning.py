"""Commands: each refusal has its code, and a balance never gives more than it has."""

import asyncio
from collections.abc import Awaitable

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.charging.units import AMOUNT_MAX
from diameter_ocs.handlers.catalogue import Document, read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.provisioning import (
    IDENTITIES_MAX,
    apply_catalogue,
    create_accounts,
    find_account,
)
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.memory import MemoryStore
from tests.handlers.virtual_time import play
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    ORDER,
    charged,
    credited,
    furnish,
    imsi,
    initial,
    memory_faults,
    new_account,
    octets,
    shown,
)

WITHOUT_MONEY = DOCUMENT.replace("  - {name: money, unit_type: money}\n", "")
WITHOUT_MONEY = "\n".join(line for line in WITHOUT_MONEY.split("\n") if "as you go" not in line)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(read_stored)


async def code_of(command: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await command
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return caught.value.code


def document(tenant: str = "demo", text: str = DOCUMENT) -> Document:
    return read_document(text.replace("tenant: demo", f"tenant: {tenant}"))


def test_each_applied_catalogue_is_the_next_version(store: MemoryStore) -> None:
    async def story() -> None:
        assert await code_of(apply_catalogue(store, document(), ORDER)) == "tenant_unknown"
        await create_tenant(store, "demo", ORDER)
        done = [await apply_catalogue(store, document(), ORDER) for _ in range(3)]
        assert [each.answer for each in done] == [
            {"tenant": "demo", "version": version} for version in (1, 2, 3)
        ]
        assert await store.tenants() == {"demo": 3}

    play(story())


def test_a_plan_that_accounts_have_stays(store: MemoryStore) -> None:
    async def story() -> None:
        await furnish(store)
        renamed = document(text=DOCUMENT.replace("name: plan\n", "name: other\n"))
        assert await code_of(apply_catalogue(store, renamed, ORDER)) == "plan_in_use"
        assert await store.tenants() == {"demo": 1}

    play(story())


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("currency: EUR", "currency: JPY", "currency_in_use"),
        ("name: octets, unit_type: volume", "name: octets, unit_type: time", "balance_type_in_use"),
        ("name: money, unit_type: money", "name: cash, unit_type: money", "balance_type_in_use"),
    ],
)
def test_what_accounts_have_becomes_nothing_else(
    store: MemoryStore, old: str, new: str, code: str
) -> None:
    async def story() -> None:
        await furnish(store)
        text = DOCUMENT.replace(old, new)
        if "time" in new:
            text = text.replace(
                "unit_type: volume, default_quota", "unit_type: time, default_quota"
            )
        assert await code_of(apply_catalogue(store, document(text=text), ORDER)) == code
        assert await store.tenants() == {"demo": 1}

    play(story())


def test_the_money_that_accounts_pay_from_stays(store: MemoryStore) -> None:
    more = DOCUMENT.replace(
        "  - {name: money,", "  - {name: cash, unit_type: money}\n  - {name: money,"
    )
    kept = more + "default_monetary_balance_type: money\n"

    async def story() -> None:
        await furnish(store)
        assert await code_of(apply_catalogue(store, document(text=more), ORDER)) == (
            "balance_type_in_use"
        )
        await apply_catalogue(store, document(text=kept), ORDER)

    play(story())


def test_the_only_tenant_need_not_be_named(store: MemoryStore) -> None:
    async def story() -> None:
        new = [new_account(1)]
        assert await code_of(create_accounts(store, None, new, ORDER)) == "tenant_needed"
        await create_tenant(store, "demo", ORDER)
        assert await code_of(create_accounts(store, None, new, ORDER)) == "catalogue_missing"
        await apply_catalogue(store, document(), ORDER)
        await create_accounts(store, None, new, ORDER)
        await create_tenant(store, "other", ORDER)
        new = [new_account(2)]
        assert await code_of(create_accounts(store, None, new, ORDER)) == "tenant_needed"
        assert await code_of(create_accounts(store, "third", new, ORDER)) == "tenant_unknown"
        assert await code_of(create_accounts(store, "other", new, ORDER)) == "catalogue_missing"
        await create_accounts(store, "demo", new, ORDER)

    play(story())


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewAccount("", ("plan",), ()), "invalid_name"),
        (NewAccount("x" * 101, ("plan",), ()), "invalid_name"),
        (NewAccount("a\0b", ("plan",), ()), "invalid_name"),
        (NewAccount("name", (), ()), "plan_needed"),
        (NewAccount("name", ("plan", "gold"), ()), "plan_unknown"),
        (NewAccount("name", ("plan",), (), -1), "invalid_amount"),
        (NewAccount("name", ("plan",), (), AMOUNT_MAX + 1), "invalid_amount"),
        (NewAccount("name", ("plan",), (imsi(1),) * (IDENTITIES_MAX + 1)), "invalid_account"),
        (NewAccount("name", ("plan",), (Identity(IdentityKind.NAI, ""),)), "invalid_account"),
        (NewAccount("name", ("plan",), (Identity(IdentityKind.NAI, "\0"),)), "invalid_account"),
        (NewAccount("name", ("plan",), (imsi(9), imsi(9))), "exists"),
        (NewAccount("account 1", ("plan",), ()), "exists"),
        (NewAccount("name", ("plan",), (imsi(1),)), "exists"),
    ],
)
def test_an_account_that_cannot_be_opened_is_refused(
    store: MemoryStore, new: NewAccount, code: str
) -> None:
    async def story() -> None:
        await furnish(store, [1])
        accounts = [new_account(2), new]
        assert await code_of(create_accounts(store, None, accounts, ORDER)) == code
        assert await code_of(find_account(store, None, "account 2")) == "account_unknown"

    play(story())


def test_money_needs_a_balance_type(store: MemoryStore) -> None:
    async def story() -> None:
        await create_tenant(store, "demo", ORDER)
        await apply_catalogue(store, document(text=WITHOUT_MONEY), ORDER)
        new = [new_account(1, money=5)]
        assert await code_of(create_accounts(store, None, new, ORDER)) == "no_money"
        await create_accounts(store, None, [new_account(1)], ORDER)
        assert [b.balance_type for b in (await shown(store, 1)).balances] == ["octets"]

    play(story())


def test_an_account_of_two_tenants_needs_the_tenant(store: MemoryStore) -> None:
    async def story() -> None:
        await furnish(store, [1], "first")
        (group,) = await furnish(store, [1], "second")
        assert await code_of(find_account(store, None, "account 1")) == "tenant_needed"
        assert (await find_account(store, "second", "account 1")).group_id == group
        assert await code_of(find_account(store, "first", "account 9")) == "account_unknown"

    play(story())


def test_credit_and_debit_move_the_total_and_leave_an_edr(store: MemoryStore) -> None:
    async def story() -> None:
        (group,) = await furnish(store, [1])
        after = await credited(store, 1, 500, order=Order("anna", at=NOW + 5))
        assert (after["total"], after["available"]) == (OCTETS + 500, OCTETS + 500)
        after = await credited(store, 1, -OCTETS, order=Order("ben", at=NOW + 6))
        assert after["total"] == (await octets(store)).total == 500
        edrs = store.groups[group].edrs[1:]
        assert [(e.action, e.actor, e.kind, e.at) for e in edrs] == [
            ("credit", "anna", EdrKind.ACCOUNT, NOW + 5),
            ("debit", "ben", EdrKind.ACCOUNT, NOW + 6),
        ]
        assert memory_faults(store) == []

    play(story())


def test_a_debit_takes_only_what_is_available(store: MemoryStore) -> None:
    async def story() -> None:
        (group,) = await furnish(store, [1])
        await charged(store, (group, initial()))
        assert await code_of(credited(store, 1, -(OCTETS - 99))) == "insufficient_balance"
        await credited(store, 1, -(OCTETS - 100))
        assert await code_of(credited(store, 1, -1)) == "insufficient_balance"
        assert (await octets(store))[4:7] == (100, 0, 100)
        assert memory_faults(store) == []

    play(story())


def test_an_amount_of_nothing_or_too_much_is_refused(store: MemoryStore) -> None:
    async def story() -> None:
        (group,) = await furnish(store, [1])
        for amount in (0, AMOUNT_MAX, AMOUNT_MAX * 3, -AMOUNT_MAX * 3):
            assert await code_of(credited(store, 1, amount)) == "invalid_amount"
        assert len(store.groups[group].edrs) == 1

    play(story())


def test_a_command_waits_for_an_account_that_is_being_charged(store: MemoryStore) -> None:
    async def story() -> None:
        (group,) = await furnish(store, [1])
        store.locked.add(group)
        credit = asyncio.create_task(credited(store, 1, 1))
        await asyncio.sleep(1)
        assert not credit.done()
        store.locked.remove(group)
        assert (await credit)["total"] == OCTETS + 1

    play(story())


def test_a_command_does_not_wait_for_ever(store: MemoryStore) -> None:
    async def story() -> None:
        (group,) = await furnish(store, [1])
        store.locked.add(group)
        assert await code_of(credited(store, 1, 1)) == "busy"
        assert asyncio.get_running_loop().time() < 30

    play(story())


def test_two_commands_at_once_both_count(store: MemoryStore) -> None:
    async def story() -> None:
        await furnish(store, [1])
        await asyncio.gather(*(credited(store, 1, n) for n in range(1, 11)))
        assert (await octets(store)).total == OCTETS + 55
        assert memory_faults(store) == []

    play(story())
