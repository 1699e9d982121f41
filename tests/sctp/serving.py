"""A server on one host of a network, with its own PostgreSQL, and gateways on the other one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conftest import temporary_folder
from tests.sctp.network import Network, made
from tests.system.serving import Demonstration, demonstration

PORT = 3868
CONFIGURATION = """
[sctp]
listen = ["{0}", "{1}", "{2}"]
rto_initial_seconds = 0.3
rto_max_seconds = 1.0
rto_min_seconds = 0.2
heartbeat_seconds = 2.0

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
def served() -> Iterator[Site]:
    """Start a server that takes SCTP on both paths, one of them with IPv6 too; end it in order.

    It says where it listens about ten seconds later: each call of a guest's kernel takes long.
    """
    with made() as network:
        for folder in temporary_folder():
            file = folder / "ocs.toml"
            own = (*network.left.addresses, network.left.addresses_6[1])
            file.write_text(CONFIGURATION.format(*own))
            listen = f"{own[0]}:0"
            demo = demonstration(folder, "--config", str(file), "--listen", listen)
            try:
                with network.left.entered():
                    demo.server.start()
                yield Site(network, demo)
                assert demo.server.end() == 0, demo.server.log
                assert "Traceback" not in demo.server.log
            finally:
                demo.kill()
