"""Restrictions hold or do not, and one that does not is named."""

from dataclasses import replace
from datetime import UTC

import pytest

from diameter_ocs.charging.considered import Reason
from diameter_ocs.charging.expressions import parse_countries, parse_networks, parse_numbers
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import Direction, LocationSource, ServiceInformation
from diameter_ocs.charging.location import UNKNOWN, Circumstances, Location
from diameter_ocs.charging.matching import Occasion, is_roaming, unmet
from diameter_ocs.charging.restrictions import Restrictions
from tests.charging.scenario import catalogue

HOME = Location(LocationSource.USER_LOCATION, "26201", ("DE",))
BORDER = Location(LocationSource.USER_LOCATION, "20801", ("FR",))
COUNTRY = Location(LocationSource.VLR_NUMBER, None, ("DE",))
NOWHERE = Location(LocationSource.USER_LOCATION, "90128")
CALL = ServiceInformation(
    (), Direction.ORIGINATING, "4930", "33123", other_countries=("FR",), apn="internet", rat_type=6
)
NOTHING_SAID = ServiceInformation()
THURSDAY_MORNING = 9 * 3600 * 10**6
OFFERED = replace(
    catalogue(), home_networks=parse_networks("262/(01,06)"), home_countries=("DE", "AT")
)


def met(
    restrictions: Restrictions,
    location: Location = HOME,
    information: ServiceInformation = CALL,
    is_on_net: bool | None = False,
    takes_unplaced: bool = False,
) -> Reason | None:
    circumstances = Circumstances(location, information, is_on_net)
    return unmet(
        restrictions, Occasion(circumstances, THURSDAY_MORNING, UTC, OFFERED), takes_unplaced
    )


HELD = [
    Restrictions(),
    Restrictions(from_countries=parse_countries("DE")),
    Restrictions(from_networks=parse_networks("262/*")),
    Restrictions(to_countries=parse_countries("!DE")),
    Restrictions(numbers=parse_numbers("33*")),
    Restrictions(hours=working_hours([("thu", "08:00-18:00")])),
    Restrictions(is_on_net=False),
    Restrictions(is_roaming=False),
    Restrictions(is_same_country=False),
    Restrictions(direction=Direction.ORIGINATING),
]
UNMET = [
    (Restrictions(from_countries=parse_countries("FR")), Reason.COUNTRY),
    (Restrictions(from_networks=parse_networks("208/*")), Reason.NETWORK),
    (Restrictions(to_countries=parse_countries("DE")), Reason.OTHER_COUNTRY),
    (Restrictions(numbers=parse_numbers("0800")), Reason.NUMBER),
    (Restrictions(hours=working_hours([("mon", "08:00-18:00")])), Reason.HOURS),
    (Restrictions(is_on_net=True), Reason.ON_NET),
    (Restrictions(is_roaming=True), Reason.ROAMING),
    (Restrictions(is_same_country=True), Reason.SAME_COUNTRY),
    (Restrictions(direction=Direction.TERMINATING), Reason.DIRECTION),
]


@pytest.mark.parametrize("restrictions", HELD)
def test_a_restriction_holds(restrictions):
    assert met(restrictions) is None


@pytest.mark.parametrize(("restrictions", "reason"), UNMET)
def test_a_restriction_that_does_not_hold_is_named(restrictions, reason):
    assert met(restrictions) is reason


def test_no_restrictions_always_hold():
    assert unmet(None, Occasion(Circumstances(), 0, UTC, OFFERED), False) is None


@pytest.mark.parametrize("restrictions", HELD[1:5] + HELD[6:])
def test_what_nobody_knows_never_holds(restrictions):
    reason = met(restrictions, UNKNOWN, NOTHING_SAID, None)
    names = (*Restrictions.__dataclass_fields__,)
    (name,) = (each for each in names if getattr(restrictions, each) is not None)
    if name in ("from_countries", "from_networks", "is_roaming"):
        assert reason is Reason.LOCATION_UNKNOWN
    else:
        assert reason not in (None, Reason.LOCATION_UNKNOWN)


