"""Answers about spending limits, octet by octet and as another stack reads them."""

from collections.abc import Callable

import pytest
from diameter.message import Message as PythonMessage
from diameter.message.commands import SpendingLimitAnswer as PythonAnswer

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    PendingStatus,
    SpendingLimitAnswer,
    SpendingLimitOutcome,
)
from diameter_ocs.sy.encode import ERROR_MESSAGES, Encoder, result_code
from tests.base.wire import ANSWER, avp, message, number
from tests.sy.conftest import Read
from tests.sy.wire import (
    AUTH_APPLICATION_ID,
    SESSION_ID,
    SY,
    VENDOR,
    counter,
    features,
    pending,
    report,
    slr,
    str_,
)

NOON = 1_709_985_600_000_000
"""2024-03-09T12:00:00Z."""
NOON_NTP = 0xE996CDC0
SECOND_ERA = (2**32 - 2_208_988_800) * 1_000_000
"""2036-02-07, when the seconds of a Time begin anew."""
LAST = SECOND_ERA + (2**31 - 1) * 1_000_000
OWN = avp(264, b"ocs.example") + avp(296, b"realm.example")
PROXIES = tuple(
    avp(284, avp(280, b"proxy%d" % each) + avp(33, b"\0\xff;%d" % each)) for each in (1, 2)
)
SUCCESS = SpendingLimitAnswer(SpendingLimitOutcome.SUCCESS)

Exchange = Callable[[SpendingLimitAnswer, bytes], bytes]


@pytest.fixture
def exchange(read: Read, encoder: Encoder) -> Exchange:
    """Answers a request."""

    def exchange(decided: SpendingLimitAnswer, octets: bytes) -> bytes:
        return encoder.encode(decided, read(octets))

    return exchange


def sla(*members: bytes) -> bytes:
    """Return an SLA of these members after who sends it."""
    return message(8388635, SESSION_ID, OWN, *members, application=SY, flags=ANSWER)


def sta(*members: bytes) -> bytes:
    """Return an STA of these members after who sends it."""
    return message(275, SESSION_ID, OWN, *members, application=SY, flags=ANSWER)


def code(value: int) -> bytes:
    """Return a Result-Code."""
    return avp(268, number(value))


def experimental(value: int) -> bytes:
    """Return an Experimental-Result of 3GPP."""
    return avp(297, avp(266, number(VENDOR)) + avp(298, number(value)))


def said(outcome: SpendingLimitOutcome) -> bytes:
    """Return the Error-Message of an outcome."""
    return avp(281, ERROR_MESSAGES[outcome].encode(), flags=0)


def test_statuses_are_told_octet_by_octet(exchange: Exchange) -> None:
    decided = SpendingLimitAnswer(
        SpendingLimitOutcome.SUCCESS,
        statuses=(
            CounterStatus(
                "data", "low", (PendingStatus("full", NOON), PendingStatus("x", NOON + 1))
            ),
            CounterStatus("Gespräche", "✓"),
        ),
        features=1,
    )
    assert exchange(decided, slr()) == sla(
        code(2001),
        AUTH_APPLICATION_ID,
        features(1),
        report(b"data", b"low", pending(b"full", NOON_NTP), pending(b"x", NOON_NTP + 1)),
        report("Gespräche".encode(), "✓".encode()),
    )


def test_without_statuses_and_features_nothing_is_told(exchange: Exchange) -> None:
    assert exchange(SUCCESS, slr()) == sla(code(2001), AUTH_APPLICATION_ID)


def test_that_no_feature_is_shared_is_told(exchange: Exchange) -> None:
    answer = exchange(SUCCESS._replace(features=0), slr(features(2)))
    assert answer == sla(code(2001), AUTH_APPLICATION_ID, features(0))


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (SpendingLimitOutcome.USER_UNKNOWN, code(5030)),
        (SpendingLimitOutcome.SESSION_UNKNOWN, code(5002)),
        (SpendingLimitOutcome.NO_COUNTERS, experimental(4241)),
        (SpendingLimitOutcome.UNKNOWN_COUNTERS, experimental(5570)),
    ],
)
def test_each_failure_has_its_code_in_its_place(
    exchange: Exchange, outcome: SpendingLimitOutcome, result: bytes
) -> None:
    answer = exchange(SpendingLimitAnswer(outcome), slr())
    assert answer == sla(result, AUTH_APPLICATION_ID, said(outcome))
    assert result.endswith(number(result_code(outcome)))


@pytest.mark.parametrize("outcome", SpendingLimitOutcome)
def test_every_outcome_has_a_code(outcome: SpendingLimitOutcome) -> None:
    assert result_code(outcome) > 2000


def test_the_result_of_3gpp_has_the_octets_of_the_standard() -> None:
    assert experimental(5570) == bytes.fromhex(
        "00000129 40000020 0000010a 4000000c 000028af 0000012a 4000000c 000015c2"
    )


