"""Where the subscriber is: the first source that can be placed, in the order of belief."""

from ipaddress import ip_network

import pytest

from diameter_ocs.charging.information import LocationReport, LocationSource
from diameter_ocs.charging.location import UNKNOWN, Location, Place, determine

Source = LocationSource
GERMANY, FRANCE, POLAND = Place(("DE",), "26201"), Place(("FR",), "20801"), Place(("PL",))
PREFIXES = {"49": Place(("DE",)), "491701": GERMANY, "88299": Place(("DE",))}
ADDRESSES = {
    ip_network("10.0.0.0/8"): POLAND,
    ip_network("10.1.0.0/16"): FRANCE,
    ip_network("2001:db8::/32"): GERMANY,
}
ULI = LocationReport(Source.USER_LOCATION, "26201", countries=("DE",))
UNREADABLE = LocationReport(Source.USER_LOCATION)
SGSN = LocationReport(Source.SGSN_ADDRESS, address="10.1.2.3")
VLR = LocationReport(Source.VLR_NUMBER, number="48601000310", countries=("PL",))


def placed(*reports: LocationReport, last: Location = UNKNOWN) -> Location:
    return determine(reports, last, PREFIXES, ADDRESSES)


@pytest.mark.parametrize("source", Source)
def test_any_source_alone_is_believed(source):
    location = placed(LocationReport(source, "20801", countries=("FR",)))
    assert location == Location(source, "20801", ("FR",))
    assert location.is_assumed is (source is Source.RECEIVED_ADDRESS)


@pytest.mark.parametrize("first", Source)
def test_of_two_sources_the_first_is_believed(first):
    for second in list(Source)[first:]:
        reports = LocationReport(first, "20801"), LocationReport(second, "26201")
        assert placed(*reports) == Location(first, "20801")


def test_what_cannot_be_read_is_skipped_and_noted():
    location = placed(UNREADABLE, LocationReport(Source.SERVING_NETWORK), VLR)
    skipped = (Source.USER_LOCATION, Source.SERVING_NETWORK)
    assert location == Location(Source.VLR_NUMBER, None, ("PL",), skipped)


def test_what_comes_after_the_source_that_is_believed_is_not_noted():
    assert placed(ULI, LocationReport(Source.VLR_NUMBER)).skipped == ()


def test_where_nothing_can_be_placed_the_location_is_unknown():
    location = placed(UNREADABLE)
    assert location == Location(skipped=(Source.USER_LOCATION,))
    assert not location.is_known
    assert placed() == UNKNOWN


@pytest.mark.parametrize(
    ("number", "countries", "place"),
    [
        ("48601000310", ("PL",), Place(("PL",))),
        ("4917012345", ("DE",), GERMANY),
        ("491711", ("DE",), Place(("DE",))),
        ("8829912", (), Place(("DE",))),
        ("491701", (), GERMANY),
    ],
)
def test_a_number_is_placed_by_the_tenant_s_longest_prefix_else_by_what_is_known_of_all(
    number, countries, place
):
    location = placed(LocationReport(Source.MSC_ADDRESS, number=number, countries=countries))
    assert (location.countries, location.plmn) == place


@pytest.mark.parametrize("number", ["", "999", "4", "not a number"])
def test_a_number_of_nobody_s_is_skipped(number):
    report = LocationReport(Source.ORIGINATOR, number=number)
    assert placed(report, VLR) == Location(Source.VLR_NUMBER, None, ("PL",), (Source.ORIGINATOR,))


@pytest.mark.parametrize(
    ("address", "place"),
    [("10.1.2.3", FRANCE), ("10.2.2.3", POLAND), ("2001:db8::1", GERMANY)],
)
def test_a_serving_node_stands_where_the_narrowest_network_of_its_address_does(address, place):
    location = placed(LocationReport(Source.SGSN_ADDRESS, address=address))
    assert (location.countries, location.plmn) == place


@pytest.mark.parametrize("address", ["11.0.0.1", "2001:db9::1", "nonsense", ""])
def test_a_serving_node_that_the_tenant_does_not_know_is_skipped(address):
    report = LocationReport(Source.SGSN_ADDRESS, address=address)
    assert placed(report) == Location(skipped=(Source.SGSN_ADDRESS,))


HERE = Location(Source.USER_LOCATION, "26201", ("DE",))


def test_a_request_that_says_nothing_is_where_its_session_was():
    assert placed(last=HERE) == HERE._replace(is_remembered=True)
    called = Location(Source.VLR_NUMBER, None, ("PL",), (Source.USER_LOCATION,))
    assert placed(last=called) == called._replace(skipped=(), is_remembered=True)


def test_a_request_that_says_where_is_there():
    there = LocationReport(Source.SERVING_NETWORK, "20801", countries=("FR",))
    assert placed(there, last=HERE) == Location(Source.SERVING_NETWORK, "20801", ("FR",))


@pytest.mark.parametrize("source", [Source.USER_LOCATION, Source.SERVING_NETWORK, SGSN.source])
def test_where_the_equipment_was_seen_comes_before_what_merely_stands_near(source):
    last = HERE._replace(source=source)
    assert placed(VLR, last=last) == last._replace(is_remembered=True)
    assert placed(UNREADABLE, VLR, last=last) == last._replace(
        skipped=(Source.USER_LOCATION,), is_remembered=True
    )


def test_what_stands_near_now_comes_before_what_stood_near():
    last = Location(Source.MSC_ADDRESS, None, ("DE",))
    assert placed(VLR, last=last) == Location(Source.VLR_NUMBER, None, ("PL",))
