"""The data directory: where it is, what lies where in it, and who may enter."""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import EmbeddedError
from .system_user import SystemUser

SYSTEM_DIRECTORY = Path("/var/lib/diameter-ocs")
# A socket's address holds 107 bytes on Linux and 103 on macOS; its file is named .s.PGSQL.5432.
SOCKET_FOLDER_OCTETS_MAX = 103 - len("/.s.PGSQL.5432")


@dataclass(frozen=True, slots=True)
class Layout:
    """The places inside one data directory."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def owner_lock(self) -> Path:
        return self.root / "owner.lock"

    @property
    def postgres_lock(self) -> Path:
        return self.root / "postgres.lock"

    @property
    def socket_record(self) -> Path:
        """The file that says where the socket is, for the commands that attach."""
        return self.root / "socket"

    @property
    def data_major(self) -> int | None:
        """The major version that wrote the data; None when there are none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None

    @property
    def socket_folder(self) -> Path | None:
        """Where the socket is; None before anyone has started PostgreSQL here."""
        try:
            return Path(self.socket_record.read_text())
        except FileNotFoundError:
            return None


def default_directory(environ: Mapping[str, str]) -> Path:
    """Returns where the data live unless told: /var/lib for root, else the user's own place."""
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    if given := environ.get("XDG_DATA_HOME"):
        return Path(given) / "diameter-ocs"
    return _home(environ) / ".local/share/diameter-ocs"


def holds_database(directory: Path) -> bool:
    """Says whether there is a database in a directory, or somebody makes one there now.

    What may not be looked into, or is no directory, is left to whoever opens it to explain.
    """
    layout = Layout(directory.absolute())
    try:
        return layout.data.exists() or layout.owner_lock.exists() or not _is_place(layout.root)
    except PermissionError:
        return True


def _is_place(path: Path) -> bool:
    return path.is_dir() or not path.exists()


def prepare(layout: Layout, user: SystemUser) -> None:
    """Makes the directory, and sees that its user can reach it; parents keep their modes."""
    try:
        layout.root.parent.mkdir(parents=True, exist_ok=True)
        if not layout.root.exists() or not any(layout.root.iterdir()):
            layout.root.mkdir(exist_ok=True)
            layout.root.chmod(0o711 if user.is_other else 0o700)
    except PermissionError as error:
        raise EmbeddedError(
            f"The directory {error.filename} may not be written; name another with --data"
        ) from None
    except (FileExistsError, NotADirectoryError) as error:
        raise EmbeddedError(
            f"{error.filename} is not a directory; name another with --data"
        ) from None
    except OSError as error:
        raise EmbeddedError(
            f"The directory {layout.root} cannot be made ({error.strerror});"
            " name another with --data"
        ) from None
    if (owner := layout.root.stat().st_uid) != os.geteuid():
        raise EmbeddedError(
            f"The directory {layout.root} belongs to user number {owner};"
            " run as that user, or name another directory with --data"
        )
    if _holds_something_else(layout):
        raise EmbeddedError(
            f"The directory {layout.root} holds files of something else;"
            " name an empty one with --data"
        )
    if not user.may_enter(layout.root):
        raise EmbeddedError(
            f"PostgreSQL runs as the user {user.name}, who may not enter {layout.root};"
            f" name another directory with --data, such as {SYSTEM_DIRECTORY}"
        )


def make_socket_folder(layout: Layout, user: SystemUser) -> Path:
    """Makes the private folder of the socket and records where it is.

    It lies in the data directory, or under /tmp when that path is too long or
    holds a character that PostgreSQL or its clients take for a separator.
    """
    folder = layout.root / "run"
    path = os.fsencode(folder)
    if len(path) <= SOCKET_FOLDER_OCTETS_MAX and not set(path) & set(b",\"'\\"):
        folder.mkdir(exist_ok=True)
    else:
        folder = _recorded_folder(layout, user) or Path(
            tempfile.mkdtemp(prefix="diameter-ocs-", dir="/tmp")
        )
    _give(folder, user)
    temporary = layout.socket_record.with_suffix(".new")
    temporary.write_text(str(folder))
    temporary.replace(layout.socket_record)
    return folder


def make_data_folder(folder: Path, user: SystemUser) -> None:
    """Makes an empty private folder for the data, in place of what an interrupted start left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _give(folder, user)


def _holds_something_else(layout: Layout) -> bool:
    """Says whether there are files and none of them is ours; folders may be there beforehand."""
    ours = layout.owner_lock.exists()
    return not ours and any(entry.is_file() for entry in layout.root.iterdir())


def _give(folder: Path, user: SystemUser) -> None:
    folder.chmod(0o700)
    if user.is_other:
        os.chown(folder, user.uid, user.gid)


def _recorded_folder(layout: Layout, user: SystemUser) -> Path | None:
    """Returns the folder that an earlier start recorded, if it is still there and still private."""
    folder = layout.socket_folder
    if folder is None or not folder.exists():
        return None
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
    return folder if private and status.st_uid == user.uid else None


def _home(environ: Mapping[str, str]) -> Path:
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise EmbeddedError(
            "There is no home directory to keep the data in; name a directory with --data"
        ) from None
