"""Octets in which only numbers change."""

import pytest

from diameter_ocs.gy.forms import form

FORMS = [
    (b"ab", b"ab", (), b"ab"),
    (b"a\0\0\0\0", b"a\xff\xff\xff\xff", (7,), b"a\0\0\0\7"),
    (b"a\0\0\0\0b", b"a\x7f\xff\xff\xffb", (2**32 - 1,), b"a\xff\xff\xff\xffb"),
    (
        b"a" + bytes(8) + b"bc",
        b"a" + b"\xff" * 8 + b"bc",
        (2**64 - 2,),
        b"a" + b"\xff" * 7 + b"\xfebc",
    ),
    (
        b"a" + bytes(8) + b"b\0\0\0\0",
        b"a" + b"\xff" * 8 + b"b\xff\xff\xff\xff",
        (1, 2),
        b"a\0\0\0\0\0\0\0\1b\0\0\0\2",
    ),
]


@pytest.mark.parametrize(("least", "greatest", "numbers", "octets"), FORMS)
def test_numbers_stand_where_the_samples_differ(
    least: bytes, greatest: bytes, numbers: tuple[int, ...], octets: bytes
) -> None:
    pack, (begin, *later), _ = cut = form(least, greatest)
    gaps = [each for pair in zip(numbers, later, strict=True) for each in pair]
    assert pack(begin, *gaps) == cut.filled(*numbers) == octets


def test_samples_of_two_forms_make_none() -> None:
    with pytest.raises(AssertionError):
        form(b"a\0\0\0\0", b"a\xff\xff\xff")


def test_a_number_has_four_or_eight_octets() -> None:
    with pytest.raises(KeyError):
        form(b"a\0\0\0", b"a\xff\xff\xff")
