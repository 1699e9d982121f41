"""Partitions are there before they are needed; moving and dropping rows loses and doubles none."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psycopg
import pytest
from psycopg import sql

from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import APPLICATION_ROLE, OWNER_ROLE, Database
from diameter_ocs.store.partitions import (
    DAYS_AHEAD,
    JOURNAL,
    TABLES,
    TOMBSTONES,
    Coverage,
    Partitioned,
    Partitions,
    measure,
)
from diameter_ocs.store.tables import EPOCH
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import NOW, charged, initial, update
from tests.store.scenario import furnish as furnish_accounts

TODAY = datetime.date(2024, 2, 27)
DAY = datetime.timedelta(days=1)
TOTAL = 1000


def ask(conninfo: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(sql.SQL(statement))
        return cursor.fetchall() if cursor.description else []


def microseconds(day: datetime.date, time: str = "12:00:00") -> int:
    moment = datetime.datetime.fromisoformat(f"{day}T{time}+00:00")
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


NOON = microseconds(TODAY)


def partitions(conninfo: str, table: Partitioned = JOURNAL) -> set[str]:
    rows = ask(
        conninfo,
        f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{table.name}'"
        f"::regclass AND inhrelid <> '{table.default}'::regclass",
    )
    return {str(name) for (name,) in rows}


ADD_EDR = """
INSERT INTO edr (group_id, at, number, account_id, kind, action, outcome, services,
    posting_balances, posting_totals, posting_useds, posting_reserveds)
VALUES (1, %s::timestamp AT TIME ZONE 'UTC', %s, 1, 1, 'x', 0, '[]', '{1}', '{0}', '{1}', '{0}')
"""
ADD_TOMBSTONE = """
INSERT INTO closed_session (group_id, closed_at, number, account_id, digest, session_id,
    origin_host, origin_realm, opened_at, last_request_at, request_number, catalogue_version,
    lines, reason)
VALUES (1, %s::timestamp AT TIME ZONE 'UTC', %s, 1, 1, 'x', 'h', 'r', now(), now(), 0, 1, '[]', 'x')
"""


def add_row(conninfo: str, table: Partitioned, day: datetime.date, number: int = 1) -> None:
    """Add a row of noon as the application does; an EDR takes 1 octet of balance 1."""
    statement = ADD_EDR if table is JOURNAL else ADD_TOMBSTONE
    with psycopg.connect(f"{conninfo} options='-c role={APPLICATION_ROLE}'") as connection:
        connection.execute(statement, (f"{day} 12:00", number))


def furnish(conninfo: str, day: datetime.date) -> None:
    """Make a balance with 1000 octets, as an EDR of that day says."""
    ask(conninfo, f"INSERT INTO balance VALUES (1, 1, 1, 'x', 0, {TOTAL}, 0, 0)")
    add_row(conninfo, JOURNAL, day, 0)
    ask(
        conninfo,
        f"UPDATE edr SET posting_totals = '{{{TOTAL}}}', posting_useds = '{{0}}' WHERE number = 0",
    )


def charge(conninfo: str, day: datetime.date, number: int) -> None:
    """Take 1 octet of the balance, in one transaction with its EDR."""
    with psycopg.connect(f"{conninfo} options='-c role={APPLICATION_ROLE}'") as connection:
        charge_on(connection, f"{day} 12:00", number)


def charge_on(connection: psycopg.Connection[tuple[object, ...]], moment: str, number: int) -> None:
    connection.execute("UPDATE balance SET used = used + 1 WHERE group_id = 1 AND id = 1")
    connection.execute(ADD_EDR, (moment, number))


def places(conninfo: str, table: Partitioned = JOURNAL) -> dict[int, str]:
    rows = ask(conninfo, f"SELECT number, tableoid::regclass::text FROM {table.name} ORDER BY 1")
    numbers = [int(str(number)) for number, _ in rows]
    assert len(set(numbers)) == len(numbers)
    return {int(str(number)): str(name) for number, name in rows}


@pytest.fixture
def database(own_database: str) -> str:
    """A database of each test's own: partitions are made and dropped."""
    return own_database


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Database]:
    """The test's database, as the application uses it."""
    opened = Database(database)
    yield opened
    await opened.close()


