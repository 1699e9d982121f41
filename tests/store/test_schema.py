"""Migrations, versions and roles."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from diameter_ocs.charging.announcements import Announcement, VariablePart
from diameter_ocs.charging.counters import BalanceCounter, CounterState
from diameter_ocs.charging.decisions import (
    Charge,
    Grant,
    Payment,
    ServiceRecord,
    Settlement,
    Told,
)
from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.charging.final_units import FinalUnit
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.location import Circumstances, Location
from diameter_ocs.charging.session import Hold, Line, Reservation
from diameter_ocs.charging.spending_limits import CounterStatus, PendingStatus
from diameter_ocs.charging.standing import Standing
from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.store.database import APPLICATION_ROLE
from diameter_ocs.store.logins import SchemaError
from diameter_ocs.store.partitions import DAYS_AHEAD
from diameter_ocs.store.schema import (
    VERSION,
    check,
    migrate,
)

STORED_VALUES = {
    Line: 13,
    Hold: 4,
    Reservation: 9,
    Circumstances: 3,
    Location: 5,
    ServiceInformation: 12,
    ServiceRecord: 9,
    Payment: 5,
    Charge: 3,
    Settlement: 8,
    Grant: 11,
    Told: 5,
    Standing: 6,
    BalanceCounter: 7,
    CounterState: 3,
    CounterStatus: 3,
    PendingStatus: 2,
    FinalUnit: 5,
    Announcement: 8,
    VariablePart: 3,
}
"""How many values are stored of each."""


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


def test_a_migrated_database_can_be_used(database: str) -> None:
    check(database)


def test_a_migration_may_be_repeated(own_database: str) -> None:
    before = partitions(own_database)
    migrate(own_database, resource("migrations"))
    check(own_database)
    assert partitions(own_database) == before


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


def test_a_migration_that_never_ended_says_what_to_do(own_database: str) -> None:
    ask(own_database, "DELETE FROM schema_version")
    with pytest.raises(SchemaError, match="no schema yet: run `db migrate`"):
        check(own_database)


def test_an_older_schema_says_what_to_do(own_database: str) -> None:
    ask(own_database, f"UPDATE schema_version SET version = {VERSION - 1}")
    with pytest.raises(SchemaError, match="run `db migrate`"):
        check(own_database)


def test_a_newer_schema_that_knows_us_can_be_used(own_database: str) -> None:
    ask(
        own_database,
        f"UPDATE schema_version SET version = {VERSION + 3}, compatible_from = {VERSION}",
    )
    check(own_database)


def test_a_newer_schema_that_left_us_behind_says_what_to_do(own_database: str) -> None:
    newer = VERSION + 1
    ask(own_database, f"UPDATE schema_version SET version = {newer}, compatible_from = {newer}")
    with pytest.raises(SchemaError, match="install the newer program"):
        check(own_database)


def test_servers_that_could_not_read_what_is_stored_are_left_behind(database: str) -> None:
    """Who adds a value raises `compatible_from`: a server knows how many values there may be."""
    assert {kind: len(kind._fields) for kind in STORED_VALUES} == STORED_VALUES
    assert ask(database, "SELECT compatible_from FROM schema_version") == [(22,)]


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    for use in (check, lambda conninfo: migrate(conninfo, tmp_path)):
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
        "INSERT INTO opening VALUES (1, 1, 0, 0, 0, now())",
        "DELETE FROM opening",
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE closed_session_default",
        "DELETE FROM closed_session",
        "CREATE TABLE mine ()",
        "TRUNCATE balance",
    ],
)
def test_the_application_changes_no_history(database: str, statement: str) -> None:
    application = f"{database} options='-c role={APPLICATION_ROLE}'"
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with refused, psycopg.connect(application) as connection:
        connection.execute(sql.SQL(statement))
        connection.rollback()


@pytest.mark.parametrize(
    "table", ["edr", "schema_version", "balance", "catalogue", "tenant", "opening"]
)
def test_the_application_reads(database: str, table: str) -> None:
    ask(f"{database} options='-c role={APPLICATION_ROLE}'", f"SELECT * FROM {table}")
