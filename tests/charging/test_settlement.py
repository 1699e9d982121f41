"""How usage is paid: lines, holds, rounding, overrun and shortfall."""

from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.decisions import Settlement
from diameter_ocs.charging.ledger import Ledger
from diameter_ocs.charging.rating import NOTHING_PAYS
from diameter_ocs.charging.session import Hold, Line
from diameter_ocs.charging.settlement import USED_MAX, hold, release, settle
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType, round_up
from tests.charging.scenario import (
    BONUS,
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    priced,
    used,
    want,
)

CENT_A_SECOND = Price(10_000, 1)


def by_minutes(available: int) -> Desk:
    return Desk(catalogue(allowance(SECONDS, VOICE)), balance(1, SECONDS, available))


def by_seconds(*balances, price: Price = CENT_A_SECOND, **others) -> Desk:
    offered = catalogue(
        allowance(SECONDS, VOICE), priced(price, VOICE, **others), groups=(VOICE_BY_SECONDS,)
    )
    return Desk(offered, *balances)


def test_usage_is_rounded_up_once_a_line_over_many_reports():
    counter = by_minutes(1000)
    counter.initial(want(VOICE, 60))
    for _ in range(12):
        counter.update(used(VOICE, 5, wanted=60))
    assert counter.balance(1)[0] == 60
    counter.terminate(used(VOICE, 1))
    assert counter.balance(1) == (120, 0)


def test_money_is_rounded_once_a_line_over_many_reports():
    counter = by_seconds(balance(2, MONEY, 10**6), price=Price(1, 3))
    counter.initial(want(VOICE, 10))
    for _ in range(9):
        counter.update(used(VOICE, 1, wanted=10))
    counter.terminate()
    assert counter.balance(2) == (3, 0)


def test_services_of_one_line_share_a_rounding_unit():
    counter = by_minutes(1000)
    counter.initial(want(VOICE, 30, 1), want(VOICE, 30, 2))
    assert counter.balance(1) == (0, 60)
    counter.update(used(VOICE, 20, 1))
    counter.terminate(used(VOICE, 30, 2))
    assert counter.balance(1) == (60, 0)


def test_usage_above_one_grant_does_not_eat_what_another_was_granted():
    counter = by_minutes(1000)
    counter.initial(want(VOICE, 30, 1), want(VOICE, 30, 2))
    counter.update(used(VOICE, 40, 1))
    assert counter.balance(1) == (60, 60)
    counter.update(used(VOICE, 30, 2))
    assert counter.balance(1) == (120, 0)
    assert counter.settlements[0].shortfall == 0


def test_usage_above_one_grant_that_nothing_pays_is_that_one_s_overrun():
    counter = by_minutes(60)
    counter.initial(want(VOICE, 30, 1), want(VOICE, 30, 2))
    counter.update(used(VOICE, 40, 1))
    assert counter.settlements[0].overrun == 60
    counter.update(used(VOICE, 30, 2))
    assert counter.settlements[0] == Settlement(30, 30, 60)


def test_what_is_above_the_grant_is_paid_out_of_what_is_free():
    counter = by_minutes(1000)
    counter.initial(want(VOICE, 60))
    counter.update(used(VOICE, 170))
    assert counter.settlements == [Settlement(reported=170, used=170, charged=180)]
    assert counter.balance(1) == (180, 0)


def test_an_overrun_is_recorded_and_no_balance_goes_below_nothing():
    counter = by_minutes(90)
    counter.initial(want(VOICE, 300))
    counter.terminate(used(VOICE, 500))
    assert counter.settlements == [
        Settlement(reported=500, used=500, charged=90, overrun=420, shortfall=30)
    ]
    assert counter.balance(1) == (90, 0)


def test_an_overrun_has_the_price_that_nobody_paid():
    counter = by_seconds(balance(2, MONEY, 50_000))
    counter.initial(want(VOICE, 5))
    counter.terminate(used(VOICE, 8))
    assert counter.settlements == [
        Settlement(8, 8, 5, charged_amount=50_000, overrun=3, overrun_amount=30_000)
    ]


def test_an_overrun_never_takes_what_another_session_holds():
    counter = by_minutes(120)
    counter.initial(want(VOICE, 60), session=b"one")
    counter.initial(want(VOICE, 60), session=b"two")
    counter.terminate(used(VOICE, 120), session=b"one")
    assert counter.settlements[0].overrun == 60
    assert counter.balance(1) == (60, 60)


def test_a_shortfall_is_recorded_and_never_collected_even_after_a_credit():
    counter = by_minutes(90)
    counter.initial(want(VOICE, 300))
    counter.credit(1, 1000)
    counter.update(used(VOICE, 120))
    assert counter.settlements == [Settlement(reported=120, used=120, charged=90, shortfall=30)]
    counter.terminate()
    assert counter.balance(1) == (90, 0)


