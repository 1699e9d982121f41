"""Who may pay, in which order, and at what price."""

from diameter_ocs.charging.catalogue import Price, Source
from diameter_ocs.charging.ledger import Ledger
from diameter_ocs.charging.rating import (
    NOTHING_PAYS,
    TARIFFS_REMEMBERED,
    tariff_now,
    tariffs_of,
)
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    VOICE,
    allowance,
    balance,
    catalogue,
    priced,
)

PLANS = ("demo",)
CHEAP, DEAR, FREE = Price(1, 1), Price(5, 1), Price(0, 1)


def tariffs(*services):
    return tariffs_of(PLANS, VOICE, catalogue(*services))


def test_nothing_pays_where_no_service_names_the_group():
    assert tariffs(priced(CHEAP, TEXT)) == (NOTHING_PAYS,)


def test_an_allowance_pays_from_its_own_type():
    (tariff,) = tariffs(allowance(SECONDS, VOICE))
    assert tariff.sources == (Source(SECONDS, False, (SECONDS,)),)
    assert (tariff.price, tariff.is_free) == (None, False)


def test_neighbours_at_one_price_are_one_source_and_name_a_type_once():
    (tariff,) = tariffs(
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS, MONEY)),
        priced(Price(1, 1), VOICE, priority=2, balance_types=(MONEY,)),
    )
    assert tariff.sources == (Source("pay as you go 1", True, (BONUS, MONEY)),)


def test_an_allowance_between_two_prices_keeps_its_place():
    (tariff,) = tariffs(
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        allowance(SECONDS, VOICE, priority=2),
        priced(CHEAP, VOICE, priority=3),
    )
    assert [source.balance_types for source in tariff.sources] == [(BONUS,), (SECONDS,), (MONEY,)]


def two_prices(bonus: int, money: int, second: Price = DEAR):
    balances = [balance(1, BONUS, bonus), balance(2, MONEY, money), balance(3, SECONDS, 7)]
    offers = tariffs(
        allowance(SECONDS, VOICE),
        priced(CHEAP, VOICE, priority=1, balance_types=(BONUS,)),
        priced(second, VOICE, priority=2),
    )
    return tariff_now(offers, Ledger({balance.id: balance for balance in balances}, (1,)))


def test_the_first_price_that_something_can_pay_is_the_price():
    assert two_prices(1, 1).price == CHEAP
    assert two_prices(0, 1).price == DEAR
    assert two_prices(0, 0, FREE).price == FREE


def test_where_nothing_can_pay_the_first_price_stays():
    assert two_prices(0, 0).price == CHEAP


def test_allowances_pay_at_every_price():
    assert [source.balance_types for source in two_prices(0, 1).sources] == [(SECONDS,), (MONEY,)]


def test_a_tariff_names_the_types_that_pay_at_another_price():
    assert two_prices(1, 1).balance_types == (SECONDS, BONUS, MONEY)


def test_tariffs_are_free_where_any_price_is_nothing():
    assert two_prices(1, 1, FREE).is_free
    assert not two_prices(1, 1).is_free


def test_tariffs_are_found_once_for_each_group_and_plans():
    offered = catalogue(priced(CHEAP, VOICE), priced(DEAR, TEXT))
    first = tariffs_of(PLANS, VOICE, offered)
    assert tariffs_of(("demo",), VOICE, offered) is first
    assert tariffs_of(PLANS, TEXT, offered)[0].price == DEAR
    assert tariffs_of((), VOICE, offered) == (NOTHING_PAYS,)


def test_what_is_remembered_of_tariffs_is_bounded():
    offered = catalogue(priced(CHEAP, VOICE))
    for number in range(TARIFFS_REMEMBERED + 10):
        tariffs_of((f"plan {number}",), VOICE, offered)
    assert len(offered.tariffs) == TARIFFS_REMEMBERED
    assert tariffs_of(PLANS, VOICE, offered)[0].price == CHEAP
