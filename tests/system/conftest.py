"""Servers as processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from diameter_ocs.config import resource
from diameter_ocs.embedded import Cluster
from diameter_ocs.store.schema import migrate
from tests.conftest import temporary_folder
from tests.system.serving import Demonstration, Server, demonstration

LISTEN = 'listen = "127.0.0.1:0"\nmetrics = "127.0.0.1:0"\n'
LOOPBACK = "accept_any_loopback_peer = true\nserved_realms = '*'\n"
PATIENCE = "answer_budget_seconds = 8\n"
"""Where a test is not about time: a disk that others use may hold up a commit for 2 s."""
IDENTITY = 'origin_host = "ocs.test.example"\norigin_realm = "test.example"\n'


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user of PostgreSQL may enter too."""
    yield from temporary_folder()


@pytest.fixture(scope="module")
def demo() -> Iterator[Demonstration]:
    """A demonstration that the tests of a module share; each takes accounts of its own."""
    for folder in temporary_folder():
        shared = demonstration(folder)
        shared.server.start()
        try:
            yield shared
            assert shared.server.end() == 0, shared.server.log
            assert "Traceback" not in shared.server.log
            assert '"level":"error"' not in shared.server.log
        finally:
            shared.kill()


@pytest.fixture
def own_demo(folder: Path) -> Iterator[Demonstration]:
    """A demonstration of the test's own."""
    own = demonstration(folder)
    own.server.start()
    yield own
    own.kill()


@pytest.fixture
def outside(folder: Path) -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, which it may stop."""
    cluster = Cluster(folder / "outside")
    cluster.start()
    migrate(cluster.conninfo(), resource("migrations"))
    yield cluster
    cluster.stop()


Configured = Callable[..., Server]


@pytest.fixture
def configured(folder: Path, database: str) -> Iterator[Configured]:
    """Make servers from a configuration, on a database of the test's own; end them at the end."""
    servers: list[Server] = []

    def make(text: str, options: tuple[str, ...] = ()) -> Server:
        file = folder / f"ocs-{len(servers)}.toml"
        file.write_text(text)
        environment = {
            "OCS_DATABASE_URL": database,
            "OCS_SPOOL": str(folder / "spool"),
            "OCS_NOTICES": str(folder / "notices"),
        }
        name = f"server-{len(servers)}"
        server = Server(folder, ("--config", str(file), *options), environment, name=name)
        servers.append(server)
        return server

    yield make
    for server in servers:
        if server.starts:
            server.kill()
            print(server.log)  # pytest shows it beside what failed
