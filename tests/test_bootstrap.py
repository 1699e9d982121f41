"""A clone sets itself up once, heals after whatever interrupted it, and says what is missing."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from diameter_ocs import __version__, _bootstrap
from diameter_ocs._bootstrap import SetUpError
from diameter_ocs.embedded.waiting import wait_until

CLONE = Path(__file__).resolve().parent.parent
PYTHON = str(getattr(sys, "_base_executable", sys.executable))
BOUND_SECONDS = 120.0
CLI = """
import sys

def app():
    print("ran", sys.prefix, *sys.argv[1:])
    sys.exit(7)
"""


def make_clone(folder: Path, lock: str = "# nothing is needed\n") -> Path:
    """Make the smallest clone: our bootstrap, a lock, and a command that says it ran."""
    package = folder / "diameter_ocs"
    package.mkdir(parents=True)
    for name in ("__init__.py", "__main__.py", "_bootstrap.py"):
        shutil.copy(CLONE / "diameter_ocs" / name, package)
    (package / "cli.py").write_text(CLI)
    (folder / "pyproject.toml").touch()
    (folder / "deploy").mkdir()
    (folder / "deploy/requirements.lock").write_text(lock)
    return folder


def variables(**changed: str) -> dict[str, str]:
    """Return an environment in which pip asks no index."""
    return {**os.environ, "PIP_NO_INDEX": "1", **changed}


def run(clone: Path, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "diameter_ocs", *arguments],
        cwd=clone,
        env=variables(**changed),
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
    )


def start(clone: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PYTHON, "-m", "diameter_ocs", "serve"],
        cwd=clone,
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(clone: Path, *arguments: str) -> str:
    return " ".join(["ran", str(clone / ".venv"), *arguments]) + "\n"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that has been set up."""
    clone = make_clone(tmp_path_factory.mktemp("ready") / "clone with a space")
    done = run(clone, "serve", "--demo", HOME="")
    assert done.stdout == ran(clone, "serve", "--demo")
    assert done.returncode == 7
    assert f"setting up {clone / '.venv'} (once)" in done.stderr
    assert "set up in" in done.stderr
    return clone


def test_the_second_start_sets_nothing_up(ready: Path) -> None:
    done = run(ready, "serve", "--demo")
    assert (done.stdout, done.stderr) == (ran(ready, "serve", "--demo"), "")


