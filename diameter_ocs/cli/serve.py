"""`serve`: the server itself."""

import asyncio
import os
import resource as resources
import shlex
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import structlog
import typer

from .. import __version__
from ..base.elements import DictionaryError
from ..config import Configuration, check_readable, load, resource
from ..embedded import Cluster
from ..handlers import provisioning, tenants
from ..handlers.catalogue import read_document
from ..handlers.clocks import begin as begin_clock
from ..handlers.moments import moment_text
from ..jobs import clocks
from ..numbering.plmn import PlmnError
from ..observability import configure_logging
from ..server import Listening, run
from ..server.readiness import AddressUnavailable
from ..server.wires import NAMES, Wires
from ..store import schema
from ..store.clocks import PostgresClocks
from ..store.peers import PostgresPeers
from ..transport.association import Wire
from ..transport.certificates import CertificatesUnusable
from . import backup_files, database
from .demo import demo_account
from .error_table import UNAVAILABLE, WRONG_INPUT
from .options import Data, order
from .output import command, fail
from .profiling import Profile
from .service_manager import READY, notifier

log = structlog.get_logger()

FILES_BESIDES_CONNECTIONS = 256
"""Open files that are not connections of peers, with a reserve."""
CONNECTIONS_MIN = 16
"""Connections that are tried to be had even with fewer files."""
DEMO_ACCOUNTS = 100
DEMO_MONEY = 20_000_000
DEMO = {
    "origin_host": "ocs.demo.example",
    "origin_realm": "demo.example",
    "served_realms": ("*",),
    "accept_any_loopback_peer": True,
}
SPOOL_FOLDER = "spool"
NOTICES_FOLDER = "notices"
"""Where refused usage waits, below the data directory."""
DEMO_LISTEN = "127.0.0.1:3868"


@command
def serve(
    config: Annotated[
        Path | None, typer.Option("--config", help="A configuration in TOML.", metavar="FILE")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Make a tenant with 100 accounts, to try things.")
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option("--listen", help="Where to take Diameter over TCP.", metavar="HOST:PORT"),
    ] = None,
    data: Data = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", help="Where to show /metrics, /healthz and /readyz.", metavar="HOST:PORT"
        ),
    ] = None,
    test_clock: Annotated[
        bool,
        typer.Option(
            "--test-clock",
            help="Go by a clock that `clock set` and `clock advance` move, for trials.",
        ),
    ] = False,
) -> None:
    """Answer gateways until SIGTERM."""
    tell_manager = notifier(os.environ)
    if demo:
        listen = listen or DEMO_LISTEN
        configuration = load(config, listen=listen, metrics=metrics, data=data, **DEMO)
    else:
        configuration = load(config, listen=listen, metrics=metrics, data=data)
    configuration.identity()
    if configuration.tls is not None:
        check_readable(configuration.tls)
    folders = {"spool": spool_of(configuration, demo), "notices": notices_of(configuration, demo)}
    configuration = configuration.model_copy(update=folders)
    configure_logging(configuration.log_level, configuration.log_format)
    configuration = within_files(configuration)
    if configuration.database_url is not None and not demo:
        conninfo = configuration.database_url.get_secret_value()
        asked_at = clocks.wall_clock()
        answer = schema.check(conninfo)
        fault = clocks.fault(clocks.seconds_ahead(asked_at, clocks.wall_clock(), answer))
        if fault is not None and not test_clock:
            fail("clocks_apart", [fault], UNAVAILABLE, False)
        clock = clock_of(conninfo, test_clock)
        _run(configuration, conninfo, None, demo, tell_manager, clock)
        return
    directory = database.data_directory(configuration, demo)
    cluster = Cluster(directory)
    cluster.start()
    try:
        backup_files.migrate_embedded(cluster.conninfo(), directory)
        clock = clock_of(cluster.conninfo(), test_clock)
        if demo:
            asyncio.run(_seed(cluster.conninfo()))
        _run(configuration, cluster.conninfo(), cluster, demo, tell_manager, clock)
    finally:
        cluster.stop()


def clock_of(conninfo: str, is_test_clock_wanted: bool) -> Callable[[], int]:
    """Returns the clock that a server on a database goes by.

    Raises:
        Refusal: the database is not one for a test clock, or is one for nothing else.
    """

    async def begin() -> int | None:
        async with database.opened(conninfo) as rooms:
            kept, register = PostgresClocks(rooms.database), PostgresPeers(rooms.database)
            return await begin_clock(kept, register, is_test_clock_wanted)

    ahead = asyncio.run(begin())
    if ahead is None:
        return clocks.wall_clock
    log.warning("test clock in use", seconds_ahead=ahead / 1e6)
    return clocks.MovedClock(ahead)


def spool_of(configuration: Configuration, demo: bool) -> Path:
    """Returns the directory of the spool; servers of different databases share none."""
    if configuration.spool is not None:
        return configuration.spool
    directory = database.data_directory(configuration, demo) / SPOOL_FOLDER
    if configuration.database_url is None or demo:
        return directory
    return directory / configuration.identity()[0]


def notices_of(configuration: Configuration, demo: bool) -> Path:
    """Returns the folder of the files of notices; servers may share one."""
    if configuration.notices is not None:
        return configuration.notices
    return database.data_directory(configuration, demo) / NOTICES_FOLDER


def within_files(configuration: Configuration) -> Configuration:
    """Raises the limit of open files to what the connections need, else allows fewer of these."""
    wanted = configuration.connections_max + FILES_BESIDES_CONNECTIONS
    allowed = _allowed_files(wanted)
    if allowed >= wanted:
        return configuration
    connections_max = max(allowed - FILES_BESIDES_CONNECTIONS, CONNECTIONS_MIN)
    log.warning("connections limited", connections_max=connections_max, open_files_max=allowed)
    return configuration.model_copy(update={"connections_max": connections_max})


