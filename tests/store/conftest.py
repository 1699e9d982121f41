"""Both stores, with the same promises; the books are checked after every test with one."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from diameter_ocs.embedded import Cluster
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import Kept, memory_faults

EMPTIED = (
    "accepted_peer",
    "refused_peer",
    "running_server",
    "command",
    "audit",
    "edr",
    "opening",
    "closed_session",
    "session",
    "balance",
    "subscription",
    "directory",
    "device",
    "account",
    "catalogue",
    "tenant",
)
"""Who refers to another table comes before it."""


@pytest.fixture(scope="session")
def lasting(cluster: Cluster, migrated: str) -> Iterator[str]:
    """The conninfo of a database that many tests use one after the other: copies cost time."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE ocs_lasting TEMPLATE {migrated} STRATEGY WAL_LOG")
    yield cluster.conninfo("ocs_lasting")
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE ocs_lasting WITH (FORCE)")


@pytest.fixture
def emptied(lasting: str) -> str:
    """The conninfo of the lasting database, with nothing in it but the schema."""
    with psycopg.connect(lasting) as connection:
        for table in EMPTIED:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("ALTER SEQUENCE account_number RESTART")
    return lasting


@pytest.fixture
async def opened(emptied: str) -> AsyncIterator[Database]:
    """A pool for the emptied database."""
    pool = Database(emptied)
    yield pool
    await pool.close()


@pytest.fixture
async def postgres(opened: Database) -> AsyncIterator[Kept]:
    """The store in PostgreSQL."""
    catalogues = Catalogues(read_stored)
    store = PostgresStore(opened, catalogues)
    yield Kept(store, PostgresAccounts(opened, catalogues), opened)
    books = await check_books(opened)
    assert books.are_balanced, books.faults


@pytest.fixture
async def memory() -> AsyncIterator[Kept]:
    """Its twin without a database."""
    store = MemoryStore(read_stored)
    yield Kept(store, store, None)
    assert memory_faults(store) == []
    assert not store.locked


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """Either store: what one promises the other promises too."""
    return request.getfixturevalue(request.param)
