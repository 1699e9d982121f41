"""What a simulated peer connects over: TCP, TLS over it, or the kernel's SCTP."""

import socket
import ssl
import struct
from collections.abc import Callable

from .errors import SimulatorError

Connect = Callable[[str, int, float], socket.socket]
"""Connects to a host and port in so many seconds; raises OSError, or SimulatorError."""

SCTP_NODELAY = 3
SCTP_DEFAULT_SNDINFO = 34
"""Of Linux, as the layout: stream, flags, payload protocol, context, association."""
SNDINFO = struct.Struct("@HHIIi")
PAYLOAD_PROTOCOL = 46
"""Diameter in clear text (RFC 6733 section 2.1.1)."""


def over_tcp(host: str, port: int, seconds: float) -> socket.socket:
    """Returns a socket of TCP."""
    connected = socket.create_connection((host, port), seconds)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def over_tls(context: ssl.SSLContext) -> Connect:
    """Returns what connects over TLS."""

    def connect(host: str, port: int, seconds: float) -> socket.socket:
        connected = over_tcp(host, port, seconds)
        try:
            return context.wrap_socket(connected)
        except OSError as error:
            raise SimulatorError(
                f"no TLS with {host}:{port} ({error}); is this its port for TLS, does it trust what"
                " is shown here (--certificate), and is it of an authority of --ca? Its log says"
                " more"
            ) from error
        finally:
            connected.close()

    return connect


def over_sctp(host: str, port: int, seconds: float) -> socket.socket:
    """Returns a socket of the kernel's SCTP: what is sent in one call is one message."""
    family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    connected = socket.socket(family, kind, socket.IPPROTO_SCTP)
    try:
        connected.settimeout(seconds)
        connected.setsockopt(socket.IPPROTO_SCTP, SCTP_NODELAY, 1)
        protocol = socket.htonl(PAYLOAD_PROTOCOL)
        information = SNDINFO.pack(0, 0, protocol, 0, 0)
        connected.setsockopt(socket.IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, information)
        connected.connect(place)
    except BaseException:
        connected.close()
        raise
    return connected


def first_message(octets: bytearray) -> bytes:
    """Returns the first of the whole messages that are to be sent one by one."""
    return bytes(octets[: int.from_bytes(octets[1:4], "big")])
