"""What was looked at for a request, by names: in both forms that the journal keeps."""

import pytest

from diameter_ocs.charging.considered import Reason
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.explanation import NO_NAME, Explanation, explained
from tests.handlers.catalogue_text import GOOD

CATALOGUE = build(
    read_document(
        GOOD + "      - {name: by place, rating_groups: [0], rates: [{zone: EU, price: {amount: 2},"
        ' when: {countries: "(FR,IT)"}}, {zone: world, price: {amount: 5}}]}\n'
    ),
    1,
)


def test_places_in_the_catalogue_become_names_and_prices() -> None:
    group, other = explained("300:0.0p,0.1n 0:0.2p1!", CATALOGUE).groups
    assert [(each.plan, each.service, each.reason) for each in group.services] == [
        ("plan", "included", Reason.PAYS),
        ("plan", "paid", Reason.NO_RATE),
    ]
    assert (group.services[0].rate, group.services[0].balance_types) == (None, ("data",))
    (last,) = other.services
    assert last.rate is not None
    assert (last.rate.zone, last.rate.price.micro_units, last.ends_search) == (
        "world",
        5_000_000,
        True,
    )


def test_names_in_full_are_taken_as_they_stand() -> None:
    (group,) = explained("0:plan/by%20place/p0,gone/old/c", CATALOGUE).groups
    first, second = group.services
    assert first.rate is not None
    assert (first.service, first.rate.zone) == ("by place", "EU")
    assert (second.plan, second.service, second.rate) == ("gone", "old", None)


@pytest.mark.parametrize("text", ["300:7.0c", "300:0.9p3"])
def test_what_the_catalogue_does_not_have_has_no_name(text: str) -> None:
    for catalogue in (CATALOGUE, None):
        (looked,) = explained(text, catalogue).groups[0].services
        assert (looked.plan, looked.service, looked.rate) == (NO_NAME, NO_NAME, None)


def test_nothing_rated_and_emergencies_and_what_was_cut_are_told() -> None:
    assert explained(None, CATALOGUE) == Explanation()
    emergency = explained("0:e", CATALOGUE).groups[0]
    assert (emergency.is_emergency, emergency.services) == (True, ())
    assert explained("300:0.0c~", CATALOGUE).is_cut
