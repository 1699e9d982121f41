"""A bounded memory of what comes again and again."""

from diameter_ocs.gy.remembered import Remembered


def test_what_was_kept_is_found() -> None:
    remembered: Remembered[bytes, str] = Remembered(2)
    assert remembered.get(b"a") is None
    remembered.keep(b"a", "one")
    remembered.keep(b"b", "two")
    assert (remembered.get(b"a"), remembered.get(b"b")) == ("one", "two")


def test_never_more_is_kept_than_the_limit() -> None:
    remembered: Remembered[int, int] = Remembered(10)
    for number in range(1000):
        remembered.keep(number, number)
        assert remembered.get(number) == number
        assert len(remembered) <= 10
