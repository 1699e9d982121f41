"""A server on one host of a network, with its own PostgreSQL, and gateways on the other one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket

from tests.conftest import temporary_folder
from tests.sctp.gateway import Place, listening
from tests.sctp.network import Network, made
from tests.system.serving import Demonstration, demonstration

PORT = 3868
CALLED = "pgw-called"
CALLED_PORT = 3870
CONFIGURATION = """
[sctp]
listen = [{own}]
rto_initial_seconds = 0.3
rto_max_seconds = 1.0
rto_min_seconds = 0.2
heartbeat_seconds = 2.0

[[peers]]
host = "{called}.demo.example"
transport = "sctp"
connect = [{places}]

[[peers]]
host = "*.demo.example"
addresses = ["10.9.0.0/16", "fd00::/32"]
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A demonstration whose server is the left host of a network."""

    network: Network
    demonstration: Demonstration
    called: socket
    """Where a gateway of the right one listens, to which the server connects."""

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
        gateways, own = network.right, (*network.left.addresses, network.left.addresses_6[1])
        places = [Place(address, CALLED_PORT) for address in gateways.addresses]
        text = CONFIGURATION.format(
            own=words(own),
            called=CALLED,
            places=words(f"{place.address}:{place.port}" for place in places),
        )
        with gateways.entered():
            called = listening(places)
        for folder in temporary_folder():
            file = folder / "ocs.toml"
            file.write_text(text)
            demo = demonstration(folder, "--config", str(file), "--listen", f"{own[0]}:0")
            try:
                with network.left.entered():
                    demo.server.start()
                yield Site(network, demo, called)
                assert demo.server.end() == 0, demo.server.log
                assert "Traceback" not in demo.server.log
            finally:
                called.close()
                demo.kill()


def words(each: Iterable[str]) -> str:
    """Return words as a configuration has them."""
    return ", ".join(f'"{one}"' for one in each)
