"""What an answer tells besides codes and quotas (RFC 8506 8.6 and 8.7, TS 32.299 section 7.2)."""

from ..charging.currencies import NUMBERS
from ..charging.decisions import Told
from ..charging.requests import EventAction
from .money import Pairs, amount_avps
from .terms import AnswerTerms

_ENOUGH_CREDIT, _NO_CREDIT = 0, 1
"""The Check-Balance-Result."""
_NOT_APPLICABLE, _YES = 0, 1
"""The Low-Balance-Indication."""


def told_avps(told: Told, terms: AnswerTerms, action: EventAction) -> Pairs:
    """Returns the AVPs, by name, of what was asked for and of what the peer wants to hear.

    An amount in a currency that has no number cannot be told.
    """
    pairs: Pairs = []
    if told.has_enough is not None:
        pairs.append(("Check-Balance-Result", _ENOUGH_CREDIT if told.has_enough else _NO_CREDIT))
    is_asked = action is EventAction.PRICE_ENQUIRY
    if told.cost is not None and (is_asked or terms.cost_information):
        pairs += _money("Cost-Information", told.cost, told.currency)
    if told.is_low is not None and terms.low_balance_indication:
        pairs.append(("Low-Balance-Indication", _YES if told.is_low else _NOT_APPLICABLE))
    if told.remaining is not None and terms.remaining_balance:
        pairs += _money("Remaining-Balance", told.remaining, told.currency)
    return pairs


def _money(name: str, micro_units: int, currency: str | None) -> Pairs:
    if currency is None or currency not in NUMBERS:
        return []
    return [(name, amount_avps(micro_units, currency))]
