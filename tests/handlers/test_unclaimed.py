"""Openings that nobody answered for: claimed by a repeat, or due after four minutes."""

from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.handlers import unclaimed
from diameter_ocs.handlers.unclaimed import Opening, Unclaimed

ONE = Opening(1, SessionKey(b"one"), 5)
TWO = Opening(2, SessionKey(b"two"), 6)


def test_an_opening_is_due_after_four_minutes() -> None:
    openings = Unclaimed()
    openings.add(ONE, 100.0)
    openings.add(TWO, 101.0)
    assert list(openings.due(339.9, 9)) == []
    assert list(openings.due(340.0, 9)) == [ONE]
    assert list(openings.due(341.0, 9)) == [ONE, TWO]
    assert list(openings.due(341.0, 1)) == [ONE]


def test_what_is_claimed_is_due_no_more() -> None:
    openings = Unclaimed()
    openings.add(ONE, 0.0)
    assert openings.claim(1, SessionKey(b"other")) == 0
    assert openings.claim(2, SessionKey(b"one")) == 0
    assert openings.claim(1, SessionKey(b"one")) == 5
    assert openings.claim(1, SessionKey(b"one")) == 0
    assert ONE not in openings
    assert list(openings.due(1000.0, 9)) == []


def test_a_newer_opening_of_a_name_takes_the_place_of_the_old_one() -> None:
    openings = Unclaimed()
    newer = ONE._replace(number=9)
    openings.add(ONE, 0.0)
    openings.add(TWO, 1.0)
    openings.add(newer, 2.0)
    openings.remove(ONE)
    assert list(openings.due(1000.0, 9)) == [TWO, newer]
    openings.remove(newer)
    assert list(openings.due(1000.0, 9)) == [TWO]


def test_of_too_many_the_oldest_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(unclaimed, "OPENINGS_MAX", 2)
    openings = Unclaimed()
    for number in range(3):
        openings.add(ONE._replace(group=number), float(number))
    assert [opening.group for opening in openings.due(1000.0, 9)] == [1, 2]
