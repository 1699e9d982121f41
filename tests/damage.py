"""Requests of all kinds, and what becomes of them on a bad way: bits, lengths, AVPs and values."""

import random
from collections.abc import Iterator

from tests.bad_input import (
    ALLOWANCE,
    GREATEST,
    GROUPS,
    MOST_MONEY,
    Caller,
    after_change,
    marked,
    money,
    quantity,
    reason,
    service,
    total,
    used,
    wanted,
)
from tests.base.wire import avp, number
from tests.store.scenario import NOW

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
INFORMATION = {
    874: (18, 21, 22, 1228),
    876: (831, 832, 1263, 2713, 3924),
    877: (886, 1201),
    2000: (2008, 2027),
    3410: (3417, 3420),
}
"""What Service-Information holds of data, calls, messages and circuits: codes within groups."""
CONTEXTS = (32251, 32260, 32270, 32274, 32275, 32276)
PLACES = (
    bytes.fromhex("8262f210000162f21000000001"),
    bytes.fromhex("0062f210000100"),
    b"0062f21000010002",
    bytes.fromhex("9194718899"),
    b"\0\1\xc0\0\2\1",
    b"\0\x0849171",
    b"26201",
    b"3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=26201" + b"0" * 11,
    b"urn:service:sos",
    b"tel:+4917112345678;rn=+4917",
)
ADDRESSES = frozenset({886, 1201, 2027})
"""Groups that hold the Address-Data of a party."""
GROUPED = frozenset({284, 413, 437, 443, 445, 446, 456, 458, 873, *INFORMATION, *ADDRESSES})
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
    context = avp(461, b"%d@3gpp.org" % source.choice(CONTEXTS))
    proxy = avp(284, avp(280, b"proxy.example") + avp(33, b"state"))
    action = avp(436, number(source.randrange(4)))
    correlation = avp(411, source.choice(TEXTS))
    state = avp(278, source.choice(WORDS))
    return me.request(
        kind,
        source.randrange(6),
        _some_information(source),
        *source.choice(((), (proxy,), (correlation,), (state,))),
        *((action,) if kind == 4 else ()),
        *asked,
        instead=[session, context],
        flags=source.choice((0xC0, 0xC0, 0xD0)),
    )


def _some_information(source: random.Random) -> bytes:
    """Return what some of the groups tell of a service, each in a fit or an unfit value."""
    groups = source.sample(sorted(INFORMATION), source.randrange(3))
    return _of_3gpp(
        873,
        *[
            _of_3gpp(group, *[_some_value(source, code) for code in INFORMATION[group]])
            for group in groups
        ],
    )


def _some_value(source: random.Random, code: int) -> bytes:
    value = source.choice(PLACES + TEXTS)
    return _of_3gpp(code, _of_3gpp(897, value) if code in ADDRESSES else value)


def _of_3gpp(code: int, *data: bytes) -> bytes:
    return avp(code, b"".join(data), vendor=10415)


def _some_service(source: random.Random, group: int) -> bytes:
    parts = [
        wanted(*source.choice(((), (total(source.choice(AMOUNTS)),), (_some_money(source),)))),
        used(total(source.choice(AMOUNTS))),
        used(_some_money(source)),
        after_change(source.choice(AMOUNTS), source.randrange(-1, 3)),
        reason(source.randrange(10)),
        marked(source.choice((*TEXTS, b"1-%d-1" % NOW))),
        used(avp(412, quantity(source.choice(AMOUNTS))), avp(420, source.choice(WORDS))),
        avp(439, number(source.randrange(3))),
    ]
    return service(group, *source.sample(parts, source.randrange(len(parts))))


def _some_money(source: random.Random) -> bytes:
    digits = source.choice((0, 1, MOST_MONEY, 2**63 - 1, -1))
    return money(digits, source.choice((0, -12, 12, 13)), source.choice((None, 978, 0)))


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
