"""What `bench` measures with: a database and a server in a scratch directory, a client, pgbench."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..config import resource
from ..embedded import Cluster
from ..embedded.binaries import Places, find
from ..handlers import provisioning, tenants
from ..handlers.catalogue import read_document
from ..handlers.catalogue_document import Document
from ..store import schema
from ..transport.association import Wire
from . import bench_sy, bench_wires, database, profiling
from .bridging import Bridge, bridge_to
from .demo import demo_account
from .options import order

READY_SECONDS = 60
STOP_SECONDS = 30
PAGE_SECONDS = 0.25
"""How often a profiled server is asked how many requests wait."""
MONEY = 1_000_000_000_000
"""What each subscriber can spend, in micro-units: nobody runs out."""
DATA_SERVICES = 2
"""Those of the demonstration that are asked for data."""
FOREIGN = ("DE", "FR", "JP", "BR", "ZA")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PGBENCH_CLIENTS = 8
PGBENCH_SECONDS = 3
PGBENCH_SCRIPT = """\
\\set aid random(1, 100000)
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
"""
QUEUED = re.compile(r'^ocs_queue_depth\{queue="[^"]*"\} (\S+)', re.MULTILINE)
BATCHES = re.compile(r"^ocs_batch_seconds_(count|sum) (\S+)", re.MULTILINE)


class BenchError(Exception):
    """A run cannot be made, or came to nothing; the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Options(NamedTuple):
    """How a run is to be; runs with equal options can be compared."""

    duration: float
    subscribers: int
    connections: int
    outstanding: int
    rate: float | None
    profile: bool
    services: int
    sy: float
    over: Wire


class Page(NamedTuple):
    """What the metrics page says at a moment."""

    queued: float
    batches: float
    batch_seconds: float


class Scratch:
    """A database and a server in a scratch directory."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self._profile = folder / "profile.json"
        self._is_profiled = options.profile
        self._over = options.over
        self._server: subprocess.Popen[bytes] | None = None
        self._cluster = Cluster(folder / "data")
        self._ports, self._metrics = bench_wires.Ports.free(), bench_wires.free_port()
        self._bridge: Bridge | None = None
        self._bridging = contextlib.ExitStack()

    @property
    def conninfo(self) -> str:
        return self._cluster.conninfo()

    def start_database(self) -> None:
        """Starts PostgreSQL and makes the schema."""
        self._cluster.start()
        schema.migrate(self.conninfo, resource("migrations"))

    def start_server(self) -> None:
        """Starts a server and waits until it is ready."""
        configuration = self.folder / "ocs.toml"
        if self._over is Wire.TLS:
            bench_wires.make_certificates(self.folder)
        configuration.write_text(
            'origin_host = "ocs.demo.example"\n'
            'origin_realm = "demo.example"\n'
            f'metrics = "127.0.0.1:{self._metrics}"\n'
            f'spool = "{self.folder / "spool"}"\n'
            "accept_any_loopback_peer = true\n"
            'log_level = "warning"\n'
            f"{bench_wires.configuration(self._over, self._ports, self.folder)}"
        )
        profile = {profiling.VARIABLE: str(self._profile)} if self._is_profiled else {}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "diameter_ocs", "serve", "--config", str(configuration)],
            env={**os.environ, "OCS_DATABASE_URL": self.conninfo, **profile},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + READY_SECONDS
        while self._page("/readyz") is None:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise BenchError(
                    "server_not_ready",
                    f"the server was not ready within {READY_SECONDS} s: `serve` says why",
                )
            time.sleep(0.05)

    @property
    def port(self) -> int:
        """Where the load client connects."""
        return self._ports.port if self._bridge is None else self._bridge.port

    def start_bridge(self) -> None:
        """Starts what carries the load client's messages on, over what it does not speak."""
        if self._over is Wire.SCTP_UDP:
            bridging = bridge_to(bench_wires.LOOPBACK, *self._ports)
            self._bridge = self._bridging.enter_context(bridging)

    def stop_server(self) -> None:
        """Asks the server to end, and ends it when it does not."""
        self._bridging.close()
        if self._server is None:
            return
        self._server.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.wait(STOP_SECONDS)
        self._server.kill()
        self._server.wait()
        self._server = None

    def stop(self) -> None:
        """Stops what runs."""
        self.stop_server()
        self._cluster.stop()

    def samples(self) -> dict[str, int]:
        """Returns the profile of the server, which has ended."""
        samples: dict[str, int] = json.loads(self._profile.read_text())
        return samples

    def page(self) -> Page | None:
        """Reads the metrics; None when the server does not show them."""
        text = self._page("/metrics")
        if text is None:
            return None
        batches = {kind: float(value) for kind, value in BATCHES.findall(text)}
        queued = sum(float(value) for value in QUEUED.findall(text))
        return Page(queued, batches.get("count", 0.0), batches.get("sum", 0.0))

    def cpu_seconds(self) -> dict[str, float]:
        """Returns the CPU time that the server and all processes of the database have had."""
        postmaster, server = self._cluster.pid, self._server
        assert postmaster is not None
        assert server is not None
        parts = [process for process in Path("/proc").iterdir() if process.name.isdigit()]
        children = [_stat(process) for process in parts]
        backends = sum(own for parent, own, _ in children if parent == postmaster)
        _, own, ended = _stat(Path(f"/proc/{postmaster}"))
        _, served, _ = _stat(Path(f"/proc/{server.pid}"))
        used = {"server": served, "database": own + ended + backends}
        if self._bridge is not None:
            _, used["bridge"], _ = _stat(Path(f"/proc/{self._bridge.process_id}"))
        return used

    def pgbench(self) -> float | None:
        """Returns the one-row UPDATEs a second, each a transaction; None without the program."""
        program = find(Places.of(os.environ), None).folder / "pgbench"
        if not program.is_file():
            return None
        script = self.folder / "one_row.sql"
        script.write_text(PGBENCH_SCRIPT)
        _output(program, "--initialize", "--quiet", self.conninfo)
        said = _output(
            *(program, "--no-vacuum", "--protocol=prepared", f"--file={script}"),
            *(f"--client={PGBENCH_CLIENTS}", "--jobs=2", f"--time={PGBENCH_SECONDS}"),
            self.conninfo,
        )
        found = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
        return float(found[1]) if found else None

    def _page(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._metrics}{path}", timeout=5
            ) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None


