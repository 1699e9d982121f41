"""Loads a configuration: a TOML file, the environment, the command line; the later one wins.

Every fault is reported at once, each with the path of its key and where the value came from.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource

from .configuration import Configuration
from .faults import ConfigurationError, near, variable
from .peers import PeerEntry, Profile, excessive_budgets, unknown_profiles
from .secrets import credential, with_secret
from .webhooks import WebhookEntry


def load(path: Path | None, **overrides: Any) -> Configuration:
    """Returns the configuration of a file, the environment and the command line's overrides.

    Before all of them systemd's credential counts.

    An override of None is one that was not given. A relative path in the file starts from the
    file's folder. ConfigurationError names every fault.
    """
    in_file = with_secret(_read(path)) if path is not None else {}
    in_environment = with_secret(EnvSettingsSource(Configuration)())
    given = {key: value for key, value in overrides.items() if value is not None}
    values = {**credential(), **in_file, **in_environment, **given}
    faults = list(unknown_profiles(values))
    try:
        configuration = Configuration(**values)
        most = configuration.answer_budget_seconds
        faults += excessive_budgets(configuration.profiles, most)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [(fault["loc"], fault["type"], fault["msg"]) for fault in found] + faults
    if faults:
        raise ConfigurationError(
            [
                f"{_source(fault[0], path, in_environment, given)}{_describe(*fault)}"
                for fault in faults
            ]
        )
    return configuration


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError([f"{path}: cannot be read: {reason}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None
    folder = path.absolute().parent
    for key in ("data", "spool", "database_url_file", "notices"):
        if isinstance(values.get(key), str):
            values[key] = folder / values[key]
    webhooks = values.get("webhooks")
    for table in webhooks if isinstance(webhooks, list) else ():
        if isinstance(table, dict) and isinstance(table.get("secret_file"), str):
            table["secret_file"] = folder / table["secret_file"]
    return values


def _source(
    location: tuple[int | str, ...],
    path: Path | None,
    in_environment: Mapping[str, Any],
    given: Mapping[str, Any],
) -> str:
    """Returns where a faulty value came from, as the beginning of a sentence."""
    key = str(location[0]) if location else ""
    if key in given:
        return "command line: "
    if key in in_environment:
        return f"environment, {variable(key)}: "
    return f"{path}: "


def _describe(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Says in one line which key is wrong and why."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    if kind == "extra_forbidden":
        return f"{path[1:]}: unknown key{_suggestion(location)}"
    reason = message.removeprefix("Value error, ")
    return f"{path[1:]}: {reason[:1].lower()}{reason[1:]}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    models: dict[str, type[BaseModel]] = {
        "peers": PeerEntry,
        "profiles": Profile,
        "webhooks": WebhookEntry,
    }
    model = models.get(str(location[0]), Configuration)
    return near(str(location[-1]), model.model_fields)
