"""The daily partitions of the journal and of the tombstones: made ahead, filled, and dropped.

A day is one of UTC. What finds no partition lies in the default partition, where it is as good as
elsewhere, and is moved when its day gets one. Only the owner's role can do any of this.
"""

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import LiteralString, NamedTuple

import psycopg
import structlog
from psycopg import errors, sql

from ..charging.faults import CasesUnavailable
from . import audit
from .database import NOW_TEXT, OWNER_ROLE, UNAVAILABLE, Database, renamed_faults
from .logins import Connection, connect, first_line
from .tables import moment

log = structlog.get_logger()

DAYS_AHEAD = 14
"""Partitions that are made before they are needed."""
EDR_DAYS = 400
"""How long an EDR, and the audit, is kept, unless the configuration says otherwise."""
TOMBSTONE_DAYS = 3
"""How long a closed session is remembered at least; longer where a tenant says so."""
SCHEMA_LOCK = 4_272_868
"""Names the lock under which one process at a time changes the schema."""
ROWS_COUNTED = 10_000
"""Rows of a default partition that are counted; there may be more."""
SCHEMA_TIMEOUT = "1s"
"""How long others who change the schema are waited for."""
TABLE_TIMEOUT = "200ms"
"""How long a table is waited for in one try: requests wait behind whoever waits for that."""
TABLE_TRIES = 3
TABLE_PAUSE_SECONDS = 0.3
DAY = datetime.timedelta(days=1)


class Partitioned(NamedTuple):
    """A table with a partition for each day."""

    name: str
    column: str
    """The time that decides the day."""

    @property
    def default(self) -> str:
        """Names the partition of what has no other."""
        return f"{self.name}_default"

    def partition(self, day: datetime.date) -> str:
        """Names the partition of a day."""
        return f"{self.name}_{day:%Y%m%d}"


JOURNAL = Partitioned("edr", "at")
TOMBSTONES = Partitioned("closed_session", "closed_at")
TABLES = (JOURNAL, TOMBSTONES)


class Span(NamedTuple):
    """A partition, and the days that lie in it."""

    name: str
    first: datetime.date
    end: datetime.date
    """The first day after it."""


class Coverage(NamedTuple):
    """What the database says of a table with partitions."""

    table: str
    days_ahead: int
    """Days from tomorrow on, without a gap, that have a partition."""
    default_rows: int
    """Rows in the default partition, counted up to ROWS_COUNTED."""


_SPANS = """
SELECT relname, (bound[1]::timestamptz AT TIME ZONE 'UTC')::date,
    (bound[2]::timestamptz AT TIME ZONE 'UTC')::date
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid,
    pg_get_expr(relpartbound, child.oid) AS bounds,
    regexp_match(bounds, $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bound
WHERE inhparent = to_regclass(%s) AND bound IS NOT NULL
ORDER BY 2
"""
_TOMBSTONE_HOURS = """
SELECT coalesce(max((document #>> '{settings,tombstone_hours}')::integer), 0)
FROM tenant JOIN catalogue
    ON catalogue.tenant = tenant.name AND catalogue.version = tenant.catalogue_version
"""
_ADD_TO_OPENINGS = sql.SQL("""
INSERT INTO opening AS earlier (group_id, balance_id, total, used, reserved, through)
SELECT group_id, balance_id, sum(total), sum(used), sum(reserved), {}
FROM (
    SELECT group_id, unnest(posting_balances) AS balance_id, unnest(posting_totals) AS total,
        unnest(posting_useds) AS used, unnest(posting_reserveds) AS reserved
    FROM {}
) AS posting
GROUP BY group_id, balance_id
ON CONFLICT (group_id, balance_id) DO UPDATE SET
    total = earlier.total + excluded.total,
    used = earlier.used + excluded.used,
    reserved = earlier.reserved + excluded.reserved,
    through = greatest(earlier.through, excluded.through)
""")


async def measure(database: Database, now: int) -> tuple[Coverage, ...]:
    """Returns how far ahead each table has partitions, and what lies in its default partition.

    Any login may ask: it shows the work of whoever keeps the partitions. `now` is in microseconds
    since 1970.
    """
    tomorrow = moment(now).date() + DAY
    found = []
    with renamed_faults():
        async with database.connection() as connection:
            for table in TABLES:
                spans = await (await connection.execute(_SPANS, (table.name,))).fetchall()
                counted = await connection.execute(
                    sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) AS counted").format(
                        sql.Identifier(table.default), ROWS_COUNTED
                    )
                )
                ((rows,),) = await counted.fetchall()
                ahead = _days_covered([Span(*span) for span in spans], tomorrow)
                found.append(Coverage(table.name, ahead, rows))
    return tuple(found)