def _allowed_files(wanted: int) -> int:
    """Returns how many files may be open, as many as wanted if the system lets us."""
    soft, hard = resources.getrlimit(resources.RLIMIT_NOFILE)
    allowed = wanted if hard == resources.RLIM_INFINITY else min(wanted, hard)
    if soft != resources.RLIM_INFINITY and soft < allowed:
        resources.setrlimit(resources.RLIMIT_NOFILE, (allowed, hard))
    return allowed


def _run(
    configuration: Configuration,
    conninfo: str,
    cluster: Cluster | None,
    demo: bool,
    tell_manager: Callable[[str], None],
    clock: Callable[[], int],
) -> None:
    def announce(listening: Listening) -> None:
        with suppress(BrokenPipeError):  # nobody reads it
            print_where(listening)
        tell_manager(READY)
        if profile is not None:
            profile.start()

    def print_where(listening: Listening) -> None:
        typer.echo(f"diameter-ocs {__version__}")
        for line in _wires(listening.diameter, f"{configuration.origin_host}: Gy and Sy"):
            typer.echo(line)
        if listening.metrics is not None:
            typer.echo(f"  metrics      http://{listening.metrics}/metrics")
        if isinstance(clock, clocks.MovedClock):
            typer.echo(f"  test clock   {moment_text(clock())}: what is charged here is for trials")
        if demo:
            program = program_name(Path(sys.argv[0]))
            data = configuration.data
            where = "--demo" if data is None else f"--demo --data {shlex.quote(str(data))}"
            typer.echo("Try next, in another terminal:")
            place = listening.diameter.listening[0].places[0]
            typer.echo(f"  {program} simulate pgw --server {place}")
            typer.echo(f"  {program} account show demo-1 {where}")

    _tell_of_tenants(configuration, conninfo)
    profile = Profile.wanted(os.environ)
    look_after = None if cluster is None else cluster.restart_if_dead
    code, status, reasons = "", UNAVAILABLE, []
    try:
        asyncio.run(run(configuration, conninfo, announce, look_after, clock))
    except* AddressUnavailable as group:
        code, advice = "address_unavailable", "choose another address with --listen or --metrics"
        reasons = [f"{error}; {advice}" for error in _leaves(group)]
    except* CertificatesUnusable as group:
        code, reasons = "certificates_unusable", [str(error) for error in _leaves(group)]
        status = WRONG_INPUT
    except* (DictionaryError, PlmnError) as group:
        code, status = "dictionary_invalid", WRONG_INPUT
        advice = "mend the file, or put back the one of this version"
        reasons = [f"{error}; {advice}" for error in _leaves(group)]
    finally:
        if profile is not None:
            profile.finish()
    if reasons:
        fail(code, reasons, status, False)


def _wires(wires: Wires, served: str) -> Iterator[str]:
    """Yields where Diameter is taken, to whom this node connects, and what it has not."""
    label, rest = "Diameter", f", {served}"
    for each in wires.listening:
        where = ", ".join(map(str, each.places))
        if each.wire is Wire.SCTP_UDP and wires.stack is not None:
            where += f" in UDP {wires.stack.place}"
        yield f"  {label:<12} {where} ({NAMES[each.wire]}){rest}"
        label, rest = "", ""
    for entry in wires.configuration.peers:
        if entry.connect:
            where = ", ".join(map(str, entry.connect))
            yield f"  connects to  {where} ({NAMES[Wire(entry.transport)]}), {entry.host}"
    for wire, reason in wires.missing.items():
        yield f"  without {NAMES[wire]}: {reason}"
    if wires.unconfigured:
        yield f"  not set up   {', '.join(NAMES[wire] for wire in wires.unconfigured)}"


def _tell_of_tenants(configuration: Configuration, conninfo: str) -> None:
    """Says which peers' tenants are not there; the other tenants are served all the same."""
    named = [(number, entry.tenant) for number, entry in enumerate(configuration.peers)]
    if not any(tenant for _, tenant in named):
        return
    known = asyncio.run(_tenants(conninfo))
    for number, tenant in named:
        if tenant is not None and tenant not in known:
            sentence = (
                f"peers[{number}].tenant: there is no tenant {tenant!r}, and requests of these"
                f" peers are refused with 5030: `tenant create {tenant}` makes it"
            )
            typer.echo(f"diameter-ocs: {sentence}", err=True)


async def _tenants(conninfo: str) -> Collection[str]:
    async with database.opened(conninfo) as rooms:
        return (await rooms.accounts.tenants()).keys()


def program_name(started: Path) -> str:
    """Returns what a person types to start this program, from the file that Python was given."""
    return "python3 -m diameter_ocs" if started.name == "__main__.py" else started.name


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """Yields the faults themselves, however deep task groups have wrapped them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _seed(conninfo: str) -> None:
    """Makes the demonstration's tenant, catalogue and accounts where they are missing."""
    document = read_document(resource("deploy/demo.yaml").read_text())
    async with database.opened(conninfo) as rooms:
        known = await rooms.accounts.tenants()
        if document.tenant not in known:
            await tenants.create_tenant(rooms.accounts, document.tenant, order())
        if known.get(document.tenant) is None:
            await provisioning.apply_catalogue(rooms.accounts, document, order())
        if not await rooms.accounts.find_accounts(document.tenant, None, 1):
            new = [demo_account(number, DEMO_MONEY) for number in range(1, DEMO_ACCOUNTS + 1)]
            await provisioning.create_accounts(rooms.accounts, document.tenant, new, order())
