"""`config reference`: every key of the configuration, as its model says."""

import json
import types
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from ..config import (
    WIRE_TABLES,
    Address,
    Configuration,
    Endpoint,
    Identity,
    IdentityPattern,
    Network,
    PeerEntry,
    Place,
    Profile,
    Realm,
    ServiceContext,
    WebhookEntry,
    variable,
)
from .options import AsJson
from .output import command, print_json

app = typer.Typer(help="The configuration.", no_args_is_help=True)

INTRODUCTION = """\
# Configuration

Made by `diameter-ocs config reference`: change the model, not this page.

`serve --config FILE` reads a file in TOML. The environment wins over the file, and the command line
over both; lists in the environment are separated by commas. A relative path in the file starts from
the file's folder. Unknown keys and wrong values are refused, all at once, and so is what does not
fit together.
"""
MODELS: dict[str, type[BaseModel]] = {
    **WIRE_TABLES,
    "peers": PeerEntry,
    "profiles": Profile,
    "webhooks": WebhookEntry,
}
"""The models of the keys that hold tables: these have no variable."""
TITLES = {
    **{key: f"The `[{key}]` table" for key in WIRE_TABLES},
    "peers": "Each `[[peers]]` table",
    "profiles": "Each `[profiles.NAME]` table",
    "webhooks": "Each `[[webhooks]]` table",
}
NEEDED = "needed"
"""What is said of a key without which its table is refused."""
NAMES: tuple[tuple[Any, str], ...] = (
    (Identity, "name"),
    (IdentityPattern, "name or pattern"),
    (Realm, "realm or `*`"),
    (ServiceContext, "text"),
    (Network, "address or network"),
    (Address, "address"),
    (Place, "ADDRESS:PORT"),
    (Endpoint, "HOST:PORT"),
    (SecretStr, "secret text"),
    (Path, "path"),
    *((model, "table") for model in MODELS.values()),
    (bool, "true or false"),
    (int, "whole number"),
    (float, "number"),
    (str, "text"),
)


class Key(NamedTuple):
    """What is said of a key."""

    key: str
    type: str
    default: str
    environment: str
    meaning: str


@app.callback()
def config() -> None:
    """The configuration."""


@app.command("reference")
@command
def reference(as_json: AsJson = False) -> None:
    """Print every key with its type, default, environment variable and meaning, in Markdown."""
    if as_json:
        tables = {name: [key._asdict() for key in keys(model)] for name, model in MODELS.items()}
        print_json({"keys": [key._asdict() for key in keys(Configuration)], **tables})
    else:
        typer.echo(markdown(), nl=False)


def markdown() -> str:
    """Returns the reference as a page."""
    tables = [f"\n## {TITLES[name]}\n{_table(model)}" for name, model in MODELS.items()]
    return INTRODUCTION + "".join([_table(Configuration), *tables])


def keys(model: type[BaseModel]) -> Iterator[Key]:
    """Yields the keys of a model in their order."""
    table = next((table for table, each in WIRE_TABLES.items() if each is model), None)
    for name, field in model.model_fields.items():
        in_environment = table is not None or (model is Configuration and name not in MODELS)
        yield Key(
            key=name,
            type=_type(field),
            default=_default(field),
            environment=variable(*filter(None, (table, name))) if in_environment else "",
            meaning=" ".join((field.description or "").split()),
        )


def _table(model: type[BaseModel]) -> str:
    lines = ["| key | type | default | environment | meaning |", "|---|---|---|---|---|"]
    for key in keys(model):
        cells = [f"`{cell}`" if cell else "" for cell in (key.key, key.default, key.environment)]
        shown = [cells[0], key.type, key.default if key.default == NEEDED else cells[1], cells[2]]
        lines.append(f"| {' | '.join([*shown, key.meaning])} |")
    return "\n" + "\n".join(lines) + "\n"


def _type(field: FieldInfo) -> str:
    return _bounded(_words(field.annotation), field.metadata)


def _bounded(words: str, constraints: Iterable[object]) -> str:
    bounds = {
        name: getattr(constraint, name)
        for constraint in constraints
        for name in ("ge", "le")
        if hasattr(constraint, name)
    }
    if len(bounds) == 2:
        return f"{words}, {bounds['ge']} to {bounds['le']}"
    return f"{words}, at least {bounds['ge']}" if bounds else words


def _words(annotation: Any) -> str:
    for known, words in NAMES:
        if annotation == known:
            return words
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        named = [extra.metadata for extra in arguments[1:] if isinstance(extra, FieldInfo)]
        return _bounded(_words(arguments[0]), chain.from_iterable(named))
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return f"list: {_words(arguments[0])}"
    if origin is dict:
        return f"table: {_words(arguments[0])} to {_words(arguments[1])}"
    if origin in (Union, types.UnionType):
        return " or ".join(_words(part) for part in arguments if part is not types.NoneType)
    raise TypeError(f"the reference has no words for {annotation}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return NEEDED
    value = field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str | Endpoint):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(json.dumps(str(each)) for each in value)}]"
    return "{}"
