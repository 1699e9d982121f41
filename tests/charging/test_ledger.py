"""Balances move only by what they have."""

import pytest

from diameter_ocs.charging.ledger import Balance, InsufficientBalance, Ledger, Posting
from diameter_ocs.charging.units import AMOUNT_MAX
from tests.charging.scenario import BONUS, MONEY, OCTETS, balance


def ledger(total: int, used: int = 0, reserved: int = 0) -> Ledger:
    return Ledger({1: Balance(1, 1, MONEY, 0, total, used, reserved), 2: balance(2, MONEY, 50)})


def test_available_is_what_is_neither_used_nor_reserved():
    assert Balance(1, 1, MONEY, 0, 100, 20, 30).available == 50


def test_a_negative_balance_has_nothing_available():
    assert ledger(-5).available(1) == 0


PURSE = (
    Balance(1, 1, MONEY, 9, 1, 0, 0),
    Balance(2, 1, BONUS, 0, 1, 0, 0),
    Balance(4, 1, BONUS, 5, 1, 0, 0),
    Balance(3, 1, BONUS, 5, 1, 0, 0),
    Balance(5, 2, BONUS, 9, 1, 0, 0),
)


@pytest.mark.parametrize(
    ("account_id", "types", "numbers"),
    [
        (1, (BONUS, MONEY), (3, 4, 2, 1)),
        (1, (MONEY, BONUS), (1, 3, 4, 2)),
        (1, (MONEY,), (1,)),
        (1, (OCTETS,), ()),
        (2, (BONUS, MONEY), (5,)),
        (None, (BONUS, MONEY), ()),
    ],
)
def test_an_account_s_balances_pay_by_type_then_highest_priority_then_age(
    account_id, types, numbers
):
    books = Ledger({balance.id: balance for balance in PURSE}, (account_id,))
    assert books.paying(types) == books.paying(types) == numbers


def test_reserving_leaves_less_available_and_uses_nothing():
    books = ledger(100)
    books.reserve([1], 60)
    assert books.available(1) == 40
    assert (books.reserved(1), books.reserved(2)) == (60, 0)
    assert books.postings() == (Posting(1, 0, 0, 60),)


def test_no_more_is_reserved_than_is_available_one_balance_after_the_other():
    books = ledger(100)
    assert books.reserve([1, 2], 130) == (((1, 100), (2, 30)), 0)
    assert books.reserve([1, 2], 130) == (((2, 20),), 110)
    assert books.reserve([1, 2], 1) == ((), 1)
    assert (books.available(1), books.available(2)) == (0, 0)


def test_nothing_is_reserved_on_a_negative_balance():
    assert ledger(-5).reserve([1], 5) == ((), 5)


def test_a_negative_amount_is_never_reserved():
    with pytest.raises(AssertionError):
        ledger(100).reserve([1], -1)


def test_settling_spends_a_part_and_gives_the_rest_back():
    books = ledger(100, reserved=60)
    assert books.settle(((1, 60),), 25) == ()
    assert books.postings() == (Posting(1, 0, 25, -60),)
    assert books.available(1) == 75


def test_settling_spends_the_first_of_what_is_held_and_keeps_what_follows():
    books = ledger(100)
    held, _ = books.reserve([1, 2], 130)
    assert books.settle(held, 40, 70) == ((1, 60), (2, 10))
    assert books.postings() == (Posting(1, 0, 40, 60), Posting(2, 0, 0, 10))
    assert books.settle(((1, 60), (2, 10)), 65, 0) == ()
    assert books.postings() == (Posting(1, 0, 100, 0), Posting(2, 0, 5, 0))


@pytest.mark.parametrize(
    ("held", "spent", "staying"), [(61, 0, 0), (60, 61, 0), (10, -1, 0), (10, 0, -1)]
)
def test_no_more_is_settled_than_is_held(held, spent, staying):
    with pytest.raises(AssertionError):
        ledger(100, reserved=60).settle(((1, held),), spent, staying)


def test_a_credit_raises_the_total_and_a_debit_lowers_it():
    books = ledger(100, used=10, reserved=20)
    books.credit(1, 5)
    books.credit(1, -75)
    assert books.balances[1].total == 30
    assert books.available(1) == 0


def test_a_debit_of_more_than_is_available_is_refused():
    books = ledger(100, used=10, reserved=20)
    with pytest.raises(InsufficientBalance):
        books.credit(1, -71)
    assert books.changed_balances() == {}


def test_a_credit_of_a_negative_balance_is_taken():
    books = ledger(-100)
    books.credit(1, 40)
    assert books.balances[1].available == -60


def test_a_total_that_cannot_be_stored_is_refused():
    with pytest.raises(ValueError, match="cannot hold as much"):
        ledger(AMOUNT_MAX).credit(1, 1)


def test_what_moves_there_and_back_is_no_change():
    books = ledger(100)
    books.reserve([1], 60)
    books.settle(((1, 60),), 0)
    assert books.postings() == ()
    assert books.changed_balances() == {}


def test_postings_come_by_balance_and_one_for_each():
    books = ledger(100)
    books.reserve([2], 5)
    books.reserve([1], 6)
    books.reserve([1], 7)
    assert books.postings() == (Posting(1, 0, 0, 13), Posting(2, 0, 0, 5))


def test_the_balances_it_was_given_stay_as_they_were():
    given = {1: balance(1, MONEY, 100)}
    Ledger(given).reserve([1], 5)
    assert given == {1: balance(1, MONEY, 100)}
