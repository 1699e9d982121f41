"""Requests of all kinds, and what becomes of them on a bad way: bits, lengths, AVPs and values."""

import random
from collections.abc import Iterator

from tests.bad_input import (
    ALLOWANCE,
    GREATEST,
    GROUPS,
    Caller,
    quantity,
    service,
    total,
    used,
    wanted,
)
from tests.base.wire import avp, number

AMOUNTS = (0, 1, 50, ALLOWANCE, 2**63 - 1, 2**63, GREATEST)
WORDS = (
    bytes(4),
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\x7f\xff\xff\xff",
    number(1),
    number(4),
    number(GROUPS[0]),
)
TEXTS = (
    b"",
    b"\0",
    b"\xff",
    b"x" * 5_000,
    b";",
    b"sip:%00@x",
    b"tel:+1",
    b"\xed\xa0\x80",
    b"\x1b[0m",
)
GROUPED = frozenset({284, 413, 437, 443, 445, 446, 456, 458, 873, 874})
BODY_OCTETS_MAX = 65_000

Tree = list[tuple[bytes, "Tree | bytes"]]
"""AVPs: the header without the length, and what it holds."""


def some_request(source: random.Random, me: Caller) -> bytes:
    """Return a request that nothing is wrong with, of one of three sessions."""
    kind = source.choice((1, 1, 2, 2, 2, 3, 4))
    asked = [
        _some_service(source, group) for group in source.sample(GROUPS, source.choice((1, 2, 35)))
    ]
    session = avp(263, b"gw.example;1;%d;%d" % (me.subscriber, source.randrange(3)))
    information = avp(873, avp(874, avp(2, b"\1\2\3\4", vendor=10415), vendor=10415), vendor=10415)
    proxy = avp(284, avp(280, b"proxy.example") + avp(33, b"state"))
    action = avp(436, number(source.randrange(4)))
    return me.request(
        kind,
        source.randrange(6),
        information,
        *source.choice(((), (proxy,))),
        *((action,) if kind == 4 else ()),
        *asked,
        instead=[session],
        flags=source.choice((0xC0, 0xC0, 0xD0)),
    )


def _some_service(source: random.Random, group: int) -> bytes:
    parts = [
        wanted(*source.choice(((), (total(source.choice(AMOUNTS)),)))),
        used(total(source.choice(AMOUNTS))),
        used(avp(412, quantity(source.choice(AMOUNTS))), avp(420, source.choice(WORDS))),
        avp(439, number(source.randrange(3))),
    ]
    return service(group, *source.sample(parts, source.randrange(len(parts))))


def damaged(source: random.Random, octets: bytes) -> bytes:
    """Return a message with some octets changed, taken away or doubled."""
    body = bytearray(octets[20:])
    for _ in range(source.choice((1, 1, 2, 5))):
        at = source.randrange(len(body) - 8) & ~3
        match source.randrange(5):
            case 0:
                body[at] ^= 1 << source.randrange(8)
            case 1:
                body[at : at + 4] = source.choice(WORDS)
            case 2:
                del body[at : at + source.choice((4, 8, 12))]
            case 3:
                body[at:at] = body[: 4 * source.randrange(1, 30)]
            case _:
                body[at + 7] = source.choice((0, 7, 8, 12, 0x40, 0xFF))
    return _message(octets, bytes(body))


def distorted(source: random.Random, octets: bytes) -> bytes:
    """Return a message of well-formed AVPs, some with other values, missing or out of place."""
    tree = _parsed(octets[20:])
    for _ in range(source.choice((1, 1, 2, 5))):
        group = source.choice([tree, *_groups(tree)])
        if not group:
            continue
        at = source.randrange(len(group))
        header, held = group[at]
        match source.randrange(4):
            case 0 if isinstance(held, bytes):
                values = {4: WORDS, 8: tuple(map(quantity, AMOUNTS))}.get(len(held), TEXTS)
                group[at] = header, source.choice(values)
            case 1:
                del group[at]
            case 2:
                place = source.choice([tree, *_groups(tree)])
                place.append((header, _parsed(_written(held)) if isinstance(held, list) else held))
            case _:
                group[at] = header[:4] + bytes([header[4] ^ source.choice((0x40, 0x20))]), held
    return _message(octets, _written(tree))


def _message(octets: bytes, body: bytes) -> bytes:
    body = body if len(body) <= BODY_OCTETS_MAX else octets[20:]
    return octets[:1] + (20 + len(body)).to_bytes(3) + octets[4:20] + body


def _parsed(octets: bytes) -> Tree:
    tree: Tree = []
    while octets:
        length = int.from_bytes(octets[5:8])
        header = octets[:5] + (octets[8:12] if octets[4] & 0x80 else b"")
        data = octets[len(header) + 3 : length]
        is_group = int.from_bytes(octets[:4]) in GROUPED
        tree.append((header, _parsed(data) if is_group else data))
        octets = octets[length + -length % 4 :]
    return tree


def _written(tree: Tree) -> bytes:
    octets = b""
    for header, held in tree:
        data = _written(held) if isinstance(held, list) else held
        length = (len(header) + 3 + len(data)).to_bytes(3)
        octets += header[:5] + length + header[5:] + data + bytes(-len(data) % 4)
    return octets


def _groups(tree: Tree) -> Iterator[Tree]:
    """Yield the groups at all depths."""
    for _, held in tree:
        if isinstance(held, list):
            yield held
            yield from _groups(held)
