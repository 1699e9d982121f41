"""The statements of a batch find their rows by index, and rewrite them in place."""

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg import sql

from diameter_ocs.charging.decisions import Edr, EdrKind, Outcome
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import (
    ClosedSession,
    CloseReason,
    Hold,
    Line,
    Reservation,
    Session,
)
from diameter_ocs.charging.units import UnitType
from diameter_ocs.embedded import Cluster
from diameter_ocs.store import edrs, outbox_statements, refundable, sessions, statements
from diameter_ocs.store.arrays import big_ints, moments, octets, register, texts
from diameter_ocs.store.batches import Statement, Statements
from diameter_ocs.store.partitions import DAYS_AHEAD, Partitions
from tests.store.scenario import NOW, VOICE, Kept, charged, furnish, initial, update, used, want

ACCOUNTS = 15_000
BATCH = range(ACCOUNTS - 127, ACCOUNTS + 1)
"""Groups of the batch that is explained: who reads up to them in an index reads all of it."""
OTHERS = range(ACCOUNTS - 255, ACCOUNTS - 127)
"""Groups whose sessions go on while those of the batch end."""
DAYS_KEPT = 3
"""Days until today that have a partition; as many as those to come have one besides."""
MIDNIGHT = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""The EDRs of a group are a minute apart from there on."""
DAY = datetime.timedelta(days=1)
MINUTE = 60_000_000
EARLY = int(MIDNIGHT.timestamp()) * 1_000_000 + MINUTE
TOMORROW = int((MIDNIGHT + DAY).timestamp()) * 1_000_000
HOT_TABLES = re.compile(
    "(account|balance|session|directory|subscription|edr|closed_session|outbox|spending_limit)(_.+)?"
)
FILLING = f"""
INSERT INTO tenant VALUES ('demo', 1);
INSERT INTO account SELECT n, n, 'demo', 'account ' || n, 1, now()
    FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO directory SELECT 1, 'imsi' || n, 'demo', n, n, n FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO subscription SELECT n, 1, n, 'plan', now() FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO balance SELECT n, 10 * n + k, n, 'b', 0, 100, 0, 0
    FROM generate_series(1, {ACCOUNTS}) n, generate_series(1, 4) k;
INSERT INTO session SELECT n, 2, n, n, int8send(n), NULL, '32251', 'host', 'realm', now(), now(),
    1, 1, '[]', '[]', now() + n * interval '1 second', NULL, n % 100 + 1
    FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO edr SELECT {ACCOUNTS} - n % 128,
    '{MIDNIGHT}'::timestamptz + n / 128 * interval '1 minute', n, 1, 1, 'update', 0, NULL, n / 128,
    'host', 1, 1, NULL, '[]', '{{}}', '{{}}', '{{}}', '{{}}', 2, n
    FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO closed_session SELECT n, 1, n, n, int8send(n), NULL, '32251', 'host', 'realm',
    now(), now(), 1, 1, '[]', '{MIDNIGHT}'::timestamptz - n % {DAYS_KEPT} * interval '1 day',
    'terminated' FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO outbox SELECT n, 1, 0, n, 2, 'spending_limit ' || n, 'pcrf' || n % 10, 'realm', 2,
    int8send(n), '{{}}', now(), now() + n * interval '1 second'
    FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO outbox SELECT n, 3, 0, n, 1, 'notice ' || n, 'sink', NULL, NULL, NULL, '{{}}', now(),
    now() + n * interval '1 second' FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO peer_connection SELECT 'pcrf' || n, 'server', 'realm', FALSE, '{{}}', now()
    FROM generate_series(1, 10) n;
INSERT INTO standing SELECT n, n, '[]' FROM generate_series(1, {ACCOUNTS}) n;
INSERT INTO spending_limit SELECT n, 2, n, n, int8send(n), 'host', 'realm', now(), now(), NULL, 0,
    '[]', 1 FROM generate_series(1, {ACCOUNTS}) n;