class Partitions:
    """The partitions of a database, as its owner keeps them.

    Both methods take the time in microseconds since 1970 and return what they left undone, one
    sentence for each thing; the next call tries again.
    """

    def __init__(
        self, conninfo: str, edr_days: int = EDR_DAYS, tombstone_days: int = TOMBSTONE_DAYS
    ) -> None:
        self._conninfo = conninfo
        self._edr_days = edr_days
        self._tombstone_days = tombstone_days

    def make(self, now: int) -> tuple[str, ...]:
        """Makes the partitions of yesterday, today and the days ahead.

        Raises:
            CasesUnavailable: the database cannot be reached, or takes no changes.
        """
        return self._as_owner(lambda owner: owner.make(moment(now).date()))

    def keep(self, now: int) -> tuple[str, ...]:
        """Makes partitions, empties the default ones, and drops the days that are over.

        Raises:
            CasesUnavailable: the database cannot be reached, or takes no changes.
        """
        at = moment(now)
        return self._as_owner(
            lambda owner: owner.empty_default(),
            lambda owner: owner.make(at.date()),
            lambda owner: owner.drop(JOURNAL, at, self._edr_days),
            lambda owner: owner.drop(
                TOMBSTONES, at, max(self._tombstone_days, owner.tombstone_days())
            ),
            lambda owner: owner.forget_audit(at, self._edr_days),
        )

    def _as_owner(self, *works: "Callable[[_Owner], None]") -> tuple[str, ...]:
        with connect(self._conninfo, autocommit=True) as connection:
            owner = _Owner(connection)
            try:
                for work in works if owner.become() else ():
                    owner.in_use.clear()
                    work(owner)
            except UNAVAILABLE as error:
                raise CasesUnavailable(first_line(error)) from error
        return tuple(owner.undone)