def test_all_restrictions_must_hold():
    every = Restrictions(
        **{
            name: getattr(each, name)
            for each in HELD
            for name in each.__dataclass_fields__
            if getattr(each, name) is not None
        }
    )
    assert met(every) is None
    for broken, reason in UNMET:
        (change,) = (
            (name, getattr(broken, name))
            for name in broken.__dataclass_fields__
            if getattr(broken, name) is not None
        )
        assert met(replace(every, **dict([change]))) is reason


def test_an_unknown_location_is_the_reason_only_where_nothing_else_is():
    both = Restrictions(from_countries=parse_countries("DE"), direction=Direction.TERMINATING)
    assert met(both, UNKNOWN) is Reason.DIRECTION
    assert met(replace(both, direction=None), UNKNOWN) is Reason.LOCATION_UNKNOWN


def test_what_catches_all_takes_an_unknown_location_but_no_wrong_one():
    here = Restrictions(from_countries=parse_countries("DE"))
    assert met(here, UNKNOWN, takes_unplaced=True) is None
    assert met(here, BORDER, takes_unplaced=True) is Reason.COUNTRY
    elsewhere = replace(here, direction=Direction.TERMINATING)
    assert met(elsewhere, UNKNOWN, takes_unplaced=True) is Reason.DIRECTION


@pytest.mark.parametrize(
    ("location", "roams"),
    [
        (HOME, False),
        (BORDER, True),
        (Location(LocationSource.USER_LOCATION, "26202", ("DE",)), True),
        (COUNTRY, False),
        (COUNTRY._replace(countries=("FR",)), True),
        (COUNTRY._replace(countries=("FR", "AT")), False),
        (NOWHERE, True),
        (UNKNOWN, None),
    ],
)
def test_who_is_in_no_home_network_roams_and_of_a_country_alone_in_no_home_country(location, roams):
    assert is_roaming(location, OFFERED) is roams


@pytest.mark.parametrize("location", [HOME, COUNTRY])
def test_whose_home_nobody_knows_neither_roams_nor_is_at_home(location):
    assert is_roaming(location, catalogue()) is None
    homeless = Occasion(Circumstances(location), 0, UTC, catalogue())
    for roams in (True, False):
        assert unmet(Restrictions(is_roaming=roams), homeless, False) is Reason.ROAMING


def test_a_network_of_no_country_is_a_known_location():
    assert met(Restrictions(from_countries=parse_countries("*")), NOWHERE) is Reason.COUNTRY
    assert met(Restrictions(from_networks=parse_networks("901/*")), NOWHERE) is None


@pytest.mark.parametrize(
    ("others", "is_same", "reason"),
    [
        (("DE",), True, None),
        (("DE", "AT"), True, None),
        (("FR",), True, Reason.SAME_COUNTRY),
        (("FR",), False, None),
        (("DE",), False, Reason.SAME_COUNTRY),
        ((), True, Reason.SAME_COUNTRY),
        ((), False, Reason.SAME_COUNTRY),
    ],
)
def test_the_other_end_is_in_the_country_where_the_subscriber_is(others, is_same, reason):
    information = CALL._replace(other_countries=others)
    restrictions = Restrictions(is_same_country=is_same)
    assert met(restrictions, HOME, information) is reason
    if others:
        assert met(restrictions, UNKNOWN, information) is Reason.LOCATION_UNKNOWN
    else:
        assert met(restrictions, UNKNOWN, information) is Reason.SAME_COUNTRY
    assert met(restrictions, NOWHERE, information) is Reason.SAME_COUNTRY


def test_who_is_called_is_judged_by_who_calls():
    called = CALL._replace(direction=Direction.TERMINATING)
    assert met(Restrictions(numbers=parse_numbers("4930")), HOME, called) is None
    assert met(Restrictions(numbers=parse_numbers("33*")), HOME, called) is Reason.NUMBER
