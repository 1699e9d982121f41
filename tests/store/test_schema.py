"""Migrations, versions, roles and partitions."""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.store.database import APPLICATION_ROLE
from diameter_ocs.store.schema import (
    DAYS_AHEAD,
    VERSION,
    SchemaError,
    check,
    make_partitions,
    migrate,
)

TODAY = datetime.date(2031, 5, 20)


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """The conninfo of a database without our schema."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ocs_empty")
    yield cluster.conninfo("ocs_empty")
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE ocs_empty WITH (FORCE)")


def ask(conninfo: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(sql.SQL(statement))
        return cursor.fetchall() if cursor.description else []


def partitions(conninfo: str) -> list[str]:
    rows = ask(
        conninfo,
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'edr'::regclass",
    )
    return sorted(str(name) for (name,) in rows if name != "edr_default")


def add_edr(conninfo: str, day: datetime.date, number: int = 1) -> None:
    ask(
        conninfo,
        "INSERT INTO edr (group_id, at, number, account_id, kind, action, outcome, services,"
        " posting_balances, posting_totals, posting_useds, posting_reserveds)"
        f" SELECT 1, '{day} 12:00Z', {number}, 1, 1, 'x', 0, '[]', none, none, none, none"
        " FROM (SELECT '{}'::bigint[]) AS nothing (none)",
    )


def test_a_migrated_database_can_be_used(database: str) -> None:
    check(database)


def test_a_migration_may_be_repeated(database: str) -> None:
    before = partitions(database)
    migrate(database, resource("migrations"))
    check(database)
    assert partitions(database) == before


def test_two_migrations_at_once_do_no_harm(empty: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(migrate, empty, resource("migrations")) for _ in range(3)]:
            done.result()
    check(empty)
    assert ask(empty, "SELECT count(*) FROM schema_version") == [(1,)]
    assert len(partitions(empty)) == DAYS_AHEAD + 2


def test_a_missing_schema_says_what_to_do(empty: str) -> None:
    with pytest.raises(SchemaError, match="no schema yet: run `db migrate`"):
        check(empty)


def test_a_migration_that_never_ended_says_what_to_do(database: str) -> None:
    ask(database, "DELETE FROM schema_version")
    with pytest.raises(SchemaError, match="no schema yet: run `db migrate`"):
        check(database)


def test_an_older_schema_says_what_to_do(database: str) -> None:
    ask(database, f"UPDATE schema_version SET version = {VERSION - 1}")
    with pytest.raises(SchemaError, match="run `db migrate`"):
        check(database)


def test_a_newer_schema_that_knows_us_can_be_used(database: str) -> None:
    ask(database, f"UPDATE schema_version SET version = {VERSION + 3}, compatible_from = {VERSION}")
    check(database)


def test_a_newer_schema_that_left_us_behind_says_what_to_do(database: str) -> None:
    newer = VERSION + 1
    ask(database, f"UPDATE schema_version SET version = {newer}, compatible_from = {newer}")
    with pytest.raises(SchemaError, match="install the newer program"):
        check(database)


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    for use in (check, make_partitions, lambda conninfo: migrate(conninfo, tmp_path)):
        with pytest.raises(CasesUnavailable) as caught:
            use(f"host={tmp_path} dbname=none")
        assert "\n" not in str(caught.value)


def test_a_login_that_may_not_migrate_is_told_so(empty: str) -> None:
    ask(empty, "CREATE ROLE ocs_powerless LOGIN")
    try:
        with pytest.raises(SchemaError, match="not migrated") as caught:
            migrate(f"{empty} options='-c role=ocs_powerless'", resource("migrations"))
        assert "\n" not in str(caught.value)
    finally:
        ask(empty, "DROP ROLE ocs_powerless")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE edr SET outcome = 1",
        "DELETE FROM edr",
        "TRUNCATE edr",
        "DROP TABLE edr",
        "UPDATE edr_default SET outcome = 1",
        "DELETE FROM edr_default",
        "INSERT INTO edr_default SELECT * FROM edr",
        "UPDATE schema_version SET version = 0",
        "INSERT INTO schema_version VALUES (0, 0)",
        "DELETE FROM schema_version",
        "UPDATE catalogue SET document = '{}'",
        "DELETE FROM catalogue",
        "SELECT setval('account_number', 1)",
        "CREATE TABLE mine ()",
        "TRUNCATE balance",
    ],
)
def test_the_application_changes_no_history(database: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(f"{database} options='-c role={APPLICATION_ROLE}'", statement)


@pytest.mark.parametrize("table", ["edr", "schema_version", "balance", "catalogue", "tenant"])
def test_the_application_reads(database: str, table: str) -> None:
    ask(f"{database} options='-c role={APPLICATION_ROLE}'", f"SELECT * FROM {table}")


def test_partitions_reach_from_yesterday_to_two_weeks_ahead(database: str) -> None:
    make_partitions(database, TODAY)
    days = [TODAY + datetime.timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1)]
    assert set(partitions(database)) >= {f"edr_{day:%Y%m%d}" for day in days}
    today = datetime.datetime.now(datetime.UTC).date()
    assert f"edr_{today:%Y%m%d}" in partitions(database)


def test_an_edr_lies_in_the_partition_of_its_day_in_utc(database: str) -> None:
    make_partitions(database, TODAY)
    for number, time in enumerate(["00:00:00+00", "23:59:59.999999+00", "23:30:00-01"]):
        add_edr(database, TODAY, number)
        ask(database, f"UPDATE edr SET at = '{TODAY} {time}' WHERE number = {number}")
    rows = ask(database, "SELECT tableoid::regclass::text FROM edr ORDER BY number")
    assert rows == [("edr_20310520",), ("edr_20310520",), ("edr_20310521",)]


def test_an_edr_of_a_day_without_a_partition_is_kept(database: str) -> None:
    add_edr(database, datetime.date(2001, 1, 1))
    assert ask(database, "SELECT tableoid::regclass::text FROM edr") == [("edr_default",)]


def test_partitions_may_be_made_twice(database: str) -> None:
    make_partitions(database, TODAY)
    before = partitions(database)
    make_partitions(database, TODAY)
    assert partitions(database) == before


def test_two_servers_may_make_partitions_at_once(database: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(make_partitions, database, TODAY) for _ in range(3)]:
            done.result()
    assert f"edr_{TODAY:%Y%m%d}" in partitions(database)


def test_a_day_whose_edrs_lie_in_the_default_partition_is_left_there(database: str) -> None:
    add_edr(database, TODAY)
    make_partitions(database, TODAY)
    assert f"edr_{TODAY:%Y%m%d}" not in partitions(database)
    assert f"edr_{TODAY + datetime.timedelta(days=1):%Y%m%d}" in partitions(database)
    assert ask(database, "SELECT tableoid::regclass::text FROM edr") == [("edr_default",)]
    add_edr(database, TODAY, 2)
    assert ask(database, "SELECT count(*) FROM edr_default") == [(2,)]


def test_a_journal_that_is_in_use_keeps_nobody_from_starting(database: str) -> None:
    with psycopg.connect(database) as reader:
        reader.execute("LOCK TABLE edr_default IN ACCESS SHARE MODE")
        make_partitions(database, TODAY)
    assert f"edr_{TODAY:%Y%m%d}" not in partitions(database)
    make_partitions(database, TODAY)
    assert f"edr_{TODAY:%Y%m%d}" in partitions(database)


def test_partitions_have_the_index_of_the_journal(database: str) -> None:
    make_partitions(database, TODAY)
    rows = ask(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'edr_20310520'")
    assert len(rows) == 1
    assert "(group_id, at)" in str(rows[0][0])
