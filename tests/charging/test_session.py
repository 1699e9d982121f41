"""What a session holds."""

from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import Hold, Line, Session


def session(*lines: Line) -> Session:
    return Session(1, 1, SessionKey(b"a"), "32251", "gw", "realm", 0, 0, 0, 1, lines)


def test_a_session_holds_the_sum_of_its_lines_by_balance():
    first = Hold("a", False, 60, ((1, 40), (2, 20)))
    second = Hold("b", True, 2, ((2, 500),))
    lines = Line(1, 100, None, holds=(first,)), Line(2, 200, None, holds=(first, second))
    assert session(*lines).held() == {1: 80, 2: 540}


def test_a_session_without_lines_holds_nothing():
    assert session().held() == {}


def test_a_line_covers_the_units_of_all_its_holds():
    holds = Hold("a", False, 60, ((1, 60),)), Hold("b", True, 3, ((2, 25),))
    assert Line(1, 100, None, holds=holds).held_units == 63


def test_a_hold_of_money_may_be_short_of_its_units():
    assert Hold("b", True, 3, ((2, 20), (3, 5))).amount == 25