def test_partitions_reach_from_yesterday_to_two_weeks_ahead(database: str) -> None:
    assert Partitions(database).make(NOON) == ()
    days = [TODAY + n * DAY for n in range(-1, DAYS_AHEAD + 1)]
    today = datetime.datetime.now(datetime.UTC).date()
    for table in TABLES:
        assert partitions(database, table) > set(map(table.partition, days))
        assert table.partition(today) in partitions(database, table)


def test_a_row_lies_in_the_partition_of_its_day_in_utc(database: str) -> None:
    Partitions(database).make(NOON)
    for table in TABLES:
        for number, time in enumerate(["00:00:00+00", "23:59:59.999999+00", "23:30:00-01"]):
            add_row(database, table, TODAY, number)
            ask(
                database,
                f"UPDATE {table.name} SET {table.column} = '{TODAY} {time}'"
                f" WHERE number = {number}",
            )
        today, tomorrow = table.partition(TODAY), table.partition(TODAY + DAY)
        assert places(database, table) == {0: today, 1: today, 2: tomorrow}


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_time_zone_of_the_login_changes_no_day(database: str, timezone: str) -> None:
    zoned = f"{database} options='-c timezone={timezone}'"
    assert Partitions(zoned).make(NOON) == ()
    before = partitions(database)
    assert Partitions(zoned).keep(NOON) == ()
    assert Partitions(database).keep(NOON) == ()
    assert partitions(database) == before
    add_row(database, JOURNAL, TODAY)
    assert places(database) == {1: JOURNAL.partition(TODAY)}


def test_two_servers_may_make_partitions_at_once(database: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(Partitions(database).keep, NOON) for _ in range(3)]:
            assert done.result() == ()
    assert JOURNAL.partition(TODAY) in partitions(database)


def test_a_partition_is_like_its_table(database: str) -> None:
    Partitions(database).make(NOON)
    made = (
        "SELECT regexp_replace(indexdef, '^.* USING', '') FROM pg_indexes"
        " WHERE tablename = '{}' ORDER BY 1"
    )
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = '{}'"
    for table in TABLES:
        indexes = ask(database, made.format(table.partition(TODAY)))
        assert indexes == ask(database, made.format(table.name))
        assert indexes
        assert ask(database, owner.format(table.partition(TODAY))) == [(OWNER_ROLE,)]


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    nowhere = Partitions(f"host={tmp_path} dbname=none")
    for use in (nowhere.make, nowhere.keep):
        with pytest.raises(CasesUnavailable) as caught:
            use(NOON)
        assert "\n" not in str(caught.value)


def test_a_standby_is_a_database_that_is_away(database: str) -> None:
    with pytest.raises(CasesUnavailable):
        Partitions(f"{database} options='-c default_transaction_read_only=on'").make(NOON)


def test_a_connection_that_breaks_leaves_nothing_half_done(database: str) -> None:
    add_row(database, JOURNAL, TODAY)
    with psycopg.connect(database) as reader, ThreadPoolExecutor(1) as threads:
        reader.execute("LOCK TABLE ONLY edr IN ACCESS SHARE MODE")
        keeping = threads.submit(Partitions(database).keep, NOON)
        cut = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks WHERE NOT granted"
        while ask(database, cut) == [(0,)]:
            assert not keeping.done()
        with pytest.raises(CasesUnavailable):
            keeping.result()
    assert places(database) == {1: JOURNAL.default}
    assert JOURNAL.partition(TODAY) not in partitions(database)
    assert Partitions(database).keep(NOON) == ()
    assert places(database) == {1: JOURNAL.partition(TODAY)}


def test_a_login_without_the_role_is_told_in_one_sentence(roleless: str) -> None:
    kept = Partitions(roleless)
    before = partitions(roleless)
    for use in (kept.make, kept.keep):
        (reason,) = use(NOON)
        assert reason == (
            "the login ocs_roleless may not act as diameter_ocs_owner, which keeps the partitions:"
            " grant it that role, or run `db migrate` every week as a login that has it"
        )
    assert partitions(roleless) == before


def test_rows_without_a_partition_are_kept_and_moved(database: str) -> None:
    days = [TODAY, TODAY - 30 * DAY, TODAY + 100 * DAY]
    for table in TABLES:
        for number, day in enumerate(days):
            add_row(database, table, day, number)
        assert set(places(database, table).values()) == {table.default}
    undone = Partitions(database).make(NOON)
    assert [reason.split()[0] for reason in undone] == [table.partition(TODAY) for table in TABLES]
    assert all("default partition" in reason for reason in undone)
    assert Partitions(database, 400, 400).keep(NOON) == ()
    for table in TABLES:
        assert places(database, table) == dict(enumerate(map(table.partition, days)))
        add_row(database, table, TODAY, 9)
        assert places(database, table)[9] == table.partition(TODAY)


