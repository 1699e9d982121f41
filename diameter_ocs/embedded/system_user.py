"""The system user that PostgreSQL runs as: ours, or a dedicated one when we are root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import EmbeddedError

DEDICATED = "ocs"
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the system; `is_other` when PostgreSQL has to change to it."""

    name: str
    uid: int
    gid: int
    is_other: bool

    def spawning(self) -> dict[str, Any]:
        """Returns the arguments for subprocess that make a child run as this user."""
        if not self.is_other:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, folder: Path) -> bool:
        """Says whether this user may pass through the folder, asked of the system itself."""
        if not self.is_other:
            return os.access(folder, os.X_OK)
        return subprocess.run(["/usr/bin/test", "-x", folder], **self.spawning()).returncode == 0

    def may_run(self, program: Path) -> bool:
        """Says whether this user may start the program."""
        try:
            subprocess.run(
                [program, "--version"], check=True, stdout=subprocess.DEVNULL, **self.spawning()
            )
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True


def system_user() -> SystemUser:
    """Returns who runs PostgreSQL: we, or for root, whom PostgreSQL refuses, the user `ocs`.

    The user `ocs` is made when it does not exist.
    """
    uid = os.geteuid()
    if uid != 0:
        return SystemUser(_name_of(uid), uid, os.getegid(), is_other=False)
    entry = _dedicated()
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid, is_other=True)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedError(
            f"The user number {uid} has no name, which PostgreSQL needs;"
            " run as a user of /etc/passwd, or set OCS_DATABASE_URL to a PostgreSQL of yours"
        ) from None


def _dedicated() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(DEDICATED)
    except KeyError:
        _create()
    return pwd.getpwnam(DEDICATED)


def _create() -> None:
    command = [
        *("useradd", "--system", "--user-group", "--no-create-home"),
        *("--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", DEDICATED),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PATH": SYSTEM_PATH}
        )
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    else:
        if done.returncode == 0:
            return
    raise EmbeddedError(
        f"PostgreSQL cannot run as root, and the user {DEDICATED} could not be made ({reason});"
        f" type: {' '.join(command)}"
    )