ANALYZE;
"""


@pytest.fixture(scope="module")
def filled(cluster: Cluster, migrated: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a database of some thousand accounts, planning as the server does."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE ocs_filled TEMPLATE {migrated} STRATEGY WAL_LOG")
        options = "options='-c plan_cache_mode=force_generic_plan -c jit=off'"
        conninfo = f"{cluster.conninfo('ocs_filled')} {options}"
        first_day = MIDNIGHT - (DAYS_KEPT - 1) * DAY
        for day in first_day, MIDNIGHT:
            Partitions(conninfo).make(int(day.timestamp()) * 1_000_000)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for statement in FILLING.split(";"):
                connection.execute(statement)
            register(connection)
            yield connection
        administrator.execute("DROP DATABASE ocs_filled WITH (FORCE)")


def session(number: int, group: int, lines: int = 1) -> Session:
    return Session(
        number=number,
        account_id=group,
        key=SessionKey(b"gateway.example.net;1700000000;%d" % group),
        service_context="32251",
        origin_host="gateway.example.net",
        origin_realm="example.net",
        opened_at=NOW,
        last_request_at=NOW,
        request_number=1,
        catalogue_version=1,
        lines=tuple(
            Line(n, 300 + n, None, 10**9, 10**9, 0,
                 (Hold("data allowance", False, 10**7, ((10 * group + 1, 10**7),)),),
                 UnitType.VOLUME, 1024)
            for n in range(1, lines + 1)
        ),
        reservations=tuple(
            Reservation(300 + n, (), 10**7, n, NOW + 10**10) for n in range(1, lines + 1)
        ),
        supervise_at=NOW + 10**10,
    )  # fmt: skip


def journal(group: int) -> Edr:
    return Edr(10**6, NOW, group, EdrKind.CHARGING, "update", Outcome.SUCCESS, ())


def asked_again(group: int) -> tuple[Any, ...]:
    """Return what FIND_ANSWERED is asked of a session that went on for two minutes."""
    return group, 2, "update", 2, EARLY, EARLY + 2 * MINUTE


ANY_GROUP = {"groups": big_ints(list(BATCH))}
CARRIERS = {
    type(big_ints([])): "bigint[]",
    type(texts([])): "text[]",
    type(octets([])): "bytea[]",
    type(moments([])): "timestamptz[]",
    datetime.datetime: "timestamptz",
    int: "bigint",
    str: "text",
}
ROWS: dict[str, tuple[Statement, list[tuple[Any, ...]]]] = {
    "RESOLVE_IDENTITIES": (statements.RESOLVE_IDENTITIES, [(1, f"imsi{n}") for n in BATCH]),
    "FIND_TENANTS": (statements.FIND_TENANTS, [("demo", 1, 0)]),
    "LOAD_SESSIONS": (statements.LOAD_SESSIONS, [(n, n, n) for n in BATCH]),
    "UPDATE_GROUPS": (statements.UPDATE_GROUPS, [(n, 1, 2, NOW) for n in BATCH]),
    "UPDATE_BALANCES": (statements.UPDATE_BALANCES, [(n, 10 * n + 1, 5, 0, 0) for n in BATCH]),
    "UPDATE_SESSIONS": (
        statements.UPDATE_SESSIONS,
        [sessions.updated(n, session(2, n)) for n in BATCH],
    ),
    "DELETE_SESSIONS": (statements.DELETE_SESSIONS, [(n, 2) for n in BATCH]),
    "INSERT_SESSIONS": (
        statements.INSERT_SESSIONS,
        [sessions.inserted(n, session(3, n)) for n in BATCH],
    ),
    "INSERT_CLOSED_SESSIONS": (
        statements.INSERT_CLOSED_SESSIONS,
        [
            sessions.closed(n, ClosedSession(session(2, n), NOW, CloseReason.TERMINATED))
            for n in BATCH
        ],
    ),
    "INSERT_EDRS": (statements.INSERT_EDRS, [edrs.inserted(n, journal(n)) for n in BATCH]),
    "INSERT_OUTBOX": (
        statements.INSERT_OUTBOX,
        [(n, 5, 0, n, 1, "notice 1 a", "a", None, None, None, b"{}", NOW, NOW) for n in BATCH],
    ),
    "FIND_ANSWERED": (statements.FIND_ANSWERED, [asked_again(n) for n in BATCH]),
    "FIND_REFERRED": (
        refundable.FIND_REFERRED,
        [(n, EARLY, EARLY + 2 * MINUTE, 1, 2, b"2") for n in BATCH],
    ),
    "FIND_UNDOING": (refundable.FIND_UNDOING, [(n, EARLY, TOMORROW) for n in BATCH]),
    "FIND_MISNAMED": (statements.FIND_MISNAMED, [(1, f"imsi{n}", n, n) for n in BATCH]),
    "FIND_OPEN": (statements.FIND_OPEN, [(n, -n, n) for n in BATCH]),
    "FIND_REMEMBERED": (statements.FIND_REMEMBERED, [(n, -n, TOMORROW) for n in BATCH]),
}
WRITTEN = {
    "tenants": ROWS["FIND_TENANTS"][1],
    "groups": ROWS["UPDATE_GROUPS"][1],
    "balances": ROWS["UPDATE_BALANCES"][1],
    "ended": ROWS["DELETE_SESSIONS"][1],
    "continued": [sessions.updated(n, session(2, n)) for n in OTHERS],
    "opened": ROWS["INSERT_SESSIONS"][1],
    "closed": ROWS["INSERT_CLOSED_SESSIONS"][1],
    "journal": ROWS["INSERT_EDRS"][1],
}
SPREAD = {
    "standings": [(n, n, b"[]") for n in BATCH],
    "resubscribed": [(n, 2, "pcrf.example", "example", NOW, None, 0, b"[]", 2) for n in BATCH],
    "unsubscribed": [(n, 2) for n in OTHERS],
    "subscribed": [
        (n, 3, n, n, b"pcrf;%d" % n, "pcrf.example", "example", NOW, NOW, None, 0, b"[]", 3, None)
        for n in BATCH
    ],
    "outgoing": [
        (n, 2, 0, n, 1, f"notice {n} sink", "sink", None, None, None, b"{}", NOW, NOW)
        for n in BATCH
    ],
}
PRESUMED = {
    "misnamed": ROWS["FIND_MISNAMED"][1],
    "open": ROWS["FIND_OPEN"][1],
    "remembered": ROWS["FIND_REMEMBERED"][1],
}
EXPLAINED = {name: (s.text, s.parameters(rows)) for name, (s, rows) in ROWS.items()}
EXPLAINED |= {
    "RESOLVE_SESSIONS": (statements.RESOLVE_SESSIONS, {"digests": big_ints(list(BATCH))}),
    "RESOLVE_CLOSED_SESSIONS": (
        statements.RESOLVE_CLOSED_SESSIONS,
        {"digests": big_ints(list(BATCH))},
    ),
    "RESOLVE_SPENDING_LIMITS": (
        statements.RESOLVE_SPENDING_LIMITS,
        {"digests": big_ints(list(BATCH))},
    ),
    "LOAD_CLOSED_SESSIONS": (
        statements.LOAD_CLOSED_SESSIONS.text,
        {
            **statements.LOAD_CLOSED_SESSIONS.parameters([(n, n) for n in BATCH]),
            "until": MIDNIGHT + DAY,
        },
    ),
    "FIND_DUE_SESSIONS": (
        statements.FIND_DUE_SESSIONS,
        {"now": MIDNIGHT + 100 * DAY, "limit": len(BATCH)},
    ),
    "APPLY": (statements.APPLY.text, dict(enumerate(statements.APPLY.parameters(WRITTEN)))),
    "APPLY_PRESUMING": (
        statements.APPLY_PRESUMING.text,
        dict(enumerate(statements.APPLY_PRESUMING.parameters({**WRITTEN, **PRESUMED}))),
    ),
    "APPLY_SPREADING": (
        statements.APPLY_SPREADING.text,
        dict(enumerate(statements.APPLY_SPREADING.parameters({**WRITTEN, **SPREAD}))),
    ),
    "APPLY_PRESUMING_SPREADING": (
        statements.APPLY_PRESUMING_SPREADING.text,
        dict(
            enumerate(
                statements.APPLY_PRESUMING_SPREADING.parameters({**WRITTEN, **PRESUMED, **SPREAD})
            )
        ),
    ),
    "READ_GROUPS": (statements.READ_GROUPS, ANY_GROUP),
    "LOCK_GROUPS": (statements.LOCK_GROUPS, ANY_GROUP),
    "LOAD_ACCOUNTS": (statements.LOAD_ACCOUNTS, ANY_GROUP),
    "LOAD_BALANCES": (statements.LOAD_BALANCES, ANY_GROUP),
    "LOAD_SPENDING_LIMITS": (statements.LOAD_SPENDING_LIMITS, ANY_GROUP),
}
LATER = MIDNIGHT + 100 * DAY
SETTLED = [(n, 1, 0) for n in BATCH]
MINE = {"server": "server"}
CLAIMING = {
    "now": LATER,
    "at": LATER,
    "until": LATER,
    "identifiers": big_ints(list(BATCH)),
    **MINE,
}
SHARED_OUT = {
    "FIND_WAITING": (outbox_statements.FIND_WAITING, {"at": LATER}),
    "CLAIM": (
        outbox_statements.CLAIM.text,
        outbox_statements.CLAIM.parameters([(1, "sink", 64), (2, "pcrf1", 64)]) | CLAIMING,
    ),
    "FIND_SUBSCRIPTIONS": (
        outbox_statements.FIND_SUBSCRIPTIONS.text,
        outbox_statements.FIND_SUBSCRIPTIONS.parameters([(n, 2) for n in BATCH]),
    ),
    "FIND_CALLED": (
        outbox_statements.FIND_CALLED.text,
        outbox_statements.FIND_CALLED.parameters([(n, 2) for n in BATCH]),
    ),
    "FIND_OPEN_SESSIONS": (
        outbox_statements.FIND_OPEN_SESSIONS.text,
        outbox_statements.FIND_OPEN_SESSIONS.parameters([(n, n) for n in BATCH]),
    ),
    "REMOVE": (
        outbox_statements.REMOVE.text,
        outbox_statements.REMOVE.parameters(SETTLED) | MINE,
    ),
    "PUT_OFF": (
        outbox_statements.PUT_OFF.text,
        outbox_statements.PUT_OFF.parameters([(*key, NOW, 1, None, "", None) for key in SETTLED])
        | MINE,
    ),
    "EXPIRE": (
        outbox_statements.EXPIRE,
        {"before": MIDNIGHT - DAY, "kind": 1, "now": LATER, "at": LATER, "fault": "late"},
    ),
    "FORGET": (outbox_statements.FORGET, {"before": MIDNIGHT - DAY}),
    "MARK_STALE": (
        outbox_statements.MARK_STALE.text,
        outbox_statements.MARK_STALE.parameters([(n, 2, NOW, 5) for n in BATCH]),
    ),
}
"""What servers do with what is to leave, again and again."""
EXPLAINED |= SHARED_OUT
TOUCHED_MAX = 5 * 2 * len(BATCH)
LOOKED_AT_WHOLE = {"MEASURE"}
"""What is counted once in a while, up to a number."""


def explained(
    connection: psycopg.Connection[tuple[Any, ...]], text: str, parameters: dict[Any, Any]
) -> dict[str, Any]:
    """Run a statement as a prepared one, with the plan that is made for any parameters."""
    prepare(connection, "explained", text, parameters)
    plan = executed(connection, "explained", parameters)
    connection.execute("DEALLOCATE explained")
    return plan


def prepare(
    connection: psycopg.Connection[tuple[Any, ...]],
    name: str,
    text: str,
    parameters: dict[Any, Any],
) -> None:
    """Give a statement a name in a connection."""
    types = [CARRIERS[type(value)] for value in parameters.values()]
    numbers = {str(key): f"${number}" for number, key in enumerate(parameters, 1)}
    numbered = text % numbers if "%(" in text else text
    connection.execute(f"PREPARE {name} ({', '.join(types)}) AS {numbered}")


def executed(
    connection: psycopg.Connection[tuple[Any, ...]], name: str, parameters: dict[Any, Any]
) -> dict[str, Any]:
    """Run a statement that has a name; return its plan, with what each part of it has met."""
    values = [
        connection.execute("SELECT %(a)s::text", {"a": value}).fetchone() or ()
        for value in parameters.values()
    ]
    literals = sql.SQL(", ").join(sql.Literal(value) for (value,) in values)
    explain = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {} ({})")
    row = connection.execute(explain.format(sql.Identifier(name), literals)).fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def scans(plan: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Return the parts of a plan that looked for rows of hot tables."""
    return [
        node
        for node in nodes(plan)
        if HOT_TABLES.fullmatch(node.get("Relation Name", ""))
        and node["Node Type"] != "ModifyTable"
        and node["Actual Loops"]
    ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def touched(found: Sequence[dict[str, Any]]) -> float:
    """Return how many rows parts of a plan have read, be it in vain."""
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in found
    )


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_a_statement_finds_its_rows_by_index(
    filled: psycopg.Connection[tuple[Any, ...]], name: str
) -> None:
    text, parameters = EXPLAINED[name]
    with filled.transaction(force_rollback=True):
        plan = explained(filled, text, parameters)
    found = [node for node in scans(plan) if not is_empty(filled, node["Relation Name"])]
    assert [node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"] == []
    assert touched(found) <= TOUCHED_MAX, "rows of other groups are not looked at"


def test_every_statement_of_a_batch_is_explained() -> None:
    known = {
        name
        for module in (statements, outbox_statements, refundable)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str | Statement | Statements)
    }
    assert known - LOOKED_AT_WHOLE == set(EXPLAINED)


