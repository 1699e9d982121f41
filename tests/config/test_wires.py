"""The tables of the wires: what they hold, and what in them does not fit together."""

from pathlib import Path

import pytest

from diameter_ocs.config import (
    ConfigurationError,
    Endpoint,
    SctpTable,
    SctpUdpTable,
    TlsTable,
    check_readable,
    load,
)
from diameter_ocs.transport.sctp_settings import SctpSettings
from tests.config.conftest import write

TLS = '[tls]\ncertificate = "ocs.pem"\nkey = "ocs.key"\n'


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong, without the file's name."""
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    return [fault.removeprefix(f"{path}: ") for fault in raised.value.faults]


def test_no_table_means_no_wire() -> None:
    configuration = load(None)
    assert (configuration.tls, configuration.sctp, configuration.sctp_udp) == (None, None, None)


def test_tables_have_defaults(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, f'{TLS}authorities = "ca.pem"\n[sctp]\n[sctp_udp]'))
    tls, sctp, sctp_udp = configuration.tls, configuration.sctp, configuration.sctp_udp
    assert tls is not None
    assert (tls.listen, tls.client_certificates) == (Endpoint("0.0.0.0", 5658), "required")
    assert sctp is not None
    assert ([str(each) for each in sctp.listen], sctp.port) == (["0.0.0.0"], 3868)
    assert sctp_udp is not None
    assert (str(sctp_udp.listen), sctp_udp.port) == ("0.0.0.0:9899", 3868)


@pytest.mark.parametrize("table", [SctpTable(), SctpUdpTable()])
def test_defaults_of_sctp_are_those_of_who_speaks_it(table: SctpTable | SctpUdpTable) -> None:
    limits = table.model_dump(exclude={"listen", "port"})
    assert SctpSettings(**limits) == SctpSettings()


def test_tls_and_sctp_are_told_where_to_listen_or_only_connect(tmp_path: Path) -> None:
    text = f'{TLS}authorities = "ca.pem"\nlisten = ""\n[sctp]\nlisten = ["::1", "127.0.0.1"]'
    configuration = load(write(tmp_path, text))
    assert configuration.tls is not None
    assert configuration.tls.listen is None
    assert configuration.sctp is not None
    assert [str(address) for address in configuration.sctp.listen] == ["::1", "127.0.0.1"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "",
            "tls.authorities: needed to check the certificates of peers: name a PEM file of who"
            ' signs them, or set client_certificates = "none"',
        ),
        (
            'client_certificates = "none"\nrevocations = "crl.pem"',
            "tls.revocations: needs authorities: nothing else is held against the lists",
        ),
        ('client_certificates = "wanted"', "tls.client_certificates: input should be"),
        ('authorities = "ca.pem"\nlisten = "5658"', "tls.listen: must be HOST:PORT"),
        (
            'authorities = "ca.pem"\nlisten = "0.0.0.0:3868"',
            "tls.listen: 0.0.0.0:3868 is where listen takes TCP: choose another port",
        ),
    ],
)
def test_a_tls_table_that_cannot_work_is_refused(tmp_path: Path, lines: str, fault: str) -> None:
    (found,) = faults(tmp_path, TLS + lines)
    assert found.startswith(fault)


def test_port_0_is_another_port_for_everybody(tmp_path: Path) -> None:
    text = f'listen = "[::1]:0"\n{TLS}authorities = "ca.pem"\nlisten = "[::1]:0"'
    assert load(write(tmp_path, text)).tls is not None


