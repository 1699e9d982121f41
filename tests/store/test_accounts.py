"""What commands make and list; the same from both stores."""

import asyncio

from diameter_ocs.charging.accounts import NewAccount, open_account
from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.handlers.catalogue import build, read_document
from diameter_ocs.handlers.provisioning import (
    Refusal,
    apply_catalogue,
    create_accounts,
    create_tenant,
    credit_balance,
)
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    STAMP,
    Kept,
    charged,
    furnish,
    imsi,
    initial,
    new_account,
    octets,
    shown,
)

LETTERS = "ä'\"\\{},%s :x"


async def test_a_tenant_is_added_once(kept: Kept) -> None:
    assert await kept.accounts.add_tenant(LETTERS)
    assert not await kept.accounts.add_tenant(LETTERS)
    assert await kept.accounts.tenants() == {LETTERS: None}


async def test_a_version_of_a_catalogue_is_added_once(kept: Kept) -> None:
    await kept.accounts.add_tenant("demo")
    document = read_document(DOCUMENT)
    text = document.model_dump_json()
    assert await kept.accounts.add_catalogue("demo", 1, text, STAMP)
    assert not await kept.accounts.add_catalogue("demo", 1, text, STAMP)
    assert await kept.accounts.add_catalogue("demo", 2, text, STAMP)
    assert await kept.accounts.tenants() == {"demo": 2}
    assert await kept.accounts.read_catalogue("demo", 1) == build(document, 1)
    assert await kept.accounts.read_catalogue("demo", 2) == build(document, 2)


async def test_an_account_is_shown_as_it_was_opened(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    identities = (Identity(IdentityKind.IMSI, "7"), Identity(IdentityKind.NAI, LETTERS))
    new = NewAccount(LETTERS, ("plan", "plan"), identities, 2**63 - 1)
    (opening,) = await create_accounts(kept.accounts, "demo", [new], STAMP)
    (summary,) = await kept.accounts.find_accounts("demo", LETTERS, 5)
    assert summary.group_id == summary.id == opening.account.id
    assert (summary.tenant, summary.name, summary.plans) == ("demo", LETTERS, ("plan", "plan"))
    assert summary.identities == identities
    assert summary.balances == opening.balances
    assert [b.total for b in summary.balances] == [OCTETS, OCTETS, 2**63 - 1]


async def test_accounts_are_listed_in_order_and_bounded(kept: Kept) -> None:
    first = await furnish(kept.accounts, range(1, 8), "first")
    second = await furnish(kept.accounts, range(1, 8), "second")

    async def listed(tenant: str | None, name: str | None, limit: int) -> list[int]:
        return [found.id for found in await kept.accounts.find_accounts(tenant, name, limit)]

    assert await listed(None, None, 100) == first + second
    assert await listed("second", None, 3) == second[:3]
    assert await listed(None, "account 2", 9) == [first[1], second[1]]
    assert await listed("second", "account 2", 9) == [second[1]]
    assert await listed(None, "account 9", 9) == []
    assert await listed("third", None, 9) == []
    assert await listed(None, None, 0) == []
    assert await listed(None, imsi(1).value, 9) == []


async def test_numbers_are_never_given_twice(kept: Kept) -> None:
    assert list(await kept.accounts.numbers(0)) == []
    given = [await kept.accounts.numbers(count) for count in (3, 1, 50)]
    numbers = [number for some in given for number in some]
    assert len(set(numbers)) == 54
    assert min(numbers) > 0


async def test_accounts_are_added_all_or_none(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    catalogue = await kept.accounts.read_catalogue("demo", 1)
    numbers = iter(await kept.accounts.numbers(100))
    new = [new_account(5), NewAccount("other", ("plan",), (imsi(1),)), new_account(1)]
    openings = [open_account(each, catalogue, numbers, STAMP) for each in new]
    assert list(await kept.accounts.add_accounts("demo", openings)) == [imsi(1).value, "account 1"]
    assert len(await kept.accounts.find_accounts(None, None, 9)) == 1
    twice = [open_account(new_account(6), catalogue, numbers, STAMP) for _ in range(2)]
    assert list(await kept.accounts.add_accounts("demo", twice)) == [imsi(6).value, "account 6"]
    assert list(await kept.accounts.add_accounts("demo", [])) == []
    assert len(await kept.accounts.find_accounts(None, None, 9)) == 1


async def test_tenants_may_have_the_same_names(kept: Kept) -> None:
    await furnish(kept.accounts, [1], "first")
    await furnish(kept.accounts, [1], "second")
    assert (await shown(kept.accounts, 1, "first")).id != (
        await shown(kept.accounts, 1, "second")
    ).id


async def test_of_two_who_take_one_name_at_once_one_gets_it(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    results = await asyncio.gather(
        *(create_accounts(kept.accounts, "demo", [new_account(2)], STAMP) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [result.code for result in results if isinstance(result, Refusal)]
    assert refused == ["exists"] * 3
    assert (await octets(kept.accounts, 2)).total == OCTETS


async def test_the_plans_that_accounts_have_are_known(kept: Kept) -> None:
    await furnish(kept.accounts, [], "demo")
    assert set(await kept.accounts.subscribed_plans("demo")) == set()
    await create_accounts(kept.accounts, "demo", [new_account(1)], STAMP)
    assert set(await kept.accounts.subscribed_plans("demo")) == {"plan"}
    assert set(await kept.accounts.subscribed_plans("other")) == set()


async def test_commands_and_requests_at_once_all_count(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    account, balance = await shown(kept.accounts, 1), await octets(kept.accounts)
    await asyncio.gather(
        *(credit_balance(kept.accounts, account, balance, n, STAMP) for n in range(1, 6))
    )
    await charged(kept.store, (group, initial()))
    await credit_balance(kept.accounts, account, balance, -OCTETS + 100, (NOW + 9, "ben"))
    assert (await octets(kept.accounts))[4:7] == (115, 0, 100)


async def test_of_many_catalogues_at_once_each_version_is_one(kept: Kept) -> None:
    await create_tenant(kept.accounts, "demo")
    document = read_document(DOCUMENT)
    results = await asyncio.gather(
        *(apply_catalogue(kept.accounts, document, STAMP) for _ in range(4)),
        return_exceptions=True,
    )
    versions = [result for result in results if isinstance(result, int)]
    assert sorted(versions) == list(range(1, len(versions) + 1))
    assert await kept.accounts.tenants() == {"demo": len(versions)}


async def test_an_opening_is_in_the_journal(postgres: Kept) -> None:
    assert postgres.database is not None
    (group,) = await furnish(postgres.accounts, [1], money=5)
    async with postgres.database.connection() as connection:
        cursor = await connection.execute("SELECT account_id, kind, action, number, actor FROM edr")
        assert await cursor.fetchall() == [(group, EdrKind.ACCOUNT, "create account", 1, STAMP[1])]


async def test_more_accounts_may_be_listed_than_a_statement_has_parameters(postgres: Kept) -> None:
    assert postgres.database is not None
    await furnish(postgres.accounts, [1])
    async with postgres.database.connection() as connection:
        await connection.execute(
            "INSERT INTO account SELECT n, n, 'demo', 'bulk ' || n, 1, now()"
            " FROM generate_series(1000, 67000) n"
        )
    assert len(await postgres.accounts.find_accounts("demo", None, 70_000)) == 66_002
