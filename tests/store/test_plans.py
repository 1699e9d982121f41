"""Plans that are made while tables are empty serve as well when those have grown."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from diameter_ocs.embedded import Cluster
from diameter_ocs.store.arrays import big_ints, register
from diameter_ocs.store.database import PLANNING
from diameter_ocs.store.partitions import Partitions
from tests.store.test_statements import (
    ACCOUNTS,
    ANY_GROUP,
    BATCH,
    DAY,
    DAYS_KEPT,
    EXPLAINED,
    FILLING,
    MIDNIGHT,
    TOUCHED_MAX,
    executed,
    prepare,
    scans,
    touched,
)

COMES_AND_GOES = {"session", "closed_session", "edr", "outbox", "standing", "spending_limit"}
"""Tables of which nothing may be left in a quiet night."""
MERELY_EQUAL = """
SELECT session.number FROM session
JOIN unnest(%(groups)s) AS batch(group_id) ON session.group_id = batch.group_id
"""
PREPARED = {**EXPLAINED, "MERELY_EQUAL": (MERELY_EQUAL, ANY_GROUP)}


@pytest.fixture(scope="module", params=["nothing", pytest.param("accounts", marks=pytest.mark.ci)])
def grown(
    request: pytest.FixtureRequest, cluster: Cluster, migrated: str
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection that has planned each statement before most rows were there.

    The rows are never committed, so that autovacuum does not come upon them: new statistics would
    have all plans made anew.
    """
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE ocs_grown TEMPLATE {migrated} STRATEGY WAL_LOG")
        conninfo = f"{cluster.conninfo('ocs_grown')} options='{PLANNING}'"
        for day in MIDNIGHT - (DAYS_KEPT - 1) * DAY, MIDNIGHT:
            Partitions(conninfo).make(int(day.timestamp()) * 1_000_000)
        # What psycopg prepares itself it forgets at a rollback, and all that is prepared with it.
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            register(connection)
            filling = [text for text in FILLING.split(";") if "INSERT" in text]
            early = [] if request.param == "nothing" else [*filter(lasts, filling)]
            for statement in early:
                connection.execute(statement)
            connection.execute("VACUUM ANALYZE")
            for name, (text, parameters) in PREPARED.items():
                prepare(connection, name, text, parameters)
                nothing = ", ".join(["NULL"] * len(parameters))
                connection.execute(f"EXPLAIN EXECUTE {name} ({nothing})")
            with connection.transaction(force_rollback=True):
                for statement in filling:
                    if statement not in early:
                        connection.execute(statement)
                yield connection
        administrator.execute("DROP DATABASE ocs_grown WITH (FORCE)")


def lasts(statement: str) -> bool:
    """Say whether it inserts what does not come and go."""
    return statement.split()[2] not in COMES_AND_GOES


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_a_plan_made_early_looks_for_the_rows_of_the_batch(
    grown: psycopg.Connection[tuple[Any, ...]], name: str
) -> None:
    _, parameters = EXPLAINED[name]
    with grown.transaction(force_rollback=True):
        plan = executed(grown, name.lower(), parameters)
    assert touched(scans(plan)) <= TOUCHED_MAX, "rows of other groups are not looked at"


def test_a_mere_join_that_was_planned_early_reads_everything(
    grown: psycopg.Connection[tuple[Any, ...]],
) -> None:
    """So the plans are really those that were made early."""
    plan = executed(grown, "merely_equal", {"groups": big_ints(list(BATCH))})
    assert touched(scans(plan)) == ACCOUNTS
