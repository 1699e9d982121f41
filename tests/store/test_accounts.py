"""What commands make and list; the same from both stores."""

import asyncio
from contextlib import suppress

import pytest

from diameter_ocs.charging.accounts import NewAccount, open_account
from diameter_ocs.charging.commands import Tenant
from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.handlers.answers import account_answer
from diameter_ocs.handlers.catalogue import build, read_document
from diameter_ocs.handlers.catalogue_versions import Compared
from diameter_ocs.handlers.provisioning import (
    apply_catalogue,
    check_catalogue,
    create_account,
)
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.tenants import create_tenant
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    ORDER,
    Kept,
    charged,
    credited,
    furnish,
    imsi,
    initial,
    new_account,
    octets,
    shown,
)


class Undone(Exception):
    """Leaves a transaction that is not to be committed."""


LETTERS = "ä'\"\\{},%s :x"


async def test_a_tenant_is_added_once(kept: Kept) -> None:
    for is_new in (True, False):
        async with kept.accounts.commanding() as work:
            assert await work.add_tenant(LETTERS) is is_new
    assert await kept.accounts.tenants() == {LETTERS: None}


async def test_a_version_of_a_catalogue_becomes_the_tenants(kept: Kept) -> None:
    await create_tenant(kept.accounts, "demo", ORDER)
    document = read_document(DOCUMENT)
    for version in (1, 2):
        async with kept.accounts.commanding() as work:
            await work.add_catalogue("demo", version, document.model_dump_json(), (NOW, "a test"))
        async with kept.accounts.commanding() as work:
            assert await work.tenant("demo", changes=False) == Tenant("demo", version, None)
            assert await work.read_catalogue("demo", version) == build(document, version)
            assert await work.tenant("other", changes=True) is None
    assert await kept.accounts.tenants() == {"demo": 2}
    assert await kept.accounts.read_catalogue("demo", 1) == build(document, 1)


async def test_an_account_is_shown_as_it_was_opened(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    identities = (Identity(IdentityKind.IMSI, "7"), Identity(IdentityKind.NAI, LETTERS))
    new = NewAccount(LETTERS, ("plan", "plan"), identities, 2**63 - 1)
    done = await create_account(kept.accounts, "demo", new, ORDER)
    (summary,) = await kept.accounts.find_accounts("demo", LETTERS, 5)
    catalogue = await kept.accounts.read_catalogue("demo", 1)
    assert done.answer == account_answer(summary, catalogue, NOW)
    assert summary.group_id == summary.id
    assert (summary.tenant, summary.name, summary.plans(NOW)) == ("demo", LETTERS, ("plan", "plan"))
    assert summary.identities == identities
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
    given = []
    for count in (0, 3, 1, 50):
        async with kept.accounts.commanding() as work:
            given.append(await work.numbers(count))
    assert list(given[0]) == []
    numbers = [number for some in given for number in some]
    assert len(set(numbers)) == 54
    assert min(numbers) > 0


async def test_names_that_are_taken_are_told(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    catalogue = await kept.accounts.read_catalogue("demo", 1)
    taken = [new_account(5), NewAccount("other", ("plan",), (imsi(1),)), new_account(1)]
    cases = [
        (taken, [imsi(1).value, "account 1"]),
        ([new_account(6), new_account(6)], [imsi(6).value, "account 6"]),
        ([], []),
    ]
    for new, names in cases:
        with suppress(Undone):
            async with kept.accounts.commanding() as work:
                numbers = iter(await work.numbers(20))
                openings = [open_account(each, catalogue, numbers, (NOW, "")) for each in new]
                assert list(await work.add_accounts("demo", openings)) == names
                raise Undone
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
        *(create_account(kept.accounts, "demo", new_account(2), ORDER) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [result.code for result in results if isinstance(result, Refusal)]
    assert refused == ["exists"] * 3
    assert (await octets(kept.accounts, 2)).total == OCTETS


async def test_the_plans_that_accounts_have_are_known(kept: Kept) -> None:
    await furnish(kept.accounts, [], "demo")
    async with kept.accounts.commanding() as work:
        assert set(await work.subscribed_plans("demo")) == set()
    await create_account(kept.accounts, "demo", new_account(1), ORDER)
    async with kept.accounts.commanding() as work:
        assert set(await work.subscribed_plans("demo")) == {"plan"}
        assert set(await work.subscribed_plans("other")) == set()


async def test_commands_and_requests_at_once_all_count(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await asyncio.gather(*(credited(kept.accounts, 1, n) for n in range(1, 6)))
    await charged(kept.store, (group, initial()))
    await credited(kept.accounts, 1, -OCTETS + 100)
    assert (await octets(kept.accounts))[4:7] == (115, 0, 100)


async def test_of_many_catalogues_at_once_each_is_a_version(kept: Kept) -> None:
    await create_tenant(kept.accounts, "demo", ORDER)
    document = read_document(DOCUMENT)
    done = await asyncio.gather(
        *(apply_catalogue(kept.accounts, document, ORDER) for _ in range(4))
    )
    assert sorted(each.answer["version"] for each in done) == [1, 2, 3, 4]
    assert await kept.accounts.tenants() == {"demo": 4}


async def test_of_two_catalogues_compared_with_the_same_one_is_told(kept: Kept) -> None:
    await create_tenant(kept.accounts, "demo", ORDER)
    document = read_document(DOCUMENT)
    for base in (0, 1):
        compared = Compared(base, (), False)
        done = await asyncio.gather(
            *(apply_catalogue(kept.accounts, document, ORDER, compared) for _ in range(3)),
            return_exceptions=True,
        )
        refused = [each for each in done if isinstance(each, Refusal)]
        assert [each.code for each in refused] == ["conflict", "conflict"]
        assert await check_catalogue(kept.accounts, document) == base + 2
        assert await kept.accounts.tenants() == {"demo": base + 1}


async def test_an_opening_is_in_the_journal(postgres: Kept) -> None:
    assert postgres.database is not None
    (group,) = await furnish(postgres.accounts, [1], money=5)
    async with postgres.database.connection() as connection:
        cursor = await connection.execute("SELECT account_id, kind, action, number, actor FROM edr")
        assert await cursor.fetchall() == [
            (group, EdrKind.ACCOUNT, "create account", 1, ORDER.actor)
        ]


@pytest.mark.ci
async def test_more_accounts_may_be_listed_than_a_statement_has_parameters(postgres: Kept) -> None:
    assert postgres.database is not None
    await furnish(postgres.accounts, [1])
    async with postgres.database.connection() as connection:
        await connection.execute(
            "INSERT INTO account SELECT n, n, 'demo', 'bulk ' || n, 1, now()"
            " FROM generate_series(1000, 67000) n"
        )
    assert len(await postgres.accounts.find_accounts("demo", None, 70_000)) == 66_002
