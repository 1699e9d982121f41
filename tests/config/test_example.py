"""The example of a configuration can be taken as it is, and with all that it has commented out."""

import re
from pathlib import Path

import pytest

from diameter_ocs.config import WIRE_TABLES, load, resource
from tests.config.conftest import write

EXAMPLE = resource("deploy/ocs.example.toml")
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
