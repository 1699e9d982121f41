"""Prices are exact, and services are found in the order of their priorities."""

from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Catalogue, Plan, Price, Service
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    OCTETS,
    TEXT,
    TEXT_EACH,
    VIDEO,
    VOICE,
    allowance,
    catalogue,
    priced,
)

PRICES = st.builds(
    Price,
    st.integers(1, 10**9),
    st.integers(1, 2**40),
    st.integers(0, 1_000_000),
    st.just(0) | st.integers(1, 10**9),
    st.just(0) | st.integers(1, 10**6),
)
UNITS = st.integers(0, 2**43)


@pytest.mark.parametrize(
    ("price", "units", "charge", "tax"),
    [
        (Price(50_000, 60), 60, 50_000, 0),
        (Price(50_000, 60), 1, 833, 0),
        (Price(50_000, 60), 3, 2_500, 0),
        (Price(10_000, 2**20), 52, 0, 0),
        (Price(10_000, 2**20), 53, 1, 0),
        (Price(100, 1, 190_000), 1, 119, 19),
        (Price(1, 1, 190_000), 3, 4, 1),
        (Price(0, 1, 190_000), 10**12, 0, 0),
        (Price(50_000, 60, initial_micro_units=1000), 0, 0, 0),
        (Price(50_000, 60, initial_micro_units=1000), 3, 3_500, 0),
        (Price(50_000, 60, minimum_units=60), 3, 50_000, 0),
        (Price(50_000, 60, minimum_units=60), 61, 50_833, 0),
        (Price(100, 1, 190_000, 300, 5), 1, 952, 152),
        (Price(0, 1, 190_000, 300), 10**12, 357, 57),
    ],
)
def test_a_price_is_for_so_many_units_and_tax_is_the_part_above_net(price, units, charge, tax):
    assert price.charge_of(units) == charge
    assert price.tax_within(charge) == tax


@given(PRICES, st.integers(0, 10**15), st.integers(0, 10**6))
def test_of_a_greater_charge_neither_tax_nor_net_is_less(price, charge, more):
    tax = price.tax_within(charge + more) - price.tax_within(charge)
    assert 0 <= tax <= more


@given(PRICES, UNITS)
def test_a_charge_is_the_exact_price_to_half_a_micro_unit(price, units):
    net = Fraction(max(units, price.minimum_units) * price.micro_units, price.per_units)
    net += price.initial_micro_units
    exact = net * (1 + Fraction(price.tax_millionths, 1_000_000)) if units else 0
    assert Fraction(-1, 2) < price.charge_of(units) - exact <= Fraction(1, 2)


@given(PRICES, UNITS, st.integers(1, 10**6))
def test_more_units_never_cost_less(price, units, more):
    assert price.charge_of(units) <= price.charge_of(units + more)


@given(PRICES, st.integers(0, 10**15), UNITS)
def test_an_amount_buys_the_most_units_that_it_can_pay(price, amount, at_most):
    units = price.units_for(amount, at_most)
    assert price.charge_of(units) <= amount
    assert units == at_most or price.charge_of(units + 1) > amount


def test_nothing_at_a_price_of_nothing_is_all_that_is_asked_for():
    assert Price(0, 1).units_for(0, 2**63) == 2**63


@pytest.mark.parametrize(
    ("price", "has_beginning"),
    [
        (Price(1, 1), False),
        (Price(1, 1, minimum_units=1), False),
        (Price(1, 1, minimum_units=2), True),
        (Price(1, 1, initial_micro_units=1), True),
    ],
)
def test_a_price_has_a_beginning_where_the_first_unit_costs_more(price, has_beginning):
    assert price.has_beginning is has_beginning
    assert (price.charge_of(1) > price.charge_of(2) - price.charge_of(1)) is has_beginning


def services(offered: Catalogue, plans: tuple[str, ...], rating_group: int) -> list[Service]:
    return [candidate.service for candidate in offered.candidates(plans, rating_group)]


def test_plan_priority_comes_before_service_priority():
    first, second = allowance("first", VOICE, priority=9), allowance("second", VOICE, priority=0)
    offered = catalogue()
    offered = replace(
        offered,
        plans={"b": Plan("b", 0, (first,), ()), "a": Plan("a", 1, (second,), ())},
    )
    assert services(offered, ("a", "b"), VOICE) == [first, second]


def test_plans_that_catch_all_come_last():
    first, second = allowance("first", VOICE), allowance("second", VOICE)
    offered = catalogue()
    plans = {
        "a": Plan("a", 0, (second,), (), catch_all=True),
        "b": Plan("b", 9, (first,), ()),
    }
    offered = replace(offered, plans=plans)
    assert services(offered, ("a", "b"), VOICE) == [first, second]
    numbers = [candidate.number for candidate in offered.candidates(("a", "b"), VOICE)]
    assert numbers == [(1, 0), (0, 0)]


def test_services_of_a_plan_go_by_their_priority_and_only_where_they_name_the_group():
    late, early = allowance("late", VOICE, priority=2), allowance("early", VOICE, TEXT, priority=1)
    offered = catalogue(late, early, allowance("other", TEXT))
    assert services(offered, ("demo",), VOICE) == [early, late]


def test_of_equals_the_one_that_the_document_names_first_is_asked_first():
    one, other, late = (allowance(name, VOICE) for name in ("z", "y", "a"))
    plans = {"b": Plan("b", 0, (one, other), ()), "a": Plan("a", 0, (late,), ())}
    offered = replace(catalogue(), plans=plans)
    assert services(offered, ("a", "b"), VOICE) == [one, other, late]


def test_a_plan_held_twice_counts_once():
    service = allowance(OCTETS, DATA)
    assert services(catalogue(service), ("demo", "demo"), DATA) == [service]


def test_a_plan_that_the_catalogue_has_no_more_supplies_nothing():
    service = allowance(OCTETS, DATA)
    offered = catalogue(service)
    assert services(offered, ("gone", "demo"), DATA) == [service]
    assert services(offered, ("gone",), DATA) == []


@pytest.mark.parametrize(
    ("rating_group", "identifiers", "context", "expected"),
    [
        (TEXT, (), "32251", TEXT),
        (TEXT, (9,), None, TEXT),
        (None, (7,), "32251", TEXT),
        (None, (6, 7), "32251", TEXT),
        (None, (6,), "32251", DATA),
        (None, (), "32251", DATA),
        (None, (), "32274", None),
        (None, (), None, None),
        (VIDEO, (7,), "32251", None),
        (0, (), "32251", None),
    ],
)
def test_a_rating_group_is_named_else_mapped_else_the_context_s(
    rating_group, identifiers, context, expected
):
    offered = catalogue(groups=(DATA_BY_KIBIBYTES, TEXT_EACH))
    group = offered.rating_group_of(rating_group, identifiers, context)
    assert (None if group is None else group.id) == expected


def test_zero_is_a_rating_group():
    group = replace(TEXT_EACH, id=0)
    assert catalogue(groups=(group,)).rating_group_of(0, (), None) is group


def test_a_catalogue_does_not_change():
    with pytest.raises(FrozenInstanceError):
        catalogue(priced(Price(1, 1), VOICE)).version = 2
