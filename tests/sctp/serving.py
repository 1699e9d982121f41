"""A server on one host of a network, with its own PostgreSQL, and gateways on the other one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conftest import temporary_folder
from tests.sctp.network import Network, made
from tests.system.serving import Demonstration, demonstration

CONFIGURATION = """
[[peers]]
host = "*.demo.example"
addresses = ["10.9.0.0/16", "fd00::/32"]
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A demonstration whose server is the left host of a network."""

    network: Network
    demonstration: Demonstration

    def page(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a monitoring page, which only that host can see."""
        with self.network.left.entered():
            return self.demonstration.server.page(path)


@contextmanager
def served(added: str = "") -> Iterator[Site]:
    """Start a server with something added to its configuration, and end it in order.

    It says where it listens about ten seconds later: each call of a guest's kernel takes long.
    """
    with made() as network:
        for folder in temporary_folder():
            file = folder / "ocs.toml"
            file.write_text(added + CONFIGURATION)
            listen = f"{network.left.addresses[0]}:0"
            demo = demonstration(folder, "--config", str(file), "--listen", listen)
            try:
                with network.left.entered():
                    demo.server.start()
                yield Site(network, demo)
                assert demo.server.end() == 0, demo.server.log
                assert "Traceback" not in demo.server.log
            finally:
                demo.kill()
