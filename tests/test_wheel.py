"""The wheel, built as for a release and installed in an empty environment, serves from there."""

import os
import re
import signal
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from diameter_ocs import __version__
from diameter_ocs.config import resource
from tests.conftest import CLONE, temporary_folder

pytestmark = pytest.mark.ci

START_SECONDS = 60.0
STOP_SECONDS = 60.0
INSTALL_SECONDS = 600.0
DIAMETER = re.compile(r"Diameter     (\S+) \(TCP\)")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the user of PostgreSQL may enter too."""
    yield from temporary_folder()


@pytest.fixture(scope="module")
def program(folder: Path) -> Path:
    """The command, installed from the wheel."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist"), str(CLONE))
    (wheel,) = (folder / "dist").iterdir()
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = str(environment / "bin" / "python")
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", str(wheel))
    return environment / "bin" / "diameter-ocs"


def run(*words: str) -> str:
    """Run a program far from the clone, and return what it prints."""
    done = subprocess.run(
        words,
        cwd="/",
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def surroundings() -> dict[str, str]:
    ours = ("OCS_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def test_what_is_installed_serves_and_charges(program: Path, folder: Path) -> None:
    assert run(str(program), "--version") == f"diameter-ocs {__version__}\n"
    page = run(str(program), "config", "reference")
    assert page == resource("deploy/configuration.md").read_text()
    assert "Telekom Deutschland GmbH" in run(str(program), "numbering", "26201")
    data = ("--demo", "--data", str(folder / "data"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(START_SECONDS)
        server = subprocess.Popen(
            [
                *(str(program), "serve", *data),
                *("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"),
            ],
            cwd="/",
            env={**surroundings(), "NOTIFY_SOCKET": str(folder / "notify")},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert manager.recv(100) == b"READY=1"
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            address = next(found[1] for line in lines if (found := DIAMETER.search(line)))
            answers = run(str(program), "simulate", "pgw", "--server", address).splitlines()
            assert [line.split(":")[1].split(";")[0] for line in answers] == [" 2001 SUCCESS"] * 3
            backup = str(folder / "backup.zip")
            run(str(program), "db", "backup", backup, *data)
            server.send_signal(signal.SIGTERM)
            assert server.wait(STOP_SECONDS) == 0
        finally:
            server.kill()
            server.wait()
    restored = run(str(program), "db", "restore", backup, "--data", str(folder / "other"))
    assert restored.endswith("400 balances, 103 EDRs, 0 open sessions: balanced.\n")
