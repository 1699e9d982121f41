"""One PostgreSQL cluster in one data directory: a direct child of the process that owns it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from .binaries import Places, find, reachable
from .directory import Layout, prepare
from .errors import DirectoryOwned, EmbeddedError
from .ownership import COMMAND, SERVER, disown, lock_for_postgres, own
from .postmaster import ROLE, Installation, initialise, last_fault, spawn
from .system_user import system_user
from .waiting import wait_until

DATABASE = "ocs"
PREDECESSOR_SECONDS = 60.0  # for an earlier PostgreSQL, or a command, to let go of the directory
READY_SECONDS = 300.0  # a recovery replays at most about max_wal_size
STOP_SECONDS = 60.0
CONNECT_SECONDS = 5

log = structlog.get_logger(__name__)


class Cluster:
    """The PostgreSQL of one data directory, which this process owns from start to stop.

    Call start and restart_if_dead from the main thread: PostgreSQL stops when the thread that
    started it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._layout = Layout(directory.absolute())
        self._ownership: int | None = None
        self._installation: Installation | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process number; None when it does not run."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    def start(self, role: str = SERVER) -> None:
        """Starts PostgreSQL, or leaves it when it runs; returns when it takes connections.

        The first start makes the cluster and its database. DirectoryOwned when another process
        owns the directory, EmbeddedError for everything else that a person has to mend.
        """
        if self.is_alive():
            return
        try:
            self._spawn_after_predecessor(self._own(role))
            self._wait_until_ready()
            self._create_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops PostgreSQL, whose clients lose their connections, and gives the directory back."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._ownership is not None:
            _remove_socket_folder(self._layout)
            disown(self._ownership)
            self._ownership = None

    def is_alive(self) -> bool:
        """Says whether the postmaster runs."""
        return self._process is not None and self._process.poll() is None

    def restart_if_dead(self) -> bool:
        """Starts the postmaster again when it has died; says whether that was done.

        It does not wait: while processes of the dead one still end it does nothing, and the new
        one takes connections after its recovery. So call it again and again.
        """
        if self._process is None or self._installation is None or self.is_alive():
            return False
        lock = lock_for_postgres(self._layout)
        if lock is None:
            return False
        log.warning("postgres restarted", exit_status=self._process.returncode)
        self._spawn(self._installation, lock)
        return True

    def conninfo(self, database: str = DATABASE) -> str:
        """Returns how psycopg reaches a database of this cluster."""
        return _conninfo(self._layout, database)

    def _own(self, role: str) -> Installation:
        if self._ownership is not None and self._installation is not None:
            return self._installation
        user = system_user()
        prepare(self._layout, user)
        self._ownership = own(self._layout, role, PREDECESSOR_SECONDS)
        binaries = find(Places.of(os.environ), self._layout.data_major)
        binaries = reachable(binaries, user, self._layout.root / "binaries")
        self._installation = Installation(self._layout, binaries, user)
        return self._installation

    def _spawn_after_predecessor(self, installation: Installation) -> None:
        lock = wait_until(lambda: lock_for_postgres(self._layout), PREDECESSOR_SECONDS)
        if lock is None:
            raise EmbeddedError(
                f"An earlier PostgreSQL still works in {self._layout.root}; wait for it to end,"
                f" or stop the process that {self._layout.data / 'postmaster.pid'} names"
            )
        self._spawn(installation, lock)

    def _spawn(self, installation: Installation, lock: int) -> None:
        """Starts the postmaster and lets go of our copy of its lock, which then is its own."""
        try:
            if self._layout.data_major is None:
                initialise(installation, lock)
                version = installation.binaries.version
                log.info("postgres set up", directory=str(self._layout.root), version=version)
            self._process = spawn(installation, lock)
        finally:
            os.close(lock)

    def _wait_until_ready(self) -> None:
        started = time.monotonic()
        if not wait_until(self._takes_connections, READY_SECONDS):
            raise EmbeddedError(
                f"PostgreSQL did not take connections within {READY_SECONDS:.0f} s;"
                f" read the end of {self._layout.log}"
            )
        seconds = round(time.monotonic() - started, 2)
        log.info("postgres ready", directory=str(self._layout.root), seconds=seconds)

    def _takes_connections(self) -> bool | None:
        if not self.is_alive():
            raise EmbeddedError(
                f"PostgreSQL ended at its start ({last_fault(self._layout)});"
                f" read the end of {self._layout.log}"
            )
        return _takes_connections(self.conninfo("postgres")) or None

    def _create_database(self) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


class Attached(NamedTuple):
    """The database of a directory, for one command."""

    conninfo: str
    is_served: bool
    """A server owns it and goes on with it."""


@contextmanager
def attached(directory: Path) -> Iterator[Attached]:
    """Yields the directory's database, for one command.

    While a server owns the directory its PostgreSQL is used; otherwise one is started for the
    command and stopped after it.
    """
    cluster = Cluster(directory)
    try:
        cluster.start(COMMAND)
    except DirectoryOwned as owned:
        if not owned.by_server:
            raise
        yield Attached(_conninfo_of_server(Layout(directory.absolute())), is_served=True)
        return
    try:
        yield Attached(cluster.conninfo(), is_served=False)
    finally:
        cluster.stop()


def _conninfo_of_server(layout: Layout) -> str:
    """Returns the conninfo of the server's PostgreSQL once it takes connections."""

    def look() -> str | None:
        if layout.socket_folder is None:
            return None
        conninfo = _conninfo(layout, DATABASE)
        return conninfo if _takes_connections(conninfo) else None

    conninfo = wait_until(look, PREDECESSOR_SECONDS)
    if conninfo is None:
        raise EmbeddedError(
            f"The server that owns {layout.root} has no PostgreSQL that answers;"
            f" look at its log and at {layout.log}"
        )
    return conninfo


def _takes_connections(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError:
        return False
    return True


def _conninfo(layout: Layout, database: str) -> str:
    if layout.socket_folder is None:
        raise EmbeddedError(f"No PostgreSQL has been started in {layout.root}; start the server")
    return make_conninfo(host=str(layout.socket_folder), user=ROLE, dbname=database)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stops fast, and harder when that takes too long: the next start recovers."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(sign)
        try:
            process.wait(STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            log.warning("postgres still stopping", signal=sign.name, seconds=STOP_SECONDS)


def _remove_socket_folder(layout: Layout) -> None:
    """Removes the socket's folder when it is not in the data directory."""
    folder = layout.socket_folder
    if folder is not None and folder.parent != layout.root:
        shutil.rmtree(folder, ignore_errors=True)
