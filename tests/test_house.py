"""The rooms import only what the plan of the house allows."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

CLONE = Path(__file__).resolve().parent.parent
PACKAGE = "diameter_ocs"
EVERY_ROOM = "every room"

# What each room may import of ours. A room that is not named here does not exist.
ROOMS: dict[str, str] = {
    "charging": "",
    "base": "",
    "gy": "base charging",
    "sy": "base charging",
    "handlers": "charging",
    "store": "charging",
    "transport": "base",
    "jobs": "charging handlers",
    "embedded": "",
    "numbering": "",
    "simulator": "",
    "config": "",
    "observability": "",
    "server": EVERY_ROOM,
    "cli": EVERY_ROOM,
    "__main__": "server config cli _bootstrap",
    "_bootstrap": "",
    "__init__": "",
}

# The rules stay free of everything that happens: no logs, no network, no event loop.
PURE = {"charging", "base", "gy", "sy"}
OBSERVED = set(ROOMS) - {"charging", "base"}

# Which rooms may import a package from outside; of the standard library only what is named here.
PACKAGES: dict[str, str] = {
    "alembic": "store cli",
    "asyncio": "transport handlers store jobs embedded simulator server cli",
    "asyncio_dgram": "transport",
    "diameter": "simulator",
    "httpx": "jobs",
    "msgspec": "store observability handlers jobs",
    "phonenumbers": "numbering",
    "prometheus_client": "observability server",
    "psycopg": "store embedded",
    "pydantic": "config handlers cli",
    "pydantic_settings": "config",
    "rich": "cli",
    "socket": "transport simulator embedded server cli",
    "sqlalchemy": "store",
    "standardwebhooks": "jobs",
    "structlog": "observability transport handlers store jobs embedded server cli",
    "typer": "cli",
    "yaml": "cli handlers",
}
FORBIDDEN_IN_PURE = {"asyncio", "logging", "selectors", "socket", "ssl", "subprocess", "threading"}


class Import(NamedTuple):
    """One imported name, in full, and the line it is on."""

    line: int
    name: str


def imports(source: str, package: tuple[str, ...]) -> Iterator[Import]:
    """Yield every import of a module in this package, relative ones in full."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            stem = [*parents, *([node.module] if node.module else [])]
            yield from (Import(node.lineno, ".".join([*stem, a.name])) for a in node.names)


def faults(source: str, module: tuple[str, ...]) -> list[str]:
    """Return one sentence for each import of the module that the plan does not allow."""
    room = module[1]
    if room not in ROOMS:
        return [f"there is no room {room}"]
    found = imports(source, module[:-1])
    return [
        f"line {imported.line}: {room} may not import {imported.name}"
        for imported in found
        if not is_allowed(room, imported.name)
    ]


def is_allowed(room: str, name: str) -> bool:
    top, *rest = name.split(".")
    if top == PACKAGE:
        return is_room_allowed(room, rest[0] if rest else "__init__")
    if room in PURE and top in FORBIDDEN_IN_PURE:
        return False
    if top in PACKAGES:
        return room in PACKAGES[top].split()
    return top in sys.stdlib_module_names


def is_room_allowed(room: str, target: str) -> bool:
    if target == room or ROOMS[room] == EVERY_ROOM:
        return True
    if target == "observability":
        return room in OBSERVED
    # `from diameter_ocs import NAME` reaches a room, or a name of the package itself.
    return target in ROOMS[room].split() or target == "__version__"


def modules() -> list[Path]:
    return sorted((CLONE / PACKAGE).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CLONE)))
def test_a_module_imports_what_its_room_may(path: Path) -> None:
    module = path.relative_to(CLONE).with_suffix("").parts
    assert faults(path.read_text(), module) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CLONE)))
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    module = ast.parse(path.read_text())
    if not module.body:
        assert path.name == "__init__.py"
        return
    docstring = ast.get_docstring(module)
    assert docstring
    assert docstring.rstrip().endswith(".")


def test_the_package_itself_imports_nothing() -> None:
    assert list(imports((CLONE / PACKAGE / "__init__.py").read_text(), (PACKAGE,))) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("charging.charge", "from diameter_ocs.base import codec"),
        ("charging.charge", "import diameter_ocs.observability"),
        ("charging.charge", "import asyncio"),
        ("charging.charge", "if TYPE_CHECKING:\n    from diameter_ocs.store.work import Work"),
        ("base.peer", "from asyncio import Protocol"),
        ("base.peer", "def later():\n    import logging"),
        ("gy.decode", "from ..store import work"),
        ("gy.decode", "from .. import store"),
        ("store.work", "from diameter_ocs.gy import decode"),
        ("store.work", "from diameter_ocs import gy"),
        ("simulator.load", "from diameter_ocs.base.codec import decode"),
        ("handlers.lanes", "import sqlalchemy"),
        ("base.codec", "import requests"),
        ("nowhere.module", ""),
    ],
)
def test_what_the_plan_forbids_is_found(module: str, source: str) -> None:
    assert faults(source, (PACKAGE, *module.split(".")))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gy.decode", "from diameter_ocs.base import codec\nfrom . import encode\nimport struct"),
        ("store.work", "from ..charging.case import Case\nimport sqlalchemy"),
        ("transport.connection", "import asyncio\nfrom diameter_ocs.observability import mask"),
        ("server", "from diameter_ocs.store import work\nfrom diameter_ocs.gy import decode"),
    ],
)
def test_what_the_plan_allows_is_no_fault(module: str, source: str) -> None:
    assert faults(source, (PACKAGE, *module.split("."))) == []
