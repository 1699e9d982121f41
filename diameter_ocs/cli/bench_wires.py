"""What `bench --over` needs: the server's configuration, the client's options, certificates."""

import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

from ..transport.association import Wire
from .ways import WireMissing

OPENSSL = "openssl"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
NAMES = "subjectAltName=DNS:*.demo.example"
"""Those of the server, the gateways, and the policy server."""
LOOPBACK = "127.0.0.1"


class Ports(NamedTuple):
    """Where a server takes Diameter: the port of its wire, and that of UDP beneath."""

    port: int
    udp_port: int

    @classmethod
    def free(cls) -> "Ports":
        """Returns ports of loopback that nobody has taken."""
        return cls(free_port(), free_port(socket.SOCK_DGRAM))


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Returns a port of loopback that nobody has taken."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((LOOPBACK, 0))
        port: int = taken.getsockname()[1]
        return port


def configuration(over: Wire, ports: Ports, folder: Path) -> str:
    """Returns what says where the server takes Diameter; tables come last."""
    port, udp_port = ports
    match over:
        case Wire.TCP:
            return f'listen = "{LOOPBACK}:{port}"\n'
        case Wire.TLS:
            files = f'certificate = "{folder / "node.pem"}"\nkey = "{folder / "node.key"}"\n'
            authorities = f'authorities = "{folder / "ca.pem"}"\n'
            return f'listen = ""\n[tls]\nlisten = "{LOOPBACK}:{port}"\n{files}{authorities}'
        case Wire.SCTP:
            return f'listen = ""\n[sctp]\nlisten = ["{LOOPBACK}"]\nport = {port}\n'
        case Wire.SCTP_UDP:
            listen = f'listen = "{LOOPBACK}:{udp_port}"\n'
            return f'listen = ""\n[sctp_udp]\n{listen}port = {port}\n'


def client_options(over: Wire, folder: Path) -> list[str]:
    """Returns the load client's options; it goes over TCP to a bridge."""
    if over is Wire.TLS:
        names = {"--ca": "ca.pem", "--certificate": "node.pem", "--key": "node.key"}
        files = (word for option, name in names.items() for word in (option, str(folder / name)))
        return ["--over", over, *files]
    return ["--over", over] if over is Wire.SCTP else []


def make_certificates(folder: Path) -> None:
    """Makes an authority, and a certificate of it by which both ends prove their names.

    Raises:
        WireMissing: `openssl` is not there, or does not do it.
    """
    _openssl("-subj", "/CN=bench", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    _openssl(
        *("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-subj", "/CN=demo.example"),
        *("-addext", "basicConstraints=CA:FALSE", "-addext", NAMES),
        *("-keyout", folder / "node.key", "-out", folder / "node.pem"),
    )


def _openssl(*words: str | Path) -> None:
    command = (OPENSSL, "req", "-x509", "-days", "365", *KEY, *words)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise WireMissing(
            "certificates for TLS are made with `openssl` (version 3), which is not there:"
            " install it, on Debian openssl"
        ) from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise WireMissing(
            f"no certificates for TLS: `openssl` says {reason}; it must be of version 3"
        )