@contextmanager
def charging(conninfo: str, day: datetime.date) -> Iterator[Callable[[], int]]:
    """Charge again and again on a connection of its own; gives how often it has been done.

    A charge that fails ends the test.
    """
    done, stop = [0], Event()

    def go_on() -> None:
        role = f"{conninfo} options='-c role={APPLICATION_ROLE}'"
        with psycopg.connect(role, autocommit=True, prepare_threshold=0) as connection:
            while not stop.is_set():
                with connection.transaction():
                    charge_on(connection, f"{day} 12:00", done[0] + 1)
                done[0] += 1

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(go_on)
        try:
            yield lambda: done[0]
        finally:
            stop.set()
            working.result()


def await_charges(count: Callable[[], int], more: int) -> None:
    """Wait until so many more charges were made."""
    goal = count() + more
    while count() < goal:
        Event().wait(0.001)


async def test_rows_are_moved_while_others_come_in(database: str, pool: Database) -> None:
    furnish(database, TODAY)
    with charging(database, TODAY) as count:
        await_charges(count, 20)
        assert (await check_books(pool)).are_balanced
        assert Partitions(database).keep(NOON) == ()
        assert (await check_books(pool)).are_balanced
        await_charges(count, 20)
    assert set(places(database).values()) == {JOURNAL.partition(TODAY)}
    assert list(places(database)) == list(range(count() + 1))
    assert (await check_books(pool)).are_balanced


async def test_requests_are_charged_while_their_day_is_moved(database: str, pool: Database) -> None:
    catalogues = Catalogues(read_stored)
    store = PostgresStore(pool, catalogues)
    (group, *_) = await furnish_accounts(PostgresAccounts(pool, catalogues))
    await charged(store, (group, initial()))
    with ThreadPoolExecutor(1) as threads:
        moving = threads.submit(Partitions(database).keep, NOW)
        number = 1
        while number <= 20 or not moving.done():
            await charged(store, (group, update(request_number=number)))
            number += 1
        assert moving.result() == ()
    day = (EPOCH + datetime.timedelta(microseconds=NOW)).date()
    recorded = f"SELECT count(*) FROM {JOURNAL.partition(day)} WHERE action = 'update'"
    assert ask(database, recorded) == [(number - 1,)]
    assert {coverage.default_rows for coverage in await measure(pool, NOW)} == {0}
    assert (await check_books(pool)).are_balanced


@pytest.mark.ci
async def test_a_charge_under_way_is_moved_or_waited_for(database: str, pool: Database) -> None:
    """Its row lies in the default partition, or will; only its commit lets the move go on."""
    furnish(database, TODAY)
    for wrote_before in (True, False):
        with psycopg.connect(f"{database} options='-c role={APPLICATION_ROLE}'") as charge:
            charge.execute("SELECT FROM edr LIMIT 0")
            if wrote_before:
                charge_on(charge, f"{TODAY} 12:00", 1)
            undone = Partitions(database).keep(NOON)
            assert any("others use the table" in reason for reason in undone)
            if not wrote_before:
                charge_on(charge, f"{TODAY} 12:00", 2)
        assert set(places(database).values()) == {JOURNAL.default}
    assert Partitions(database).keep(NOON) == ()
    assert places(database) == dict.fromkeys(range(3), JOURNAL.partition(TODAY))
    assert (await check_books(pool)).are_balanced


async def test_the_books_are_right_while_rows_are_moved(database: str, pool: Database) -> None:
    furnish(database, TODAY)
    charge(database, TODAY, 1)
    with ThreadPoolExecutor(1) as threads:
        moving = threads.submit(Partitions(database).keep, NOON)
        results = [await check_books(pool)]
        while not moving.done():
            results.append(await check_books(pool))
        results.append(await check_books(pool))
    assert all(result.are_balanced for result in results)
    assert {result.edrs for result in results} == {2}


