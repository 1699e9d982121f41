"""Restrictions are values, and say what they depend on."""

import pytest

from diameter_ocs.charging.expressions import parse_countries, parse_networks, parse_numbers
from diameter_ocs.charging.information import Direction
from diameter_ocs.charging.restrictions import Restrictions


@pytest.mark.parametrize(
    ("restrictions", "needs_location"),
    [
        (Restrictions(), False),
        (Restrictions(from_countries=parse_countries("DE")), True),
        (Restrictions(from_networks=parse_networks("262/*")), True),
        (Restrictions(is_roaming=False), True),
        (Restrictions(is_same_country=True), True),
        (Restrictions(to_countries=parse_countries("DE")), False),
        (Restrictions(numbers=parse_numbers("49*")), False),
        (Restrictions(is_on_net=True), False),
        (Restrictions(direction=Direction.ORIGINATING), False),
    ],
)
def test_what_depends_on_the_place_needs_a_location(restrictions, needs_location):
    assert restrictions.needs_location is needs_location


def test_restrictions_that_mean_the_same_are_equal():
    first, second = (Restrictions(from_countries=parse_countries("(DE, FR)")) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