def test_a_begun_unit_is_not_made_up_for_by_a_later_credit():
    counter = by_seconds(balance(2, MONEY, 25_000))
    assert granted(counter.initial(want(VOICE, 10, 1))) == [(3, True)]
    counter.credit(2, 100_000)
    assert granted(counter.update(want(VOICE, 2, 2))) == [(2, False)]
    counter.update(used(VOICE, 3, 1))
    assert counter.balance(2) == (25_000, 20_000)
    counter.terminate(used(VOICE, 2, 2))
    assert counter.balance(2) == (45_000, 0)


def test_an_allowance_runs_into_money():
    counter = by_seconds(balance(1, SECONDS, 40), balance(2, MONEY, 1_000_000))
    counter.initial(want(VOICE, 60))
    assert counter.balance(1) == (0, 40)
    assert counter.balance(2) == (0, 200_000)
    counter.terminate(used(VOICE, 55))
    assert counter.settlements == [Settlement(55, 55, 55, charged_amount=150_000)]
    assert counter.balance(1) == (40, 0)
    assert counter.balance(2) == (150_000, 0)


def test_what_is_not_used_goes_back_to_the_last_that_would_have_paid():
    counter = by_seconds(balance(1, SECONDS, 40), balance(2, MONEY, 1_000_000))
    counter.initial(want(VOICE, 60))
    counter.update(used(VOICE, 10))
    assert counter.balance(1) == (10, 0)
    assert counter.balance(2) == (0, 0)


def test_money_is_split_over_balances_in_order():
    counter = by_seconds(
        balance(1, MONEY, 1_000_000), balance(2, BONUS, 35_000), balance_types=(BONUS, MONEY)
    )
    counter.initial(want(VOICE, 10))
    assert counter.balance(2) == (0, 35_000)
    assert counter.balance(1) == (0, 65_000)
    counter.update(used(VOICE, 5))
    assert counter.balance(2) == (35_000, 0)
    assert counter.balance(1) == (15_000, 0)


def test_two_services_at_one_price_begin_no_unit_between_them():
    offered = catalogue(
        priced(Price(80, 1), TEXT, priority=1, balance_types=(BONUS,)),
        priced(Price(80, 1), TEXT, priority=2),
        groups=(TEXT_EACH,),
    )
    counter = Desk(offered, balance(1, BONUS, 5), balance(2, MONEY, 800))
    counter.initial(want(TEXT, 3))
    counter.terminate(used(TEXT, 3))
    assert (counter.balance(1), counter.balance(2)) == ((5, 0), (235, 0))


def test_money_at_the_next_price_pays_when_the_first_one_s_is_gone():
    offered = catalogue(
        priced(Price(10, 1), TEXT, priority=1, balance_types=(BONUS,)),
        priced(Price(80, 1), TEXT, priority=2),
        groups=(TEXT_EACH,),
    )
    counter = Desk(offered, balance(1, BONUS, 20), balance(2, MONEY, 800))
    assert granted(counter.initial(want(TEXT, 5))) == [(2, False)]
    assert granted(counter.update(used(TEXT, 2, wanted=5))) == [(5, False)]
    counter.terminate(used(TEXT, 5))
    assert (counter.balance(1), counter.balance(2)) == ((20, 0), (400, 0))


def test_tax_is_the_part_above_net_and_adds_up_over_reports():
    counter = by_seconds(balance(2, MONEY, 10**6), price=Price(7, 2, 190_000))
    counter.initial(want(VOICE, 100))
    taxes, amounts = 0, 0
    for _ in range(20):
        counter.update(used(VOICE, 1, wanted=100))
        taxes += counter.settlements[0].tax_amount
        amounts += counter.settlements[0].charged_amount
    assert (amounts, taxes) == (83, 13)


def test_no_report_has_less_tax_than_nothing():
    counter = by_seconds(balance(2, MONEY, 10**6), price=Price(3, 2, 100_000))
    counter.initial(want(VOICE, 100))
    taxes = []
    for _ in range(20):
        counter.update(used(VOICE, 1, wanted=100))
        taxes.append(counter.settlements[0].tax_amount)
    assert (min(taxes), sum(taxes)) == (0, 3)


def test_a_unit_paid_in_part_carries_that_part_of_the_tax():
    counter = by_seconds(balance(2, MONEY, 595), price=Price(1_000, 1, 190_000))
    assert granted(counter.initial(want(VOICE, 1))) == [(1, True)]
    counter.terminate(used(VOICE, 1))
    assert (counter.settlements[0].charged_amount, counter.settlements[0].tax_amount) == (595, 95)


def test_absurd_usage_is_charged_up_to_the_bound_and_recorded_as_reported():
    counter = by_seconds(balance(1, SECONDS, 10**9))
    counter.initial(want(VOICE, 60))
    counter.terminate(used(VOICE, 2**62))
    bound = USED_MAX[UnitType.TIME]
    assert counter.settlements == [Settlement(reported=2**62, used=bound, charged=bound)]