@pytest.mark.parametrize("name", ["LOAD_CLOSED_SESSIONS", "FIND_ANSWERED", "FIND_REMEMBERED"])
def test_days_to_come_are_not_looked_at(
    filled: psycopg.Connection[tuple[Any, ...]], name: str
) -> None:
    """Of closed sessions one day to come is: clocks differ."""
    text, parameters = EXPLAINED[name]
    plan = explained(filled, text, parameters)
    looked_at = {node["Relation Name"] for node in scans(plan)}
    days = {f"{MIDNIGHT + n * DAY:%Y%m%d}" for n in range(1 - DAYS_KEPT, 2)}
    days_to_come = {f"{MIDNIGHT + n * DAY:%Y%m%d}" for n in range(2, DAYS_AHEAD + 1)}
    assert [name for name in looked_at if any(name.endswith(day) for day in days)]
    assert [name for name in looked_at if any(name.endswith(day) for day in days_to_come)] == []


def is_empty(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> bool:
    found = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table)))
    return found.fetchone() is None


def test_the_journal_of_a_group_is_found_by_index(
    filled: psycopg.Connection[tuple[Any, ...]],
) -> None:
    plan = explained(
        filled,
        "SELECT * FROM edr WHERE group_id = ANY (%(a)s) AND at > now()",
        {"a": big_ints([1])},
    )
    assert {node.get("Node Type") for node in nodes(plan)} & {"Index Scan", "Bitmap Index Scan"}


