"""The few steps of most quotas do what the many of all others do, or nothing."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Insufficiency, Price, Source, Tariff
from diameter_ocs.charging.ledger import Balance, Ledger
from diameter_ocs.charging.quota import grant_any
from diameter_ocs.charging.session import Line
from diameter_ocs.charging.settlement import settle_any
from diameter_ocs.charging.steady import grant_one, settle_one

SMALL = st.integers(0, 40)
OCTETS, MONEY = Source("allowance", False, ("octets",)), Source("sale", True, ("money",))
PRICE = Price(micro_units=7, per_units=3)


class Situation(NamedTuple):
    """A line that was granted a quota, what could pay, and what the next request says."""

    line: Line
    granted: int
    balances: dict[int, Balance]
    tariff: Tariff
    insufficiency: Insufficiency
    used: int
    wanted: int


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    free = [draw(SMALL), draw(SMALL), draw(SMALL)]
    types = ("octets", "octets", "money")
    balances = {
        number: Balance(number, 1, name, 0, amount, 0, 0)
        for number, (name, amount) in enumerate(zip(types, free, strict=True), 1)
    }
    sources = draw(st.sampled_from([(OCTETS,), (OCTETS, MONEY), (MONEY, OCTETS), (MONEY,)]))
    price = PRICE if MONEY in sources else None
    tariff = Tariff(price, sources, ("octets", "money"), False)
    before = draw(SMALL)
    rounding = draw(st.sampled_from([1, 1, 3, 10]))
    settled = -(-before // rounding) * rounding
    line = Line(1, 300, price, before, settled, rounding=rounding)
    ledger = Ledger(balances, (1,))
    insufficiency = draw(st.sampled_from(Insufficiency))
    line, granted, _ = grant_any(line, 0, draw(SMALL), tariff, ledger, insufficiency)
    moved = {**balances, **ledger.changed_balances()}
    used, wanted = draw(SMALL), draw(SMALL)
    return Situation(line, granted, moved, tariff, insufficiency, used, wanted)


@settings(max_examples=300, deadline=None)
@given(situations())
def test_usage_is_settled_alike(case: Situation) -> None:
    few, many = Ledger(case.balances, (1,)), Ledger(case.balances, (1,))
    used = min(case.used, case.granted)
    settled = settle_one(case.line, used, few)
    if settled is None:
        assert few.changed_balances() == {}
        return
    assert settled == settle_any(case.line, case.granted, 0, used, case.tariff, many)
    assert (few.balances, few.postings()) == (many.balances, many.postings())


@settings(max_examples=300, deadline=None)
@given(situations())
def test_quotas_are_granted_alike(case: Situation) -> None:
    balances = Ledger(case.balances, (1,))
    used = min(case.used, case.granted)
    line, _ = settle_any(case.line, case.granted, 0, used, case.tariff, balances)
    few, many = Ledger(balances.balances, (1,)), Ledger(balances.balances, (1,))
    quota = grant_one(line, case.wanted, case.tariff, few)
    if quota is None:
        assert few.changed_balances() == {}
        return
    assert quota == grant_any(line, 0, case.wanted, case.tariff, many, case.insufficiency)
    assert (few.balances, few.postings()) == (many.balances, many.postings())


def test_a_session_that_an_allowance_pays_for_goes_that_way() -> None:
    tariff = Tariff(None, (OCTETS,), ("octets",), False)
    ledger = Ledger({1: Balance(1, 1, "octets", 0, 100, 0, 0)}, (1,))
    quota = grant_one(Line(1, 300, None), 30, tariff, ledger)
    assert quota is not None
    line, units, is_all = quota
    assert (units, is_all) == (30, True)
    settled = settle_one(line, 20, ledger)
    assert settled is not None
    (balance,) = ledger.balances.values()
    assert (balance.used, balance.reserved) == (20, 0)
    assert grant_one(settled[0], 81, tariff, ledger) is None
    assert grant_one(settled[0], 80, tariff, ledger) is not None
