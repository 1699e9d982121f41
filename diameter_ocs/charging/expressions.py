"""Which countries, networks and called numbers a restriction takes: small expressions, read once.

All three are written alike: `!` is not, `(A,B)` any of these, `{A,B}` all of these, `*` any; a list
without brackets is any of these. What they are made of differs:

countries   `US`: codes of two letters (ISO 3166-1), and XK
networks    `310/260`, `505/*`, `31*/*`, `310/(350,012)`; `310` is `310/*`, `31*` is `31*/*`
numbers     `0800`, `49171*`: digits, country code first; a leading + may stand there

An expression becomes the sorted bounds of what it takes, so that it is looked up in one bisection,
however long and deep it is. One that takes everything or nothing in a roundabout way is refused: it
is not what was meant.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .countries import COUNTRIES, MEANT

CHARACTERS_MAX = 200_000
ENTRIES_MAX = 10_000
DEPTH_MAX = 16
"""How long an expression may be, how much it may name, how deep brackets and negations nest."""
DIGITS_MAX = 15
"""Digits of a number (ITU-T E.164 section 6)."""

_Bounds = tuple[str, ...]
"""Where what is taken begins, ends, begins again and so on, as texts in their order."""
_TOP = "~"
_NOTHING: _Bounds = ()
_EVERYTHING: _Bounds = ("", _TOP)

_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_MCC = _MNC = re.compile(r"[0-9]+\*?|\*")
_NUMBER = re.compile(r"\+?([0-9]+\*?)")


class ExpressionError(ValueError):
    """An expression that cannot be read: why, and where (an offset into its text)."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"at character {position + 1}: {reason}")
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Countries:
    """Some countries, or all but some."""

    text: str
    bounds: _Bounds = field(repr=False, compare=False)
    """Where what is taken begins, ends, begins again and so on, as texts in their order."""

    def matches(self, countries: tuple[str, ...]) -> bool:
        """Says whether someone is in these countries, by all the countries that it may be.

        A network may serve several. Countries that are named match when one of them is possible;
        all but some match when none of those is possible. Where nothing is known nothing matches.
        """
        if not countries:
            return False
        bounds = self.bounds
        inside = (bisect_right(bounds, country) & 1 for country in countries)
        return all(inside) if bounds[-1] == _TOP else any(inside)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Networks:
    """Some networks."""

    text: str
    bounds: _Bounds = field(repr=False, compare=False)
    """Where what is taken begins, ends, begins again and so on, as texts in their order."""

    def matches(self, plmn: str | None) -> bool:
        """Says whether a network is one of them: MCC and MNC together, as "26201" or "310260".

        An unknown one (None) is in no networks.
        """
        return plmn is not None and bisect_right(self.bounds, plmn) & 1 == 1

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Numbers:
    """Some numbers."""

    text: str
    bounds: _Bounds = field(repr=False, compare=False)
    """Where what is taken begins, ends, begins again and so on, as texts in their order."""

    def matches(self, digits: str | None) -> bool:
        """Says whether a number in digits, without a plus, is one of them; None never is."""
        return digits is not None and bisect_right(self.bounds, digits) & 1 == 1

    def __str__(self) -> str:
        return self.text


def parse_countries(text: str) -> Countries:
    """Reads an expression of countries.

    Raises:
        ExpressionError: it cannot be read.
    """
    return Countries(*_parsed(text, _country))


def parse_networks(text: str) -> Networks:
    """Reads an expression of networks.

    Raises:
        ExpressionError: it cannot be read.
    """
    return Networks(*_parsed(text, _network))


def parse_numbers(text: str) -> Numbers:
    """Reads an expression of called numbers.

    Raises:
        ExpressionError: it cannot be read.
    """
    return Numbers(*_parsed(text, _number))


class _Part(NamedTuple):
    """A part of an expression that has been read."""

    text: str
    """As it is best written."""
    bounds: _Bounds
    is_list: bool = False
    """It needs brackets where it is a part of something."""

    @property
    def bracketed(self) -> str:
        return f"({self.text})" if self.is_list else self.text


_ANY = _Part("*", _EVERYTHING)


