"""Decodes AVPs into groups by name, driven by the dictionary (RFC 6733 section 4).

The headers are walked first, which finds out where everything stands; a value is decoded when
somebody asks for it. Octets that cannot be walked end with an error of RFC 6733 section 7 whose
Failed-AVP is well formed; depth and number of AVPs are bounded.
"""

from collections.abc import Iterator, Mapping
from struct import Struct
from typing import Any, NamedTuple

from .dictionary import AvpDefinition, Dictionary, avp_key
from .errors import AvpOccursTooManyTimes, InvalidAvpLength, InvalidAvpValue
from .formats import (
    FORMATS,
    MANDATORY_BIT,
    RESERVED_BITS,
    VENDOR_BIT,
    Value,
    decode_text,
    whole_avp,
)
from .layouts import OCTETS_MAX, Field, Layout, Layouts

GROUP_DEPTH_MAX = 8
AVPS_MAX = 4096
# Groups with fewer octets are walked sooner than they are remembered.
REMEMBERED_OCTETS_MIN = 48

_LENGTH_BITS = 24
_LENGTH_MASK = 0xFFFFFF
_VENDOR_MASK = VENDOR_BIT << 24
_HEADER = Struct(">III")
# The header is read with its vendor in one go, also where it is the last eight octets.
_OVERHANG = bytes(_HEADER.size)
# Builds an Avp from a tuple of its fields, without the call that the class would add.
_NEW_AVP: Any = tuple.__new__


class Avp(NamedTuple):
    """One AVP received: octets `start` to `end` of its message, without the padding.

    `definition` is None for an AVP that the dictionary does not know; `value` is its data then.
    """

    definition: AvpDefinition | None
    code: int
    vendor_id: int
    flags: int
    value: Value
    start: int
    end: int


class Group:
    """The AVPs of a message or of a Grouped, by name; those that are not known stand apart.

    Values are decoded whenever they are asked for; `first` and `all` are the shortest ways.
    """

    __slots__ = ("_base", "_octets", "layout")

    def __init__(self, octets: bytes, base: int, layout: Layout) -> None:
        self._octets = octets
        self._base = base
        self.layout = layout

    def __contains__(self, name: str) -> bool:
        return name in self.layout.fields

    @property
    def by_name(self) -> Mapping[str, list[Avp]]:
        """All AVPs that are known."""
        return _ByName(self._octets, self._base, self.layout.fields)

    @property
    def unknown(self) -> list[Avp]:
        """All AVPs that are not known, in their order."""
        return _received(self._octets, self._base, self.layout.unknown)

    @property
    def is_repeated(self) -> bool:
        """Whether any name stands there more than once."""
        return self.layout.is_repeated

    def first(self, name: str) -> Value | None:
        """Returns the value of the first AVP of the name, None without one."""
        fields = self.layout.fields.get(name)
        return None if fields is None else _value(self._octets, self._base, fields[0])

    def all(self, name: str) -> list[Value]:
        """Returns the values of all AVPs of the name, in their order."""
        fields = self.layout.fields.get(name)
        if fields is None:
            return []
        octets, base = self._octets, self._base
        return [_value(octets, base, field) for field in fields]

    def avp(self, name: str) -> Avp | None:
        """Returns the first AVP of the name, None without one."""
        fields = self.layout.fields.get(name)
        return None if fields is None else _avp(self._octets, self._base, fields[0])

    def avps(self, name: str) -> list[Avp]:
        """Returns all AVPs of the name, in their order."""
        fields = self.layout.fields.get(name)
        return [] if fields is None else _received(self._octets, self._base, fields)

    def in_order(self) -> list[Avp]:
        """Returns all AVPs, known or not, in their order."""
        return _received(self._octets, self._base, self.layout.in_order())


