"""Where the packets of SCTP over UDP come from and go to (RFC 6951), decided without any I/O.

libusrsctp knows a peer as a number; this is the table of them. A path is what lies between a peer's
host with its SCTP port and an SCTP port of this node; it has at most one association. The peer's
UDP port is no part of it, as NAT may change it at any time (RFC 6951 section 5.4). It is believed
where a packet comes from

- when it carries the verification tag that this node has chosen for the path's association, which
  was learned from the INIT or INIT ACK that left;
- when it is an INIT, whose tag is 0, and the path has no association: the new one begins there;
- when it is the COOKIE ECHO to an INIT ACK that went there, once libusrsctp has taken it: a COOKIE
  ACK leaves.

So an INIT that somebody sends in the name of a peer that is connected gets its INIT ACK, as a
restarted peer's must, but takes nothing away from there.
"""

from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address
from random import randrange
from struct import Struct as Format

from .association import Address

PATHS_MAX = 1024
"""Numbers that are ever given to libusrsctp, which has no safe way of taking one back."""
OFFERS_MAX = 8
"""INIT ACKs of a path that may still be answered: each repeat of an INIT gets another tag."""
EPHEMERAL = range(49152, 65536)
"""SCTP ports of this node for the associations that it opens (RFC 6335 section 6)."""

INIT = 1
INIT_ACK = 2
COOKIE_ECHO = 10
COOKIE_ACK = 11

Sender = tuple[str, int] | tuple[str, int, int, int]
"""A host and a UDP port as sockets write them; with flow and scope for IPv6."""
Key = tuple[str, int, int]
"""The peer's host, its SCTP port, and this node's."""

_HEADER = Format(">HHI4xB")
"""Source and destination port, verification tag, checksum, and the first chunk's type."""
_TAG_OF_INIT = Format(">16xI")
_OCTETS_MIN = 16


class Drop(StrEnum):
    """Why a packet is not given to libusrsctp."""

    MALFORMED = "malformed"
    """It is too short to be one of SCTP."""
    STRANGER = "stranger"
    """No peer may come from there."""
    UNKNOWN = "unknown"
    """It belongs to no association, nor is it the first one of a new one."""
    FULL = "full"
    """Every path is in use."""


class Path:
    """One row of the table; its `number`, never 0, stays, while peers come and go.

    `udp` is where its packets go. `tag` is this node's of the association, None without one;
    `holders` are the associations that somebody has, two only while one of them is ending. `asker`
    is where the last INIT came from, `offers` are the INIT ACKs that left, and `candidate` is what
    a COOKIE ACK, if one leaves, makes of the tag and of where packets go.
    """

    __slots__ = ("asker", "candidate", "holders", "key", "number", "offers", "tag", "udp")

    def __init__(self, number: int, key: Key, udp: Sender) -> None:
        self.number = number
        self.holders = 0
        self.offers: dict[int, Sender] = {}
        self.renew(key, udp)

    def renew(self, key: Key, udp: Sender) -> None:
        """Leads to another peer from now on."""
        self.key = key
        self.udp = self.asker = udp
        self.tag: int | None = None
        self.candidate: tuple[int, Sender] | None = None
        self.offers.clear()


