"""What tests of several rooms share: a PostgreSQL, a database for each test, reference files."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog

from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.store.schema import migrate
from diameter_ocs.transport import usrsctp
from tests.conformance.outcomes import Outcomes

CLONE = Path(__file__).resolve().parent.parent
TEMPLATE = "ocs_template"
LASTING = "ocs_lasting"
EMPTIED = (
    "standing",
    "spending_limit",
    "outbox",
    "wake",
    "peer_connection",
    "accepted_peer",
    "refused_peer",
    "running_server",
    "test_clock",
    "gateway_state",
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
"""Every table that holds rows; who refers to another table comes before it."""
EMPTYING = "; ".join(
    [
        *(f"DELETE FROM {table}" for table in EMPTIED),
        "ALTER SEQUENCE account_number RESTART",
        "ALTER TABLE audit ALTER number RESTART",
    ]
)
SCHEMA = """
SELECT version, compatible_from, (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_trigger)
FROM schema_version
"""
"""What a test that has changed the schema has changed in all likelihood."""
numbers = itertools.count(1)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Tests that run in the background hear no interrupt, and some wait for one.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def shared_folder() -> Path:
    """Return the folder of reference files, which is not part of the project."""
    return Path(os.environ.get("OCS_SHARED") or CLONE.parent / "shared")


def has_sctp() -> bool:
    """Say whether the kernel has SCTP, which it may load only now."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


def may_make_networks() -> bool:
    """Say whether this is root, and not in a container that keeps root from it."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL).returncode == 0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what only this project's tests have."""
    said = "write the conformance pages as this run of all tests shows it"
    parser.addoption("--write-conformance", action="store_true", help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Have the conformance pages compared with what this run shows."""
    writes = bool(config.getoption("--write-conformance"))
    config.pluginmanager.register(Outcomes(writes=writes))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the reference folder, or SCTP of either kind, where there is none."""
    there = {
        "shared": shared_folder().is_dir(),
        "sctp": has_sctp() and may_make_networks(),
        "usrsctp": usrsctp.missing() is None,
    }
    missing = {mark for mark, is_there in there.items() if not is_there}
    kept: list[pytest.Item] = []
    needing: list[pytest.Item] = []
    for item in items:
        is_needing = any(mark.name in missing for mark in item.iter_markers())
        (needing if is_needing else kept).append(item)
    items[:] = kept
    if needing:
        config.hook.pytest_deselected(items=needing)


@pytest.fixture(autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """Errors are logged in a few lines: those with all values around them take seconds."""
    structlog.configure(
        [
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference files; only for tests marked `shared`."""
    return shared_folder()


def temporary_folder() -> Iterator[Path]:
    """Make a folder that the user of PostgreSQL may enter too, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="ocs-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """A path for a data directory that does not exist yet, for a cluster of the test's own."""
    for folder in temporary_folder():
        yield folder / "data"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL for the whole session; tests leave it running."""
    for folder in temporary_folder():
        cluster = Cluster(folder / "data")
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> str:
    """The name of a database with our schema, to be copied and not to be used."""
    execute(cluster, f"CREATE DATABASE {TEMPLATE}")
    migrate(cluster.conninfo(TEMPLATE), resource("migrations"))
    return TEMPLATE


@pytest.fixture
def own_database(cluster: Cluster, migrated: str) -> Iterator[str]:
    """The conninfo of a database of this test's own, with our schema and nothing in it."""
    name = f"ocs_test_{next(numbers)}"
    execute(cluster, f"CREATE DATABASE {name} TEMPLATE {migrated} STRATEGY WAL_LOG")
    yield cluster.conninfo(name)
    execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def lasting(cluster: Cluster, migrated: str) -> Iterator[str]:
    """The conninfo of a database that many tests use one after the other: copies cost time."""
    execute(cluster, f"CREATE DATABASE {LASTING} TEMPLATE {migrated} STRATEGY WAL_LOG")
    yield cluster.conninfo(LASTING)
    execute(cluster, f"DROP DATABASE {LASTING} WITH (FORCE)")


@pytest.fixture(scope="session")
def schema_of_template(lasting: str) -> tuple[object, ...]:
    """What a database with our schema has, before any test."""
    return schema_of(lasting)


@pytest.fixture
def database(lasting: str, schema_of_template: tuple[object, ...]) -> Iterator[str]:
    """The conninfo of a database with our schema and nothing in it, for all but the schema."""
    with psycopg.connect(lasting, autocommit=True) as connection:
        connection.execute(EMPTYING)
    yield lasting
    assert schema_of(lasting) == schema_of_template, "who changes the schema takes own_database"


def schema_of(conninfo: str) -> tuple[object, ...]:
    with psycopg.connect(conninfo) as connection:
        (found,) = connection.execute(SCHEMA).fetchall()
        return found


@pytest.fixture
def roleless(cluster: Cluster, database: str) -> Iterator[str]:
    """The conninfo of a login that may act as the application, and not as the owner."""
    with psycopg.connect(database, autocommit=True) as connection:
        ((name,),) = connection.execute("SHOW hba_file")
        file = Path(name)
        before = file.read_text()
        file.write_text(f"local all ocs_roleless trust\n{before}")
        connection.execute("CREATE ROLE ocs_roleless LOGIN IN ROLE diameter_ocs_application")
        connection.execute("SELECT pg_reload_conf()")
    login = database.replace("user=ocs", "user=ocs_roleless")
    while not may_connect(login):
        time.sleep(0.01)
    yield login
    file.write_text(before)
    execute(cluster, "DROP ROLE ocs_roleless")
    execute(cluster, "SELECT pg_reload_conf()")


def may_connect(conninfo: str) -> bool:
    """Say whether a login is let in."""
    try:
        psycopg.connect(conninfo).close()
    except psycopg.OperationalError:
        return False
    return True


def execute(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(statement)
