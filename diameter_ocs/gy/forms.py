"""Octets in which only numbers change: cut once out of two samples, then filled in."""

from collections.abc import Callable
from itertools import groupby
from struct import Struct
from typing import NamedTuple

_CODES = {4: "I", 8: "Q"}
"""How struct writes a number, by its octets."""


class Form(NamedTuple):
    """Octets with gaps; `pack` takes `fixed` with a number between each two of them."""

    pack: Callable[..., bytes]
    fixed: tuple[bytes, ...]
    slots: tuple[bytes | int, ...]
    """`fixed` with a 0 in each gap."""

    def filled(self, *numbers: int) -> bytes:
        """Returns the octets with numbers in the gaps, of which there may be any number."""
        parts = list(self.slots)
        parts[1::2] = numbers
        return self.pack(*parts)


def form(least: bytes, greatest: bytes) -> Form:
    """Returns the form of two samples of the same octets, written with other numbers.

    They differ in every octet of a number: one was written with zeros, the other with the greatest
    numbers that there are.
    """
    assert len(least) == len(greatest), "the samples must be of one form"
    layout, fixed, end = ">", [], 0
    for is_number, run in groupby(range(len(least)), lambda at: least[at] != greatest[at]):
        octets = len(list(run))
        layout += _CODES[octets] if is_number else f"{octets}s"
        if not is_number:
            fixed.append(least[end : end + octets])
        end += octets
    if layout[-1] != "s":
        layout += "0s"
        fixed.append(b"")
    slots: list[bytes | int] = [0] * (2 * len(fixed) - 1)
    slots[::2] = fixed
    return Form(Struct(layout).pack, tuple(fixed), tuple(slots))