class Paths:
    """The table.

    `is_expected` says whether a peer may come from an address; `on_moved` is told of a path whose
    packets go elsewhere from now on.
    """

    def __init__(
        self,
        is_expected: Callable[[Address], bool],
        on_moved: Callable[[Path, Sender], None],
        paths_max: int = PATHS_MAX,
    ) -> None:
        self._is_expected = is_expected
        self._on_moved = on_moved
        self._paths_max = paths_max
        self._by_number: dict[int, Path] = {}
        # In the order in which they were taken or let go: the first one is given away first.
        self._by_key: dict[Key, Path] = {}
        self._listening: set[int] = set()
        self._next_port = randrange(len(EPHEMERAL))

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, number: int) -> Path:
        return self._by_number[number]

    def listen(self, port: int) -> None:
        """Lets INITs for an SCTP port in."""
        self._listening.add(port)

    def stop_listening(self, port: int) -> None:
        """Lets no more of them in."""
        self._listening.discard(port)

    def dial(self, udp: Sender, port: int) -> tuple[Path, int]:
        """Returns a path to a peer's SCTP port, held, and the SCTP port of this node on it.

        Whether the peer is expected does not matter then.

        Raises:
            OSError: every path, or every port, is in use.
        """
        for _ in EPHEMERAL:
            local = EPHEMERAL[self._next_port]
            self._next_port = (self._next_port + 1) % len(EPHEMERAL)
            key = udp[0], port, local
            if key not in self._by_key and local not in self._listening:
                path = self._take(key, udp)
                if path is None:
                    break
                path.holders += 1
                return path, local
        raise OSError("too many associations over UDP: every path is in use")

    def hold(self, number: int) -> Path | None:
        """Keeps the path of an association that a peer has opened; None: no peer has there."""
        path = self._by_number.get(number)
        if path is None or path.tag is None:
            return None
        path.holders += 1
        return path

    def release(self, path: Path) -> None:
        """Lets a path be given away, unless another association has it: its own is over."""
        path.holders -= 1
        if not path.holders:
            path.tag = path.candidate = None
            self._by_key[path.key] = self._by_key.pop(path.key)

    def incoming(self, packet: bytes, sender: Sender) -> int | Drop:
        """Returns the number of the path on which a packet comes, or why it is dropped."""
        if len(packet) < _OCTETS_MIN:
            return Drop.MALFORMED
        there, here, tag, chunk = _HEADER.unpack_from(packet)
        key = sender[0], there, here
        path = self._by_key.get(key)
        if path is None or not path.holders:
            if not self._is_expected(address_of(sender[0])):
                return Drop.STRANGER
            if path is None and (chunk != INIT or tag or here not in self._listening):
                return Drop.UNKNOWN
            path = path or self._take(key, sender)
            if path is None:
                return Drop.FULL
        self._believe(path, tag, chunk, sender)
        return path.number

    def outgoing(self, number: int, packet: bytes) -> Sender | None:
        """Returns where a packet that leaves on a path goes, and learns of its tags."""
        path = self._by_number.get(number)
        if path is None or len(packet) < _OCTETS_MIN:
            return None
        chunk = first_chunk(packet)
        if chunk == INIT:
            path.tag = _TAG_OF_INIT.unpack_from(packet)[0]
        elif chunk == INIT_ACK:
            if len(path.offers) >= OFFERS_MAX:
                del path.offers[next(iter(path.offers))]
            path.offers[_TAG_OF_INIT.unpack_from(packet)[0]] = path.asker
            return path.asker
        elif chunk == COOKIE_ACK and path.candidate is not None:
            path.tag, path.udp = path.candidate
            path.candidate = None
            path.offers.clear()
        return path.udp

    def _believe(self, path: Path, tag: int, chunk: int, sender: Sender) -> None:
        path.candidate = None
        if chunk == INIT and not tag:
            path.asker = sender
            if path.tag is None:
                path.udp = sender
        elif tag == path.tag:
            if path.udp != sender:
                self._on_moved(path, sender)
                path.udp = sender
        elif chunk == COOKIE_ECHO and path.offers.get(tag) == sender:
            path.candidate = tag, sender

    def _take(self, key: Key, udp: Sender) -> Path | None:
        """Gives a path to a peer: a new one, or the one that is in nobody's use for longest."""
        if len(self._by_number) < self._paths_max:
            path = Path(len(self._by_number) + 1, key, udp)
            self._by_number[path.number] = path
        else:
            unused = next((each for each in self._by_key.values() if not each.holders), None)
            if unused is None:
                return None
            path = self._by_key.pop(unused.key)
            path.renew(key, udp)
        self._by_key[key] = path
        return path


def first_chunk(packet: bytes) -> int:
    """Returns the type of a packet's first chunk; the packet was let in, or leaves."""
    return packet[12]


def address_of(host: str) -> Address:
    """Returns an address as peers are known by: IPv4 out of IPv6, and without a scope."""
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
