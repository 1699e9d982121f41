"""The program as processes: a server, commands beside it, and gateways that connect to it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import structlog

from diameter_ocs import cli
from diameter_ocs.embedded import Cluster
from diameter_ocs.simulator.gateway import Gateway, Identity, connect, open_connection

CLONE = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "diameter_ocs")
START_SECONDS = 90.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 60.0
POLL_SECONDS = 0.05
CLEAN_END = "database system is shut down"
DIAMETER = re.compile(r"Diameter     (\S+):(\d+) \(TCP\)")
METRICS = re.compile(r"http://(\S+)/metrics")
GATEWAY = Identity("pgw.demo.example", "demo.example", "demo.example")

T = TypeVar("T")


def eventually(
    what: str, look: Callable[[], T | bool | None], seconds: float = START_SECONDS
) -> Any:
    """Look again and again until there is something to see, and return it."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < limit, f"{what}: not within {seconds:g} s"
        time.sleep(POLL_SECONDS)
    return found


def command(*words: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Type a command in the clone."""
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=CLONE,
        env=surroundings(**environment),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def run_command(*words: object) -> Any:
    """Give a command in this process, which is much faster than typing it; return its JSON."""
    with redirect_stdout(StringIO()) as printed:
        status = cli.run([*map(str, words), "--json"])
    structlog.reset_defaults()
    assert status == 0, printed.getvalue()
    return json.loads(printed.getvalue())


def surroundings(**environment: str) -> dict[str, str]:
    """Return this process's environment without settings of ours, and with others instead.

    What Python has compiled is kept: otherwise each start of the program would take a second more.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCS_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **environment}


@dataclass
class Server:
    """`serve` with some options, in a folder for what it writes; start it again after its end."""

    folder: Path
    options: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    starts: int = 0
    name: str = "server"
    """Of what it writes: servers of one folder need their own."""

    def start(self) -> "Server":
        """Start the process and wait until it says where it listens."""
        self.launch()
        eventually("the server listens", self._listens)
        return self

    def launch(self) -> None:
        """Start the process and do not wait."""
        output, errors = (self._file(kind, self.starts + 1) for kind in ("out", "err"))
        with output.open("wb") as out, errors.open("wb") as err:
            self.starts += 1
            self.process = subprocess.Popen(
                [*PROGRAM, "serve", *self.options],
                cwd=CLONE,
                env=surroundings(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def end(self) -> int:
        """Ask the process to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End the process at once, if it still runs."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    @property
    def announcement(self) -> str:
        """What it has printed since its start."""
        return self._file("out", self.starts).read_text()

    @property
    def log(self) -> str:
        """What it has logged since its start."""
        return self._file("err", self.starts).read_text()

    @property
    def host(self) -> str:
        """The address on which it takes Diameter."""
        return self._address()[0].strip("[]")

    @property
    def port(self) -> int:
        """The port on which it takes Diameter."""
        return int(self._address()[1])

    @property
    def address(self) -> str:
        """Where it takes Diameter, as one writes it."""
        return ":".join(self._address())

    def page(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a monitoring page."""
        found = METRICS.search(self.announcement)
        assert found is not None
        try:
            with urllib.request.urlopen(f"http://{found[1]}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        """Say whether it takes requests."""
        return self.page("/readyz")[0] == 200

    def connect(self, identity: Identity = GATEWAY) -> Gateway:
        """Connect a gateway."""
        return connect(self.host, self.port, identity)

    def open(self, identity: Identity = GATEWAY) -> socket.socket:
        """Return a socket on which a gateway's capabilities have been exchanged."""
        return open_connection(self.host, self.port, identity, 10.0)

    @property
    def listens(self) -> bool:
        """Whether it has said since its start where it listens; it may have ended again."""
        return self.starts > 0 and METRICS.search(self.announcement) is not None

    def _address(self) -> tuple[str, str]:
        found = DIAMETER.search(self.announcement)
        assert found is not None
        return found[1], found[2]

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"the server ended: {self.log}"
        return self.listens

    def _file(self, kind: str, start: int) -> Path:
        return self.folder / f"{self.name}-{start}.{kind}"


@dataclass
class Demonstration:
    """A `serve --demo` with a data directory of its own, and commands beside it."""

    server: Server
    data: Path

    @property
    def conninfo(self) -> str:
        """How a test reaches the database while the server runs."""
        return Cluster(self.data / "demo").conninfo()

    @property
    def postmaster(self) -> int | None:
        """The process number of the embedded PostgreSQL; None where there is none."""
        file = self.data / "demo" / "postgres" / "postmaster.pid"
        try:
            number = int(file.read_text().split()[0])
            os.kill(number, 0)
        except (FileNotFoundError, IndexError, ProcessLookupError):
            return None
        return number

    @property
    def database_log(self) -> str:
        """What the embedded PostgreSQL has logged."""
        return (self.data / "demo" / "postgres.log").read_text()

    def kill(self) -> None:
        """End the server at once and wait until its PostgreSQL has ended by itself."""
        self.server.kill()
        eventually("postgres ends by itself", lambda: self.postmaster is None)

    def kill_database(self) -> None:
        """End its PostgreSQL at once and wait until the server has started another."""
        number = self.postmaster
        assert number is not None
        os.kill(number, signal.SIGKILL)
        eventually("another postgres", lambda: self.postmaster not in (None, number))

    def has_ended_cleanly(self) -> bool:
        """Say whether the embedded PostgreSQL has written down everything, and ended."""
        return CLEAN_END in self.database_log.splitlines()[-1]

    def command(self, *words: object) -> Any:
        """Give a command for the demonstration's database in this process; return its JSON."""
        return run_command(*words, "--demo", "--data", self.data)

    def balances(self, account: str) -> dict[str, dict[str, int]]:
        """Return an account's balances by their type."""
        shown = self.command("account", "show", account)
        return {balance["balance_type"]: balance for balance in shown["balances"]}


def demonstration(folder: Path, *options: str) -> Demonstration:
    """Return a demonstration on ports that are free, not yet started."""
    data = folder / "data"
    where = ("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
    return Demonstration(Server(folder, ("--demo", "--data", str(data), *where, *options)), data)
