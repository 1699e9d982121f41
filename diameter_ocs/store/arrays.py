"""Columns of a batch as PostgreSQL arrays in binary, one parameter a column.

psycopg's own list adaptation chooses the type by the values, so that each batch could be a new
prepared statement; here the type is the column's.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct, pack

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

INT8, INT8_ARRAY = 20, 1016
TEXT, TEXT_ARRAY = 25, 1009
BYTEA, BYTEA_ARRAY = 17, 1001
TIMESTAMPTZ, TIMESTAMPTZ_ARRAY = 1184, 1185

EPOCH_2000 = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000, everything else here from 1970."""


TEXTS_REMEMBERED = 1024
"""Names of hosts and the like, which stand in most rows, are kept as they are sent."""

_NULL = b"\xff\xff\xff\xff"


class _Packed:
    """An array as it goes over the wire."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = octets


class _BigInts(_Packed): ...


class _Texts(_Packed): ...


class _Octets(_Packed): ...


class _Moments(_Packed): ...


def big_ints(values: Sequence[int | None]) -> _BigInts:
    """Packs integers as bigint[]."""
    return _BigInts(_fixed(INT8, values))


def moments(values: Sequence[int]) -> _Moments:
    """Packs microseconds since 1970 as timestamptz[]."""
    return _Moments(_fixed(TIMESTAMPTZ, [value - EPOCH_2000 for value in values]))


def optional_moments(values: Sequence[int | None]) -> _Moments:
    """Packs likewise what may be None."""
    since_2000 = [None if value is None else value - EPOCH_2000 for value in values]
    return _Moments(_fixed(TIMESTAMPTZ, since_2000))


def texts(values: Sequence[str | None]) -> _Texts:
    """Packs strings as text[]; octets that were no UTF-8 are written as escapes."""
    return _Texts(_array(TEXT, None in values, list(map(_text_field, values))))


def documents(values: Sequence[bytes | None]) -> _Texts:
    """Packs JSON as text[]."""
    return _Texts(_variable(TEXT, values))


def octets(values: Sequence[bytes | None]) -> _Octets:
    """Packs octets as bytea[]."""
    return _Octets(_variable(BYTEA, values))


def array_literals(rows: Iterable[Iterable[int]]) -> _Texts:
    """Packs rows of integers as text[], for a column that is itself bigint[]."""
    return _Texts(_variable(TEXT, [b"{%s}" % ",".join(map(str, row)).encode() for row in rows]))


@lru_cache(maxsize=1024)
def _layout(count: int) -> tuple[Struct, tuple[int, ...]]:
    return Struct(">iiiii" + "iq" * count), (8,) * count


def _fixed(oid: int, values: Sequence[int | None]) -> bytes:
    if None in values:
        return _variable(oid, [None if value is None else pack(">q", value) for value in values])
    struct, sizes = _layout(len(values))
    fields: list[int | None] = [0] * (2 * len(values))
    fields[::2] = sizes
    fields[1::2] = values
    return struct.pack(1, 0, oid, len(values), 1, *fields)


def _variable(oid: int, values: Sequence[bytes | None]) -> bytes:
    fields = [_NULL if value is None else len(value).to_bytes(4) + value for value in values]
    return _array(oid, None in values, fields)


def _array(oid: int, has_null: bool, fields: Sequence[bytes]) -> bytes:
    return pack(">iiiii", 1, has_null, oid, len(fields), 1) + b"".join(fields)


@lru_cache(maxsize=TEXTS_REMEMBERED)
def _text_field(value: str | None) -> bytes:
    """Returns a text of an array as it is sent: its length in octets, and these."""
    if value is None:
        return _NULL
    octets = value.encode(errors="backslashreplace")
    return len(octets).to_bytes(4) + octets


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Packed) -> bytes:
        return obj.octets


class _BigIntsDumper(_PackedDumper):
    oid = INT8_ARRAY


class _TextsDumper(_PackedDumper):
    oid = TEXT_ARRAY


class _OctetsDumper(_PackedDumper):
    oid = BYTEA_ARRAY


class _MomentsDumper(_PackedDumper):
    oid = TIMESTAMPTZ_ARRAY


def register(context: AdaptContext) -> None:
    """Teaches a connection to send packed arrays."""
    adapters = context.adapters
    adapters.register_dumper(_BigInts, _BigIntsDumper)
    adapters.register_dumper(_Texts, _TextsDumper)
    adapters.register_dumper(_Octets, _OctetsDumper)
    adapters.register_dumper(_Moments, _MomentsDumper)
