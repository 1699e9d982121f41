"""Statements over the rows of a batch: one array parameter a column, unnested in the database.

They are written in SQLAlchemy Core and compiled once to the text that psycopg sends.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Table,
    TableValuedAlias,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    extract,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.sql.elements import CompilerElement
from sqlalchemy.sql.selectable import LateralFromClause
from sqlalchemy.types import TypeEngine

from .arrays import array_literals, big_ints, documents, moments, octets, optional_moments, texts
from .database import Connection, Cursor, Row

Packer = Callable[[Sequence[Any]], object]

NO_STATEMENTS: Mapping[str, "Statement"] = MappingProxyType({})

_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]


class Statement(NamedTuple):
    """The text of a statement, and how to pack the columns of its rows."""

    text: str
    packers: tuple[tuple[str, Packer], ...]

    async def ask(self, connection: Connection, rows: Sequence[Row]) -> Cursor:
        """Sends the statement with these rows; what it finds is read from the cursor."""
        return await connection.execute(self.text, self.parameters(rows), binary=True)

    def parameters(self, rows: Sequence[Row]) -> dict[str, object]:
        """Packs rows with their values in the order of the columns."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.packers)
        return {
            name: pack(values) for (name, pack), values in zip(self.packers, columns, strict=True)
        }


class Statements(NamedTuple):
    """Several statements in one, each over rows of its own; each has its effect, or none has.

    They see the same snapshot, so that none may need what another one writes. It divides by zero
    when one that finds or changes rows does not find each of its rows, or one that misses rows
    finds any: nothing can be committed then, and nobody has to wait for a count. Its placeholders
    are PostgreSQL's own: psycopg remembers no text of this length in its own way.
    """

    text: str
    parts: Mapping[str, Statement]

    def parameters(self, rows: Mapping[str, Sequence[Row]]) -> list[object]:
        """Packs the rows of each part."""
        return [
            value
            for part, statement in self.parts.items()
            for value in statement.parameters(rows[part]).values()
        ]


def together(
    finding: Mapping[str, Statement],
    changing: Mapping[str, Statement],
    inserting: Mapping[str, Statement],
    missing: Mapping[str, Statement] = NO_STATEMENTS,
) -> Statements:
    """Joins statements that find rows, or change them, all that are named, and that insert some.

    Those that are missing rows hold while there are none.
    """
    parts = {**finding, **changing, **inserting, **missing}
    numbers = itertools.count(1)
    steps, all_found = [], [f"NOT EXISTS (SELECT FROM {part})" for part in missing]
    for part, statement in parts.items():
        named = {name: f"${next(numbers)}" for name, _ in statement.packers}
        returning = " RETURNING 1" if part in changing else ""
        steps.append(f"{part} AS ({statement.text % named}{returning})")
        if part in finding or part in changing:
            first = next(iter(named.values()))
            all_found.append(f"(SELECT count(*) FROM {part}) = cardinality({first})")
    return Statements(f"WITH {', '.join(steps)} SELECT 1 / ({' AND '.join(all_found)})::int", parts)


def compiled(statement: CompilerElement) -> str:
    """Returns the text of a statement, with psycopg's named placeholders."""
    return str(statement.compile(dialect=_DIALECT))


def batch_of(*columns: Column[Any]) -> TableValuedAlias:
    """Returns the rows of a batch with these columns, named as in their table."""
    parameters = [bindparam(name.name, type_=ARRAY(_carrier(name))) for name in columns]
    unnested = func.unnest(*parameters)
    alias = unnested.table_valued(*(column(name.name, _carrier(name)) for name in columns))
    return alias.render_derived(name="batch")


def each_found(
    facts: Iterable[ColumnElement[Any]], batch: TableValuedAlias, *conditions: ColumnElement[bool]
) -> Select[Any]:
    """Selects what meets the conditions with each row of a batch, row by row."""
    found = looked_for(facts, "found", *conditions)
    return select(found).select_from(batch).join(found, true())