async def test_a_session_of_four_rating_groups_is_about_a_kibibyte(postgres: Kept) -> None:
    assert postgres.database is not None
    async with (
        postgres.database.connection() as connection,
        connection.transaction(force_rollback=True),
    ):
        inserting = statements.INSERT_SESSIONS
        rows = [sessions.inserted(1, session(2, 1, lines=4))]
        await connection.execute(inserting.text, inserting.parameters(rows))
        cursor = await connection.execute("SELECT pg_column_size(session.*) FROM session")
        row = await cursor.fetchone()
    assert row is not None
    assert row[0] <= 1200


async def test_updates_of_a_batch_are_made_in_place(postgres: Kept, emptied: str) -> None:
    """HOT updates: no index is written, and the space of the old row is used again."""
    with psycopg.connect(emptied, autocommit=True) as administrator:
        administrator.execute("SELECT pg_stat_reset()")
        administrator.execute("VACUUM account, balance, session")
    assert postgres.database is not None
    groups = await furnish(postgres.accounts, range(1, 31), money=1_000_000)
    usages = (used(1, 3), used(1, 60, VOICE))
    wishes = (want(3), want(60, VOICE))  # a group that comes later may bring an earlier deadline
    pairs = [(group, initial(n, b"%d" % n, usages=wishes)) for n, group in enumerate(groups, 1)]
    await charged(postgres.store, *pairs)
    for number in range(1, 21):
        now = NOW + number * 1_000_000
        pairs = [
            (group, update(n, b"%d" % n, request_number=number, usages=usages))
            for n, group in enumerate(groups, 1)
        ]
        await charged(postgres.store, *pairs, now=now)
    async with postgres.database.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        cursor = await connection.execute(
            "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
            " WHERE relname IN ('account', 'balance', 'session')"
        )
        counted = {name: (updated, hot) for name, updated, hot in await cursor.fetchall()}
    for name, (updated, hot) in counted.items():
        assert updated >= 600, name
        assert hot >= 0.95 * updated, (name, updated, hot)
