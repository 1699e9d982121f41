"""Both stores, with the same promises; the books are checked after every test with one."""

from collections.abc import AsyncIterator

import pytest

from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import Kept, memory_faults


@pytest.fixture
def emptied(database: str) -> str:
    """The conninfo of a database with nothing in it but the schema."""
    return database


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
