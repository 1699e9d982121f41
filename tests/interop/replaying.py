"""What was said in a capture, said again to a server of this process."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.base.captures import conversation
from tests.in_process import Gateway

REQUEST, HEADER_OCTETS, VENDOR = 0x80, 20, 0x80
GROUPS = {430, 431, 456}
"""Final-Unit-Indication, Granted-Service-Unit, Multiple-Services-Credit-Control."""
TGPP = 10415
OWN = {(264, 0), (296, 0), (281, 0), (448, 0), (2022, TGPP)}
"""Whose data are a server's own or a moment's: Origin-Host, Origin-Realm, Error-Message,
Validity-Time, Refund-Information."""
ORIGIN_STATE_ID = 278
"""A server of a test has none."""
DISCONNECT_PEER = 282
CREDIT_CONTROL = 272
SPENDING_LIMIT, SPENDING_STATUS_NOTIFICATION = 8388635, 8388636
RE_AUTH, SESSION_TERMINATION = 258, 275
WHOLE = {
    CREDIT_CONTROL,
    SPENDING_LIMIT,
    SPENDING_STATUS_NOTIFICATION,
    RE_AUTH,
    SESSION_TERMINATION,
}
"""Of answers to others only the code is looked at."""

SECONDS = 5
"""How long anything is waited for."""

Shape = tuple[object, ...]


class Exchange(NamedTuple):
    """A request and its answer."""

    request: bytes
    answer: bytes


def exchanges(path: Path) -> list[Exchange]:
    """Return the requests of a capture that were answered, with their answers."""
    asked: dict[tuple[bytes, bytes], bytes] = {}
    found = []
    for sender, octets in conversation(path):
        if octets[4] & REQUEST:
            asked[sender, octets[12:20]] = octets
            continue
        # The answer's sender is another one than the request's.
        keys = [key for key in asked if key[1] == octets[12:20] and key[0] != sender]
        found += [Exchange(asked.pop(key), octets) for key in keys[:1]]
    return found


class Spoken(NamedTuple):
    """A message of a capture of one connection."""

    is_from_server: bool
    octets: bytes
    asked: bytes | None
    """What it answers; None: it is a request."""

    @property
    def is_request(self) -> bool:
        return self.asked is None


def spoken(path: Path) -> list[Spoken]:
    """Return all messages of a capture whose first is a gateway's, in their order."""
    asked: dict[tuple[bool, bytes], bytes] = {}
    found: list[Spoken] = []
    first = b""
    for sender, octets in conversation(path):
        first = first or sender
        is_from_server, ids = sender != first, octets[12:20]
        if octets[4] & REQUEST:
            asked[is_from_server, ids] = octets
            found.append(Spoken(is_from_server, octets, None))
        else:
            found.append(Spoken(is_from_server, octets, asked.pop((not is_from_server, ids))))
    return found


def recorded_at(path: Path) -> int:
    """Return when the first packet of a pcap file was recorded, in Unix microseconds."""
    octets = path.read_bytes()[24:32]
    return int.from_bytes(octets[:4], "little") * 1_000_000 + int.from_bytes(octets[4:], "little")


def command(message: bytes) -> int:
    return int.from_bytes(message[5:8])


def shape(message: bytes) -> Shape:
    """Return what a message says, without what is a server's own; of the base protocol its code."""
    avps = _avps(message[HEADER_OCTETS:])
    if command(message) not in WHOLE:
        avps = tuple(avp for avp in avps if avp[0] == 268)
    return message[4], command(message), message[8:12], avps


def _avps(octets: bytes) -> tuple[Shape, ...]:
    """Read AVPs as (code, vendor, flags, data), independently of the server's codec."""
    found: list[Shape] = []
    while octets:
        code, flags, length = int.from_bytes(octets[:4]), octets[4], int.from_bytes(octets[5:8])
        start = 12 if flags & VENDOR else 8
        vendor = int.from_bytes(octets[8:12]) if flags & VENDOR else 0
        data: object = octets[start:length]
        if not vendor and code in GROUPS:
            data = _avps(octets[start:length])
        elif (code, vendor) in OWN:
            data = None
        if code != ORIGIN_STATE_ID:
            found.append((code, vendor, flags, data))
        octets = octets[(length + 3) & -4 :]
    return tuple(found)


def result_code(message: bytes) -> int:
    """Return the Result-Code of an answer."""
    (data,) = (avp[3] for avp in _avps(message[HEADER_OCTETS:]) if avp[0] == 268)
    assert isinstance(data, bytes)
    return int.from_bytes(data)


async def read(gateway: Gateway) -> bytes:
    """Return the next message."""
    header = await gateway.reader.readexactly(HEADER_OCTETS)
    return header + await gateway.reader.readexactly(int.from_bytes(header[1:4]) - HEADER_OCTETS)


async def one_by_one(gateway: Gateway, requests: Sequence[bytes]) -> list[bytes]:
    """Send each request when the one before it is answered."""
    answers = []
    for request in requests:
        gateway.writer.write(request)
        answers.append(await read(gateway))
    return answers


async def in_one_write(gateway: Gateway, requests: Sequence[bytes]) -> list[bytes]:
    """Send all requests at once; return the answers in the order of the requests."""
    gateway.writer.write(b"".join(requests))
    return await _answers(gateway, requests)


async def byte_by_byte(gateway: Gateway, requests: Sequence[bytes]) -> list[bytes]:
    """Send every octet alone, and let the server read it."""
    for octet in b"".join(requests):
        gateway.writer.write(bytes([octet]))
        await asyncio.sleep(0)
    return await _answers(gateway, requests)


async def said_again(gateway: Gateway, said: Sequence[Spoken]) -> list[bytes]:
    """Say what a gateway said, each message when all that came before it has come again.

    Returns what came in the order in which it had come; what the server asks has ids of its own.
    """
    waiting: list[bytes] = []
    ids: dict[bytes, bytes] = {}
    heard = []
    for each in said:
        if not each.is_from_server:
            asked = ids.get(each.asked[12:20]) if each.asked else None
            octets = each.octets
            gateway.writer.write(octets[:12] + asked + octets[20:] if asked else octets)
            continue
        while not (found := [octets for octets in waiting if _is_again(octets, each)]):
            async with asyncio.timeout(SECONDS):
                waiting.append(await read(gateway))
        waiting.remove(found[0])
        heard.append(found[0])
        ids[each.octets[12:20]] = found[0][12:20]
    assert waiting == []
    return heard


def _is_again(octets: bytes, before: Spoken) -> bool:
    """Is it the answer that was given before, or the same kind of request?"""
    if command(octets) != command(before.octets) or bool(octets[4] & REQUEST) != before.is_request:
        return False
    return before.is_request or octets[12:20] == before.octets[12:20]


async def _answers(gateway: Gateway, requests: Sequence[bytes]) -> list[bytes]:
    by_hop = {}
    for _ in requests:
        answer = await read(gateway)
        by_hop[answer[12:16]] = answer
    return [by_hop[request[12:16]] for request in requests]


WAYS: dict[str, Callable[..., object]] = {
    "one by one": one_by_one,
    "in one write": in_one_write,
    "byte by byte": byte_by_byte,
}
