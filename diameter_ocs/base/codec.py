"""Decodes AVPs into groups by name, driven by the dictionary (RFC 6733 section 4).

Octets that cannot be decoded end with an error of RFC 6733 section 7 whose Failed-AVP is well
formed; depth and number of AVPs are bounded.
"""

from struct import Struct
from typing import Any, NamedTuple

from .dictionary import AvpDefinition, Dictionary
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

GROUP_DEPTH_MAX = 8
AVPS_MAX = 4096

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

    `is_repeated` tells whether any name stands there more than once.
    """

    __slots__ = ("by_name", "is_repeated", "unknown")

    def __init__(self) -> None:
        self.by_name: dict[str, list[Avp]] = {}
        self.unknown: list[Avp] = []
        self.is_repeated = False

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def first(self, name: str) -> Value | None:
        """Returns the value of the first AVP of the name, None without one."""
        avps = self.by_name.get(name)
        return avps[0].value if avps else None

    def all(self, name: str) -> list[Value]:
        """Returns the values of all AVPs of the name, in their order."""
        return [avp.value for avp in self.by_name.get(name, ())]

    def avp(self, name: str) -> Avp | None:
        """Returns the first AVP of the name, None without one."""
        avps = self.by_name.get(name)
        return avps[0] if avps else None

    def avps(self, name: str) -> list[Avp]:
        """Returns all AVPs of the name, in their order."""
        return self.by_name.get(name, [])


class Findings:
    """What decoding met, at any depth, that a check may have to look at.

    `groups` are the Grouped AVPs that were decoded, an outer one before those in it,
    `unknown_mandatory` the unknown AVPs with the M bit, each with the groups around it,
    `odd_flags` the AVPs whose flags differ from what the dictionary settles or have bits that
    mean nothing.
    """

    __slots__ = ("groups", "odd_flags", "unknown_mandatory")

    def __init__(self) -> None:
        self.groups: list[Avp] = []
        self.unknown_mandatory: list[tuple[Avp, list[Avp]]] = []
        self.odd_flags: list[Avp] = []

    def note_unknown(self, avp: Avp, around: list[Avp]) -> None:
        """Keeps an unknown AVP that matters, with the groups around it, the outermost first."""
        if avp.flags & MANDATORY_BIT:
            self.unknown_mandatory.append((avp, around))
        if avp.flags & RESERVED_BITS:
            self.odd_flags.append(avp)


def decode_avps(
    dictionary: Dictionary, octets: bytes, position: int, group: Group, findings: Findings
) -> None:
    """Fills the group with the AVPs from the position to the end of the octets.

    On an error the group keeps what stands before the fault.

    Raises:
        InvalidAvpLength: an AVP leaves its message or group, or its length does not fit.
        InvalidAvpValue: groups stand deeper than GROUP_DEPTH_MAX.
        AvpOccursTooManyTimes: there are more AVPs than AVPS_MAX.
    """
    get, unpack, new_avp = dictionary.known.get, _HEADER.unpack_from, _NEW_AVP
    padded, end, by_name = octets + _OVERHANG, len(octets), group.by_name
    # The groups around the one that is being filled, their ends, and the AVP that holds the next.
    outer: list[tuple[Group, int, Avp]] = []
    for _ in range(AVPS_MAX + 1):
        while position >= end:
            if not outer:
                return
            position = (end + 3) & -4
            group, end, _ = outer.pop()
            by_name = group.by_name
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
            raise _length_error(dictionary, octets[position:end])
        if known is None:
            avp = Avp(None, code, vendor_id, word >> 24, octets[data:stop], position, stop)
            group.unknown.append(avp)
            findings.note_unknown(avp, [holder for _, _, holder in outer])
            position = (stop + 3) & -4
            continue
        definition, name, proper_flags, settled, size, decode, is_group = known
        if size and stop - data != size and (size > 0 or stop - data < -size):
            raise _length_error(dictionary, octets[position:end])
        if is_group:
            value: Value = Group()
        elif decode is None:
            value = octets[data:stop]
        else:
            try:
                value = decode(octets[data:stop])
            except UnicodeDecodeError:
                value = decode_text(octets[data:stop])
        flags = word >> 24
        avp = new_avp(Avp, (definition, code, vendor_id, flags, value, position, stop))
        if flags != proper_flags and (flags ^ proper_flags) & settled:
            findings.odd_flags.append(avp)
        if name in by_name:
            by_name[name].append(avp)
            group.is_repeated = True
        else:
            by_name[name] = [avp]
        if is_group:
            if len(outer) >= GROUP_DEPTH_MAX:
                raise _depth_error(definition)
            findings.groups.append(avp)
            outer.append((group, end, avp))
            group, by_name, position, end = value, value.by_name, data, stop
        else:
            position = (stop + 3) & -4
    raise AvpOccursTooManyTimes(f"the message has more than {AVPS_MAX} AVPs")


def _length_error(dictionary: Dictionary, rest: bytes) -> InvalidAvpLength:
    """Returns the error for the AVP that the rest of its group begins with."""
    code, word, vendor_id = _HEADER.unpack_from(rest + _OVERHANG)
    length, flags = word & _LENGTH_MASK, word >> 24
    if not flags & VENDOR_BIT:
        vendor_id = 0
    known = dictionary.known.get(vendor_id << 32 | code)
    definition = None if known is None else known[0]
    name = f"AVP {code} of vendor {vendor_id}" if definition is None else definition.name
    data = b"" if definition is None else _fitting_data(definition, rest, flags, length)
    return InvalidAvpLength(
        f"{name} has a length of {length} octets, where {len(rest)} are left",
        whole_avp(code, flags, vendor_id, data),
    )


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