def test_a_start_from_inside_the_environment_stays_in_it(ready: Path) -> None:
    done = subprocess.run(
        [ready / ".venv/bin/python", "-m", "diameter_ocs", "books"],
        cwd="/",
        env=variables(),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (ran(ready, "books"), "")


def test_help_of_a_ready_clone_is_the_command_line_s_own(ready: Path) -> None:
    assert run(ready, "--help").stdout == ran(ready, "--help")


def test_test_is_pytest_in_the_clone(ready: Path) -> None:
    done = run(ready, "test", "-m", "ci")
    assert "No module named pytest" in done.stderr
    assert done.returncode == 1


@pytest.mark.ci
def test_an_unfinished_set_up_is_made_anew(ready: Path) -> None:
    (ready / ".venv/diameter-ocs.stamp").write_text("unfinished\n")
    (ready / ".venv/remains").touch()
    done = run(ready, "serve")
    assert done.stdout == ran(ready, "serve")
    assert "setting up" in done.stderr
    assert not (ready / ".venv/remains").exists()


@pytest.mark.ci
def test_another_python_from_inside_sets_up_anew(ready: Path) -> None:
    stamp = ready / ".venv/diameter-ocs.stamp"
    finished = stamp.read_text()
    digest = finished.split()[0]
    stamp.write_text(f"{digest} 3.10.0 (another)\n")
    assert run(ready, "serve").stdout == ran(ready, "serve")
    assert stamp.read_text() == finished


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_before_the_set_up_sets_nothing_up(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    clone = make_clone(tmp_path / "clone")
    done = run(clone, *arguments)
    assert done.returncode == 0
    assert "python3 -m diameter_ocs serve --demo" in done.stdout
    assert not (clone / ".venv").exists()


def test_the_version_is_known_before_the_set_up(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    done = run(clone, "--version")
    assert (done.returncode, done.stdout) == (0, f"diameter-ocs {__version__}\n")
    assert not (clone / ".venv").exists()


@pytest.mark.ci
def test_packages_that_cannot_be_fetched_are_one_sentence_and_heal(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone", "nonexistent-thing==1 --hash=sha256:" + "0" * 64 + "\n")
    failed = run(clone, "serve", PIP_FIND_LINKS="")
    assert failed.returncode == 1
    sentence = failed.stderr.splitlines()[-1]
    assert "the packages could not be installed" in sentence
    assert "nonexistent-thing==1" in sentence
    assert "then start again" in sentence
    (clone / "deploy/requirements.lock").write_text("# nothing is needed\n")
    assert run(clone, "serve").stdout == ran(clone, "serve")


def test_an_environment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone / ".venv").mkdir()
    (clone / ".venv/pyvenv.cfg").touch()
    done = run(clone, "serve")
    assert "was not made by this program; remove it and start again" in done.stderr
    assert (clone / ".venv/pyvenv.cfg").exists()


@pytest.mark.ci
def test_a_set_up_that_was_killed_is_made_anew(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    with start(clone) as killed:
        assert wait_until(lambda: (clone / ".venv/bin").exists() or None, BOUND_SECONDS)
        killed.send_signal(signal.SIGKILL)
    assert run(clone, "serve").stdout == ran(clone, "serve")


@pytest.mark.ci
def test_of_two_starts_at_once_one_sets_up_and_the_other_waits(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    with start(clone) as first:
        assert wait_until(lambda: (clone / ".venv").exists() or None, BOUND_SECONDS)
        with start(clone) as second:
            outputs = [process.communicate(timeout=BOUND_SECONDS) for process in (first, second)]
    assert [output for output, _ in outputs] == [ran(clone, "serve")] * 2
    assert "waiting for it" in outputs[1][1]
    assert "set up in" not in outputs[1][1]


@pytest.mark.ci
def test_a_real_clone_with_its_real_lock_is_set_up(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone", (CLONE / "deploy/requirements.lock").read_text())
    done = subprocess.run(
        [PYTHON, "-m", "diameter_ocs", "test", "--version"],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("pytest ")


def test_an_installed_package_is_no_clone(tmp_path: Path) -> None:
    assert _bootstrap.clone_of(tmp_path / "site-packages/diameter_ocs") is None


def test_a_folder_with_package_and_lock_is_a_clone(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    assert _bootstrap.clone_of(clone / "diameter_ocs") == clone


def test_the_cache_is_used_where_the_clone_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = make_clone(tmp_path / "clone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os, "access", lambda path, _: clone not in (path, *Path(path).parents))
    candidates = _bootstrap.environments(clone, str(tmp_path / "home"))
    chosen = _bootstrap.writable(candidates)
    assert chosen.parent == tmp_path / "home/.cache/diameter-ocs"


def test_where_nothing_may_be_written_one_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SetUpError, match="clone the project to a folder of yours"):
        _bootstrap.writable(_bootstrap.environments(tmp_path, str(tmp_path)))


@pytest.mark.parametrize(("user", "line"), [(0, ": apt-get"), (1000, ": sudo apt-get")])
def test_a_python_without_venv_names_the_line_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, line: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(SetUpError, match=f"type{line} install -y python3-venv"):
        _bootstrap.check_venv()


def requirements() -> list[Requirement]:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [Requirement(text) for text in listed]


def locked() -> dict[str, str]:
    text = (CLONE / "deploy/requirements.lock").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_the_lock_satisfies_the_project(requirement: Requirement) -> None:
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()
    assert requirement.specifier.contains(locked()[name])


def test_the_lock_holds_hashes_and_no_address() -> None:
    text = (CLONE / "deploy/requirements.lock").read_text()
    assert "://" not in text
    pins = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(locked())
    assert all("--hash=sha256:" in pin for pin in pins)
