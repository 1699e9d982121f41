"""`serve` that cannot begin says why in one sentence; tests/system has the serving."""

import resource
import time
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.cli.serve import within_files
from diameter_ocs.config import Configuration
from diameter_ocs.store.schema import VERSION
from tests.cli.conftest import Run

IDENTITY = 'origin_host = "ocs.test.example"\norigin_realm = "test.example"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (IDENTITY + "lissten = 1", "lissten: unknown key (did you mean listen?)"),
        (IDENTITY + '[[peers]]\nhost = "a"\nrealms = "b"', "peers[0].realms: unknown key"),
        (IDENTITY + 'listen = "3868"', "listen: must be HOST:PORT"),
        ("", "origin_host: missing"),
        ("origin_host", "is not TOML"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_path(
    text: str, words: str, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "ocs.toml"
    file.write_text(text)
    ended = run("serve", "--config", file)
    assert ended.status == 2
    assert words in ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_a_configuration_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    ended = run("serve", "--config", tmp_path / "ocs.toml")
    assert ended.status == 2
    assert "cannot be read: No such file or directory" in ended.err


def test_a_wrong_address_is_told_as_the_command_lines(run: Run) -> None:
    ended = run("serve", "--demo", "--listen", "nowhere")
    assert ended.status == 2
    assert ended.err == (
        "diameter-ocs: command line: listen: must be HOST:PORT, or [ADDRESS]:PORT for IPv6\n"
    )


def test_an_external_database_without_schema_is_told(
    run_anywhere: Run, empty_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCS_DATABASE_URL", empty_database)
    file = tmp_path / "ocs.toml"
    file.write_text(IDENTITY)
    ended = run_anywhere("serve", "--config", file)
    assert ended.status == 3
    assert "the database has no schema yet: run `db migrate` first" in ended.err
    assert ended.err.count("\n") == 1


def test_an_external_database_with_a_newer_schema_is_told(
    run_anywhere: Run, own_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCS_DATABASE_URL", own_database)
    with psycopg.connect(own_database, autocommit=True) as connection:
        newer = VERSION + 1
        connection.execute(
            f"UPDATE schema_version SET version = {newer}, compatible_from = {newer}"
        )
    file = tmp_path / "ocs.toml"
    file.write_text(IDENTITY)
    ended = run_anywhere("serve", "--config", file)
    assert ended.status == 3
    assert "install the newer program" in ended.err
    assert ended.err.count("\n") == 1


def test_a_clock_that_is_not_the_databases_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ocs.toml"
    file.write_text(IDENTITY)
    monkeypatch.setattr(time, "time_ns", lambda: int((time.time() + 90) * 1e9))
    ended = run("serve", "--config", file)
    assert ended.status == 3
    assert "the clock of this machine is 90.0 s ahead of the database's" in ended.err
    assert ended.err.count("\n") == 1


def test_a_database_that_is_not_there_is_told_without_its_password(
    run_anywhere: Run, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://ocs:geheim@127.0.0.1:1/ocs")
    file = tmp_path / "ocs.toml"
    file.write_text(f'{IDENTITY}data = "data"\ndatabase_url_file = "secret"\nlog_level = "debug"\n')
    ended = run_anywhere("serve", "--config", file)
    assert ended.status == 3
    assert "the database cannot be reached" in ended.err
    assert "geheim" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("limit", "connections_max"), [((1024, 4096), 1000), ((1024, 1024), 768), ((100, 100), 16)]
)
def test_there_are_no_more_connections_than_files_allow(
    limit: tuple[int, int], connections_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limit)
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: raised.append(wanted))
    within = within_files(Configuration(connections_max=1000))
    assert within.connections_max == connections_max
    assert raised == ([(1256, 4096)] if limit[1] > limit[0] else [])
