"""`notices`: what tenants were told, and what programs may rely on."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..charging.notice_types import NOTICE_TYPES, types_matching
from ..config import load
from ..handlers.notice_description import asyncapi
from ..handlers.refusals import Refusal, suggestion
from .notice_tail import Event, NoticeFile, Tail, files_in
from .options import AsJson, Data, Demo, OfAccount
from .output import command, print_json
from .serve import notices_of

app = typer.Typer(help="What tenants are told of accounts and peers.", no_args_is_help=True)

LOOK_SECONDS = 0.25
"""How often files are looked at with --follow."""


@app.command("schema")
@command
def schema(as_json: AsJson = False) -> None:
    """Print what programs that take notices may rely on, in AsyncAPI; it is JSON anyway."""
    del as_json
    print_json(asyncapi())


@app.command("tail")
@command
def tail(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")
    ] = False,
    account: OfAccount = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type", help="Only these, as counter.changed or counter.*; several.", metavar="TYPE"
        ),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only this tenant's.", metavar="NAME")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", help="Only the file of this name in catalogues.", metavar="NAME"),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="How many, from the last one back.")
    ] = 20,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where servers write them, if not as usual.", metavar="DIR"),
    ] = None,
    data: Data = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show the latest notices in the files of this machine's servers.

    A catalogue with `notices: {files: [{name: all}]}` has servers write them.
    """
    wanted = frozenset(_types(types or []))
    place = folder or notices_of(load(None, data=data), demo)

    def listed() -> list[NoticeFile]:
        return [
            each
            for each in files_in(place)
            if tenant in (None, each.tenant) and file in (None, each.name)
        ]

    def is_wanted(event: Event) -> bool:
        return (not wanted or event.get("type") in wanted) and account in (
            None,
            event.get("subject"),
        )

    if not follow and not listed():
        raise Refusal("no_notices", _nothing(place))
    try:
        _show(Tail(listed, is_wanted, limit), follow, as_json)
    except OSError as error:
        raise Refusal("file_unreadable", f"{error.filename}: {error.strerror}") from None
    except KeyboardInterrupt:
        pass


def _show(tailing: Tail, follow: bool, as_json: bool) -> None:
    for event in tailing.latest():
        _print(event, as_json)
    while follow:
        time.sleep(LOOK_SECONDS)
        for event in tailing.more():
            _print(event, as_json)
    tailing.close()


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        line = json.dumps(event, ensure_ascii=False)
    else:
        said = " ".join(f"{key}={_text(value)}" for key, value in event.get("data", {}).items())
        line = f"{event.get('time')}  {event.get('type')}  {event.get('subject')}  {said}".rstrip()
    typer.echo(line.encode(errors="backslashreplace").decode())


def _text(value: Any) -> str:
    if isinstance(value, str) and value and " " not in value:
        return value
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def _types(patterns: list[str]) -> list[str]:
    unknown = [pattern for pattern in patterns if not types_matching(pattern)]
    if unknown:
        near = suggestion(unknown[0], NOTICE_TYPES)
        raise Refusal("notice_unknown", f"there are no notices {unknown[0]!r}{near}")
    return [name for pattern in patterns for name in types_matching(pattern)]


def _nothing(place: Path) -> str:
    return (
        f"there is no file of notices in {place}: `notices: {{files: [{{name: all}}]}}` in a"
        " catalogue has servers write one; where they write elsewhere, say --folder or --data"
    )