def test_unknown_counters_are_shown_as_they_came(exchange: Exchange) -> None:
    outcome = SpendingLimitOutcome.UNKNOWN_COUNTERS
    strange, bare = counter(b"\xff\0gone"), avp(2901, b"bare", vendor=VENDOR, flags=0)
    octets = slr(counter(b"data"), strange, bare, counter(b"bare"))
    decided = SpendingLimitAnswer(outcome, unknown=("\\xffgone", "bare"))
    failed = avp(279, strange + bare)
    assert exchange(decided, octets) == sla(
        experimental(5570), AUTH_APPLICATION_ID, said(outcome), failed
    )


def test_an_unknown_counter_that_a_repeat_does_not_name_is_shown_all_the_same(
    exchange: Exchange,
) -> None:
    outcome = SpendingLimitOutcome.UNKNOWN_COUNTERS
    answer = exchange(SpendingLimitAnswer(outcome, unknown=("gone",)), slr())
    assert answer.endswith(avp(279, counter(b"gone")))


@pytest.mark.parametrize(
    ("outcome", "members"),
    [
        (SpendingLimitOutcome.SUCCESS, [code(2001)]),
        (
            SpendingLimitOutcome.SESSION_UNKNOWN,
            [code(5002), said(SpendingLimitOutcome.SESSION_UNKNOWN)],
        ),
    ],
)
def test_the_end_of_a_session_is_answered_without_application_and_statuses(
    exchange: Exchange, outcome: SpendingLimitOutcome, members: list[bytes]
) -> None:
    assert exchange(SpendingLimitAnswer(outcome), str_()) == sta(*members)


@pytest.mark.parametrize("request_of", [slr, str_])
@pytest.mark.parametrize("session_id", [b"pcrf.example;a/b%2F c", b"\xff;\0", b"x" * 301])
def test_ids_session_and_proxies_are_those_of_the_request(
    exchange: Exchange, request_of: Callable[..., bytes], session_id: bytes
) -> None:
    own = avp(263, session_id)
    header = {"hop_by_hop": 7, "end_to_end": 0xFFFF_FFFF}
    route = avp(282, b"relay.example")
    octets = request_of(*PROXIES, route, session_id=own, flags=0x90, **header)
    answer = exchange(SUCCESS, octets)
    assert (answer[4], answer[5:20]) == (0, octets[5:20])
    assert answer[20:].startswith(own + OWN)
    assert answer.endswith(b"".join(PROXIES))
    assert route not in answer


@pytest.mark.parametrize(("flags", "answered"), [(0xC0, 0x40), (0xD0, 0x40), (0x80, 0)])
def test_flags_are_those_of_an_answer(exchange: Exchange, flags: int, answered: int) -> None:
    assert exchange(SUCCESS, slr(flags=flags))[4] == answered


def test_state_of_the_origin_is_told(dictionary: Dictionary, read: Read) -> None:
    encoder = Encoder(dictionary, Identity("ocs.example", "realm.example", 9))
    state = avp(278, number(9))
    assert state in encoder.encode(SUCCESS, read(slr()))
    assert state in encoder.encode(SUCCESS, read(str_()))


@pytest.mark.parametrize(
    ("change_at", "told"),
    [
        (NOON, NOON_NTP),
        (NOON + 1, NOON_NTP + 1),
        (NOON - 1, NOON_NTP),
        (SECOND_ERA, 0),
        (LAST, 2**31 - 1),
    ],
)
def test_a_change_is_told_in_whole_seconds_and_never_too_early(
    exchange: Exchange, change_at: int, told: int
) -> None:
    status = CounterStatus("a", "b", (PendingStatus("c", change_at),))
    answer = exchange(SUCCESS._replace(statuses=(status,)), slr())
    assert answer.endswith(report(b"a", b"b", pending(b"c", told)))


def test_a_change_that_no_time_can_tell_of_is_left_out(exchange: Exchange) -> None:
    status = CounterStatus("a", "b", (PendingStatus("c", NOON), PendingStatus("d", LAST + 1)))
    answer = exchange(SUCCESS._replace(statuses=(status,)), slr())
    assert answer.endswith(report(b"a", b"b", pending(b"c", NOON_NTP)))


def test_another_stack_reads_the_answer(exchange: Exchange) -> None:
    decided = SpendingLimitAnswer(
        SpendingLimitOutcome.SUCCESS,
        statuses=(CounterStatus("data", "low", (PendingStatus("full", NOON),)),),
        features=1,
    )
    read = PythonMessage.from_bytes(exchange(decided, slr(*PROXIES)))
    assert isinstance(read, PythonAnswer)
    assert (read.session_id, read.result_code) == ("pcrf.example;1;2", 2001)
    (told,) = read.policy_counter_status_report
    assert (told.policy_counter_identifier, told.policy_counter_status) == ("data", "low")
