"""Where the data lie, and who may reach them."""

import os
import stat
import sys
from pathlib import Path

import pytest

from diameter_ocs.embedded.directory import (
    Layout,
    default_directory,
    make_socket_folder,
    prepare,
)
from diameter_ocs.embedded.errors import EmbeddedError
from diameter_ocs.embedded.system_user import SystemUser, system_user

ROOT = os.geteuid() == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/share/diameter-ocs"),
        ({"HOME": "/home/me", "XDG_DATA_HOME": "/data/me"}, "/data/me/diameter-ocs"),
    ],
)
def test_a_user_keeps_the_data_at_home(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_directory(environ) == Path(expected)


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_a_home_in_the_environment_the_system_knows_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_directory(environ).is_absolute()


def test_without_any_home_one_is_told_to_name_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    with pytest.raises(EmbeddedError, match="--data"):
        default_directory({})


def test_root_keeps_the_data_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_directory({"HOME": "/root"}) == Path("/var/lib/diameter-ocs")


def test_the_directory_is_made_for_its_user_alone(data_directory: Path) -> None:
    prepare(Layout(data_directory), system_user())
    assert stat.S_IMODE(data_directory.stat().st_mode) == (0o711 if ROOT else 0o700)


def test_a_directory_with_folders_in_it_keeps_its_mode(data_directory: Path) -> None:
    data_directory.mkdir()
    data_directory.chmod(0o755)
    (data_directory / "lost+found").mkdir()
    prepare(Layout(data_directory), system_user())
    assert stat.S_IMODE(data_directory.stat().st_mode) == 0o755


def test_a_directory_with_the_files_of_something_else_is_refused(data_directory: Path) -> None:
    data_directory.mkdir()
    (data_directory / "README").touch()
    with pytest.raises(EmbeddedError, match="holds files of something else"):
        prepare(Layout(data_directory), system_user())
    assert [entry.name for entry in data_directory.iterdir()] == ["README"]


def test_a_directory_that_was_used_before_is_used_again(data_directory: Path) -> None:
    layout = Layout(data_directory)
    data_directory.mkdir()
    for path in (layout.owner_lock, layout.log):
        path.touch()
    prepare(layout, system_user())


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_directory_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(EmbeddedError, match="/proc/ocs cannot be made"):
        prepare(Layout(Path("/proc/ocs")), system_user())


def test_a_closed_parent_is_refused_and_stays_closed(data_directory: Path) -> None:
    parent = data_directory / "closed"
    parent.mkdir(parents=True)
    parent.chmod(0o700)
    user = system_user()
    if user.is_other:
        with pytest.raises(EmbeddedError, match=f"the user {user.name}, who may not enter"):
            prepare(Layout(parent / "data"), user)
    else:
        prepare(Layout(parent / "data"), user)
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700


def test_a_file_is_refused_as_a_directory(data_directory: Path) -> None:
    data_directory.touch()
    with pytest.raises(EmbeddedError, match="is not a directory; name another with --data"):
        prepare(Layout(data_directory), system_user())


def test_the_directory_of_another_user_is_refused(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = SystemUser("me", os.geteuid(), os.getegid(), is_other=False)
    prepare(Layout(data_directory), user)
    (data_directory / "file").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(EmbeddedError, match="belongs to user number"):
        prepare(Layout(data_directory), user)


def test_nothing_is_known_of_a_directory_never_used(data_directory: Path) -> None:
    layout = Layout(data_directory)
    assert layout.data_major is None
    assert layout.socket_folder is None


def test_a_recorded_socket_folder_is_used_again_only_while_it_is_private(
    data_directory: Path,
) -> None:
    layout, user = Layout(data_directory / ("long-" * 20)), system_user()
    layout.root.mkdir(parents=True)
    first = make_socket_folder(layout, user)
    assert make_socket_folder(layout, user) == first
    first.chmod(0o755)
    second = make_socket_folder(layout, user)
    assert second != first
    assert layout.socket_folder == second
    first.rmdir()
    second.rmdir()
