"""Connections and what breaks them: nothing half done is stored, nothing broken is lent again."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import fold
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import APPLICATION_ROLE, Database, Lease, renamed_faults
from diameter_ocs.store.work import PostgresStore
from diameter_ocs.transport.tcp import shut
from tests.store.cutting import cutting
from tests.store.scenario import (
    NOW,
    Kept,
    case_of,
    charged,
    furnish,
    initial,
    keep,
    octets,
    steps,
    update,
)

STEPS = ("begun", "locked", "loaded", "applied")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'diameter-ocs'"


async def terminate_backends(conninfo: str) -> None:
    """End every connection of the pool, as a crash of the database does."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM ({BACKENDS} AND datname = "
            "current_database()) AS backend"
        )


async def interrupted(
    kept: Kept, group: int, step: str, interrupt: Callable[[], Awaitable[None]]
) -> None:
    """Take an INITIAL through a transaction, with an interruption after one of its steps."""

    async def reach(name: str) -> None:
        if name == step:
            await interrupt()

    async with kept.store.work() as work:
        await reach("begun")
        await work.lock([group])
        await reach("locked")
        cases, _ = await work.load([(group, initial())], NOW)
        await reach("loaded")
        await work.apply(fold(steps((group, initial())), cases).changes)
        await reach("applied")