@contextmanager
def scratch(options: Options, say: Callable[[str], None]) -> Iterator[Scratch]:
    """Starts a database with accounts and a server; stops both and removes what they left."""
    folder = Path(tempfile.mkdtemp(prefix="ocs-bench-"))
    folder.chmod(0o711)  # the database's user passes through
    running = Scratch(folder, options)
    try:
        say("starting a database")
        running.start_database()
        say(f"opening {options.subscribers} accounts")
        asyncio.run(_provision(running.conninfo, options))
        say("starting the server")
        running.start_server()
        running.start_bridge()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def load(options: Options, running: Scratch, meanwhile: Callable[[], None]) -> dict[str, Any]:
    """Runs the load client, a process of its own, and returns its report.

    `meanwhile` is called again and again while it runs.
    """
    words = [
        *(sys.executable, "-m", "diameter_ocs.simulator.load"),
        *("--port", str(running.port), "--duration", str(options.duration)),
        *("--subscribers", str(options.subscribers), "--connections", str(options.connections)),
        *("--outstanding", str(options.outstanding)),
        *([] if options.rate is None else ["--rate", str(options.rate)]),
        *bench_wires.client_options(options.over, running.folder),
    ]
    if options.sy:
        words += ["--subscribed", str(options.sy), "--thresholds", str(_thresholds(options))]
        words += ["--threshold-octets", str(bench_sy.THRESHOLD_OCTETS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
        while True:
            try:
                printed, _ = client.communicate(timeout=PAGE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                meanwhile()
    if not printed:
        raise BenchError(
            "client_ended", "the load client ended without a report; what it said stands above"
        )
    report: dict[str, Any] = json.loads(printed)
    return report


async def _provision(conninfo: str, options: Options) -> None:
    """Opens accounts like those of the demonstration, as many as are asked for."""
    subscribers = options.subscribers
    document = _document(options)
    async with database.opened(conninfo) as rooms:
        await tenants.create_tenant(rooms.accounts, document.tenant, order())
        await provisioning.apply_catalogue(rooms.accounts, document, order())
        new = [demo_account(number, MONEY) for number in range(1, subscribers + 1)]
        for start in range(0, subscribers, 1000):
            part = new[start : start + 1000]
            await provisioning.create_accounts(rooms.accounts, document.tenant, part, order())


def _thresholds(options: Options) -> int:
    return bench_sy.thresholds(options.subscribers, options.duration, options.rate)


def _document(options: Options) -> Document:
    """Returns the demonstration's catalogue, with as many services as are to be asked for data.

    Its counters and notices are left out. The services that are added are asked first, and pay
    neither where the load's subscribers are nor at the hour of the run: by day and night in turn.
    """
    content = yaml.safe_load(resource("deploy/demo.yaml").read_text())
    hour = time.gmtime().tm_hour
    for number in range(options.services - DATA_SERVICES):
        begins = (hour + 2 + number % 20) % 24
        elsewhere = {"countries": FOREIGN[number % len(FOREIGN)]}
        at_another_hour = {"hours": [{"times": f"{begins:02}:00-{begins:02}:59"}]}
        content["plans"][0]["services"].insert(
            0,
            {
                "name": f"data {number + 1}",
                "rating_groups": [300],
                "price": {"amount": 0.02, "per": "1 MiB"},
                "when": at_another_hour if number % 2 else elsewhere,
            },
        )
    for balance_type in content["balance_types"]:
        balance_type.pop("counters", None)
    content.pop("notices", None)
    if options.sy:
        bench_sy.add_counter(content, _thresholds(options))
    return read_document(yaml.safe_dump(content, sort_keys=False))


def _output(*words: str | Path) -> str:
    """Runs a program of PostgreSQL and returns what it prints."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise BenchError("pgbench_failed", f"{words[0]} did not run: {reason}")
    return done.stdout


def _stat(process: Path) -> tuple[int, float, float]:
    """Returns a process's parent, its CPU seconds, and those of its children that have ended."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0.0, 0.0
    user, system, children_user, children_system = (int(field) for field in fields[11:15])
    return (
        int(fields[1]),
        (user + system) / CLOCK_TICKS,
        (children_user + children_system) / CLOCK_TICKS,
    )
