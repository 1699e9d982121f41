"""A webhook that is away, slow, fails and comes back; servers that are killed between."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from diameter_ocs.config import resource
from tests.jobs.hooked import HANG, SECRET, Hooked, hooked, saying
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, Configured
from tests.system.serving import eventually, run_command

WEBHOOK = '[[webhooks]]\nname = "crm"\nsecret_variable = "CRM_SECRET"\n'
ACCOUNTS = ("anna", "ben", "cleo")


@contextmanager
def listening(*answers: bytes, port: int, seconds: float = 0) -> Iterator[Hooked]:
    """Let a program take webhooks beside the test."""
    begun: Future[tuple[Hooked, Callable[[], object]]] = Future()

    async def take() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with hooked(*answers, port=port, seconds=seconds) as program:
            begun.set_result((program, partial(loop.call_soon_threadsafe, stop.set)))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(take()))
    thread.start()
    program, stop = begun.result(10)
    try:
        yield program
    finally:
        stop()
        thread.join(10)


def catalogue(folder: Path, url: str) -> Path:
    """The demonstration's catalogue, with a webhook."""
    content = yaml.load(resource("deploy/demo.yaml").read_text(), yaml.BaseLoader)
    content["notices"] = {"webhooks": [{"name": "crm", "url": url}], "files": [{"name": "all"}]}
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def by_account(events: list[Any]) -> dict[str, list[str]]:
    """The ids of the notices of each account, in the order in which they came first."""
    found: dict[str, dict[str, None]] = {}
    for event in events:
        found.setdefault(event["subject"], {})[event["id"]] = None
    return {subject: list(ids) for subject, ids in found.items()}


@pytest.mark.ci
def test_notices_come_in_order_whatever_becomes_of_webhook_and_server(
    configured: Configured, database: str, folder: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = "--database-url", database
    run_command("tenant", "create", "demo", *place)
    url = f"http://127.0.0.1:{port}/in?a=1"
    run_command("catalogue", "apply", catalogue(folder, url), *place)
    server = configured(IDENTITY + LISTEN + LOOPBACK + WEBHOOK)
    server.environment["CRM_SECRET"] = SECRET
    server.start()
    for name in ACCOUNTS:
        run_command("account", "create", name, "--plan", "demo", *place)

    def act() -> None:
        for name in ACCOUNTS:
            run_command("balance", "debit", name, "100", "--type", "text", *place)
            run_command("balance", "credit", name, "100", "--type", "text", *place)

    def waiting() -> list[Any]:
        listed = run_command("outbox", "list", "--kind", "notice", *place)
        return [each for each in listed if each["target"] == "demo/crm"]

    posted: list[Any] = []
    eventually("it says why", lambda: [each for each in waiting() if each["fault"]])
    act()
    with listening(saying("500 Oh"), HANG, saying("503 No"), port=port, seconds=0.1) as program:
        eventually("some are taken", lambda: len(program.posted) > 6)
        server.kill()
        posted += program.posted
    act()
    server.start()
    with listening(port=port) as program:
        eventually("all are taken", lambda: not waiting())
        with server.connect():
            eventually("a peer is told of", lambda: "peer.up" in str(program.posted))
        eventually("it has left", lambda: "peer.down" in str(program.posted))
        posted += program.posted
    assert server.end() == 0
    file = folder / "notices" / "demo.all.jsonl"
    written = [json.loads(line) for line in file.read_text().splitlines()]
    came = by_account(posted)
    for name in ACCOUNTS:
        assert len(came[name]) == 3 + 2 * 2, "account, subscription twice, and each of the acts"
    assert by_account(written) == came
    told = {event["id"]: event for event in written}
    assert all(event == told[event["id"]] for event in posted), "what comes twice is the same"
