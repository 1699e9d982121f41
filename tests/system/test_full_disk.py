"""A full disk: nothing is granted without a commit, and nothing that was answered is lost."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.gateway import Gateway
from tests.system.serving import GATEWAY, Demonstration, demonstration, eventually
from tests.system.wire import credit_control, exchange, subscriber

SIZE = "size=200m"
MIB = 2**20
ATTEMPTS = 400


def as_root(*words: object) -> None:
    """Run a command that only root may run."""
    sudo = () if os.geteuid() == 0 else ("sudo", "-n")
    subprocess.run([*sudo, *map(str, words)], check=True)


@pytest.fixture
def small(folder: Path) -> Iterator[Demonstration]:
    """A demonstration on a disk of its own, which is small."""
    own = demonstration(folder)
    own.data.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", own.data)
    as_root("chmod", "0777", own.data)
    try:
        own.server.start()
        yield own
    finally:
        own.kill()
        as_root("umount", own.data)


def fill(file: Path) -> None:
    """Write until there is no room."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(MIB // 16))


def use_up_journal(conninfo: str) -> None:
    """Have the database begin a new file for what it writes ahead."""
    with suppress(psycopg.Error), psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))")
        connection.execute("SELECT pg_switch_wal()")


def ask(
    gateway: Gateway, number: int, step: str = "update:rg=300/used=1MiB/request=1MiB"
) -> Answer:
    octets, keys = credit_control(GATEWAY, subscriber(1), step, number, "full;1;1")
    return exchange(gateway, octets, keys)


@pytest.mark.ci
def test_a_full_disk_refuses_and_loses_nothing_that_was_answered(small: Demonstration) -> None:
    with small.server.connect() as gateway:
        assert ask(gateway, 0, "initial:rg=300").result_code == 2001
        assert ask(gateway, 1).result_code == 2001
        charged = 1
        filler = small.data / "filler"
        fill(filler)
        for number in range(2, ATTEMPTS):
            use_up_journal(small.conninfo)
            code = ask(gateway, number).result_code
            if code != 2001:
                break
            charged += 1
        assert code == 3004
        eventually("the server says that it cannot work", lambda: not small.server.is_ready())
        filler.unlink()
        eventually("the server works again", small.server.is_ready)
        assert ask(gateway, ATTEMPTS, "update:rg=300/request=1MiB").result_code == 2001
    edrs = small.command("edr", "list", "--account", "demo-1", "--limit", 1000)
    updates = [edr for edr in edrs if edr["action"] == "update"]
    kept = [edr for edr in updates if edr["services"] and edr["services"][0]["reported"]]
    assert len(kept) in (charged, charged + 1), "what was refused may have been spooled"
    assert small.balances("demo-1")["data"]["used"] == len(kept) * MIB
    assert small.command("books")["balanced"] is True
