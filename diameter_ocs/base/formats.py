"""The formats of AVP data, to values and back (RFC 6733 sections 4.2 and 4.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any

# A decoded value: int, float, str, bytes, (address family, octets) or a Group.
Value = Any
# Takes the octets of the data, which have the format's size if it has one; returns the value.
Decode = Callable[[bytes], Value]
# Takes a value and returns the octets of a whole AVP with header and padding.
Encode = Callable[[Value], bytes]

VENDOR_BIT = 0x80
MANDATORY_BIT = 0x40
PROTECTED_BIT = 0x20
RESERVED_BITS = 0x1F

AVP_OCTETS_MAX = 0xFFFFFF
PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

# Time counts from 1900, Unix time from 1970.
UNIX_EPOCH_SECONDS = 2_208_988_800
# Times with the top bit clear lie in the era that began on 2036-02-07 (RFC 5905 section 6).
ERA_SECONDS = 1 << 32
ERA_PIVOT = 1 << 31
# The last second that a Time can tell of: it lies in 2104.
UNIX_SECONDS_MAX = ERA_PIVOT + ERA_SECONDS - 1 - UNIX_EPOCH_SECONDS

_ADDRESS_FAMILY_OCTETS = 2


@dataclass(frozen=True, slots=True)
class Format:
    """One data format: how long it is and how it is read and written.

    `octets` is the exact length of the data, None for any from `octets_min` up. `decode` is
    None where the octets are the value. `pack` is the struct code of a format with an exact
    length, whose values `to_number` converts first; `to_octets` writes the values of the
    others, None where the value is the octets. `example` is the least data that can be.
    """

    octets: int | None
    decode: Decode | None
    pack: str = ""
    to_octets: Callable[[Value], bytes] | None = None
    to_number: Callable[[Value], int] | None = None
    octets_min: int = 0
    example: bytes = b""


def decode_text(octets: bytes) -> str:
    """Returns the text; octets that are not UTF-8 become lone surrogates, and so come back."""
    return octets.decode("utf-8", "surrogateescape")


def decode_time(octets: bytes) -> int:
    """Returns Unix seconds."""
    seconds = int.from_bytes(octets)
    if seconds < ERA_PIVOT:
        seconds += ERA_SECONDS
    return seconds - UNIX_EPOCH_SECONDS


def decode_address(octets: bytes) -> tuple[int, bytes]:
    """Returns (address family, octets): family 1 is IPv4, 2 is IPv6, 8 is E.164 in digits."""
    family = int.from_bytes(octets[:_ADDRESS_FAMILY_OCTETS])
    return family, octets[_ADDRESS_FAMILY_OCTETS:]


def _number_decoder(code: str) -> Decode:
    unpack = Struct(">" + code).unpack

    def decode(octets: bytes) -> Value:
        return unpack(octets)[0]

    return decode


def _encode_text(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _encode_address(value: tuple[int, bytes]) -> bytes:
    family, octets = value
    return family.to_bytes(_ADDRESS_FAMILY_OCTETS) + octets


def _ntp_seconds(unix_seconds: int) -> int:
    seconds = unix_seconds + UNIX_EPOCH_SECONDS
    if not ERA_PIVOT <= seconds < ERA_PIVOT + ERA_SECONDS:
        raise ValueError(f"{unix_seconds} cannot be a Time: it lies before 1968 or after 2104")
    return seconds % ERA_SECONDS


# Text that is not UTF-8 makes this decoding fail; decode_text takes it.
_TEXT = Format(octets=None, decode=bytes.decode, to_octets=_encode_text)

FORMATS = {
    "Unsigned32": Format(octets=4, decode=int.from_bytes, pack="I", example=bytes(4)),
    "Unsigned64": Format(octets=8, decode=int.from_bytes, pack="Q", example=bytes(8)),
    "Integer32": Format(octets=4, decode=_number_decoder("i"), pack="i", example=bytes(4)),
    "Integer64": Format(octets=8, decode=_number_decoder("q"), pack="q", example=bytes(8)),
    "Enumerated": Format(octets=4, decode=_number_decoder("i"), pack="i", example=bytes(4)),
    "Float32": Format(octets=4, decode=_number_decoder("f"), pack="f", example=bytes(4)),
    "Float64": Format(octets=8, decode=_number_decoder("d"), pack="d", example=bytes(8)),
    "Time": Format(
        octets=4, decode=decode_time, pack="I", to_number=_ntp_seconds, example=bytes(4)
    ),
    "Address": Format(
        octets=None,
        decode=decode_address,
        to_octets=_encode_address,
        octets_min=_ADDRESS_FAMILY_OCTETS,
        example=b"\0\1\0\0\0\0",
    ),
    "OctetString": Format(octets=None, decode=None, to_octets=None),
    "UTF8String": _TEXT,
    "DiameterIdentity": _TEXT,
    "DiameterURI": _TEXT,
    "IPFilterRule": _TEXT,
    "Grouped": Format(octets=None, decode=None),
}


def avp_header(code: int, flags: int, vendor_id: int, data_octets: int) -> bytes:
    """Returns the header of an AVP; the vendor's field is there when the V bit is set.

    Raises:
        ValueError: the AVP would be longer than its length field can say.
    """
    vendor = vendor_id.to_bytes(4) if flags & VENDOR_BIT else b""
    length = 8 + len(vendor) + data_octets
    if length > AVP_OCTETS_MAX:
        raise ValueError(f"an AVP of {length} octets is longer than {AVP_OCTETS_MAX}")
    return b"".join((code.to_bytes(4), bytes((flags,)), length.to_bytes(3), vendor))


def whole_avp(code: int, flags: int, vendor_id: int, data: bytes) -> bytes:
    """Returns an AVP around octets that are already encoded, with header and padding."""
    return avp_header(code, flags, vendor_id, len(data)) + data + PADDING[len(data) & 3]


def encoder(format_name: str, code: int, flags: int, vendor_id: int) -> Encode:
    """Returns the function that writes one AVP; the value of a Grouped is its octets here."""
    layout = FORMATS[format_name]
    if layout.octets is not None:
        return _fixed_encoder(layout, code, flags, vendor_id)
    frame = data_encoder(code, flags, vendor_id)
    to_octets = layout.to_octets
    if to_octets is None:
        return frame

    def encode(value: Value) -> bytes:
        return frame(to_octets(value))

    return encode


def data_encoder(code: int, flags: int, vendor_id: int) -> Callable[[bytes], bytes]:
    """Returns the function that puts header and padding around octets."""
    empty = avp_header(code, flags, vendor_id, 0)
    prefix, header_octets, suffix = empty[:5], len(empty), empty[8:]
    data_octets_max = AVP_OCTETS_MAX - header_octets

    def encode(data: bytes) -> bytes:
        octets = len(data)
        if octets > data_octets_max:
            raise ValueError(f"{octets} octets of data do not fit into one AVP")
        length = (octets + header_octets).to_bytes(3)
        return b"".join((prefix, length, suffix, data, PADDING[octets & 3]))

    return encode


def _fixed_encoder(layout: Format, code: int, flags: int, vendor_id: int) -> Encode:
    assert layout.octets is not None
    header = avp_header(code, flags, vendor_id, layout.octets)
    pack = Struct(f">{len(header)}s{layout.pack}").pack
    to_number = layout.to_number

    def encode(value: Value) -> bytes:
        try:
            return pack(header, value)
        except (StructError, OverflowError) as error:
            raise ValueError(f"{value!r} cannot be written: {error}") from error

    if to_number is None:
        return encode

    def encode_converted(value: Value) -> bytes:
        return encode(to_number(value))

    return encode_converted