def test_the_bound_is_one_for_all_services_of_a_rating_group():
    counter = by_seconds(balance(1, SECONDS, 10**9))
    counter.initial(want(VOICE, 60, 1), want(VOICE, 60, 2))
    counter.terminate(used(VOICE, 2**62, 1), used(VOICE, 2**62, 2))
    assert counter.balance(1) == (USED_MAX[UnitType.TIME], 0)
    assert [settlement.reported for settlement in counter.settlements] == [2**62, 2**62]


def test_figures_as_large_as_the_wire_has_can_be_stored():
    counter = by_seconds(price=Price(AMOUNT_MAX, 1))
    counter.initial(want(VOICE, 2**64 - 1))
    counter.terminate(used(VOICE, 2**64 - 1), used(VOICE, 2**64 - 1))
    (settlement,) = counter.settlements
    assert settlement.reported == AMOUNT_MAX
    assert settlement.overrun == USED_MAX[UnitType.TIME]
    assert settlement.overrun_amount == AMOUNT_MAX


def test_as_much_as_you_can_is_cut_to_what_is_there():
    counter = by_seconds(balance(1, SECONDS, 40), balance(2, MONEY, 100_000))
    assert granted(counter.initial(want(VOICE, 2**64 - 1))) == [(50, True)]


def test_the_holds_of_a_line_do_not_grow_with_its_reports():
    offered = catalogue(allowance(OCTETS, DATA), groups=(DATA_BY_KIBIBYTES,))
    counter = Desk(offered, balance(1, OCTETS, 10**9))
    counter.initial(want(DATA, 50_000, 1), want(DATA, 50_000, 2))
    for _ in range(20):
        counter.update(used(DATA, 1024, 1, wanted=50_000))
    ((line,),) = [session.lines for session in counter.case.sessions.values()]
    assert len(line.holds) == 1


def line(*holds: Hold, **others) -> Line:
    return Line(1, VOICE, None, holds=holds, **others)


def test_releasing_takes_the_last_units_first():
    books = Ledger({1: balance(1, SECONDS, 90)._replace(reserved=90)})
    held = line(Hold("a", False, 60, ((1, 60),)), Hold("b", False, 30, ((1, 30),)))
    kept = release(held, 70, books)
    assert kept.holds == (Hold("a", False, 60, ((1, 60),)), Hold("b", False, 10, ((1, 10),)))
    assert books.balances[1].reserved == 70


def test_holding_no_units_changes_nothing():
    books = Ledger({1: balance(1, SECONDS, 90)})
    assert hold(line(), -5, NOTHING_PAYS, books) == (line(), 0)


@given(
    st.integers(1, 100), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.data()
)
def test_what_is_due_is_charged_overrun_or_short_and_nothing_else(
    rounding, before, granted_units, reported, data
):
    held_units = data.draw(st.integers(0, 600))
    settled = round_up(before, rounding)
    books = Ledger({1: balance(1, SECONDS, 10_000)._replace(reserved=held_units)})
    holds = (Hold("a", False, held_units, ((1, held_units),)),) if held_units else ()
    begun = line(*holds, used=before, settled=settled, rounding=rounding)
    after, settlement = settle(begun, granted_units, 0, reported, NOTHING_PAYS, books)
    due = round_up(before + reported, rounding) - settled
    assert settlement.charged + settlement.overrun + settlement.shortfall == due
    assert books.balances[1].used == settlement.charged
    assert books.balances[1].reserved == 0
    assert (after.used, after.settled, after.holds) == (before + reported, settled + due, ())
    assert settlement.overrun == 0 or reported > granted_units


def test_what_stays_of_a_later_hold_is_priced_where_the_earlier_one_ends():
    books = Ledger(
        {
            1: balance(1, BONUS, 10)._replace(reserved=1),
            2: balance(2, MONEY, 10)._replace(reserved=2),
        }
    )
    holds = Hold("a", True, 4, ((1, 1),)), Hold("b", True, 4, ((2, 2),))
    kept = release(Line(1, VOICE, Price(1, 3), holds=holds), 5, books)
    assert kept.holds == (holds[0], Hold("b", True, 1, ((2, 1),)))


def test_no_more_is_overrun_than_was_used_above_the_grant():
    counter = by_seconds(balance(1, SECONDS, 100))
    counter.initial(want(VOICE, 50, 1), want(VOICE, 50, 2))
    counter.update(used(VOICE, 60, 1))
    assert counter.settlements == [Settlement(60, 60, 50, overrun=10, overrun_amount=100_000)]
    counter.terminate(used(VOICE, 50, 2))
    assert counter.settlements == [Settlement(50, 50, 50)]
