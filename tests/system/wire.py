"""Octets that a gateway of the simulator does not send by itself."""

import socket
import time
from collections.abc import Iterable, Iterator
from zlib import crc32

from diameter.message import Message
from diameter.message.commands import DeviceWatchdogRequest

from diameter_ocs.simulator.answers import Answer, read_answer
from diameter_ocs.simulator.encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    credit_control_request,
)
from diameter_ocs.simulator.gateway import Gateway, SimulatorError, parse_steps, receive_message

MANDATORY = 0x40
VENDOR = 0x80
REQUEST = 0x80
DISCONNECT_PEER = 282


def subscriber(number: int) -> Subscriber:
    """Return the subscriber of the demonstration's account demo-NUMBER."""
    return Subscriber(
        imsi=f"{1_010_000_000_000 + number:015d}", msisdn=f"{15_550_100_000 + number}"
    )


def credit_control(
    identity: Identity, whose: Subscriber, step: str, number: int, session_id: str
) -> tuple[bytes, RequestKeys]:
    """Return the octets of one request of a session, and what tells it from others."""
    keys = RequestKeys(
        session_id=session_id,
        charging_id=crc32(session_id.encode()) | 1,
        request_number=number,
        hop_by_hop=crc32(f"{session_id} {number}".encode()),
        end_to_end=crc32(f"{number} {session_id}".encode()),
        event_time=int(time.time()),
    )
    (parsed,) = parse_steps([step])
    return credit_control_request(identity, whose, parsed, keys), keys


def with_avp(request: bytes, code: int, data: bytes, vendor: int | None = None) -> bytes:
    """Return a request with another mandatory AVP at its end; the data are whole words."""
    assert len(data) % 4 == 0
    length = 8 + (0 if vendor is None else 4) + len(data)
    flags = MANDATORY | (0 if vendor is None else VENDOR)
    avp = code.to_bytes(4, "big") + bytes([flags]) + length.to_bytes(3, "big")
    avp += (b"" if vendor is None else vendor.to_bytes(4, "big")) + data
    total = len(request) + len(avp)
    return request[:1] + total.to_bytes(3, "big") + request[4:] + avp


def exchange(gateway: Gateway, request: bytes, keys: RequestKeys) -> Answer:
    """Send the octets of a credit-control request and read its answer."""
    (step,) = parse_steps(["initial"])
    return read_answer(gateway.exchange(request, keys.hop_by_hop), keys, step.request_type)


def watchdog(identity: Identity, hop_by_hop: int) -> bytes:
    """Return the octets of a DWR."""
    request = DeviceWatchdogRequest()
    request.header.hop_by_hop_identifier = hop_by_hop
    request.origin_host = identity.origin_host.encode()
    request.origin_realm = identity.origin_realm.encode()
    return bytes(request.as_bytes())


def messages_until_end(connection: socket.socket) -> Iterator[bytes]:
    """Yield what the server sends until it closes."""
    while True:
        try:
            yield receive_message(connection)
        except SimulatorError:
            return


def hop_by_hop(octets: bytes) -> int:
    """Return a message's hop-by-hop identifier."""
    return int.from_bytes(octets[12:16], "big")


def command_code(octets: bytes) -> int:
    """Return a message's command code."""
    return int.from_bytes(octets[5:8], "big")


def is_request(octets: bytes) -> bool:
    """Say whether a message is a request."""
    return bool(octets[4] & REQUEST)


def result_codes(answers: Iterable[bytes]) -> list[int]:
    """Return the command-level result codes of answers, read by python-diameter."""
    return [Message.from_bytes(octets).result_code for octets in answers]
