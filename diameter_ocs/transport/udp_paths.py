"""Where the packets of SCTP over UDP come from and go to (RFC 6951), decided without any I/O.

libusrsctp knows a peer as a number; this is the table of them. A path is what lies between a UDP
port and an SCTP port of a peer's host and an SCTP port of this node; it has at most one
association. Peers behind one NAT have paths of their own, though they use the same SCTP port.

NAT may change a peer's UDP port at any time (RFC 6951 section 5.4). The path goes with it where a
packet carries the verification tag that this node has chosen for the path's association, which was
learned from the INIT that left, or from the COOKIE ECHO that libusrsctp has taken: a COOKIE ACK
leaves. Whatever else comes belongs to where it comes from, above all an INIT, whose tag is 0.

So an INIT that somebody sends in the name of a peer that is connected takes nothing away from it:
from elsewhere it begins another association, and from there the peer itself was started anew.
"""

from collections.abc import Callable
from enum import StrEnum
from random import randrange
from struct import Struct as Format

from .association import Address, address_of

PATHS_MAX = 1024
"""Numbers that are ever given to libusrsctp, which has no safe way of taking one back."""
EPHEMERAL = range(49152, 65536)
"""SCTP ports of this node for the associations that it opens (RFC 6335 section 6)."""

INIT = 1
COOKIE_ECHO = 10
COOKIE_ACK = 11

Sender = tuple[str, int] | tuple[str, int, int, int]
"""A host and a UDP port as sockets write them; with flow and scope for IPv6."""
Key = tuple[str, int, int, int]
"""The peer's host, its UDP port, its SCTP port, and this node's."""
TagKey = tuple[str, int, int, int]
"""The peer's host, its SCTP port, this node's, and this node's tag."""

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

    @property
    def meaning(self) -> str:
        """What it means to whoever waits for the peer."""
        return _MEANINGS[self]


_MEANINGS = {
    Drop.MALFORMED: "it is no SCTP",
    Drop.STRANGER: "no peer that may come over sctp-udp has this among its `addresses`",
    Drop.UNKNOWN: "it belongs to no association, nor begins one with the SCTP port of this server",
    Drop.FULL: "there is no room for another association",
}


class Path:
    """One row of the table; its `number`, never 0, stays, while peers come and go.

    `udp` is where its packets go. `tag` is this node's of the association, None without one, and
    `candidate` is what a COOKIE ACK, if one leaves, makes of it; `holders` are the associations
    that somebody has, two only while one of them is ending.
    """

    __slots__ = ("candidate", "holders", "key", "number", "tag", "udp")

    def __init__(self, number: int, key: Key, udp: Sender) -> None:
        self.number = number
        self.key = key
        self.udp = udp
        self.tag: int | None = None
        self.candidate: int | None = None
        self.holders = 0

    @property
    def port(self) -> int:
        """The peer's SCTP port."""
        return self.key[2]

    def lead(self, key: Key, udp: Sender) -> None:
        """Leads elsewhere from now on."""
        self.key, self.udp = key, udp


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
        self._by_key: dict[Key, Path] = {}
        self._by_tag: dict[TagKey, Path] = {}
        # In the order in which they were taken or let go: the first one is given away first.
        self._unused: dict[int, Path] = {}
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
            key = udp[0], udp[1], port, local
            if key not in self._by_key and local not in self._listening:
                path = self._take(key, udp)
                if path is None:
                    break
                self._hold(path)
                return path, local
        raise OSError("too many associations over UDP: every path is in use")

    def hold(self, number: int) -> Path | None:
        """Keeps the path of an association that a peer has opened; None: no peer has there."""
        path = self._by_number.get(number)
        if path is None or path.tag is None:
            return None
        self._hold(path)
        return path

    def release(self, path: Path) -> None:
        """Lets a path be given away, unless another association has it: its own is over."""
        path.holders -= 1
        if not path.holders:
            self._mark(path, None)
            self._unused[path.number] = path

    def incoming(self, packet: bytes, sender: Sender) -> int | Drop:
        """Returns the number of the path on which a packet comes, or why it is dropped."""
        if len(packet) < _OCTETS_MIN:
            return Drop.MALFORMED
        there, here, tag, chunk = _HEADER.unpack_from(packet)
        host, udp_port = sender[:2]
        key = host, udp_port, there, here
        path = self._by_tag.get((host, there, here, tag)) or self._by_key.get(key)
        if path is None or not path.holders:
            if not self._is_expected(address_of(host)):
                return Drop.STRANGER
            if path is None and (chunk != INIT or tag or here not in self._listening):
                return Drop.UNKNOWN
            path = path or self._take(key, sender)
            if path is None:
                return Drop.FULL
        path.candidate = tag if chunk == COOKIE_ECHO else None
        if path.key != key:
            self._on_moved(path, sender)
            self._leave(path)
            path.lead(key, sender)
            self._by_key[key] = path
        return path.number

    def outgoing(self, number: int, packet: bytes) -> Sender | None:
        """Returns where a packet that leaves on a path goes, and learns of its tags."""
        path = self._by_number.get(number)
        if path is None or len(packet) < _OCTETS_MIN:
            return None
        chunk = first_chunk(packet)
        if chunk == INIT:
            self._mark(path, _TAG_OF_INIT.unpack_from(packet)[0])
        elif chunk == COOKIE_ACK and path.candidate is not None:
            self._mark(path, path.candidate)
        return path.udp

    def _hold(self, path: Path) -> None:
        path.holders += 1
        self._unused.pop(path.number, None)

    def _mark(self, path: Path, tag: int | None) -> None:
        """Takes note of the tag by which a path is known wherever its packets come from."""
        host, _, there, here = path.key
        if path.tag is not None:
            self._by_tag.pop((host, there, here, path.tag), None)
        if tag is not None:
            self._by_tag[host, there, here, tag] = path
        path.tag = tag

    def _leave(self, path: Path) -> None:
        """Takes a path away from where it was, unless another one has moved there."""
        if self._by_key.get(path.key) is path:
            del self._by_key[path.key]

    def _take(self, key: Key, udp: Sender) -> Path | None:
        """Gives a path to a peer: a new one, or the one that is in nobody's use for longest."""
        if len(self._by_number) < self._paths_max:
            path = Path(len(self._by_number) + 1, key, udp)
            self._by_number[path.number] = path
        else:
            number = next(iter(self._unused), None)
            if number is None:
                return None
            path = self._unused.pop(number)
            self._mark(path, None)
            self._leave(path)
            path.lead(key, udp)
        self._by_key[key] = path
        self._unused[path.number] = path
        return path


def first_chunk(packet: bytes) -> int:
    """Returns the type of a packet's first chunk; the packet was let in, or leaves."""
    return packet[12]
