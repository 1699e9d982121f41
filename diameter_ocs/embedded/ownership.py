"""The two locks of a data directory: its one owner, and the PostgreSQL that works in it.

Both are flocks, which end with the last process that has the descriptor: the owner's with the
owner, PostgreSQL's with its last process. So after a kill nobody starts a second PostgreSQL
beside the rest of the first.
"""

import errno
import fcntl
import os
import time
from pathlib import Path

from .directory import Layout
from .errors import DirectoryOwned, EmbeddedError
from .waiting import wait_until

SERVER, COMMAND = "server", "command"


def own(layout: Layout, role: str, patience_seconds: float) -> int:
    """Becomes the directory's one owner until the returned descriptor is given to disown.

    A command that owns the directory for a moment is waited for; a server is not, and
    DirectoryOwned names its process.
    """
    deadline = time.monotonic() + patience_seconds

    def take() -> int | None:
        try:
            return _take(layout, role)
        except DirectoryOwned as owned:
            if owned.by_server or time.monotonic() > deadline:
                raise
            return None

    descriptor = wait_until(take, patience_seconds + 1)
    assert descriptor is not None
    return descriptor


def disown(descriptor: int) -> None:
    """Gives the directory back."""
    os.ftruncate(descriptor, 0)
    os.close(descriptor)


def lock_for_postgres(layout: Layout) -> int | None:
    """Returns a locked descriptor to hand to PostgreSQL; None while an earlier one still ends.

    The lock ends with the last process that has the descriptor, and not before.
    """
    descriptor = _open_lock(layout.postgres_lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _take(layout: Layout, role: str) -> int:
    descriptor = _open_lock(layout.owner_lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        words = os.pread(descriptor, 100, 0).decode().split()
        os.close(descriptor)
        pid, by = words if len(words) == 2 else ("unknown", "")
        raise DirectoryOwned(
            f"The data directory {layout.root} is in use by process {pid};"
            " stop that process, or name another directory with --data",
            by_server=by == "server",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()} {role}".encode(), 0)
    return descriptor


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise EmbeddedError(
            f"{path.parent} belongs to another user or may not be written;"
            " run as that user, or name another directory with --data"
        ) from None