def looked_for(
    facts: Iterable[ColumnElement[Any]], name: str, *conditions: ColumnElement[bool]
) -> LateralFromClause:
    """Returns what meets the conditions, to be joined to the rows that they speak of.

    Plans are kept, and are made while a table is empty too. PostgreSQL then takes it to have one
    row, and to join that it would read an index whole rather than look for each, and go on so when
    there are many. OFFSET 0 leaves no other plan than to look for each.
    """
    return select(*facts).where(*conditions).offset(literal_column("0")).lateral(name)


def looked_up(name: Column[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Says that a column that begins an index is equal to a value of another table's row.

    It is what `looked_for` is where rows are changed, or must have no match: PostgreSQL can merge
    and hash what is merely equal, but for an array of one value it can only look in the index.
    """
    return name == any_(array([value]))


def same_key(names: Sequence[Column[Any]], rows: FromClause) -> ColumnElement[bool]:
    """Says that columns, of which the first begins an index, are as those named so in rows."""
    first, *others = names
    return and_(looked_up(first, rows.c[first.name]), *equal(others, rows))


def equal(names: Iterable[Column[Any]], rows: FromClause) -> list[ColumnElement[bool]]:
    """Says of each column that it is equal to the one that is named so in rows."""
    return [name == rows.c[name.name] for name in names]


def statement_of(statement: CompilerElement, *columns: Column[Any]) -> Statement:
    """Compiles a statement over `batch_of` the same columns."""
    return Statement(compiled(statement), tuple((name.name, _packer(name)) for name in columns))


def insert_batch(table: Table, names: Sequence[Column[Any]] = ()) -> Statement:
    """Inserts rows with some columns of the table, or with all in its order."""
    columns = names or tuple(table.c)
    batch = batch_of(*columns)
    selected = select(*(_restored(batch, name) for name in columns))
    keys = [name.name for name in columns]
    return statement_of(insert(table).from_select(keys, selected), *columns)


def upsert_batch(table: Table) -> Statement:
    """Inserts rows, or puts them in the place of those with the same primary key."""
    batch = batch_of(*table.c)
    selected = select(*(_restored(batch, name) for name in table.c))
    new = postgresql.insert(table).from_select(list(table.c.keys()), selected)
    values = {name.name: new.excluded[name.name] for name in table.c if not name.primary_key}
    replacing = new.on_conflict_do_update(index_elements=list(table.primary_key.c), set_=values)
    return statement_of(replacing, *table.c)


def update_batch(
    table: Table,
    keys: Sequence[Column[Any]],
    values: Sequence[Column[Any]],
    others: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> Statement:
    """Updates rows found by the keys; the columns are the keys, then the values.

    Others are what is made of the row as it was, and of the columns of `batch`.
    """
    batch = batch_of(*keys, *values)
    statement = (
        update(table)
        .values({**{name.name: _restored(batch, name) for name in values}, **others})
        .where(same_key(keys, batch))
    )
    return statement_of(statement, *keys, *values)


def microseconds(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Turns a timestamptz into microseconds since 1970."""
    return cast(extract("epoch", moment) * literal_column("1000000"), BigInteger)


def _carrier(name: Column[Any]) -> TypeEngine[Any]:
    """Returns the type that brings a column's values: arrays and JSON travel as text."""
    if isinstance(name.type, Integer):
        return BigInteger()
    if isinstance(name.type, DateTime | LargeBinary):
        return name.type
    return Text()


def _restored(batch: TableValuedAlias, name: Column[Any]) -> ColumnElement[Any]:
    carried: ColumnElement[Any] = batch.c[name.name]
    if isinstance(name.type, Integer) or isinstance(carried.type, type(name.type)):
        return carried
    return cast(carried, name.type)


def _packer(name: Column[Any]) -> Packer:
    if isinstance(name.type, Integer):
        return big_ints
    if isinstance(name.type, DateTime):
        return optional_moments if name.nullable else moments
    if isinstance(name.type, LargeBinary):
        return octets
    if isinstance(name.type, JSON):
        return documents
    return array_literals if isinstance(name.type, ARRAY) else texts