def test_a_table_that_is_in_use_keeps_nobody_from_starting(database: str) -> None:
    with psycopg.connect(database) as reader:
        reader.execute(f"LOCK TABLE {JOURNAL.default} IN ACCESS SHARE MODE")
        (reason,) = Partitions(database).make(NOON)
    assert reason.startswith(JOURNAL.partition(TODAY - DAY))
    assert "others use the table" in reason
    assert JOURNAL.partition(TODAY) not in partitions(database)
    assert TOMBSTONES.partition(TODAY) in partitions(database, TOMBSTONES)
    assert Partitions(database).make(NOON) == ()
    assert JOURNAL.partition(TODAY) in partitions(database)


async def test_three_weeks_without_a_restart(database: str, pool: Database) -> None:
    """At each midnight, to the microsecond, every row finds its partition."""
    kept, number = Partitions(database, edr_days=7), 0
    kept.make(NOON)
    furnish(database, TODAY)
    for day in (TODAY + days * DAY for days in range(21)):
        now = microseconds(day, "00:20:00")
        assert [coverage.default_rows for coverage in await measure(pool, now)] == [0, 0]
        assert kept.keep(now) == ()
        assert {coverage.days_ahead for coverage in await measure(pool, now)} == {DAYS_AHEAD}
        with psycopg.connect(database) as connection:
            for moment in (
                f"{day - DAY} 23:59:59.999999",
                f"{day} 00:00:00",
                f"{day} 23:59:59.999999",
                f"{day + DAY} 00:00:00",
            ):
                number += 1
                charge_on(connection, moment, number)
                connection.execute(ADD_TOMBSTONE, (moment, number))
    assert [coverage.default_rows for coverage in await measure(pool, now)] == [0, 0]
    result = await check_books(pool)
    assert result.are_balanced
    assert result.since == datetime.datetime(2024, 3, 11, tzinfo=datetime.UTC)
    assert result.edrs < number


async def by_table(pool: Database, now: int) -> dict[str, Coverage]:
    return {coverage.table: coverage for coverage in await measure(pool, now)}


async def test_days_ahead_are_counted_up_to_the_first_gap(database: str, pool: Database) -> None:
    Partitions(database).make(NOON)
    far = microseconds(TODAY + (DAYS_AHEAD - 1) * DAY, "23:59:59")
    assert (await by_table(pool, NOON))["edr"] == Coverage("edr", DAYS_AHEAD, 0)
    assert (await by_table(pool, far))["edr"].days_ahead == 1
    ask(database, f"DROP TABLE {TOMBSTONES.partition(TODAY + 2 * DAY)}")
    found = await by_table(pool, NOON)
    assert (found["edr"].days_ahead, found["closed_session"].days_ahead) == (DAYS_AHEAD, 1)
    assert (await by_table(pool, microseconds(TODAY + 90 * DAY)))["edr"].days_ahead == 0


async def test_rows_in_a_default_partition_are_seen_by_the_application(
    database: str, pool: Database
) -> None:
    for table in TABLES:
        add_row(database, table, TODAY)
    found = await by_table(pool, NOON)
    assert [coverage.default_rows for coverage in found.values()] == [1, 1]


async def test_old_days_are_dropped_and_stay_in_the_books(database: str, pool: Database) -> None:
    kept = Partitions(database, edr_days=7, tombstone_days=3)
    kept.make(NOON)
    furnish(database, TODAY)
    for number in range(1, 6):
        day = TODAY + (number - 1) * DAY
        charge(database, day, number)
        add_row(database, TOMBSTONES, day, number)
    late = TODAY + 9 * DAY
    assert kept.keep(microseconds(late, "00:00:00")) == ()
    assert set(places(database)) == {3, 4, 5}
    assert min(partitions(database)) == JOURNAL.partition(late - 7 * DAY)
    assert set(places(database, TOMBSTONES)) == set()
    assert min(partitions(database, TOMBSTONES)) == TOMBSTONES.partition(late - 3 * DAY)
    end = datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC)
    assert ask(database, "SELECT * FROM opening") == [(1, 1, TOTAL, 2, 0, end)]
    result = await check_books(pool)
    assert (result.are_balanced, result.edrs, result.since) == (True, 3, end)
    assert kept.keep(microseconds(late + DAY)) == ()
    assert ask(database, "SELECT total, used, through FROM opening") == [(TOTAL, 3, end + DAY)]
    assert (await check_books(pool)).are_balanced
    ask(database, "UPDATE opening SET used = used + 1")
    assert [fault[1:] for fault in (await check_books(pool)).faults] == [(1, "used", 5, 6)]


