"""`clock`: what time it is in a database, and how a test clock is moved."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Annotated

import typer

from ..handlers import clocks
from ..handlers.clocks import Move
from ..handlers.commands import Done
from ..handlers.moments import moment_text, parse_moment
from ..store.clocks import PostgresClocks
from ..store.partitions import Partitions
from ..store.peers import PostgresPeers
from . import database
from .database import Place, Rooms
from .error_table import UNAVAILABLE
from .options import AsJson, Data, DatabaseUrl, Demo, TransactionId, order
from .output import command, fail, print_done, print_json

app = typer.Typer(
    help="The time in a database; `serve --test-clock` has it moved.", no_args_is_help=True
)

Wait = Annotated[
    int,
    typer.Option(
        "--wait",
        min=0,
        max=3600,
        help="How long to wait until servers that run have done what came due.",
        metavar="SECONDS",
    ),
]


@app.command("show")
@command
def show(
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Print what time it is in the database."""

    async def work(rooms: Rooms) -> tuple[int, int | None]:
        kept = PostgresClocks(rooms.database)
        ahead = await kept.ahead()
        return await kept.now(), ahead

    now, ahead = database.run(Place(data, database_url, demo), work)
    if as_json:
        print_json(clocks.clock_answer(now, ahead))
        return
    typer.echo(f"{moment_text(now)}, {clock_text(ahead)}")


@app.command("set")
@command
def set_to(
    time: Annotated[
        str, typer.Argument(help="A later time, as 2026-12-01 or 2026-12-01T12:00.", metavar="TIME")
    ],
    wait: Wait = 60,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Move the test clock to a time, and wait until what comes due by then was done."""
    place = Place(data, database_url, demo)
    _move(place, lambda: Move(to=parse_moment(time)), wait, transaction_id, as_json)


@app.command("advance")
@command
def advance(
    by: Annotated[str, typer.Argument(help="How far: 90s, 15min, 2h or 30d.", metavar="SPAN")],
    wait: Wait = 60,
    transaction_id: TransactionId = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Move the test clock by a span, and wait until what comes due by then was done."""
    place = Place(data, database_url, demo)
    _move(place, lambda: clocks.parse_move_by(by), wait, transaction_id, as_json)


def clock_text(ahead: int | None) -> str:
    """Says what kind of clock it is."""
    if ahead is None:
        return "as in the world"
    if not ahead:
        return "by a test clock that was never moved"
    return f"by a test clock that is {datetime.timedelta(seconds=ahead // 1_000_000)} ahead"


def _move(
    place: Place, read: Callable[[], Move], wait: int, transaction_id: str | None, as_json: bool
) -> None:
    """Moves the clock; the days to come have their partitions before."""
    asked = read()
    given = order(transaction_id)

    async def work_on(conninfo: str) -> tuple[Done, list[str]]:
        async with database.opened(conninfo) as rooms:
            kept, register = PostgresClocks(rooms.database), PostgresPeers(rooms.database)
            target = await clocks.target_of(kept, asked)
            undone = await asyncio.to_thread(Partitions(conninfo).make, target)
            for reason in undone:
                typer.echo(f"diameter-ocs: {reason}", err=True)
            done = await clocks.move(rooms.accounts, register, asked, given)
            names = {server["id"]: server["origin_host"] for server in done.answer["servers"]}
            ahead = done.answer["ahead_microseconds"]
            behind = await clocks.left_behind(kept, names if wait else (), ahead, wait)
            return done, [names[server] for server in behind]

    with database.conninfo_of(place) as conninfo:
        done, behind = asyncio.run(work_on(conninfo))
    if behind:
        sentence = (
            f"it is {done.answer['time']} now, but not all that came due was done within {wait} s"
            f" by {', '.join(behind)}: see the log there"
        )
        fail("server_not_following", [sentence], UNAVAILABLE, as_json)
    text = clock_text(done.answer["ahead_microseconds"])
    print_done(done, f"{done.answer['time']}, {text}", as_json)
