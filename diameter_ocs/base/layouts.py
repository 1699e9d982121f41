"""Where the AVPs of a group stand, and a memory of such layouts (RFC 6733 section 4).

A layout follows from the headers of the AVPs and never from their data. Octets that have the same
headers in the same places as octets met before have their layout: they need not be walked again.
"""

from .dictionary import AvpDefinition
from .formats import Decode
from .tolerance import Tolerated

# Messages and groups are remembered up to this many octets.
OCTETS_MAX = 2048
# A generation of the memory is closed when its layouts are those of this many octets, which takes
# 1 MB with usual requests and 5 MB at worst; two are kept.
GENERATION_OCTETS_MAX = 131_072
# Layouts of one kind and length that a generation keeps; one more displaces the oldest.
ALIKE_MAX = 6
# Of so many layouts that were not remembered one is: what nobody repeats costs little so.
MISSES_TO_LEARN = 8

_HEADER_MASK = b"\xff" * 12

# One AVP of a layout: where its data begin and end, the function that decodes them or None, for a
# group that is looked into its layout, where the AVP begins, its flags, code and vendor, and its
# definition, None for an AVP that the dictionary does not know. Places count from the first octet
# of the group around it. A plain tuple, as it unpacks fastest.
Field = tuple[int, int, Decode | None, "Layout | None", int, int, int, int, AvpDefinition | None]


class Layout:
    """The AVPs of a message or a Grouped by name, and what follows from their headers.

    `groups` are those of them that are looked into. `avps` counts all of them at all depths,
    `depth` the levels of groups below this one. `has_findings` tells whether `codec.Findings` will
    have anything but groups. What checks found is kept for the next one, None before: whether a
    Grouped or a group in it `is_irregular`, and what a whole message `tolerated`.
    """

    __slots__ = (
        "avps",
        "depth",
        "fields",
        "groups",
        "has_findings",
        "is_irregular",
        "is_repeated",
        "tolerated",
        "unknown",
    )

    def __init__(self) -> None:
        self.fields: dict[str, list[Field]] = {}
        self.groups: list[Field] = []
        self.unknown: list[Field] = []
        self.avps = 0
        self.depth = 0
        self.has_findings = False
        self.is_repeated = False
        self.is_irregular: bool | None = None
        self.tolerated: tuple[Tolerated, ...] | None = None

    def in_order(self) -> list[Field]:
        """Returns all AVPs of this level, known or not, in their order."""
        fields = [field for alike in self.fields.values() for field in alike]
        return sorted(fields + self.unknown, key=_start)

    def mask(self, octets: int) -> bytes:
        """Returns as many octets, with all bits set where a header stands, at any depth."""
        mask = bytearray(octets)
        _mark(mask, 0, self)
        return bytes(mask)


# A mask over headers, what stands there, the layout that follows, and the octets of it all.
_Shape = tuple[int, int, Layout, int]


class Layouts:
    """Layouts met before, found by the octets that they belong to; bounded.

    Octets are taken as one number, which is compared with another's under a mask at once. The
    `key` stands for the kind and the length of the octets.
    """

    __slots__ = ("_misses", "_new", "_octets", "_old")

    def __init__(self) -> None:
        self._new: dict[int, list[_Shape]] = {}
        self._old: dict[int, list[_Shape]] = {}
        self._octets = 0
        self._misses = 0

    def find(self, key: int, octets: bytes) -> Layout | None:
        """Returns the layout of the octets, None when none like it is remembered."""
        new, old = self._new.get(key, ()), self._old.get(key, ())
        if not new and not old:
            return None
        number = int.from_bytes(octets)
        for mask, headers, layout, _ in new:
            if number & mask == headers:
                return layout
        for shape in old:
            mask, headers, layout, _ = shape
            if number & mask == headers:
                self._keep(key, shape)
                return layout
        return None

    def learn(self, key: int, octets: bytes, layout: Layout, prefix: bytes = b"") -> None:
        """Takes note of a layout that was not found, and remembers one of MISSES_TO_LEARN.

        The layout has no fault; it is that of the octets after as many as `prefix` has, which
        masks those.
        """
        self._misses += 1
        if self._misses % MISSES_TO_LEARN != 1:
            return
        mask = int.from_bytes(prefix + layout.mask(len(octets) - len(prefix)))
        self._keep(key, (mask, int.from_bytes(octets) & mask, layout, len(octets)))

    def _keep(self, key: int, shape: _Shape) -> None:
        shapes = self._new.setdefault(key, [])
        if len(shapes) == ALIKE_MAX:
            self._octets -= shapes.pop(0)[3]
        shapes.append(shape)
        self._octets += shape[3]
        if self._octets > GENERATION_OCTETS_MAX:
            self._old, self._new, self._octets = self._new, {}, 0


def _mark(mask: bytearray, base: int, layout: Layout) -> None:
    for data, _, _, inner, start, *_ in layout.in_order():
        mask[base + start : base + data] = _HEADER_MASK[: data - start]
        if inner is not None:
            _mark(mask, base + data, inner)


def _start(field: Field) -> int:
    return field[4]
