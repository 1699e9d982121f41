"""What stands in files of its own since it is secret: the address of a database, and others."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, SecretStr

from .faults import ConfigurationError

DATABASE_URL = re.compile(r"postgres(ql)?://|\s*\w+\s*=")
DATABASE_URL_WANTED = "must be postgresql://USER@HOST/DATABASE or host=HOST dbname=DATABASE"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


def with_secret(values: dict[str, Any]) -> dict[str, Any]:
    """Adds the database's address where one source of settings names the file that holds it."""
    file = values.get("database_url_file")
    if not isinstance(file, str | Path):
        return values
    if "database_url" in values:
        raise ConfigurationError(["database_url, database_url_file: only one of them can be set"])
    return {**values, "database_url": _database_url(Path(file))}


def credential() -> dict[str, Any]:
    """Returns what systemd hands over, see systemd.exec(5), LoadCredential."""
    directory = os.environ.get(CREDENTIALS_VARIABLE)
    file = Path(directory, "database_url") if directory else None
    return {} if file is None or not file.is_file() else {"database_url": _database_url(file)}


def text_of(file: Path) -> str:
    """Returns what stands in a file of one secret, without the end of its line."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{file}: is not written in UTF-8"]) from None


def _database_url(file: Path) -> str:
    url = text_of(file)
    if not DATABASE_URL.match(url):
        raise ConfigurationError([f"{file}: {DATABASE_URL_WANTED}"])
    return url


def _check_database_url(value: SecretStr) -> SecretStr:
    if not DATABASE_URL.match(value.get_secret_value()):
        raise ValueError(DATABASE_URL_WANTED)
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]
