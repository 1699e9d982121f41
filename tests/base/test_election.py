"""The election between two nodes that connect to each other (RFC 6733 section 5.6.4)."""

import pytest

from diameter_ocs.base.election import wins_election


@pytest.mark.parametrize(
    ("greater", "smaller"),
    [
        ("b.example", "a.example"),
        ("B.EXAMPLE", "a.example"),
        ("b.example", "A.EXAMPLE"),
        ("ocs10.example", "ocs1.example"),
        ("ocs2.example", "ocs10.example"),
        ("a.example.net", "a.example"),
        ("a_1.example", "A-1.example"),
        # Only the letters of ASCII have two forms, and octets count, not characters.
        ("\u00e9.example", "\u00c9.example"),
        ("\uffff.example", "z.example"),
    ],
)
def test_of_two_names_the_greater_one_wins_and_the_other_one_loses(
    greater: str, smaller: str
) -> None:
    assert wins_election(greater, smaller)
    assert not wins_election(smaller, greater)


def test_a_name_does_not_win_against_itself_however_it_is_written() -> None:
    assert not wins_election("ocs.example", "ocs.example")
    assert not wins_election("OCS.example", "ocs.EXAMPLE")


def test_octets_that_are_no_text_are_compared_all_the_same() -> None:
    odd = b"\xff.example".decode("utf-8", "surrogateescape")
    assert wins_election(odd, "z.example")
