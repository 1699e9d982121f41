"""The commands as a person or a program gives them, on a database of the test's own."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import structlog

from diameter_ocs import cli
from diameter_ocs.embedded import Cluster


class Ended(NamedTuple):
    """What a command left: its exit status, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]

CATALOGUE = """
tenant: acme
currency: EUR
rating_groups:
  - {id: 300, name: Data, unit_type: volume, default_quota: 10 MiB}
balance_types:
  - {name: data, unit_type: volume}
  - {name: money, unit_type: money}
plans:
  - name: basic
    services:
      - {name: data, rating_groups: [300], allowance: {balance_type: data, amount: 1 GiB}}
"""


@pytest.fixture
def run_anywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Give a command without a database in its environment."""
    for name in [name for name in os.environ if name.startswith("OCS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("sys.argv", ["diameter-ocs"])
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        return Ended(status, *capsys.readouterr())

    yield run
    structlog.reset_defaults()


@pytest.fixture
def run(run_anywhere: Run, database: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a command on a database that has our schema and nothing in it."""
    monkeypatch.setenv("OCS_DATABASE_URL", database)
    return run_anywhere


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """The file of a small catalogue."""
    file = tmp_path / "acme.yaml"
    file.write_text(CATALOGUE)
    return file


@pytest.fixture
def shop(run: Run, catalogue: Path) -> Run:
    """Give a command where a tenant has a catalogue and the account alice, with 20.00 EUR."""
    identity = "imsi:001010000000001"
    for line in (
        ("tenant", "create", "acme"),
        ("catalogue", "apply", catalogue),
        ("account", "create", "alice", "--plan", "basic", "--identity", identity, "--credit", 20),
    ):
        assert run(*line).status == 0
    return run


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """The conninfo of a database without our schema."""
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ocs_cli_empty")
        yield cluster.conninfo("ocs_cli_empty")
        connection.execute("DROP DATABASE ocs_cli_empty WITH (FORCE)")