class _ByName(Mapping[str, list[Avp]]):
    """The known AVPs of a group as a mapping; they are made when they are asked for."""

    __slots__ = ("_base", "_fields", "_octets")

    def __init__(self, octets: bytes, base: int, fields: dict[str, list[Field]]) -> None:
        self._octets = octets
        self._base = base
        self._fields = fields

    def __getitem__(self, name: str) -> list[Avp]:
        return _received(self._octets, self._base, self._fields[name])

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns the AVPs of a name, which without any is the default."""
        fields = self._fields.get(name)
        return default if fields is None else _received(self._octets, self._base, fields)


class Findings:
    """What decoding met, at any depth, that a check may have to look at.

    `groups` are the Grouped AVPs that were decoded, an outer one before those in it,
    `unknown_mandatory` the unknown AVPs with the M bit, each with the groups around it,
    `odd_flags` the AVPs whose flags differ from what the dictionary settles or have bits that
    mean nothing.
    """

    __slots__ = ("groups", "odd_flags", "unknown_mandatory")

    def __init__(self, group: Group) -> None:
        self.groups: list[Avp] = []
        self.unknown_mandatory: list[tuple[Avp, list[Avp]]] = []
        self.odd_flags: list[Avp] = []
        self._look(group, [])

    def _look(self, group: Group, around: list[Avp]) -> None:
        for avp in group.in_order():
            if _has_odd_flags(avp):
                self.odd_flags.append(avp)
            if avp.definition is None and avp.flags & MANDATORY_BIT:
                self.unknown_mandatory.append((avp, around))
            if isinstance(avp.value, Group):
                self.groups.append(avp)
                self._look(avp.value, [*around, avp])


def lay_out(
    dictionary: Dictionary,
    octets: bytes,
    base: int,
    layout: Layout,
    groups: Layouts | None = None,
) -> None:
    """Fills the layout with the AVPs from `base` to the end of the octets.

    On an error the layout keeps what stands before the fault. `groups` remembers the layouts of
    groups from one call to the next; None walks them all.

    Raises:
        InvalidAvpLength: an AVP leaves its message or group, or its length does not fit.
        InvalidAvpValue: groups stand deeper than GROUP_DEPTH_MAX.
        AvpOccursTooManyTimes: there are more AVPs than AVPS_MAX.
    """
    _Walk(dictionary, octets, groups).walk(layout, base, len(octets), 0)


class _Walk:
    """One walk over all headers of some octets."""

    __slots__ = ("_dictionary", "_groups", "_left", "_octets", "_padded")

    def __init__(self, dictionary: Dictionary, octets: bytes, groups: Layouts | None) -> None:
        self._dictionary = dictionary
        self._octets = octets
        self._padded = octets + _OVERHANG
        self._groups = groups
        self._left = AVPS_MAX

    def walk(self, layout: Layout, base: int, end: int, depth: int) -> None:
        """Fills the layout of the AVPs between two places, with as many groups around them."""
        get, unpack, padded = self._dictionary.known.get, _HEADER.unpack_from, self._padded
        fields, position, before = layout.fields, base, self._left
        while position < end:
            if not self._left:
                raise _number_error(self._dictionary, self._octets[position:end])
            self._left -= 1
            code, word, vendor_id = unpack(padded, position)
            stop = position + (word & _LENGTH_MASK)
            if word & _VENDOR_MASK:
                data = position + 12
                known = get(vendor_id << 32 | code)
            else:
                data = position + 8
                vendor_id = 0
                known = get(code)
            if stop > end or stop < data:
                raise _length_error(self._dictionary, self._octets[position:end])
            flags = word >> 24
            start, size = position - base, stop - data
            if known is None:
                layout.unknown.append(
                    (data - base, stop - base, None, None, start, flags, code, vendor_id, None)
                )
                if flags & (MANDATORY_BIT | RESERVED_BITS):
                    layout.has_findings = True
                position = (stop + 3) & -4
                continue
            definition, name, proper_flags, settled, proper_size, decode, is_group = known
            if proper_size and size != proper_size and (proper_size > 0 or size < -proper_size):
                raise _length_error(self._dictionary, self._octets[position:end])
            if flags != proper_flags and (flags ^ proper_flags) & settled:
                layout.has_findings = True
            inner = None
            if is_group:
                inner = self._group_layout(avp_key(code, vendor_id), data, stop, depth)
            field = (
                data - base, stop - base, decode, inner, start, flags, code, vendor_id, definition
            )  # fmt: skip
            if name in fields:
                fields[name].append(field)
                layout.is_repeated = True
            else:
                fields[name] = [field]
            if inner is not None:
                self._enter(layout, inner, field, base, depth)
            position = (stop + 3) & -4
        layout.avps = before - self._left

    def _group_layout(self, key: int, data: int, stop: int, depth: int) -> Layout:
        """Returns the layout that is remembered of a group, else, or over a limit, a new one."""
        groups = self._groups
        if groups is not None and REMEMBERED_OCTETS_MIN <= stop - data <= OCTETS_MAX:
            key = key << _LENGTH_BITS | stop - data
            layout = groups.find(key, self._octets[data:stop])
            if layout is not None and self._is_within_limits(layout, depth):
                return layout
        return Layout()

    def _is_within_limits(self, layout: Layout, depth: int) -> bool:
        return layout.avps <= self._left and depth + layout.depth < GROUP_DEPTH_MAX

    def _enter(self, holder: Layout, layout: Layout, field: Field, base: int, depth: int) -> None:
        """Walks a group that is in its holder already, unless its layout was remembered."""
        data, stop, _, _, _, _, code, vendor_id, definition = field
        if depth >= GROUP_DEPTH_MAX:
            assert definition is not None, "only a group that is known is looked into"
            raise _depth_error(definition)
        if layout.avps:
            self._left -= layout.avps
        else:
            self.walk(layout, base + data, base + stop, depth + 1)
            if self._groups is not None and REMEMBERED_OCTETS_MIN <= stop - data <= OCTETS_MAX:
                key = avp_key(code, vendor_id) << _LENGTH_BITS | stop - data
                self._groups.learn(key, self._octets[base + data : base + stop], layout)
        holder.groups.append(field)
        holder.depth = max(holder.depth, layout.depth + 1)
        if layout.has_findings:
            holder.has_findings = True


def _received(octets: bytes, base: int, fields: list[Field]) -> list[Avp]:
    if len(fields) == 1:
        return [_avp(octets, base, fields[0])]
    return [_avp(octets, base, field) for field in fields]


def _avp(octets: bytes, base: int, field: Field) -> Avp:
    """Returns the AVP that stands in a field of the group that begins at `base`."""
    _, stop, _, _, start, flags, code, vendor_id, definition = field
    value = _value(octets, base, field)
    avp: Avp = _NEW_AVP(Avp, (definition, code, vendor_id, flags, value, base + start, base + stop))
    return avp


def _value(octets: bytes, base: int, field: Field) -> Value:
    """Returns what a field of the group that begins at `base` holds."""
    data, stop, decode, layout, _, _, _, _, _ = field
    if layout is not None:
        return Group(octets, base + data, layout)
    own = octets[base + data : base + stop]
    if decode is None:
        return own
    try:
        return decode(own)
    except UnicodeDecodeError:
        return decode_text(own)


def _has_odd_flags(avp: Avp) -> bool:
    definition = avp.definition
    if definition is None:
        return bool(avp.flags & RESERVED_BITS)
    return bool((avp.flags ^ definition.flags) & definition.settled_flags)


def _length_error(dictionary: Dictionary, rest: bytes) -> InvalidAvpLength:
    """Returns the error for the AVP that the rest of its group begins with."""
    name, length, failed_avp = _first_avp(dictionary, rest)
    return InvalidAvpLength(
        f"{name} cannot have a length of {length} octets, where {len(rest)} are left", failed_avp
    )


def _number_error(dictionary: Dictionary, rest: bytes) -> AvpOccursTooManyTimes:
    """Returns the error for the AVP that is one too many."""
    _, _, failed_avp = _first_avp(dictionary, rest)
    return AvpOccursTooManyTimes(f"the message has more than {AVPS_MAX} AVPs", failed_avp)


def _first_avp(dictionary: Dictionary, rest: bytes) -> tuple[str, int, bytes]:
    """Returns name and length of the AVP that octets begin with, and it as it can be shown."""
    code, word, vendor_id = _HEADER.unpack_from(rest[: _HEADER.size] + _OVERHANG)
    length, flags = word & _LENGTH_MASK, word >> 24
    if not flags & VENDOR_BIT:
        vendor_id = 0
    known = dictionary.known.get(vendor_id << 32 | code)
    definition = None if known is None else known[0]
    name = dictionary.name_of(code, vendor_id)
    data = b"" if definition is None else _fitting_data(definition, rest, flags, length)
    return name, length, whole_avp(code, flags, vendor_id, data)


def _fitting_data(definition: AvpDefinition, rest: bytes, flags: int, length: int) -> bytes:
    """Returns data that fits the format: what was received, cut or filled up, if it is whole."""
    layout = FORMATS[definition.type]
    header_octets = 12 if flags & VENDOR_BIT else 8
    if layout.octets is None or not header_octets <= length <= len(rest):
        return layout.example
    return rest[header_octets:length][: layout.octets].ljust(layout.octets, b"\0")


def _depth_error(definition: AvpDefinition) -> InvalidAvpValue:
    return InvalidAvpValue(
        f"{definition.name} stands more than {GROUP_DEPTH_MAX} groups deep", definition.wrap(b"")
    )
