"""Tables that are right one by one and do not fit together."""

from pathlib import Path

import pytest

from diameter_ocs.config import ConfigurationError, load
from tests.config.conftest import write

TLS = '[tls]\ncertificate = "ocs.pem"\nkey = "ocs.key"\n'
MUTUAL = f'{TLS}authorities = "ca.pem"\n'
NO_CLIENTS = f'{TLS}client_certificates = "none"\n'
PEER = '[[peers]]\nhost = "pgw.example"\n'
CONNECT = f'{PEER}connect = ["192.0.2.9:3868"]\n'


def faults(folder: Path, text: str) -> list[str]:
    """Return what is wrong, without the file's name."""
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    return [fault.removeprefix(f"{path}: ") for fault in raised.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        f'listen = ""\n{MUTUAL}',
        'listen = ""\n[sctp]',
        'listen = ""\n[sctp_udp]',
        f'listen = ""\n{CONNECT}',
        f'{CONNECT}transport = "sctp"\n[sctp]',
        f'{CONNECT}transport = "sctp-udp"\nudp_port = 9900\n[sctp_udp]',
        f'{CONNECT}transport = "tls"\n{MUTUAL}listen = ""',
        f'{CONNECT}transport = "tls"\ncertificate = "*.example"\n{NO_CLIENTS}authorities = "a"',
        f'{PEER}transports = ["tls"]\n{NO_CLIENTS}',
        f'{PEER}transports = ["tcp", "tls"]',
        f'{PEER}certificate = "pgw*.example"\n{MUTUAL}',
        f'{PEER}transports = ["sctp-udp"]\naddresses = ["192.0.2.9"]\n[sctp_udp]',
        f'{CONNECT}transport = "sctp-udp"\ntransports = ["sctp-udp"]\n[sctp_udp]',
        f'{CONNECT}[[peers]]\nhost = "*.example"\n',
    ],
)
def test_what_can_work_is_taken(tmp_path: Path, text: str) -> None:
    load(write(tmp_path, text))


def test_tcp_may_be_left_out(tmp_path: Path) -> None:
    assert load(write(tmp_path, 'listen = ""\n[sctp]')).listen is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'listen = ""',
            "listen: nothing would be taken, and nobody connected to: set it, or add [tls],"
            " [sctp], [sctp_udp] or a peer with connect",
        ),
        (f'listen = ""\n{MUTUAL}listen = ""', "listen: nothing would be taken"),
        (
            '[[peers]]\nrealm = "example"\nconnect = ["192.0.2.9:3868"]',
            "peers[0].connect: needs the host: the name of the one peer that is there",
        ),
        (
            '[[peers]]\nhost = "pgw*.example"\nconnect = ["192.0.2.9:3868"]',
            "peers[0].connect: needs the host of one peer, and pgw*.example is a pattern",
        ),
        (
            f'{PEER}connect = ["pgw.example:0"]',
            "peers[0].connect[0]: must be HOST:PORT with the port",
        ),
        (f'{PEER}transport = "tcp"', "peers[0].transport: needs connect"),
        (
            f'origin_host = "PGW.example"\n{PEER}connect = ["192.0.2.9:3868"]',
            "peers[0].host: is this node's own origin_host",
        ),
        (f'{CONNECT}transport = "udp"', "peers[0].transport: input should be 'tcp', 'tls'"),
        (f'{CONNECT}transport = "sctp"', "peers[0].transport: sctp needs a table [sctp]"),
        (
            f'{CONNECT}transport = "sctp-udp"',
            "peers[0].transport: sctp-udp needs a table [sctp_udp]",
        ),
        (
            f'{CONNECT}transport = "tls"',
            "peers[0].transport: tls needs a table [tls] with authorities",
        ),
        (
            f'{CONNECT}transport = "tls"\n{NO_CLIENTS}',
            "peers[0].transport: tls needs, in [tls], authorities",
        ),
        (
            f'{CONNECT}transports = ["tls"]\n{MUTUAL}',
            'peers[0].transport: "tcp" is none of the transports of this table',
        ),
        (
            f'{PEER}connect = ["192.0.2.9:1", "192.0.2.10:2"]\ntransport = "sctp"\n[sctp]',
            "peers[0].connect: an end of sctp has one port, with however many addresses",
        ),
        (f"{PEER}udp_port = 9899", "peers[0].udp_port: needs connect and transport"),
        (f"{CONNECT}udp_port = 9899", "peers[0].udp_port: needs connect and transport"),
        (
            f'{PEER}transports = ["sctp"]\ncertificate = "pgw.example"\n[sctp]\n{MUTUAL}',
            'peers[0].certificate: needs "tls" among the transports',
        ),
        (
            f'{PEER}certificate = "pgw.example"',
            "peers[0].certificate: needs a table [tls]: nothing else shows one",
        ),
        (
            f'{PEER}certificate = "pgw.example"\n{NO_CLIENTS}',
            "peers[0].certificate: is never asked for: [tls] has client_certificates",
        ),
        (
            f'{PEER}transports = ["tls", "sctp-udp"]\naddresses = ["192.0.2.9"]',
            "peers[0].transports: nothing is taken over tls or sctp-udp: add [tls] or [sctp_udp]",
        ),
        (
            f'listen = ""\n[sctp]\n{PEER}transports = ["tcp"]',
            "peers[0].transports: nothing is taken over tcp: add listen",
        ),
        (
            f'{PEER}transports = ["tcp", "sctp-udp"]\n[sctp_udp]',
            "peers[0].addresses: needed for sctp-udp",
        ),
        (
            f"{CONNECT}{CONNECT.replace('pgw', 'PGW')}",
            "peers[1].connect: peers[0] connects to PGW.example already: name all places there",
        ),
    ],
)
def test_what_cannot_work_is_one_fault_with_its_key(tmp_path: Path, text: str, fault: str) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(fault)


def test_a_profile_cannot_give_more_time_than_there_is(tmp_path: Path) -> None:
    assert faults(tmp_path, "[profiles.slow]\nanswer_budget_seconds = 2.5\n") == [
        "profiles.slow.answer_budget_seconds: must be at most answer_budget_seconds of all peers, 2"
    ]


def test_what_does_not_fit_is_told_beside_other_faults(tmp_path: Path) -> None:
    text = f'lanes = 0\n{PEER}connect = []\ntransport = "tls"\nudp_port = 1'
    assert [fault.partition(": ")[0] for fault in faults(tmp_path, text)] == [
        "lanes",
        "peers[0].transport",
        "peers[0].udp_port",
    ]
