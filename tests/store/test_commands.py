"""A command is done once, and all of it or nothing; the same in both stores."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import psycopg
import pytest

from diameter_ocs.charging.commands import AuditEntry, Effect
from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.handlers.balances import Credit, credit_balance
from diameter_ocs.handlers.commands import CommandWork, Done, Order, perform
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.commands import FORGOTTEN_MAX
from diameter_ocs.store.memory import MemoryStore
from tests.store.scenario import NOW, OCTETS, ORDER, Kept, credited, furnish, octets

FIRST = Order("anna", "first", NOW)


def credit(kept: Kept, amount: int, order: Order = FIRST) -> Awaitable[Done]:
    asked = Credit("account 1", str(amount), balance_type="octets")
    return credit_balance(kept.accounts, "demo", asked, order)


async def audit(kept: Kept) -> list[AuditEntry]:
    """Return the audit, the oldest first."""
    if kept.database is None:
        assert isinstance(kept.accounts, MemoryStore)
        return kept.accounts.audit
    async with kept.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT (extract(epoch FROM at) * 1000000)::bigint, actor, operation, tenant, account,"
            " transaction_id, before, after FROM audit ORDER BY number"
        )
        return [AuditEntry(*row) for row in await cursor.fetchall()]


async def code_of(command: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await command
    return caught.value.code


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    first = await credit(kept, 5)
    await credited(kept.accounts, 1, 100)
    second = await credit(kept, 5)
    assert (first.is_repeated, second.is_repeated) == (False, True)
    assert second.answer == first.answer
    assert first.answer["total"] == OCTETS + 5
    assert second.as_dict() == {**first.answer, "transaction_id": "first", "repeated": True}
    assert (await octets(kept.accounts)).total == OCTETS + 105
    assert len(await audit(kept)) == 5


async def test_another_body_under_the_same_id_is_refused(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await credit(kept, 5)
    assert await code_of(credit(kept, 6)) == "transaction_id_reused"
    assert (await octets(kept.accounts)).total == OCTETS + 5


async def test_an_id_counts_for_one_tenant_and_one_operation(kept: Kept) -> None:
    for tenant in ("demo", "other"):
        await furnish(kept.accounts, [1], tenant)
    for tenant in ("demo", "other"):
        for is_debit in (False, True):
            asked = Credit("account 1", "5", is_debit, "octets")
            done = await credit_balance(kept.accounts, tenant, asked, FIRST)
            assert not done.is_repeated


async def test_what_was_refused_may_be_asked_for_again_under_its_id(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    asked = Credit("account 1", str(OCTETS + 1), True, "octets")
    before = await audit(kept)
    refused = await code_of(credit_balance(kept.accounts, "demo", asked, FIRST))
    assert refused == "insufficient_balance"
    assert await audit(kept) == before
    await credited(kept.accounts, 1, 1)
    assert not (await credit_balance(kept.accounts, "demo", asked, FIRST)).is_repeated


async def test_of_two_at_once_under_one_id_one_is_done(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    done = await asyncio.gather(*(credit(kept, 5) for _ in range(4)))
    assert sorted(each.is_repeated for each in done) == [False, True, True, True]
    assert len({str(each.answer) for each in done}) == 1
    assert (await octets(kept.accounts)).total == OCTETS + 5


async def test_without_an_id_one_is_made_up(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    done = [await credit(kept, 5, ORDER) for _ in range(2)]
    assert not any(each.is_repeated for each in done)
    assert len({each.transaction_id for each in done}) == 2
    assert (await credit(kept, 5, Order("anna", done[0].transaction_id))).is_repeated


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "\0", "\udcff"])
async def test_an_id_can_be_read(kept: Kept, name: str) -> None:
    order = Order("anna", name)
    assert await code_of(create_tenant(kept.accounts, "demo", order)) == "invalid_transaction_id"


async def test_every_change_is_in_the_audit(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await credit(kept, 5)
    tenant, catalogue, opened, changed = await audit(kept)
    assert tenant[1:5] == ("a test", "tenant create", "demo", None)
    assert tenant[6:] == (None, {"tenant": "demo"})
    assert catalogue[1:5] == ("a test", "catalogue apply", "demo", None)
    assert catalogue[6:] == ({"version": None}, {"version": 1})
    assert opened[1:5] == ("a test", "account import", "demo", None)
    expected = (NOW, "anna", "balance credit", "demo", "account 1", "first")
    assert changed[:6] == expected
    assert (changed.before["total"], changed.after["total"]) == (OCTETS, OCTETS + 5)


async def test_a_change_that_fails_leaves_nothing(kept: Kept) -> None:
    class Broken(Exception):
        pass

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        assert await work.add_tenant("demo")
        raise Broken

    with pytest.raises(Broken):
        await perform(kept.accounts, FIRST, "tenant create", ("demo", {}), change)
    assert await kept.accounts.tenants() == {}
    assert await audit(kept) == []
    assert not (await create_tenant(kept.accounts, "demo", FIRST)).is_repeated


async def test_a_loss_in_the_midst_says_under_which_id_to_ask_again(kept: Kept) -> None:
    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        raise CasesUnavailable("the line is cut")

    with pytest.raises(CasesUnavailable, match="give it again with --transaction-id first"):
        await perform(kept.accounts, FIRST, "tenant create", ("demo", {}), change)


async def test_a_command_whose_connection_is_lost_leaves_nothing(
    postgres: Kept, emptied: str
) -> None:
    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        assert await work.add_tenant("demo")
        with psycopg.connect(emptied, autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        return Effect({}, None, None)

    with pytest.raises(CasesUnavailable, match="--transaction-id first"):
        await perform(postgres.accounts, FIRST, "tenant create", ("demo", {}), change)
    assert (await postgres.accounts.tenants(), await audit(postgres)) == ({}, [])
    assert not (await create_tenant(postgres.accounts, "demo", FIRST)).is_repeated


async def test_the_time_of_a_command_is_the_databases(postgres: Kept) -> None:
    assert postgres.database is not None
    before = await postgres.database.ping()
    await create_tenant(postgres.accounts, "demo", Order("anna"))
    (entry,) = await audit(postgres)
    assert before <= entry.at <= await postgres.database.ping()


async def age(kept: Kept, days: int) -> None:
    assert kept.database is not None
    async with kept.database.connection() as connection:
        await connection.execute("UPDATE command SET at = at - %s * interval '1 day'", [days])


async def test_an_id_is_kept_for_seven_days(postgres: Kept) -> None:
    await furnish(postgres.accounts, [1])
    await credit(postgres, 5)
    await age(postgres, 6)
    assert (await credit(postgres, 5)).is_repeated
    await age(postgres, 2)
    assert not (await credit(postgres, 6)).is_repeated


async def rows(kept: Kept) -> Any:
    assert kept.database is not None
    async with kept.database.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM command")
        row = await cursor.fetchone()
        assert row is not None
        return row[0]


async def test_old_ids_are_forgotten_some_at_a_time(postgres: Kept) -> None:
    assert postgres.database is not None
    async with postgres.database.connection() as connection:
        await connection.execute(
            "INSERT INTO command SELECT '', 'test', n::text, '', now() - interval '8 days'"
            " FROM generate_series(1, %s) n",
            [FORGOTTEN_MAX + 5],
        )
    await create_tenant(postgres.accounts, "demo", ORDER)
    assert await rows(postgres) == 6
    await create_tenant(postgres.accounts, "other", ORDER)
    assert await rows(postgres) == 2
