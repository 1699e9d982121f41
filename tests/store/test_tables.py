"""The tables that the program knows are the tables that the migrations make."""

import psycopg
import pytest
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from diameter_ocs.store.tables import metadata

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull
FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
KEY = """
SELECT array_agg(attname::text ORDER BY array_position(indkey::int2[], attnum))
FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indrelid = %s::regclass AND indisprimary
"""
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
AND NOT relispartition AND relname <> 'alembic_version'
"""
SPELLINGS = {
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BYTEA": "bytea",
    "BIGINT[]": "bigint[]",
}


def columns(table: Table) -> list[tuple[str, str, bool]]:
    dialect = postgresql.dialect()
    names = [(column, column.type.compile(dialect)) for column in table.c]
    return [
        (column.name, SPELLINGS.get(name, name.lower()), not column.nullable)
        for column, name in names
    ]


@pytest.fixture
def connection(database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(database, autocommit=True)


def test_every_column_is_as_it_is_known(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for table in metadata.sorted_tables:
        made = connection.execute(COLUMNS, (table.name,)).fetchall()
        assert columns(table) == made, table.name
    connection.close()


def test_every_key_is_as_it_is_known(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for table in metadata.sorted_tables:
        key = [column.name for column in table.primary_key]
        assert connection.execute(KEY, (table.name,)).fetchone() == (key or None,), table.name
    connection.close()


def test_no_table_is_unknown(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    made = {name for (name,) in connection.execute(TABLES)}
    assert made == set(metadata.tables)
    connection.close()