class _Owner:
    """A connection that acts as the owner, and what could not be done on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.in_use: set[Partitioned] = set()
        self.undone: list[str] = []

    def become(self) -> bool:
        """Takes the owner's role, if the login may."""
        try:
            self._connection.execute(f"SET ROLE {OWNER_ROLE}")
        except (errors.InsufficientPrivilege, errors.InvalidParameterValue):
            login = self._connection.info.user
            self.undone.append(
                f"the login {login} may not act as {OWNER_ROLE}, which keeps the partitions: grant"
                " it that role, or run `db migrate` every week as a login that has it"
            )
            return False
        return True

    def make(self, today: datetime.date) -> None:
        """Makes the partitions that are missing, unless their rows lie in the default one."""
        for table in TABLES:
            spans = self._spans(table)
            for offset in range(-1, DAYS_AHEAD + 1):
                day = today + offset * DAY
                if _is_covered(spans, day) or table in self.in_use:
                    continue
                with self._attempt(table, f"{table.partition(day)} was not made"):
                    self._make(table, day)

    def empty_default(self) -> None:
        """Moves what lies in the default partitions into partitions of its days."""
        for table in TABLES:
            days = self._connection.execute(
                sql.SQL("SELECT DISTINCT ({} AT TIME ZONE 'UTC')::date FROM {} ORDER BY 1").format(
                    sql.Identifier(table.column), sql.Identifier(table.default)
                )
            ).fetchall()
            for (day,) in days:
                if table in self.in_use:
                    continue
                with self._attempt(table, f"{table.default} was not emptied of {day}"):
                    self._move(table, day)

    def tombstone_days(self) -> int:
        """Returns how long the tenants want closed sessions to be remembered."""
        ((hours,),) = self._connection.execute(_TOMBSTONE_HOURS).fetchall()
        return -(-int(hours) // 24)

    def drop(self, table: Partitioned, now: datetime.datetime, days: int) -> None:
        """Drops the partitions that ended so many days ago, the oldest first.

        The earlier of our clock and the database's counts: a wrong one must not cost the journal.
        """
        cutoff = self._ended(now, days).date()
        for span in self._spans(table):
            if span.end > cutoff or table in self.in_use:
                return
            with self._attempt(table, f"{span.name} was not dropped"):
                self._drop(table, span)

    def forget_audit(self, now: datetime.datetime, days: int) -> None:
        """Deletes what the audit says of commands that were given so many days ago."""
        parameters = {"before": self._ended(now, days), "limit": audit.FORGOTTEN_MAX}
        try:
            while self._connection.execute(audit.FORGET, parameters).rowcount:
                pass
        except UNAVAILABLE:
            raise
        except psycopg.Error as error:
            self.undone.append(f"the audit was not shortened: {first_line(error)}")

    def _ended(self, now: datetime.datetime, days: int) -> datetime.datetime:
        """Returns when what is kept for so many days begins, by the earlier clock."""
        ((earlier,),) = self._connection.execute(f"SELECT least(%s, {NOW_TEXT})", (now,)).fetchall()
        begin: datetime.datetime = earlier.astimezone(datetime.UTC) - days * DAY
        return begin

    def _spans(self, table: Partitioned) -> list[Span]:
        return [Span(*row) for row in self._connection.execute(_SPANS, (table.name,))]

    @contextmanager
    def _attempt(self, table: Partitioned, failure: str) -> Iterator[None]:
        """Opens a transaction; no other process changes the schema meanwhile.

        A table that others do not let go is then left alone for a while.
        """
        try:
            with self._connection.transaction():
                self._execute("SET LOCAL lock_timeout = {}", sql.Literal(SCHEMA_TIMEOUT))
                self._execute("SELECT pg_advisory_xact_lock({})", sql.Literal(SCHEMA_LOCK))
                yield
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            self.in_use.add(table)
            self.undone.append(f"{failure}: others use the table, or change the schema")
        except errors.CheckViolation:
            self.undone.append(f"{failure}: rows of its time lie in the default partition")
        except UNAVAILABLE:
            raise
        except psycopg.Error as error:
            self.undone.append(f"{failure}: {first_line(error)}")

    def _make(self, table: Partitioned, day: datetime.date) -> None:
        if not self._exists(table.partition(day)):
            self._create(table, day)
            self._lock(table.default)
            self._attach(table, day)

    def _move(self, table: Partitioned, day: datetime.date) -> None:
        """Moves the rows of a day; requests wait only for those that come in meanwhile.

        With the whole table locked at the end nobody is left who has chosen the default partition
        for a row, or has looked which partitions there are and not yet read them.
        """
        name = table.partition(day)
        if self._exists(name):
            return
        self._create(table, day)
        # Spares the attachment a look at every row.
        self._execute(
            "ALTER TABLE {} ADD CONSTRAINT moved CHECK ({column} >= {} AND {column} < {})",
            sql.Identifier(name),
            *_bounds(day),
            column=sql.Identifier(table.column),
        )
        moved = self._move_rows(table, day)
        self._lock(table.name, table.default)
        moved += self._move_rows(table, day)
        self._attach(table, day)
        self._execute("ALTER TABLE {} DROP CONSTRAINT moved", sql.Identifier(name))
        log.info("rows moved from the default partition", partition=name, rows=moved)

    def _move_rows(self, table: Partitioned, day: datetime.date) -> int:
        return self._execute(
            "WITH moved AS (DELETE FROM {} WHERE {column} >= {} AND {column} < {} RETURNING *)"
            " INSERT INTO {} SELECT * FROM moved",
            sql.Identifier(table.default),
            *_bounds(day),
            sql.Identifier(table.partition(day)),
            column=sql.Identifier(table.column),
        ).rowcount

    def _drop(self, table: Partitioned, span: Span) -> None:
        """Drops a partition; what an EDR posted is added to the opening balances first."""
        if not self._exists(span.name):
            return
        name = sql.Identifier(span.name)
        if table is JOURNAL:
            self._execute("LOCK TABLE {} IN EXCLUSIVE MODE", name)
            through = sql.Literal(f"{span.end} 00:00:00+00")
            self._connection.execute(_ADD_TO_OPENINGS.format(through, name))
        self._lock(table.name, table.default)
        self._execute("DROP TABLE {}", name)
        log.info("partition dropped", partition=span.name)

    def _exists(self, name: str) -> bool:
        return self._execute("SELECT to_regclass({})", sql.Literal(name)).fetchone() != (None,)

    def _create(self, table: Partitioned, day: datetime.date) -> None:
        self._execute(
            "CREATE TABLE {} (LIKE {} INCLUDING ALL)",
            sql.Identifier(table.partition(day)),
            sql.Identifier(table.name),
        )

    def _attach(self, table: Partitioned, day: datetime.date) -> None:
        """Attaches a partition; PostgreSQL makes sure that the default one has none of its rows."""
        self._execute(
            "ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})",
            sql.Identifier(table.name),
            sql.Identifier(table.partition(day)),
            *_bounds(day),
        )

    def _lock(self, *names: str) -> None:
        """Locks tables against all others, in a few tries that hold up requests briefly."""
        tables = sql.SQL(", ").join(sql.SQL("ONLY {}").format(sql.Identifier(n)) for n in names)
        self._execute("SET LOCAL lock_timeout = {}", sql.Literal(TABLE_TIMEOUT))
        for attempt in range(1, TABLE_TRIES + 1):
            try:
                with self._connection.transaction():
                    self._execute("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables)
                return
            except errors.LockNotAvailable:
                if attempt == TABLE_TRIES:
                    raise
            time.sleep(TABLE_PAUSE_SECONDS)

    def _execute(
        self, text: LiteralString, *parts: sql.Composable, **named: sql.Composable
    ) -> psycopg.Cursor[tuple[object, ...]]:
        return self._connection.execute(sql.SQL(text).format(*parts, **named))


def _bounds(day: datetime.date) -> tuple[sql.Literal, sql.Literal]:
    return sql.Literal(f"{day} 00:00:00+00"), sql.Literal(f"{day + DAY} 00:00:00+00")


def _is_covered(spans: list[Span], day: datetime.date) -> bool:
    return any(span.first <= day < span.end for span in spans)


def _days_covered(spans: list[Span], first: datetime.date) -> int:
    """Counts the days from the first on that have partitions without a gap."""
    day = first
    while _is_covered(spans, day):
        day += DAY
    return (day - first).days
