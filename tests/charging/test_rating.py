"""Who may pay, in which order, and at what price."""

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.ledger import Balance, Ledger
from diameter_ocs.charging.rating import NOTHING_PAYS, Source, tariff_now, tariffs_of
from tests.charging.scenario import (
    BONUS,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    VOICE,
    VOICE_BY_MINUTES,
    allowance,
    balance,
    catalogue,
    priced,
)

ALICE = Account(1, "alice", ("demo",))
CHEAP, DEAR, FREE = Price(1, 1), Price(5, 1), Price(0, 1)


def tariffs(balances: list[Balance], *services):
    return tariffs_of(ALICE, balances, catalogue(*services), VOICE_BY_MINUTES)


def test_nothing_pays_where_no_service_names_the_group():
    assert tariffs([balance(1, MONEY, 5)], priced(CHEAP, TEXT)) == (NOTHING_PAYS,)


def test_a_service_whose_balances_are_missing_still_takes_the_group():
    (tariff,) = tariffs([], allowance(SECONDS, VOICE))
    assert tariff.sources == (Source(SECONDS, False, ()),)


def test_balances_pay_by_type_then_highest_priority_then_age():
    balances = [
        Balance(1, 1, MONEY, 9, 1, 0, 0),
        Balance(2, 1, BONUS, 0, 1, 0, 0),
        Balance(4, 1, BONUS, 5, 1, 0, 0),
        Balance(3, 1, BONUS, 5, 1, 0, 0),
    ]
    (tariff,) = tariffs(balances, priced(CHEAP, VOICE, balance_types=(BONUS, MONEY)))
    assert tariff.sources[0].balance_ids == (3, 4, 2, 1)


def test_balances_of_other_types_never_pay():
    (tariff,) = tariffs([balance(2, OCTETS, 5), balance(3, MONEY, 5)], priced(CHEAP, VOICE))
    assert tariff.balance_ids == (3,)


def test_neighbours_at_one_price_are_one_source_and_name_a_balance_once():
    balances = [balance(1, BONUS, 5), balance(2, MONEY, 5)]
    (tariff,) = tariffs(
        balances,
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS, MONEY)),
        priced(CHEAP, VOICE, priority=2, balance_types=(MONEY,)),
    )
    assert tariff.sources == (Source("pay as you go 1", True, (1, 2)),)


def test_an_allowance_between_two_prices_keeps_its_place():
    balances = [balance(1, BONUS, 5), balance(2, SECONDS, 5), balance(3, MONEY, 5)]
    (tariff,) = tariffs(
        balances,
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        allowance(SECONDS, VOICE, priority=2),
        priced(CHEAP, VOICE, priority=3),
    )
    assert [source.balance_ids for source in tariff.sources] == [(1,), (2,), (3,)]


def two_prices(bonus: int, money: int, second: Price = DEAR):
    balances = [balance(1, BONUS, bonus), balance(2, MONEY, money), balance(3, SECONDS, 7)]
    offers = tariffs(
        balances,
        allowance(SECONDS, VOICE),
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        priced(second, VOICE, priority=2),
    )
    return tariff_now(offers, Ledger({balance.id: balance for balance in balances}))


def test_the_first_price_that_something_can_pay_is_the_price():
    assert two_prices(1, 1).price == CHEAP
    assert two_prices(0, 1).price == DEAR
    assert two_prices(0, 0, FREE).price == FREE


def test_where_nothing_can_pay_the_first_price_stays():
    assert two_prices(0, 0).price == CHEAP


def test_allowances_pay_at_every_price():
    assert [source.balance_ids for source in two_prices(0, 1).sources] == [(3,), (2,)]


def test_a_tariff_names_the_balances_that_pay_at_another_price():
    assert two_prices(1, 1).balance_ids == (3, 1, 2)
