"""The examples of a configuration can be taken as they are, and with all that is commented out."""

import re
import textwrap
from pathlib import Path

import pytest

from diameter_ocs.config import WIRE_TABLES, load, resource
from tests.config.conftest import write

EXAMPLE = resource("deploy/ocs.example.toml")
CONNECTING = resource("deploy/connecting.md")
IDENTITY = 'origin_host = "ocs1.example.net"\norigin_realm = "example.net"\n'
TABLES = {
    "tls": 'certificate = "ocs.pem"\nkey = "ocs.key"\nauthorities = "ca.pem"',
    "sctp": "",
    "sctp_udp": "",
}
"""What is needed of tables that are only spoken of."""
COMMENTED = re.compile(r"(?m)^# (?=\[|\w+ = )")


def test_the_example_is_a_configuration() -> None:
    configuration = load(EXAMPLE)
    assert configuration.identity() == ("ocs1.example.net", "example.net")
    assert (configuration.tls, configuration.sctp, configuration.sctp_udp) == (None, None, None)


def test_what_the_example_has_commented_out_can_be_taken(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, COMMENTED.sub("", EXAMPLE.read_text())))
    assert configuration.tls is not None
    assert configuration.tls.certificate == tmp_path / "ocs.pem"
    assert {peer.transport for peer in configuration.peers} == {"tcp", "tls", "sctp", "sctp-udp"}


@pytest.mark.parametrize("table", ["tls", "sctp"])
def test_the_example_has_every_key_of_the_tables_of_wires(table: str) -> None:
    lines = EXAMPLE.read_text().split(f"# [{table}]\n")[1].split("\n\n")[0]
    assert set(re.findall(r"(?m)^# (\w+) = ", lines)) == set(WIRE_TABLES[table].model_fields)


def examples() -> list[str]:
    """Return the pieces of configuration of the page, each with the tables that it needs."""
    blocks = re.findall(r"(?:(?:    .*)?\n)+", CONNECTING.read_text())
    return [whole(textwrap.dedent(block)) for block in blocks if "[[peers]]" in block]


def whole(piece: str) -> str:
    """Return a piece with who the node is, and with the tables that it only speaks of."""
    there = re.findall(r"(?m)^\[(\w+)\]$", piece)
    missing = [f"[{name}]\n{keys}\n" for name, keys in TABLES.items() if name not in there]
    return IDENTITY + piece + "".join(missing)


def test_the_page_for_gateways_has_configurations_that_can_be_taken(tmp_path: Path) -> None:
    configurations = [load(write(tmp_path, text)) for text in examples()]
    called = {peer.transport for each in configurations for peer in each.peers if peer.connect}
    assert called == {"tcp", "tls", "sctp", "sctp-udp"}
    assert len(configurations) == 6
