"""A server whose login may not make partitions serves as long as there are some."""

import datetime

import psycopg
import pytest

from diameter_ocs.store.partitions import JOURNAL
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, Configured
from tests.system.serving import Server, eventually


def remove_partitions(conninfo: str) -> None:
    """Leave partitions for today and one more day."""
    today = datetime.datetime.now(datetime.UTC).date()
    with psycopg.connect(conninfo) as connection:
        for days in range(2, 15):
            name = JOURNAL.partition(today + datetime.timedelta(days=days))
            connection.execute(f"DROP TABLE {name}")


def started(configured: Configured, login: str) -> Server:
    server = configured(IDENTITY + LISTEN + LOOPBACK)
    server.environment["OCS_DATABASE_URL"] = login
    return server.start()


@pytest.fixture
def database(own_database: str) -> str:
    """A database of each test's own: partitions are removed."""
    return own_database


@pytest.mark.ci
def test_rights_that_are_missing_keep_nobody_from_serving(
    configured: Configured, roleless: str
) -> None:
    server = started(configured, roleless)
    eventually("ready", server.is_ready)
    assert "may not act as diameter_ocs_owner" in server.log
    metrics = server.page("/metrics")[1]
    assert "ocs_partitions_undone 1.0" in metrics
    assert 'ocs_partition_days_ahead{table="edr"} 14.0' in metrics
    assert server.end() == 0
    assert "Traceback" not in server.log


@pytest.mark.ci
def test_a_server_is_not_ready_when_nobody_makes_partitions(
    configured: Configured, database: str, roleless: str
) -> None:
    remove_partitions(database)
    server = started(configured, roleless)
    sentence = "edr has partitions for 1 days ahead, fewer than 2: run `db migrate`"
    eventually("unready", lambda: sentence in server.page("/readyz")[1])
    assert server.page("/readyz")[0] == 503
    server.kill()
    server = started(configured, database)
    eventually("ready", server.is_ready)
    assert 'ocs_partition_days_ahead{table="edr"} 14.0' in server.page("/metrics")[1]
