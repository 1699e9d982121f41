"""Loads a configuration: a TOML file, the environment, the command line; the later one wins.

Every fault is reported at once, each with the path of its key and where the value came from.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource

from .configuration import Configuration
from .faults import ConfigurationError, faults_of, near, variable
from .fitting import unfit
from .peers import PeerEntry, Profile, unknown_profiles
from .secrets import credential, with_secret
from .webhooks import WebhookEntry
from .wires import FILES, WIRE_TABLES

PATHS = ("data", "spool", "database_url_file", "notices")
"""Keys that name files and folders."""


def load(path: Path | None, **overrides: Any) -> Configuration:
    """Returns the configuration of a file, the environment and the command line's overrides.

    Before all of them systemd's credential counts.

    An override of None is one that was not given. A relative path in the file starts from the
    file's folder. ConfigurationError names every fault.
    """
    in_file = with_secret(_read(path)) if path is not None else {}
    in_environment = with_secret({**EnvSettingsSource(Configuration)(), **_wires_in_environment()})
    given = {key: value for key, value in overrides.items() if value is not None}
    values = {**credential(), **in_file, **in_environment, **given}
    for table in WIRE_TABLES.keys() & in_file.keys() & in_environment.keys():
        values[table] = _joined(in_file[table], in_environment[table])
    faults = list(unknown_profiles(values))
    try:
        configuration = Configuration(**values)
        faults += unfit(configuration)
    except ValidationError as error:
        faults = [*faults_of(error), *faults]
    if faults:
        raise ConfigurationError(
            [
                f"{_source(fault[0], path, in_environment, given)}{_describe(*fault)}"
                for fault in faults
            ]
        )
    return configuration


def _wires_in_environment() -> dict[str, dict[str, str]]:
    """Returns the tables of wires of which the environment says something, as OCS_TLS_KEY."""
    found = {
        table: {
            key: os.environ[variable(table, key)]
            for key in model.model_fields
            if os.environ.get(variable(table, key))
        }
        for table, model in WIRE_TABLES.items()
    }
    return {table: values for table, values in found.items() if values}


def _joined(in_file: object, in_environment: object) -> object:
    """Returns a table of both sources; what is no table at all is told of later."""
    if isinstance(in_file, dict) and isinstance(in_environment, dict):
        return {**in_file, **in_environment}
    return in_environment if isinstance(in_file, dict) else in_file


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError([f"{path}: cannot be read: {reason}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None
    folder, webhooks = path.absolute().parent, values.get("webhooks")
    _place(values, PATHS, folder)
    _place(values.get("tls"), FILES, folder)
    for table in webhooks if isinstance(webhooks, list) else ():
        _place(table, ("secret_file",), folder)
    return values


def _place(table: object, keys: Iterable[str], folder: Path) -> None:
    """Has the relative paths in a table start from a folder."""
    if isinstance(table, dict):
        for key in keys:
            if isinstance(table.get(key), str):
                table[key] = folder / table[key]


def _source(
    location: tuple[int | str, ...],
    path: Path | None,
    in_environment: Mapping[str, Any],
    given: Mapping[str, Any],
) -> str:
    """Returns where a faulty value came from, as the beginning of a sentence."""
    key, *rest = map(str, location or ("",))
    if key in given:
        return "command line: "
    if key in in_environment:
        table = in_environment[key]
        if key not in WIRE_TABLES or not isinstance(table, dict):
            return f"environment, {variable(key)}: "
        if rest and rest[0] in table:
            return f"environment, {variable(key, rest[0])}: "
    return "" if path is None else f"{path}: "


def _describe(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Says in one line which key is wrong and why."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    if kind == "extra_forbidden":
        return f"{path[1:]}: unknown key{_suggestion(location)}"
    return f"{path[1:]}: {message}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    models: dict[str, type[BaseModel]] = {
        "peers": PeerEntry,
        "profiles": Profile,
        "webhooks": WebhookEntry,
        **WIRE_TABLES,
    }
    model = models.get(str(location[0]), Configuration) if location[1:] else Configuration
    return near(str(location[-1]), model.model_fields)
