"""What nobody has heard of: claimed by a repeat, or due after four minutes."""

from diameter_ocs.charging.decisions import Stored
from diameter_ocs.handlers import unclaimed
from diameter_ocs.handlers.unclaimed import Unanswered, Unclaimed
from tests.store.scenario import event, initial

ONE, TWO = initial(session=b"one"), initial(session=b"two")


def numbers(found: list[Unanswered]) -> list[int]:
    return [each.stored.number for each in found]


def test_it_is_due_after_four_minutes() -> None:
    late = Unclaimed()
    late.add(1, ONE, Stored(5, 0), 100.0)
    late.add(1, TWO, Stored(6, 0), 101.0)
    assert numbers(late.due(339.9, 9)) == []
    assert numbers(late.due(340.0, 9)) == [5]
    assert numbers(late.due(341.0, 9)) == [5, 6]
    assert numbers(late.due(341.0, 1)) == [5]


def test_what_is_claimed_is_due_no_more() -> None:
    late = Unclaimed()
    late.add(1, ONE, Stored(5, 0), 0.0)
    (found,) = late.due(1000.0, 9)
    assert late.claim(1, TWO, None) is None
    assert late.claim(2, ONE, None) is None
    assert late.claim(1, ONE._replace(end_to_end_id=77), None) == Stored(5, 0)
    assert late.claim(1, ONE, None) is None
    assert found not in late
    assert numbers(late.due(1000.0, 9)) == []


def test_a_newer_opening_of_a_name_takes_the_place_of_the_old_one() -> None:
    late = Unclaimed()
    late.add(1, ONE, Stored(5, 0), 0.0)
    (old,) = late.due(1000.0, 9)
    late.add(1, TWO, Stored(6, 0), 1.0)
    late.add(1, ONE._replace(request_number=3), Stored(9, 0), 2.0)
    late.remove(old)
    assert numbers(late.due(1000.0, 9)) == [6, 9]
    late.remove(late.due(1000.0, 9)[1])
    assert numbers(late.due(1000.0, 9)) == [6]


def test_events_of_one_name_are_told_apart_by_what_was_stored() -> None:
    late = Unclaimed()
    late.add(1, event(), Stored(5, 0), 0.0)
    late.add(1, event(), Stored(6, 0), 0.0)
    assert late.claim(1, event(), Stored(7, 0)) is None
    assert late.claim(1, event(), Stored(6, 0)) == Stored(6, 0)
    assert numbers(late.due(1000.0, 9)) == [5]
    late.answer(1, event(), Stored(5, 0))
    late.answer(1, event(), Stored(6, 0))
    assert numbers(late.answered(9)) == [5, 6]
    late.marked(late.answered(9)[0])
    assert numbers(late.answered(9)) == [6]


def test_only_what_names_it_is_kept() -> None:
    late = Unclaimed()
    late.add(1, event(), Stored(5, 0), 0.0)
    (found,) = late.due(1000.0, 9)
    assert (found.request.identities, found.request.usages) == ((), ())


def test_of_too_many_the_oldest_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(unclaimed, "UNCLAIMED_MAX", 2)
    late = Unclaimed()
    for number in range(3):
        late.add(number, ONE, Stored(number, 0), float(number))
    assert numbers(late.due(1000.0, 9)) == [1, 2]


def test_a_test_clock_that_is_moved_has_it_come_due() -> None:
    late = Unclaimed()
    late.add(1, ONE, Stored(5, 0), 100.0)
    late.add(1, TWO, Stored(6, 0), 200.0)
    late.advance(150.0)
    assert numbers(late.due(189.9, 9)) == []
    assert numbers(late.due(190.0, 9)) == [5]
