"""Making a cluster and starting its postmaster, as children that do not outlive this process."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .binaries import Binaries
from .directory import Layout, make_data_folder, make_socket_folder
from .errors import EmbeddedError
from .system_user import SystemUser

ROLE = "ocs"
LOG_OCTETS_MAX = 16 * 1024 * 1024
PR_SET_PDEATHSIG = 1

MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "67108864"}
"""Has glibc keep the memory that a statement has freed, up to 64 MiB in a process.

By itself it gives such memory back and takes it again with each statement of a batch, which costs
as much as the statement.
"""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "shared_buffers": "256MB",
    "max_connections": "60",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "10s",
}


@dataclass(frozen=True, slots=True)
class Installation:
    """What it takes to run PostgreSQL in one data directory."""

    layout: Layout
    binaries: Binaries
    user: SystemUser


def initialise(installation: Installation, lock: int) -> None:
    """Makes the cluster beside its place and moves it there, so that a half is never used."""
    layout, user = installation.layout, installation.user
    new = layout.data.with_suffix(".new")
    make_data_folder(new, user)
    done = subprocess.run(
        [
            *(str(installation.binaries.folder / "initdb"), "--pgdata", str(new)),
            *("--username", ROLE, "--auth", "peer"),
            *("--encoding", "UTF8", "--locale", "C", "--data-checksums"),
        ],
        capture_output=True,
        text=True,
        pass_fds=(lock,),
        preexec_fn=_dies_with_parent(signal.SIGKILL),
        **user.spawning(),
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise EmbeddedError(f"PostgreSQL could not be set up in {layout.root}: {reason}")
    new.replace(layout.data)


def spawn(installation: Installation, lock: int) -> subprocess.Popen[bytes]:
    """Starts the postmaster, which inherits the lock's descriptor.

    When this process dies the kernel sends it SIGINT, a fast and clean stop. It has its own
    session, so that Ctrl-C at a terminal stops it no sooner than its clients.
    """
    layout = installation.layout
    socket_folder = make_socket_folder(layout, installation.user)
    _write_access_files(layout, installation.user)
    _turn_log(layout.log)
    settings = {
        **SETTINGS,
        "unix_socket_directories": f'"{socket_folder}"',
        "hba_file": str(_hba_file(layout)),
        "ident_file": str(_ident_file(layout)),
        "wal_compression": "lz4" if _has_lz4(installation) else "on",
    }
    options = [word for name in settings for word in ("-c", f"{name}={settings[name]}")]
    with layout.log.open("ab") as output:
        return subprocess.Popen(
            [str(installation.binaries.folder / "postgres"), "-D", str(layout.data), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**MEMORY, **os.environ},
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=_dies_with_parent(signal.SIGINT),
            **installation.user.spawning(),
        )


def last_fault(layout: Layout) -> str:
    """Returns what PostgreSQL's log says last about why it gave up."""
    lines = layout.log.read_text(errors="replace")[-10_000:].splitlines()
    faults = [line.split("FATAL:", 1)[1].strip() for line in lines if "FATAL:" in line]
    return faults[-1] if faults else "it gave no reason"


def _has_lz4(installation: Installation) -> bool:
    """Asks the binary whether it was built with lz4; the wheel's was not."""
    postgres, data = installation.binaries.folder / "postgres", installation.layout.data
    done = subprocess.run(
        [postgres, "-D", data, "-c", "wal_compression=lz4", "-C", "wal_compression"],
        capture_output=True,
        **installation.user.spawning(),
    )
    return done.returncode == 0


def _hba_file(layout: Layout) -> Path:
    return layout.root / "pg_hba.conf"


def _ident_file(layout: Layout) -> Path:
    return layout.root / "pg_ident.conf"


def _write_access_files(layout: Layout, user: SystemUser) -> None:
    """Lets in over the socket root and the user that PostgreSQL runs as, and nobody else."""
    names = dict.fromkeys(("root", user.name))
    _write(_hba_file(layout), "local all all peer map=ocs\n")
    _write(_ident_file(layout), "".join(f'ocs "{name}" {ROLE}\n' for name in names))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _turn_log(path: Path) -> None:
    """Begins a new log when the old one is large, and keeps one old one."""
    if path.exists() and path.stat().st_size > LOG_OCTETS_MAX:
        path.replace(path.with_suffix(".log.old"))


def _dies_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """Returns what a child does first so that the kernel signals it when its parent dies.

    It runs after the change of user, which would clear the request (prctl(2), PR_SET_PDEATHSIG).
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(sign))
        if os.getppid() != parent:
            os._exit(1)

    return ask
