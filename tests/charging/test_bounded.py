"""What was found once is kept, and never too much of it."""

from diameter_ocs.charging.bounded import keep


def test_of_too_much_the_oldest_is_forgotten():
    known: dict[str, int] = {}
    for value, key in enumerate("abcd"):
        keep(known, key, value, 3)
    assert known == {"b": 1, "c": 2, "d": 3}
