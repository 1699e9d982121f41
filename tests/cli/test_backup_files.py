"""Backup files are whole, private, and not too many."""

import stat
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.cli.backup_files import FOLDER, KEPT, NotSaved, save, save_before_migration
from diameter_ocs.store.archive import Reader
from diameter_ocs.store.logins import SchemaError


def silent(_what: str, _done: int, _total: int) -> None:
    pass


def test_a_backup_is_private_and_alone(database: str, tmp_path: Path) -> None:
    file = tmp_path / "ocs.zip"
    manifest = save(database, file, silent)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    with file.open("rb") as opened:
        assert Reader(opened).manifest == manifest


def test_a_file_that_is_there_is_left_alone(database: str, tmp_path: Path) -> None:
    file = tmp_path / "ocs.zip"
    file.write_text("precious")
    with pytest.raises(NotSaved, match="choose another name"):
        save(database, file, silent)
    assert file.read_text() == "precious"


def test_a_backup_that_fails_leaves_nothing(own_database: str, tmp_path: Path) -> None:
    with psycopg.connect(own_database) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with pytest.raises(SchemaError):
        save(own_database, tmp_path / "ocs.zip", silent)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotSaved, match="No such file or directory"):
        save(own_database, tmp_path / "missing" / "ocs.zip", silent)


def test_of_the_backups_before_migrations_the_newest_are_kept(
    database: str, tmp_path: Path
) -> None:
    made = [save_before_migration(database, tmp_path) for _ in range(KEPT + 2)]
    kept = sorted((tmp_path / FOLDER).iterdir())
    assert kept == made[2:]
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
