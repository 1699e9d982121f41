"""The address of the database: where it may stand, and that it is shown nowhere."""

from pathlib import Path

import pytest

from diameter_ocs.config import Configuration, ConfigurationError, load
from tests.config.conftest import write


def database_of(configuration: Configuration) -> str | None:
    url = configuration.database_url
    return None if url is None else url.get_secret_value()


def test_the_database_url_is_never_shown(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, 'database_url = "postgresql://ocs:hidden@db/ocs"'))
    assert "hidden" not in repr(configuration)
    assert "hidden" not in str(configuration.model_dump())
    with pytest.raises(ConfigurationError) as raised:
        load(None, database_url="mysql://root:secret@db/ocs")
    assert "hidden" not in str(raised.value)


def test_the_database_url_may_stand_in_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("postgresql://ocs:first@db/ocs\n")
    path = write(tmp_path, 'database_url_file = "secret"')
    configuration = load(path)
    assert database_of(configuration) == "postgresql://ocs:first@db/ocs"
    assert "ocs:first" not in repr(configuration)

    (tmp_path / "other").write_text("postgresql://ocs:two@db/ocs")
    monkeypatch.setenv("OCS_DATABASE_URL_FILE", str(tmp_path / "other"))
    assert database_of(load(path)) == "postgresql://ocs:two@db/ocs"
    assert database_of(load(path, database_url="host=db")) == "host=db"
    monkeypatch.setenv("OCS_DATABASE_URL", "host=db")
    with pytest.raises(ConfigurationError, match="only one of them"):
        load(path)


def test_systemds_credential_counts_where_nothing_names_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert database_of(load(None)) is None
    (tmp_path / "database_url").write_text("postgresql://ocs:hidden@db/ocs\n")
    assert database_of(load(None)) == "postgresql://ocs:hidden@db/ocs"
    assert database_of(load(write(tmp_path, 'database_url = "host=db"'))) == "host=db"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"geheim", "must be postgresql://"),
        (b"\xffgeheim", "is not written in UTF-8"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_by_its_file_alone(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("OCS_DATABASE_URL_FILE", str(file))
    with pytest.raises(ConfigurationError, match=f"^{file}: {reason}") as raised:
        load(None)
    assert "geheim" not in str(raised.value)
