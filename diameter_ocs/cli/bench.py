"""`bench`: how fast durable answers come, and whether the books agree with them afterwards."""

import asyncio
import datetime
import os
import statistics
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import typer

from ..observability import configure_logging
from ..simulator.load_plan import RATE_MAX, RATE_MIN
from ..store.books import check_books
from ..store.edrs import usage_recorded
from ..store.measures import server_version, wal_position
from ..transport.association import Wire
from . import bench_history, bench_sy, bench_text, database, profiling
from .bench_run import BenchError, Options, Page, Scratch, load, scratch
from .books import books_json
from .error_table import NOT_BALANCED, UNAVAILABLE
from .options import AsJson
from .output import command, fail, print_json
from .ways import require


class Journal(NamedTuple):
    """What the database holds after a run."""

    books: dict[str, object]
    edrs: int
    octets: int
    postgresql: str


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
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            help="New requests a second, sent at their planned times; latency counts from these."
            " Without it the next request leaves when one is answered.",
            min=RATE_MIN,
            max=RATE_MAX,
            metavar="NUMBER",
        ),
    ] = None,
    services: Annotated[
        int,
        typer.Option(
            "--services",
            help="Services of the plan that are asked for data; those above two are sold elsewhere"
            " or at other hours.",
            min=2,
            max=100,
            metavar="NUMBER",
        ),
    ] = 2,
    sy: Annotated[
        float,
        typer.Option(
            "--sy",
            help="The share of the accounts to whose counters a policy server subscribes; each"
            f" turns once in {bench_sy.REQUESTS_PER_STATE} requests, {bench_sy.THRESHOLDS_MAX}"
            " times at most. Without --rate the run is made twice, first with nobody subscribed.",
            min=0,
            max=1,
            metavar="SHARE",
        ),
    ] = 0,
    over: Annotated[
        Wire,
        typer.Option(
            "--over",
            help="What the gateways come over: TLS is mutual; `sctp` is the kernel's; for"
            " `sctp-udp` a process beside the client, the bridge, carries its messages on.",
        ),
    ] = Wire.TCP,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show the server's CPU time by stages.")
    ] = False,
    history: Annotated[
        str | None,
        typer.Option(
            "--history",
            help="Where each run adds a line of JSON; `none` for nowhere. Without it, in the"
            " user's state directory.",
            metavar="FILE",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Charge sessions of I, U, U, U, U, T as fast as they are answered, then check the books.

    Server, database (fsync on) and client run on this machine, in a scratch directory.
    """
    configure_logging("error", "auto")
    options = Options(
        duration, subscribers, connections, outstanding, rate, profile, services, sy, over
    )
    require(over)
    began = datetime.datetime.now().astimezone()
    try:
        without = None
        if sy and rate is None:
            without, _ = _measure(options._replace(sy=0.0), not as_json)
        result, postgresql = _measure(options, not as_json, without)
    except BenchError as error:
        fail(error.code, [str(error)], UNAVAILABLE, as_json)
    line = bench_history.record(began, postgresql, options._asdict(), result)
    earlier = bench_history.remember(bench_history.file_of(history, os.environ), line)
    if as_json:
        print_json(result)
    else:
        typer.echo("\n".join(bench_text.lines(result)))
        if earlier is not None:
            typer.echo(bench_history.comparison(earlier, result))
        for fault, count in result["faults"].items():
            typer.echo(f"{count} times: {fault}", err=True)
    is_told_all = result["sy"] is None or result["sy"]["agree"]
    if not (result["agree"] and is_told_all) or result["faults"]:
        raise typer.Exit(NOT_BALANCED)


def _measure(
    options: Options, is_told: bool, without: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], str]:
    """Returns the result of a run, and PostgreSQL's version.

    `without` is the result of the same run in which nobody was subscribed.
    """

    def say(progress: str) -> None:
        if is_told:
            typer.echo(f"bench: {progress}", err=True)

    with scratch(options, say) as running:
        say(f"charging for {options.duration:g} s")
        pages: list[Page] = []
        position, cpu = asyncio.run(_position(running)), running.cpu_seconds()
        report = load(options, running, lambda: _look(running, options, pages))
        used = {name: seconds - cpu[name] for name, seconds in running.cpu_seconds().items()}
        written = asyncio.run(_position(running)) - position
        running.stop_server()
        say("updating single rows with pgbench")
        tps = running.pgbench()
        say("checking the books")
        journal = asyncio.run(_journal(running))
        result = _result(report, used, journal, without)
        result["wal_octets_per_ccr"] = round(written / max(1, result["answers"]))
        result["pgbench_tps"] = tps
        if options.profile:
            result["profile"] = _profile(result, running.samples(), pages)
        return result, journal.postgresql


def _look(running: Scratch, options: Options, pages: list[Page]) -> None:
    page = running.page() if options.profile else None
    if page is not None:
        pages.append(page)


async def _position(running: Scratch) -> int:
    async with database.opened(running.conninfo) as rooms:
        return await wal_position(rooms.database)


async def _journal(running: Scratch) -> Journal:
    """Reads the books, and how many EDRs of sessions there are with how much usage."""
    async with database.opened(running.conninfo) as rooms:
        books = await check_books(rooms.database)
        edrs, octets = await usage_recorded(rooms.database)
        return Journal(books_json(books), edrs, octets, await server_version(rooms.database))


def _result(
    report: Mapping[str, Any],
    used: Mapping[str, float],
    journal: Journal,
    without: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Returns what stands in the JSON, with what the client and the journal say compared."""
    answers, rate = report["answered"], report["answers_per_second"]
    sy = report["sy"] and bench_sy.result(report["sy"], answers, without, rate)
    reported = sum(sum(codes.values()) for codes in report["used_octets"].values())
    return {
        "ccr_per_second": rate,
        "answers": answers,
        "edrs": journal.edrs,
        "unanswered": report["unanswered"],
        "late": report["late"],
        "unsent": report["unsent"],
        "reported_octets": {"answered": reported, "journal": journal.octets},
        "request_octets": report["request_octets"],
        "result_codes": report["result_codes"],
        "checked": report["checked"],
        "faults": report["faults"],
        "latency_ms": report["latency_milliseconds"],
        "cpu_us_per_ccr": {
            **{name: round(seconds * 1e6 / max(answers, 1), 1) for name, seconds in used.items()},
            "client": report["cpu_microseconds_per_answer"],
        },
        "sy": sy,
        "books": journal.books,
        "agree": bool(journal.books["balanced"])
        and (journal.edrs, journal.octets) == (answers, reported),
    }


def _profile(
    result: Mapping[str, Any], samples: Mapping[str, int], pages: list[Page]
) -> dict[str, Any]:
    """Divides CPU time among the stages; the waiting times come from the metrics page.

    By Little's law requests wait for as long as it takes to answer as many as wait on average.
    """
    cpu = result["cpu_us_per_ccr"]["server"]
    profile: dict[str, Any] = {
        "samples": sum(samples.values()),
        "cpu_us_per_ccr": profiling.microseconds_by_stage(samples, cpu),
    }
    if len(pages) > 1 and result["ccr_per_second"]:
        first, last = pages[0], pages[-1]
        queued = statistics.mean(page.queued for page in pages)
        batches = max(1.0, last.batches - first.batches)
        profile["wall_us"] = {
            "wait in queue": round(queued / result["ccr_per_second"] * 1e6),
            "batch": round((last.batch_seconds - first.batch_seconds) / batches * 1e6),
        }
    return profile
