"""Real clusters: durable, private, recovered after a kill, owned once."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.embedded import Cluster, DirectoryOwned, EmbeddedError, attached
from diameter_ocs.embedded.waiting import wait_until
from tests.conftest import temporary_folder

CLONE = Path(__file__).resolve().parents[2]
BOUND_SECONDS = 30.0


@pytest.fixture(scope="module")
def set_up() -> Iterator[Path]:
    """A data directory that has been set up; each test lets go of it, and leaves it whole."""
    for folder in temporary_folder():
        with attached(folder / "data"):
            pass
        yield folder / "data"


def ended_cleanly(directory: Path) -> bool:
    """Say whether the last thing that PostgreSQL logged is that it has shut down."""
    last = (directory / "postgres.log").read_text().splitlines()[-1]
    return "database system is shut down" in last


def ask(conninfo: str, question: str) -> object:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def execute(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def eventually(look: Callable[[], object]) -> None:
    assert wait_until(lambda: look() or None, BOUND_SECONDS)


def answers(conninfo: str) -> bool:
    try:
        return ask(conninfo, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("server_encoding", "UTF8"),
        ("jit", "off"),
        ("max_wal_size", "4GB"),
    ],
)
def test_the_cluster_is_durable_and_private(cluster: Cluster, setting: str, value: str) -> None:
    assert ask(cluster.conninfo(), f"SHOW {setting}") == value


def test_what_a_statement_freed_is_kept_for_the_next(cluster: Cluster) -> None:
    environment = Path(f"/proc/{cluster.pid}/environ").read_bytes().split(b"\0")
    assert b"MALLOC_TRIM_THRESHOLD_=67108864" in environment


def test_full_pages_in_the_write_ahead_log_are_compressed(cluster: Cluster) -> None:
    assert ask(cluster.conninfo(), "SHOW wal_compression") in ("lz4", "pglz")


def test_the_locale_is_c(cluster: Cluster) -> None:
    question = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
    assert ask(cluster.conninfo(), question) == "C"


def test_nobody_but_the_owner_may_enter_the_socket_folder(cluster: Cluster) -> None:
    folder = Path(str(ask(cluster.conninfo(), "SHOW unix_socket_directories")).strip('"'))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_peer_authentication_is_offered(cluster: Cluster) -> None:
    question = "SELECT string_agg(type || ' ' || auth_method, ',') FROM pg_hba_file_rules"
    assert ask(cluster.conninfo(), question) == "local peer"


def test_start_and_stop_may_be_repeated(set_up: Path) -> None:
    cluster = Cluster(set_up)
    cluster.stop()
    cluster.start()
    pid = cluster.pid
    cluster.start()
    assert cluster.pid == pid
    cluster.stop()
    cluster.stop()
    assert not cluster.is_alive()
    assert cluster.pid is None
    assert not cluster.restart_if_dead()
    assert ended_cleanly(set_up)


def test_committed_rows_survive_the_kill_of_the_postmaster(set_up: Path) -> None:
    cluster = Cluster(set_up)
    cluster.start()
    try:
        execute(
            cluster.conninfo(),
            "CREATE TABLE survived (i int)",
            "INSERT INTO survived VALUES (1), (2)",
        )
        assert not cluster.restart_if_dead()
        assert cluster.pid is not None
        os.kill(cluster.pid, signal.SIGKILL)
        eventually(lambda: not cluster.is_alive())
        eventually(cluster.restart_if_dead)
        eventually(lambda: answers(cluster.conninfo()))
        assert ask(cluster.conninfo(), "SELECT count(*) FROM survived") == 2
    finally:
        cluster.stop()


def test_start_waits_for_the_backends_of_a_killed_postmaster(set_up: Path) -> None:
    cluster = Cluster(set_up)
    cluster.start()
    try:
        with psycopg.connect(cluster.conninfo()):
            assert cluster.pid is not None
            os.kill(cluster.pid, signal.SIGKILL)
            eventually(lambda: not cluster.is_alive())
            cluster.start()
        assert answers(cluster.conninfo())
    finally:
        cluster.stop()


OWNER = """
import sys
from pathlib import Path
from diameter_ocs.embedded import Cluster
cluster = Cluster(Path(sys.argv[1]))
cluster.start()
print(cluster.pid, flush=True)
sys.stdin.read()
cluster.stop()
"""


def other_owner(directory: Path) -> tuple[subprocess.Popen[str], int]:
    """Start another process that owns the directory; return it and its postmaster's number."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory)],
        cwd=CLONE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    lines = iter(owner.stdout.readline, "")
    return owner, int(next(line for line in lines if line.strip().isdigit()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_postgres_stops_cleanly_when_its_owner_is_killed(set_up: Path) -> None:
    owner, postmaster = other_owner(set_up)
    with owner:
        owner.kill()
    eventually(lambda: not is_running(postmaster))
    assert ended_cleanly(set_up)


def test_a_new_owner_follows_a_killed_one_at_once(set_up: Path) -> None:
    owner, _ = other_owner(set_up)
    with owner:
        owner.kill()
    cluster = Cluster(set_up)
    cluster.start()
    assert answers(cluster.conninfo())
    cluster.stop()


def test_a_second_owner_is_refused_with_the_number_of_the_first(set_up: Path) -> None:
    owner, postmaster = other_owner(set_up)
    with owner:
        with pytest.raises(DirectoryOwned, match=f"in use by process {owner.pid};"):
            Cluster(set_up).start()
        assert is_running(postmaster)


def test_a_command_uses_the_server_that_runs(set_up: Path) -> None:
    owner, postmaster = other_owner(set_up)
    with owner:
        with attached(set_up) as (conninfo, _):
            assert ask(conninfo, "SELECT current_database()") == "ocs"
        assert is_running(postmaster)


def test_a_command_alone_owns_the_directory_for_its_time(set_up: Path) -> None:
    with attached(set_up) as (conninfo, _):
        execute(conninfo, "CREATE TABLE kept (i int)")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(conninfo)
    with attached(set_up) as (conninfo, _):
        assert ask(conninfo, "SELECT count(*) FROM kept") == 0


def test_an_interrupted_set_up_is_made_anew(data_directory: Path) -> None:
    remains = data_directory / "postgres.new"
    remains.mkdir(parents=True)
    data_directory.chmod(0o711)
    (remains / "PG_VERSION").write_text("18\n")
    cluster = Cluster(data_directory)
    cluster.start()
    assert answers(cluster.conninfo())
    cluster.stop()
    assert not remains.exists()


def test_the_modes_of_parents_stay_as_they_are(data_directory: Path) -> None:
    parents = [data_directory.parent, *data_directory.parent.parents]
    before = [parent.stat().st_mode for parent in parents]
    with attached(data_directory):
        pass
    assert [parent.stat().st_mode for parent in parents] == before


def test_a_long_path_has_its_socket_elsewhere(data_directory: Path) -> None:
    cluster = Cluster(data_directory / ("long-" * 20))
    cluster.start()
    assert answers(cluster.conninfo())
    folder = Path(str(ask(cluster.conninfo(), "SHOW unix_socket_directories")).strip('"'))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cluster.stop()
    assert not folder.exists()


def test_a_path_with_separators_in_it_works(data_directory: Path) -> None:
    with attached(data_directory / "a, b'c\" d") as (conninfo, _):
        assert answers(conninfo)


def test_data_of_another_major_version_are_refused(data_directory: Path) -> None:
    data = data_directory / "postgres"
    data.mkdir(parents=True)
    data_directory.chmod(0o711)
    (data / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match="written by PostgreSQL 12"):
        Cluster(data_directory).start()
    (data / "PG_VERSION").unlink()


def test_a_start_that_fails_says_why_and_lets_go(set_up: Path) -> None:
    with attached(set_up):
        pass
    control = set_up / "postgres/global/pg_control"
    control.rename(control.with_suffix(".away"))
    with pytest.raises(EmbeddedError, match="PostgreSQL ended at its start"):
        Cluster(set_up).start()
    control.with_suffix(".away").rename(control)
    with attached(set_up) as (conninfo, _):
        assert answers(conninfo)