class _Reader:
    """An expression, as far as it has been read."""

    __slots__ = ("entries", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.entries = 0

    def next(self) -> str:
        """Returns the next character that is no space, without taking it; "" at the end."""
        found = _SPACE.match(self.text, self.position)
        self.position = self.position if found is None else found.end()
        return self.text[self.position : self.position + 1]

    def takes(self, character: str) -> bool:
        """Takes a character, if it is the next."""
        if self.next() != character:
            return False
        self.position += 1
        return True

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Takes what a pattern matches right here."""
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def count(self) -> None:
        """Counts one more of what the expression names."""
        self.entries += 1
        if self.entries > ENTRIES_MAX:
            raise self.fault(f"more than {ENTRIES_MAX} entries; split the list")

    def fault(self, reason: str, position: int | None = None) -> ExpressionError:
        return ExpressionError(reason, self.position if position is None else position)


_Leaf = Callable[[_Reader], _Part]


def _parsed(text: str, leaf: _Leaf) -> tuple[str, _Bounds]:
    if len(text) > CHARACTERS_MAX:
        reason = f"longer than {CHARACTERS_MAX} characters; split the list"
        raise ExpressionError(reason, CHARACTERS_MAX)
    reader = _Reader(text)
    part = _any_of(reader, leaf, 0)
    if reader.next():
        raise reader.fault(_unexpected(reader))
    return part.text, part.bounds


def _any_of(reader: _Reader, leaf: _Leaf, depth: int) -> _Part:
    """Reads a list of which one is enough."""
    reader.next()
    start = reader.position
    parts = _items(reader, leaf, depth)
    if len(parts) == 1:
        return parts[0]
    bounds = _union(part.bounds for part in parts)
    if bounds == _EVERYTHING:
        reason = "leaves nothing out; all but A and B is !(A,B), A without B is {A,!B}, any is *"
        raise reader.fault(f"one of these is enough, and so this list {reason}", start)
    return _Part(",".join(part.bracketed for part in parts), bounds, is_list=True)


def _all_of(reader: _Reader, leaf: _Leaf, depth: int) -> _Part:
    """Reads a list, in braces, of which all are needed."""
    start = reader.position - 1
    parts = _items(reader, leaf, depth)
    if len(parts) == 1:
        return parts[0]
    bounds = _complement(_union(_complement(part.bounds) for part in parts))
    if bounds == _NOTHING:
        reason = "nothing is all of these; any of them is (A,B)"
        raise reader.fault(reason, start)
    return _Part(f"{{{','.join(part.bracketed for part in parts)}}}", bounds)


def _items(reader: _Reader, leaf: _Leaf, depth: int) -> list[_Part]:
    parts = [_item(reader, leaf, depth)]
    while reader.takes(","):
        parts.append(_item(reader, leaf, depth))
    return parts


def _item(reader: _Reader, leaf: _Leaf, depth: int) -> _Part:
    first = reader.next()
    start = reader.position
    if not first or first not in "!({":
        reader.count()
        return leaf(reader)
    if depth == DEPTH_MAX:
        raise reader.fault(f"more than {DEPTH_MAX} brackets and negations within each other")
    reader.position += 1
    if first == "!":
        part = _item(reader, leaf, depth + 1)
        if part.bounds == _EVERYTHING:
            raise reader.fault(
                "this takes nothing at all; what is taken is written without !", start
            )
        return _Part(f"!{part.bracketed}", _complement(part.bounds))
    part = (_any_of if first == "(" else _all_of)(reader, leaf, depth + 1)
    _close(reader, ")" if first == "(" else "}", start)
    return part


def _close(reader: _Reader, bracket: str, start: int) -> None:
    if reader.takes(bracket):
        return
    if reader.next():
        raise reader.fault(_unexpected(reader))
    raise reader.fault(f"this bracket is not closed; a {bracket} is missing", start)


def _unexpected(reader: _Reader) -> str:
    found = reader.next()
    if found in ")}":
        return f"{found} closes no bracket"
    return f"here belongs a comma or the end, not {found!r}"


def _missing(reader: _Reader, what: str) -> ExpressionError:
    found = reader.next()
    return reader.fault(f"here belongs {what}" + (f", not {found!r}" if found else ""))


def _country(reader: _Reader) -> _Part:
    if reader.takes("*"):
        return _ANY
    start = reader.position
    found = reader.take(_WORD)
    if found is None:
        raise _missing(reader, "a country of two letters, as US")
    code = found.group().upper()
    if code in COUNTRIES:
        return _Part(code, _exactly(code))
    if len(code) != 2 or not code.isalpha():
        raise reader.fault(f"{code[:20]} is not a country of two letters, as US", start)
    near = f" (did you mean {MEANT[code]}?)" if code in MEANT else ""
    raise reader.fault(f"ISO 3166-1 has no country {code}{near}", start)


def _network(reader: _Reader) -> _Part:
    start = reader.position
    found = reader.take(_MCC)
    if found is None:
        raise _missing(reader, "a network, as 310/260, 505/* or 31*/*")
    mcc = found.group()
    if mcc.endswith("*"):
        if len(mcc) > 4:
            raise reader.fault("an MCC has three digits", start)
        return _wild(reader, mcc)
    if len(mcc) != 3:
        raise reader.fault(f"an MCC has three digits, or fewer and a *, as {mcc[:2]}*", start)
    if not reader.takes("/"):
        return _Part(f"{mcc}/*", _beginning(mcc))
    if not reader.takes("("):
        mnc, bounds = _mnc(reader, mcc)
        return _Part(f"{mcc}/{mnc}", bounds)
    bracket = reader.position - 1
    pairs = [_mnc(reader, mcc)]
    while reader.takes(","):
        reader.count()
        pairs.append(_mnc(reader, mcc))
    _close(reader, ")", bracket)
    mncs = ",".join(mnc for mnc, _ in pairs)
    bounds = _union(each for _, each in pairs)
    return _Part(f"{mcc}/{mncs}" if len(pairs) == 1 else f"{mcc}/({mncs})", bounds)


def _wild(reader: _Reader, mcc: str) -> _Part:
    """Reads on after an MCC with a wildcard: what follows can only be all its networks."""
    if reader.takes("/") and not reader.takes("*"):
        raise reader.fault(f"after an MCC with a * belongs /*: {mcc}/*")
    return _ANY if mcc == "*" else _Part(f"{mcc}/*", _beginning(mcc[:-1]))


def _mnc(reader: _Reader, mcc: str) -> tuple[str, _Bounds]:
    reader.next()
    start = reader.position
    found = reader.take(_MNC)
    if found is None:
        raise _missing(reader, f"an MNC, as {mcc}/01, {mcc}/260 or {mcc}/*")
    mnc = found.group()
    digits = mnc.removesuffix("*")
    if mnc != digits:
        if len(digits) > 2:
            raise reader.fault("an MNC has two or three digits; before a * stand fewer", start)
        return mnc, _beginning(mcc + digits)
    if len(digits) not in (2, 3):
        raise reader.fault(f"an MNC has two or three digits, as {mcc}/01", start)
    return mnc, _exactly(mcc + mnc)


def _number(reader: _Reader) -> _Part:
    if reader.takes("*"):
        return _ANY
    start = reader.position
    found = reader.take(_NUMBER)
    if found is None:
        raise _missing(reader, "a number in digits, as 4930123 or 49171*")
    number = found.group(1)
    digits = number.removesuffix("*")
    if len(digits) > DIGITS_MAX:
        raise reader.fault(f"a number has at most {DIGITS_MAX} digits", start)
    if digits == number:
        return _Part(number, _exactly(digits))
    if reader.next().isdigit():
        raise reader.fault("after a * the number ends")
    return _Part(number, _beginning(digits))


def _exactly(text: str) -> _Bounds:
    return (text, text + " ")


def _beginning(prefix: str) -> _Bounds:
    return (prefix, prefix + _TOP)


def _union(parts: Iterable[_Bounds]) -> _Bounds:
    """Returns what is in any of them."""
    spans = sorted(span for bounds in parts for span in zip(bounds[::2], bounds[1::2], strict=True))
    union: list[str] = []
    for start, end in spans:
        if not union or start > union[-1]:
            union += (start, end)
        elif end > union[-1]:
            union[-1] = end
    return tuple(union)


def _complement(bounds: _Bounds) -> _Bounds:
    """Returns what is not in it."""
    inner = bounds[1:] if bounds[:1] == ("",) else ("", *bounds)
    return inner[:-1] if inner[-1] == _TOP else (*inner, _TOP)
