"""What `bench` and `simulate` connect over, and what is said where that is not there."""

import json
from pathlib import Path

import pytest

from diameter_ocs import cli
from diameter_ocs.cli.bench_wires import Ports, configuration, make_certificates
from diameter_ocs.cli.ways import WireMissing
from diameter_ocs.config.loading import load
from diameter_ocs.transport import usrsctp
from diameter_ocs.transport.association import Wire

PORTS = Ports(4001, 4002)


@pytest.mark.parametrize("over", Wire)
def test_the_server_takes_one_wire_alone(over: Wire, tmp_path: Path) -> None:
    file = tmp_path / "ocs.toml"
    node = 'origin_host = "ocs.demo.example"\norigin_realm = "demo.example"\n'
    file.write_text(node + configuration(over, PORTS, tmp_path))
    loaded = load(file)
    assert {
        Wire.TCP: loaded.listen and loaded.listen.port,
        Wire.TLS: loaded.tls and loaded.tls.listen and loaded.tls.listen.port,
        Wire.SCTP: loaded.sctp and loaded.sctp.port,
        Wire.SCTP_UDP: loaded.sctp_udp and (loaded.sctp_udp.listen.port, loaded.sctp_udp.port),
    } == {
        **dict.fromkeys(Wire),
        over: (PORTS.udp_port, PORTS.port) if over is Wire.SCTP_UDP else PORTS.port,
    }


def test_without_openssl_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WireMissing, match="on Debian openssl"):
        make_certificates(tmp_path)


@pytest.mark.parametrize("words", [["bench"], ["simulate", "pgw"], ["simulate", "pcrf"]])
def test_a_wire_that_is_not_there_is_missed_before_anything_begins(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(usrsctp, "LIBRARY", "libusrsctp.so.none")
    assert cli.run([*words, "--over", "sctp-udp", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "wire_missing"
    assert error["messages"][0].endswith("install it, on Debian libusrsctp2")
