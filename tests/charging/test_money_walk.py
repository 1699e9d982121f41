"""Sessions and events that mix money and units, at random: the books stay right throughout.

A model without lines or holds knows what was paid: what was said in money and could be paid.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.requests import RequestType, ServiceUsage, Units
from diameter_ocs.charging.units import MILLIONTHS, UnitType
from tests.charging.scenario import (
    DATA,
    MONEY,
    OCTETS,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    rating_group,
)

GROUP = rating_group(DATA, UnitType.VOLUME, 1024)
RICH = 10**12

exact = st.one_of(st.integers(0, 5 * MILLIONTHS), st.integers(0, 10**9 * MILLIONTHS))
"""Millionths of a micro-unit."""


def money(finest: int) -> Units:
    whole = -(-finest // MILLIONTHS)
    return Units(money=whole, fraction=whole * MILLIONTHS - finest)


def units(amount: int) -> Units:
    return Units(octets=amount)


amounts = st.one_of(exact.map(money), st.integers(0, 10**6).map(units))
services = st.tuples(
    st.just(DATA),
    st.sampled_from([(), (1,), (2,)]),
    st.one_of(st.none(), st.just(Units()), amounts),
    st.lists(amounts, max_size=2).map(tuple),
).map(lambda fields: ServiceUsage(*fields))
steps = st.lists(
    st.tuples(st.sampled_from(RequestType), st.sampled_from([b"one", b"two"]), services),
    max_size=12,
)


def desk(total: int) -> Desk:
    sold = priced(Price(7, 1024, 190_000, 50, 4096), DATA), allowance(OCTETS, DATA)
    offered = replace(catalogue(*sold, groups=(GROUP,)), default_monetary_balance_type=MONEY)
    return Desk(offered, balance(1, MONEY, total), balance(2, OCTETS, 10**5))


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([0, 1, 10**4, RICH]))
def test_money_and_units_are_charged_and_left_to_the_micro_unit(
    taken: list[tuple[RequestType, bytes, ServiceUsage]], total: int
) -> None:
    opened = desk(total)
    paid = 0
    for kind, session, usage in taken:
        name = b"event" if kind is RequestType.EVENT else session
        said = usage._replace(used=()) if kind is RequestType.EVENT else usage
        decision = opened.ask(kind, (said,), name, currency=0)
        for edr in decision.edrs:
            paid += sum(record.settlement.charged_amount for record in edr.services)
        for session_now in opened.case.sessions.values():
            for line in session_now.lines:
                assert line.unit_type is not UnitType.MONEY or line.priced <= line.settled
    used, reserved = opened.balance(1)
    assert used == paid
    assert used + reserved <= total


@settings(max_examples=60, deadline=None)
@given(st.lists(exact, max_size=8))
def test_a_session_costs_the_exact_sum_rounded_up(reports: list[int]) -> None:
    opened = desk(RICH)
    opened.initial(ServiceUsage(DATA, (), money(MILLIONTHS)), currency=0)
    for finest in reports:
        usage = ServiceUsage(DATA, (), money(10**6 * MILLIONTHS), (money(finest),))
        opened.update(usage, currency=0)
    opened.terminate()
    assert opened.balance(1) == (-(-sum(reports) // MILLIONTHS), 0)
