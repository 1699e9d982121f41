"""What an answer tells of money, as octets."""

from collections.abc import Callable

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, Message, decode
from diameter_ocs.charging.decisions import Decision, Outcome, Told
from diameter_ocs.charging.requests import EventAction
from diameter_ocs.gy.asked import on_terms
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.money import unit_value
from diameter_ocs.gy.terms import AS_USUAL, AnswerTerms
from diameter_ocs.gy.told import told_avps

EVERYTHING = AnswerTerms(cost_information=True, remaining_balance=True, low_balance_indication=True)
COST = "Cost-Information"
LEFT = "Remaining-Balance"
LOW = "Low-Balance-Indication"
TOLD = Told(12_500_000, 3_000_001, True, currency="EUR")

UNIT_VALUE = "000001bd 40000024 000001bf 40000010 00000000000004e2 000001ad 4000000c fffffffe"
EURO = "000001a9 4000000c 000003d2"


@pytest.fixture
def answered(
    read: Callable[..., Decoded], dictionary: Dictionary, identity: Identity
) -> Callable[[Told, AnswerTerms], Message]:
    """Answers an update on some terms."""

    def answered(told: Told, terms: AnswerTerms) -> Message:
        decision = Decision(Outcome.SUCCESS, told=told)
        encoder = Encoder(dictionary, identity, terms)
        return decode(encoder.encode(decision, read()), dictionary)

    return answered


def test_12_50_euro_have_the_octets_of_the_standard(
    answered: Callable[[Told, AnswerTerms], Message],
) -> None:
    message = answered(TOLD, EVERYTHING)
    avp = message.group.avp(COST)
    assert avp is not None
    assert message.raw(avp) == bytes.fromhex(f"000001a7 40000038 {UNIT_VALUE} {EURO}")


def test_what_is_left_is_of_the_vendor(
    answered: Callable[[Told, AnswerTerms], Message],
) -> None:
    message = answered(Told(remaining=12_500_000, currency="EUR"), EVERYTHING)
    avp = message.group.avp(LEFT)
    assert avp is not None
    assert message.raw(avp) == bytes.fromhex(f"000007e5 c000003c 000028af {UNIT_VALUE} {EURO}")


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        (AS_USUAL, []),
        (AnswerTerms(cost_information=True), [COST]),
        (AnswerTerms(remaining_balance=True), [LEFT]),
        (AnswerTerms(low_balance_indication=True), [LOW]),
        (EVERYTHING, [COST, LOW, LEFT]),
    ],
)
def test_a_peer_hears_what_its_profile_names(
    answered: Callable[[Told, AnswerTerms], Message], terms: AnswerTerms, names: list[str]
) -> None:
    message = answered(TOLD, terms)
    assert [name for name in (COST, LOW, LEFT) if name in message.group] == names
    assert terms.tells_money is bool(names)


@pytest.mark.parametrize(("is_low", "value"), [(True, 1), (False, 0), (None, None)])
def test_low_balance_is_yes_or_not_applicable(
    answered: Callable[[Told, AnswerTerms], Message], is_low: bool | None, value: int | None
) -> None:
    assert answered(Told(is_low=is_low), EVERYTHING).group.first(LOW) == value


def test_the_price_that_was_asked_for_is_told_to_everybody() -> None:
    told = Told(cost=12_500_000, currency="EUR")
    assert [name for name, _ in told_avps(told, AS_USUAL, EventAction.PRICE_ENQUIRY)] == [COST]
    assert not told_avps(told, AS_USUAL, EventAction.DEBIT)


def test_an_amount_in_a_currency_without_a_number_is_not_told(
    answered: Callable[[Told, AnswerTerms], Message],
) -> None:
    message = answered(Told(1, 1, False, currency="QQQ"), EVERYTHING)
    assert [name for name in (COST, LOW, LEFT) if name in message.group] == [LOW]


@pytest.mark.parametrize(
    ("micro_units", "currency", "digits", "exponent"),
    [
        (12_500_000, "EUR", 1250, -2),
        (12_500_000, "JPY", 125, -1),
        (12_000_000, "JPY", 12, 0),
        (12_500_000, "KWD", 12500, -3),
        (1, "EUR", 1, -6),
        (120, "EUR", 12, -5),
        (0, "EUR", 0, -2),
        (-500_000, "EUR", -50, -2),
        (2**63 - 1, "EUR", 2**63 - 1, -6),
    ],
)
def test_an_amount_has_the_decimals_that_are_usual_or_needed(
    micro_units: int, currency: str, digits: int, exponent: int
) -> None:
    assert unit_value(micro_units, currency) == [("Value-Digits", digits), ("Exponent", exponent)]


def test_a_request_says_whether_its_peer_is_told_of_money(read: Callable[..., Decoded]) -> None:
    decoded = read()
    assert not decoded.request.tells_money
    assert on_terms(decoded, EVERYTHING).request.tells_money
    assert not on_terms(decoded, AS_USUAL).request.tells_money
