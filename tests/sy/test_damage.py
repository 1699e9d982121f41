"""Damaged messages about spending limits are answered, or refused with an error of the standard."""

import random

import pytest

from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import DiameterError
from diameter_ocs.base.framing import HEADER_OCTETS
from diameter_ocs.base.message import Identity, decode, error_answer
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    SpendingLimitAnswer,
    SpendingLimitOutcome,
    SpendingLimitRequest,
)
from diameter_ocs.sy.decode import decode as decode_request
from diameter_ocs.sy.encode import Encoder
from diameter_ocs.sy.notify import NotificationAnswer, answered
from tests.base.wire import avp, number
from tests.damage import damaged, distorted
from tests.sy.wire import SY, counter, features, slr, sna, str_

PROXY = avp(284, avp(280, b"proxy.example") + avp(33, b"state"))
REQUESTS = (
    slr(features(1), counter(b"data"), counter(b"\xff\0"), PROXY),
    slr(kind=avp(2904, number(1), vendor=10415)),
    str_(PROXY),
)
ANSWERS = (
    sna(avp(268, number(2001)), PROXY),
    sna(avp(297, avp(266, number(10415)) + avp(298, number(5570)))),
)
DECIDED = SpendingLimitAnswer(
    SpendingLimitOutcome.SUCCESS, statuses=(CounterStatus("data", "low"),), features=1
)


@pytest.mark.parametrize("harm", [damaged, distorted])
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_request_is_answered_or_refused(
    dictionary: Dictionary, identity: Identity, encoder: Encoder, harm: object, seed: int
) -> None:
    assert callable(harm)
    source = random.Random(seed)
    outcomes = set()
    for _ in range(200):
        octets = harm(source, source.choice(REQUESTS))
        message = decode(octets, dictionary)
        try:
            check(message, dictionary, strict=False, applications={SY})
            decoded = decode_request(message, "demo", dictionary)
        except DiameterError as error:
            outcomes.add(error.result_code)
            said = error_answer(message, dictionary, identity, error)
        else:
            outcomes.add(2001)
            said = encoder.encode(_answer(decoded.request), decoded)
        answer = decode(said, dictionary)
        assert answer.fault is None
        assert (answer.hop_by_hop, answer.end_to_end) == (message.hop_by_hop, message.end_to_end)
    assert {2001, 5005} < outcomes


def _answer(request: object) -> SpendingLimitAnswer:
    """Return an answer that shows all that it can of a request."""
    if isinstance(request, SpendingLimitRequest) and request.counters:
        return SpendingLimitAnswer(SpendingLimitOutcome.UNKNOWN_COUNTERS, unknown=request.counters)
    return DECIDED


@pytest.mark.parametrize("harm", [damaged, distorted])
def test_a_damaged_answer_says_something(dictionary: Dictionary, harm: object) -> None:
    assert callable(harm)
    source = random.Random(0)
    for _ in range(300):
        octets = harm(source, source.choice(ANSWERS))
        assert isinstance(answered(decode(octets, dictionary), "pcrf.example"), NotificationAnswer)
        cut = octets[: source.randrange(HEADER_OCTETS, len(octets))]
        assert isinstance(answered(decode(cut, dictionary), "pcrf.example"), NotificationAnswer)
