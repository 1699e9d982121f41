"""`bench`: how fast durable answers come, and whether the books agree with them afterwards."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..charging.accounts import NewAccount
from ..charging.requests import Identity, IdentityKind
from ..config import resource
from ..embedded import Cluster
from ..handlers import provisioning
from ..handlers.catalogue import read_document
from ..observability import configure_logging
from ..store import schema
from ..store.books import check_books
from ..store.edrs import usage_recorded
from . import database
from .books import books_json
from .options import AsJson, stamp
from .output import NOT_BALANCED, UNAVAILABLE, command, fail, print_json

READY_SECONDS = 60
MONEY = 1_000_000_000_000
"""What each subscriber can spend, in micro-units: nobody runs out."""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Run(NamedTuple):
    """A database and a server in a scratch directory."""

    conninfo: str
    port: int
    server: "subprocess.Popen[bytes]"
    cluster: Cluster


@command
def bench(
    duration: Annotated[
        float, typer.Option("--duration", help="For how long.", min=1, metavar="SECONDS")
    ] = 20,
    subscribers: Annotated[
        int, typer.Option("--subscribers", help="Accounts to charge.", min=1, metavar="NUMBER")
    ] = 10_000,
    connections: Annotated[
        int, typer.Option("--connections", help="Gateways.", min=1, max=64, metavar="NUMBER")
    ] = 4,
    outstanding: Annotated[
        int,
        typer.Option(
            "--outstanding", help="Requests under way at a time.", min=1, metavar="NUMBER"
        ),
    ] = 1024,
    as_json: AsJson = False,
) -> None:
    """Charge sessions of I, U, U, U, U, T as fast as they are answered, then check the books.

    Server, database (fsync on) and client run on this machine, in a scratch directory.
    """
    configure_logging("error", "auto")
    with _running(subscribers, not as_json) as run:
        _say(not as_json, f"charging for {duration:g} s")
        before = _cpu_seconds(run)
        load = _load(run.port, duration, subscribers, connections, outstanding)
        used = {name: seconds - before[name] for name, seconds in _cpu_seconds(run).items()}
        books, edrs, recorded = asyncio.run(_journal(run.conninfo))
    answers = load["answered"]
    reported = sum(sum(codes.values()) for codes in load["used_octets"].values())
    agree = books["balanced"] and edrs == answers and recorded == reported
    result = {
        "ccr_per_second": load["answers_per_second"],
        "answers": answers,
        "edrs": edrs,
        "reported_octets": {"answered": reported, "journal": recorded},
        "result_codes": load["result_codes"],
        "faults": load["faults"],
        "latency_ms": load["latency_milliseconds"],
        "cpu_us_per_ccr": {
            **{name: round(seconds * 1e6 / max(answers, 1), 1) for name, seconds in used.items()},
            "client": load["cpu_microseconds_per_answer"],
        },
        "books": books,
        "agree": agree,
    }
    if as_json:
        print_json(result)
    else:
        _print(result)
    if not agree or load["faults"]:
        raise typer.Exit(NOT_BALANCED)


@contextmanager
def _running(subscribers: int, is_told: bool) -> Iterator[Run]:
    """Starts a database with accounts and a server; stops both and removes what they left."""
    folder = Path(tempfile.mkdtemp(prefix="ocs-bench-"))
    folder.chmod(0o711)  # the database's user passes through
    cluster = Cluster(folder / "data")
    server = None
    try:
        _say(is_told, "starting a database")
        cluster.start()
        schema.migrate(cluster.conninfo(), resource("migrations"))
        _say(is_told, f"opening {subscribers} accounts")
        asyncio.run(_provision(cluster.conninfo(), subscribers))
        _say(is_told, "starting the server")
        server, port = _start_server(folder, cluster.conninfo())
        yield Run(cluster.conninfo(), port, server, cluster)
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(30)
            server.kill()
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _provision(conninfo: str, subscribers: int) -> None:
    """Opens accounts like those of the demonstration, as many as are asked for."""
    document = read_document(resource("deploy/demo.yaml").read_text())
    async with database.opened(conninfo) as rooms:
        await provisioning.create_tenant(rooms.accounts, document.tenant)
        await provisioning.apply_catalogue(rooms.accounts, document, stamp())
        new = [demo_account(number, MONEY) for number in range(1, subscribers + 1)]
        for start in range(0, subscribers, 1000):
            part = new[start : start + 1000]
            await provisioning.create_accounts(rooms.accounts, document.tenant, part, stamp())


def demo_account(number: int, money: int) -> NewAccount:
    """Returns the account of a number: demo-1 has IMSI 001010000000001, MSISDN 15550100001."""
    identities = (
        Identity(IdentityKind.IMSI, f"{1_010_000_000_000 + number:015d}"),
        Identity(IdentityKind.MSISDN, str(15_550_100_000 + number)),
    )
    return NewAccount(f"demo-{number}", ("demo",), identities, money)


def _start_server(folder: Path, conninfo: str) -> tuple["subprocess.Popen[bytes]", int]:
    """Starts a server on free ports and waits until it is ready."""
    port, metrics = _free_port(), _free_port()
    configuration = folder / "ocs.toml"
    configuration.write_text(
        'origin_host = "ocs.demo.example"\n'
        'origin_realm = "demo.example"\n'
        f'listen = "127.0.0.1:{port}"\n'
        f'metrics = "127.0.0.1:{metrics}"\n'
        "accept_any_loopback_peer = true\n"
        'log_level = "warning"\n'
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "diameter_ocs", "serve", "--config", str(configuration)],
        env={**os.environ, "OCS_DATABASE_URL": conninfo},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(metrics):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            sentence = f"the server was not ready within {READY_SECONDS} s: `serve` says why"
            fail("server_not_ready", [sentence], UNAVAILABLE, False)
        time.sleep(0.05)
    return server, port


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _load(
    port: int, duration: float, subscribers: int, connections: int, outstanding: int
) -> dict[str, Any]:
    """Runs the load client, a process of its own, and returns its report."""
    client = subprocess.run(
        [
            *(sys.executable, "-m", "diameter_ocs.simulator.load"),
            *("--port", str(port), "--duration", str(duration)),
            *("--subscribers", str(subscribers), "--connections", str(connections)),
            *("--outstanding", str(outstanding)),
        ],
        stdout=subprocess.PIPE,
        check=False,
    )
    if not client.stdout:
        sentence = "the load client ended without a report; what it said stands above"
        fail("client_ended", [sentence], UNAVAILABLE, False)
    report: dict[str, Any] = json.loads(client.stdout)
    return report


async def _journal(conninfo: str) -> tuple[dict[str, object], int, int]:
    """Returns the books, and how many EDRs of sessions there are with how much usage."""
    async with database.opened(conninfo) as rooms:
        books = await check_books(rooms.database)
        edrs, reported = await usage_recorded(rooms.database)
        return books_json(books), edrs, reported


def _cpu_seconds(run: Run) -> dict[str, float]:
    """Returns the CPU time that the server and all processes of the database have had."""
    postmaster = run.cluster.pid
    assert postmaster is not None
    parts = [process for process in Path("/proc").iterdir() if process.name.isdigit()]
    children = [_stat(process) for process in parts]
    backends = sum(own for parent, own, _ in children if parent == postmaster)
    _, own, ended = _stat(Path(f"/proc/{postmaster}"))
    _, server, _ = _stat(Path(f"/proc/{run.server.pid}"))
    return {"server": server, "database": own + ended + backends}


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


def _print(result: dict[str, Any]) -> None:
    latency, cpu = result["latency_ms"], result["cpu_us_per_ccr"]
    codes = ", ".join(f"{code}: {count}" for code, count in result["result_codes"].items())
    typer.echo(f"{result['ccr_per_second']:.0f} CCR/s durably charged ({codes})")
    typer.echo(
        f"latency ms   p50 {latency['p50']:.1f}  p95 {latency['p95']:.1f}"
        f"  p99 {latency['p99']:.1f}  max {latency['max']:.1f}"
    )
    typer.echo(
        f"CPU us/CCR   server {cpu['server']}  database {cpu['database']}  client {cpu['client']}"
    )
    typer.echo(
        f"answers {result['answers']}, EDRs {result['edrs']},"
        f" octets reported {result['reported_octets']['answered']},"
        f" in the journal {result['reported_octets']['journal']}"
    )
    typer.echo("the books agree" if result["agree"] else "THE BOOKS DO NOT AGREE")
    for fault, count in result["faults"].items():
        typer.echo(f"{count} times: {fault}", err=True)


def _say(is_told: bool, progress: str) -> None:
    if is_told:
        typer.echo(f"bench: {progress}", err=True)
