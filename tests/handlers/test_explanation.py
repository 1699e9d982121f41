"""What was looked at for a request, by names: in both forms that the journal keeps."""

import pytest

from diameter_ocs.charging.considered import Reason
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.explanation import CONDITION_MAX, NO_NAME, Explanation, explained
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


@pytest.mark.parametrize(
    ("letter", "unmet"),
    [
        ("c", "countries: DE"),
        ("w", "networks: 262/*"),
        ("r", "at: home"),
        ("s", "same_country: true"),
        ("t", "party_countries: !US"),
        ("b", "party_numbers: 49*,4171*"),
        ("o", "party: off_net"),
        ("i", "direction: originating"),
        ("h", None),
        ("l", None),
    ],
)
def test_a_condition_that_did_not_hold_is_said_as_operators_write_it(
    letter: str, unmet: str | None
) -> None:
    when = (
        'countries: DE, networks: 262/*, at: home, same_country: true, party_countries: "!US",'
        ' party_numbers: "49*,4171*", party: off_net, direction: originating, hours: {days: mon}'
    )
    service = f"      - {{name: s, rating_groups: [0], price: {{amount: 1}}, when: {{{when}}}}}\n"
    home = "home_networks: 262/01\nhome_countries: [DE]\n"
    catalogue = build(read_document(home + GOOD + service), 1)
    (group,) = explained(f"0:0.2{letter}", catalogue).groups
    assert group.services[0].unmet == unmet


def test_a_long_condition_is_cut() -> None:
    numbers = ",".join(f"49{n}*" for n in range(100, 200))
    service = (
        "      - {name: s, rating_groups: [0], price: {amount: 1},"
        f' when: {{party_numbers: "{numbers}"}}}}\n'
    )
    (group,) = explained("0:0.2b", build(read_document(GOOD + service), 1)).groups
    unmet = group.services[0].unmet
    assert unmet is not None
    assert unmet.startswith("party_numbers: 49100*,49101*")
    assert unmet.endswith("...")
    assert len(unmet) == CONDITION_MAX + len("party_numbers: ")


@pytest.mark.parametrize("text", ["300:7.0c", "300:0.9p3"])
def test_what_the_catalogue_does_not_have_has_no_name(text: str) -> None:
    for catalogue in (CATALOGUE, None):
        (looked,) = explained(text, catalogue).groups[0].services
        assert (looked.plan, looked.service, looked.rate) == (NO_NAME, NO_NAME, None)


@pytest.mark.parametrize("text", ["300:0.0?", "300", "x:0.0p", "300:a/b/", "1:2:3", "300:0.0Z"])
def test_what_only_a_newer_program_reads_is_said_so(text: str) -> None:
    assert explained(text, CATALOGUE) == Explanation(is_readable=False)


def test_nothing_rated_and_emergencies_and_what_was_cut_are_told() -> None:
    assert explained(None, CATALOGUE) == Explanation()
    emergency = explained("0:e", CATALOGUE).groups[0]
    assert (emergency.is_emergency, emergency.services) == (True, ())
    assert explained("300:0.0c~", CATALOGUE).is_cut