def test_closed_sessions_are_remembered_as_long_as_any_tenant_wants(database: str) -> None:
    for name, version, hours in (("brief", 1, 48), ("long", 2, 121), ("bare", None, 0)):
        ask(database, f"INSERT INTO tenant VALUES ('{name}', {version or 'NULL'})")
        for number in range(1, (version or 0) + 1):
            wanted = hours if number == version else 720
            document = f'{{"settings": {{"tombstone_hours": {wanted}}}}}'
            ask(
                database,
                f"INSERT INTO catalogue VALUES ('{name}', {number}, '{document}', now(), 'x')",
            )
    Partitions(database).make(NOON)
    Partitions(database).keep(microseconds(TODAY + 10 * DAY))
    assert min(partitions(database, TOMBSTONES)) == TOMBSTONES.partition(TODAY + 4 * DAY)


def test_a_day_is_kept_until_its_last_moment_is_old_enough(database: str) -> None:
    kept = Partitions(database, edr_days=7)
    kept.make(NOON)
    for day, is_kept in ((TODAY + 7 * DAY, True), (TODAY + 8 * DAY, False)):
        kept.keep(microseconds(day, "00:00:00"))
        assert (JOURNAL.partition(TODAY) in partitions(database)) is is_kept


def test_a_clock_that_runs_ahead_costs_no_edr(database: str) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    before = partitions(database)
    assert Partitions(database, edr_days=7).keep(microseconds(today + 1000 * DAY)) == ()
    assert partitions(database) > before


async def test_old_rows_of_the_default_partition_are_dropped_too(
    database: str, pool: Database
) -> None:
    furnish(database, TODAY - 20 * DAY)
    assert Partitions(database, edr_days=7).keep(NOON) == ()
    result = await check_books(pool)
    assert (result.are_balanced, result.edrs) == (True, 0)
    assert JOURNAL.partition(TODAY - 20 * DAY) not in partitions(database)


async def test_the_books_are_right_while_a_day_is_dropped(database: str, pool: Database) -> None:
    """Books begun before, meanwhile and after; the longest of them keeps the day."""
    kept = Partitions(database, edr_days=7)
    kept.make(NOON)
    furnish(database, TODAY)
    charge(database, TODAY, 1)
    late = microseconds(TODAY + 8 * DAY)
    with psycopg.connect(database) as reader:
        reader.execute("LOCK TABLE ONLY edr IN ACCESS SHARE MODE")
        (reason,) = kept.keep(late)
        assert reason.startswith(JOURNAL.partition(TODAY - DAY))
        assert "was not dropped: others use the table" in reason
        assert (await check_books(pool)).are_balanced
    assert ask(database, "SELECT count(*) FROM opening") == [(0,)]
    with ThreadPoolExecutor(1) as threads:
        dropping = threads.submit(kept.keep, late)
        results = [await check_books(pool)]
        while not dropping.done():
            results.append(await check_books(pool))
        results.append(await check_books(pool))
    assert all(result.are_balanced for result in results)
    assert results[-1].edrs == 0


async def test_books_that_began_before_the_drop_wait_for_it(database: str, pool: Database) -> None:
    """The drop has the journal; what the books read is all from after its commit."""
    Partitions(database).make(NOON)
    furnish(database, TODAY)
    with psycopg.connect(database) as owner:
        owner.execute("LOCK TABLE ONLY edr IN ACCESS EXCLUSIVE MODE")
        checking = asyncio.create_task(check_books(pool))
        await blocked(database)
        owner.execute("INSERT INTO opening VALUES (1, 1, 1000, 0, 0, now())")
        owner.execute(f"DROP TABLE {JOURNAL.partition(TODAY)}")
    assert (await checking).are_balanced


async def blocked(conninfo: str) -> None:
    """Wait until somebody waits for a lock."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while await (await connection.execute(waiting)).fetchone() == (0,):
            await asyncio.sleep(0)


async def test_the_openings_grow_with_balances_and_not_with_days(database: str) -> None:
    kept = Partitions(database, edr_days=7)
    kept.make(NOON)
    furnish(database, TODAY)
    for number in range(1, 5):
        charge(database, TODAY + number * DAY, number)
    assert kept.keep(microseconds(TODAY + 20 * DAY)) == ()
    assert ask(database, "SELECT total, used FROM opening") == [(TOTAL, 4)]
    assert ask(database, "SELECT count(*) FROM edr") == [(0,)]
