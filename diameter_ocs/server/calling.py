"""Has the node connect to the peers of the configuration."""

from ..config import Configuration
from ..transport.association import Wire
from ..transport.connector import Target
from ..transport.node import Node
from .wires import Wires


def call_peers(configuration: Configuration, node: Node, wires: Wires) -> None:
    """Begins to connect to every peer that has a place to connect to."""
    for entry in configuration.peers:
        if entry.connect:
            assert entry.host is not None, "the configuration is checked for it"
            wire, open_one = Wire(entry.transport), wires.open(entry)
            node.keep(Target(entry.host, wire, entry.connect, open_one))