@pytest.mark.parametrize("table", ["sctp", "sctp_udp"])
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("rto_min_seconds = 0.05", "rto_min_seconds: input should be greater than or equal to 0.1"),
        ("rto_min_seconds = 0.6", "rto_min_seconds: must be at most rto_initial_seconds, 0.5"),
        ("rto_max_seconds = 0.4", "rto_max_seconds: must be at least rto_initial_seconds, 0.5"),
        ("rto_max_seconds = 61", "rto_max_seconds: input should be less than or equal to 60"),
        ("rto_initial_seconds = 3", "rto_max_seconds: must be at least rto_initial_seconds, 3"),
        (
            "association_retransmissions_max = 1",
            "association_retransmissions_max: must be at least path_retransmissions_max, 2",
        ),
        ("path_retransmissions_max = 0", "path_retransmissions_max: input should be greater"),
        ("heartbeat_seconds = 0", "heartbeat_seconds: input should be greater"),
        ("streams = 0", "streams: input should be greater than or equal to 1"),
        ("streams = 16.5", "streams: input should be a valid integer"),
        ("port = 65536", "port: input should be less than or equal to 65535"),
        ('listen = "here"', "listen"),
        ("rto_secs = 1", "rto_secs: unknown key"),
    ],
)
def test_limits_of_sctp_have_ranges(tmp_path: Path, table: str, line: str, fault: str) -> None:
    (found,) = faults(tmp_path, f"[{table}]\n{line}")
    assert found.startswith(f"{table}.{fault}")


@pytest.mark.parametrize(
    ("listen", "fault"),
    [
        ([], "listen: needs an address; without the key"),
        (["0.0.0.0", "192.0.2.1"], "listen: 0.0.0.0 and :: stand for all addresses"),
        (["192.0.2.1", "::"], "listen: 0.0.0.0 and :: stand for all addresses"),
        (["192.0.2.1", "192.0.2.1"], "listen: an address is there twice"),
        (["ocs.example"], "listen[0]: must be an IP address such as"),
        (["192.0.2.1:3868"], "listen[0]: must be an IP address such as"),
    ],
)
def test_sctp_listens_on_addresses(tmp_path: Path, listen: list[str], fault: str) -> None:
    (found,) = faults(tmp_path, f"[sctp]\nlisten = {listen}")
    assert found.startswith(f"sctp.{fault}")


def test_sctp_listens_on_all_addresses_of_both_families(tmp_path: Path) -> None:
    sctp = load(write(tmp_path, '[sctp]\nlisten = ["0.0.0.0", "::"]\nport = 0')).sctp
    assert sctp is not None
    assert len(sctp.listen) == 2


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('listen = "ocs.example:9899"', "listen: must be an IP address and a port"),
        ("port = 0", "port: input should be greater than or equal to 1"),
    ],
)
def test_sctp_over_udp_needs_an_address_and_a_port(tmp_path: Path, line: str, fault: str) -> None:
    (found,) = faults(tmp_path, f"[sctp_udp]\n{line}")
    assert found.startswith(f"sctp_udp.{fault}")
    load(write(tmp_path, '[sctp_udp]\nlisten = "[::]:0"'))


def test_all_that_does_not_fit_in_a_table_is_told_at_once(tmp_path: Path) -> None:
    text = f"[sctp]\nrto_min_seconds = 1\nrto_max_seconds = 0.2\n{TLS}"
    assert [fault.partition(": ")[0] for fault in faults(tmp_path, text)] == [
        "tls.authorities",
        "sctp.rto_min_seconds",
        "sctp.rto_max_seconds",
    ]


def test_files_that_cannot_be_read_are_named_by_their_keys(tmp_path: Path) -> None:
    (tmp_path / "ocs.key").write_text("")
    table = TlsTable(certificate=tmp_path / "none", key=tmp_path / "ocs.key", authorities=tmp_path)
    with pytest.raises(ConfigurationError) as raised:
        check_readable(table)
    advice = "name a file that the user which runs the server may read"
    assert raised.value.faults == [
        f"tls.certificate: {tmp_path}/none: cannot be read: No such file or directory; {advice}",
        f"tls.authorities: {tmp_path}: cannot be read: Is a directory; {advice}",
    ]
    check_readable(TlsTable(certificate=table.key, key=table.key, authorities=table.key))