@pytest.mark.parametrize("step", STEPS)
async def test_a_connection_that_breaks_leaves_nothing_stored(
    postgres: Kept, emptied: str, step: str
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    with pytest.raises(CasesUnavailable):
        await interrupted(postgres, group, step, lambda: terminate_backends(emptied))
    await assert_untouched(postgres, group)


@pytest.mark.parametrize("step", STEPS)
async def test_a_cancelled_batch_leaves_nothing_stored(postgres: Kept, step: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    reached = asyncio.Event()

    async def wait_for_ever() -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(interrupted(postgres, group, step, wait_for_ever))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_untouched(postgres, group)


async def test_a_batch_cancelled_while_the_database_works_leaves_nothing_stored(
    postgres: Kept, emptied: str
) -> None:
    """The statement hangs on a lock of somebody who does not skip it."""
    (group, *_) = await furnish(postgres.accounts)
    with psycopg.connect(emptied) as holder:
        holder.execute("LOCK TABLE balance IN ACCESS EXCLUSIVE MODE")
        task = asyncio.create_task(charged(postgres.store, (group, initial())))
        await _until_somebody_waits(emptied)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await assert_untouched(postgres, group)


async def assert_untouched(kept: Kept, group: int) -> None:
    """Nothing was stored, nothing is locked, and the pool serves as before."""
    case = await case_of(kept.store, group, initial())
    assert case.version == 1
    assert not case.sessions
    results = await charged(kept.store, (group, initial()))
    assert not isinstance(results[0], Exception)
    assert (await octets(kept.accounts)).reserved == 100
    assert await kept.store.resolve([update()]) == [group]


async def _until_somebody_waits(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as watcher:
        while True:
            cursor = await watcher.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE NOT granted AND datname = current_database()"
            )
            if await cursor.fetchone() != (0,):
                return


async def test_a_restarted_database_serves_the_first_batch(postgres: Kept, emptied: str) -> None:
    """Connections that ended while nobody used them are not lent."""
    assert postgres.database is not None
    (group, *_) = await furnish(postgres.accounts)
    pool = postgres.database
    async with pool.connection(), pool.connection(), pool.connection():
        await pool.ping()
    await terminate_backends(emptied)
    await charged(postgres.store, (group, initial()))
    await asyncio.gather(*(pool.ping() for _ in range(4)))
    await terminate_backends(emptied)
    assert (await octets(postgres.accounts)).reserved == 100


async def test_a_statement_that_waits_too_long_is_given_up(emptied: str) -> None:
    pool = Database(emptied, statement_seconds=0.2)
    catalogues = Catalogues(read_stored)
    store = PostgresStore(pool, catalogues)
    kept = Kept(store, PostgresAccounts(pool, catalogues), pool)
    (group, *_) = await furnish(kept.accounts)
    with psycopg.connect(emptied) as holder:
        holder.execute("LOCK TABLE balance IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CasesUnavailable, match="timeout"):
            await charged(store, (group, initial()))
    await assert_untouched(kept, group)
    await pool.close()


async def test_a_pool_that_is_exhausted_says_so(emptied: str) -> None:
    pool = Database(emptied, pool_size=1, statement_seconds=0.1)
    async with pool.connection():
        with pytest.raises(CasesUnavailable, match="in use"):
            await pool.ping()
        with pytest.raises(CasesUnavailable, match="in use"):
            async with pool.transaction():
                pass
    await pool.ping()
    await pool.close()


async def test_an_absent_database_is_unavailable(tmp_path: Path) -> None:
    pool = Database(f"host={tmp_path} dbname=none")
    with pytest.raises(CasesUnavailable):
        await pool.ping()
    await pool.close()


async def test_an_error_within_a_pipeline_neither_commits_nor_poisons(postgres: Kept) -> None:
    """The balance cannot pay: PostgreSQL itself refuses, after the group's row was written."""
    (group, other, _) = await furnish(postgres.accounts)
    case = await case_of(postgres.store, group)
    data, *_ = case.balances.values()
    broken = case._replace(
        version=2, balances={**case.balances, data.id: data._replace(used=data.total + 1)}
    )
    for _ in range(6):
        with pytest.raises(BrokenBatch, match="check"):
            await keep(postgres.store, case, broken)
    await assert_untouched(postgres, group)
    assert await postgres.store.resolve([initial(2)]) == [other]


async def test_the_isolation_of_an_audit_does_not_stay_on_its_connection(emptied: str) -> None:
    pool = Database(emptied, pool_size=1)
    await check_books(pool)
    async with pool.connection() as connection, connection.transaction():
        cursor = await connection.execute("SHOW transaction_isolation")
        assert await cursor.fetchone() == ("read committed",)
    async with pool.transaction() as other:
        assert (await other.exec_driver_sql("SHOW transaction_isolation")).scalar_one() == (
            "read committed"
        )
    await pool.close()


async def test_connections_act_as_the_application(opened: Database) -> None:
    async with opened.connection() as connection:
        cursor = await connection.execute("SELECT current_user, session_user")
        row = await cursor.fetchone()
    assert row is not None
    assert row[0] == APPLICATION_ROLE
    assert row[1] != APPLICATION_ROLE


async def test_no_wait_for_the_database_is_longer_than_was_said(emptied: str) -> None:
    pool = Database(emptied, statement_seconds=1.5)
    async with pool.connection() as connection:
        for setting in ("statement_timeout", "lock_timeout"):
            cursor = await connection.execute(f"SHOW {setting}")
            assert await cursor.fetchone() == ("1500ms",)
        assert connection.info.get_parameters()["tcp_user_timeout"] == "1500"
    await pool.close()


async def test_two_batches_in_opposite_orders_do_not_deadlock(postgres: Kept) -> None:
    groups = await furnish(postgres.accounts, range(1, 11))
    pairs = [(group, initial(n, b"%d" % n)) for n, group in enumerate(groups, 1)]

    async def attempt(pairs: list[tuple[int, object]]) -> int:
        done = 0
        while pairs:
            async with postgres.store.work() as work:
                locked = set(await work.lock([group for group, _ in pairs]))
            done += len(locked)
            pairs = [pair for pair in pairs if pair[0] not in locked]
        return done

    assert await asyncio.gather(*(attempt(pairs[::step]) for step in (1, -1, 1, -1))) == [10] * 4


async def test_a_serialization_failure_is_a_stale_case(opened: Database) -> None:
    with pytest.raises(StaleCase):
        async with opened.transaction() as connection:
            await connection.exec_driver_sql(
                "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$"
            )


async def test_a_statement_beyond_a_limit_is_no_absent_database(opened: Database) -> None:
    with pytest.raises(BrokenBatch):
        async with opened.transaction() as connection:
            await connection.exec_driver_sql(
                "DO $$ BEGIN RAISE EXCEPTION 'too large' USING ERRCODE = '54000'; END $$"
            )


def test_a_row_that_cannot_be_read_breaks_its_batch_only() -> None:
    with pytest.raises(BrokenBatch, match="cannot be read"), renamed_faults():
        msgspec.json.decode(b"[1", type=list[int])


async def test_a_connection_is_cut_when_its_lease_is_over(database: str) -> None:
    kept = Database(database, pool_size=1, lease=Lease(0.2, shut))

    async def wait_long() -> None:
        with renamed_faults():
            async with kept.connection() as connection:
                await connection.execute("SELECT pg_sleep(20)")

    async def wait_in_transaction() -> None:
        async with kept.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(20)"))

    try:
        for wait in (wait_long, wait_in_transaction):
            with pytest.raises(CasesUnavailable, match="no answer within"):
                await wait()
            await kept.ping()
    finally:
        await kept.close()


async def test_the_socket_of_a_cut_connection_is_nobody_elses_while_it_is_waited_on(
    opened: Database,
) -> None:
    async with opened.connection() as connection:
        waiting = asyncio.create_task(connection.execute("SELECT pg_sleep(20)"))
        await asyncio.sleep(0)
        number = connection.pgconn.socket
        shut(number)
        assert os.fstat(number)
        with pytest.raises(psycopg.OperationalError):
            await waiting
    await opened.ping()


async def test_a_connection_that_was_cut_while_nobody_waited_is_replaced(opened: Database) -> None:
    async with opened.connection() as connection:
        shut(connection.pgconn.socket)
    await opened.ping()


async def test_a_database_that_takes_no_changes_is_away(own_database: str) -> None:
    with psycopg.connect(own_database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    kept = Database(own_database, pool_size=1)
    try:
        with pytest.raises(CasesUnavailable):
            await kept.ping()
    finally:
        await kept.close()


async def test_plans_that_are_made_while_tables_are_empty_use_their_indexes(
    opened: Database,
) -> None:
    """Plans are kept: what is right for an empty table is wrong for the rest of the day."""
    async with opened.connection() as connection:
        for table in ("session", "closed_session", "edr"):
            column = "digest" if table == "closed_session" else "group_id"
            await connection.execute(
                f"PREPARE found (bigint) AS SELECT * FROM {table} WHERE {column} = $1"
            )
            cursor = await connection.execute("EXPLAIN EXECUTE found (1)")
            plan = "\n".join(line for (line,) in await cursor.fetchall())
            await connection.execute("DEALLOCATE found")
            assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize("lost", ["its tables", "its role"])
async def test_a_database_that_was_replaced_is_away_and_says_what_to_do(
    own_database: str, lost: str
) -> None:
    pool = Database(own_database)
    store = PostgresStore(pool, Catalogues(read_stored))
    async with await psycopg.AsyncConnection.connect(own_database, autocommit=True) as owner:
        if lost == "its tables":
            await owner.execute("DROP TABLE directory")
        else:
            await owner.execute(f"ALTER ROLE {APPLICATION_ROLE} RENAME TO somebody_else")
    try:
        with pytest.raises(CasesUnavailable, match="run `db migrate`"):
            await store.resolve([initial()])
    finally:
        await pool.close()
        if lost == "its role":
            async with await psycopg.AsyncConnection.connect(
                own_database, autocommit=True
            ) as owner:
                await owner.execute(f"ALTER ROLE somebody_else RENAME TO {APPLICATION_ROLE}")


async def test_a_connection_that_breaks_while_it_is_made_accuses_no_database(emptied: str) -> None:
    async with cutting(emptied) as cutter:
        database = Database(cutter.conninfo)
        cutter.cut_after(1)
        with pytest.raises(CasesUnavailable) as fault:
            await database.ping()
        assert "db migrate" not in str(fault.value)
        cutter.stop_cutting()
        await database.ping()
        await database.close()
