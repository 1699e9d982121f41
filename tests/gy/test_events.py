"""Event requests: what is to be done, how much of it, and how the answer says what was."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from diameter.message import Message as PythonMessage

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import InvalidAvpValue, MissingAvp
from diameter_ocs.base.message import Identity as NodeIdentity
from diameter_ocs.base.message import Message, decode
from diameter_ocs.charging.case import Account
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import (
    Decision,
    EdrName,
    Grant,
    Novelty,
    Outcome,
    ServiceDecision,
    Told,
)
from diameter_ocs.charging.final_units import TERMINATE
from diameter_ocs.charging.requests import (
    EventAction,
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    Units,
)
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.decode import Decoded, Decoder
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.terms import AnswerTerms
from diameter_ocs.gy.tolerance import Tolerated
from tests.charging.scenario import TEXT, TEXT_EACH, Desk, allowance, balance, catalogue
from tests.gy.conftest import SUBSCRIPTION

NOON = 1_709_985_600_000_000
DEBIT = ("Requested-Action", 0)
EVENT = {"CC-Request-Type": 4, "Service-Context-Id": "32274@3gpp.org"}
TEXTS = ("CC-Service-Specific-Units", 3)
SERVED = Grant(UnitType.SERVICE_SPECIFIC_UNITS, 3, None, False)

Pair = tuple[str, Any]
Read = Callable[..., Decoded]


@pytest.fixture
def read_event(read: Read) -> Read:
    """Writes an event that names a subscriber, and decodes it."""

    def read_event(*members: Pair, **others: Any) -> Decoded:
        return read(*members, with_=EVENT | others)

    return read_event


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", members


def requested(*members: Pair) -> Pair:
    return "Requested-Service-Unit", members


def information(*members: Pair) -> Pair:
    return "Service-Information", [("SMS-Information", members)]


def test_an_event_asks_in_services(read_event: Read) -> None:
    decoded = read_event(
        DEBIT, service(requested(TEXTS), ("Rating-Group", 200)), service(("Rating-Group", 0))
    )
    assert decoded.request.request_type is RequestType.EVENT
    assert decoded.request.service_context == "32274"
    assert decoded.request.usages == (
        ServiceUsage(200, (), Units(service_specific=3)),
        ServiceUsage(0, (), None),
    )
    assert not decoded.is_command_level
    assert decoded.tolerated == ()


@pytest.mark.parametrize(
    ("members", "usage"),
    [
        ([requested(TEXTS)], ServiceUsage(None, (), Units(service_specific=3))),
        ([("Service-Identifier", 7)], ServiceUsage(None, (7,), None)),
        ([requested()], ServiceUsage(None, (), Units())),
        ([], ServiceUsage()),
    ],
)
def test_an_event_may_ask_at_command_level(
    read_event: Read, members: list[Pair], usage: ServiceUsage
) -> None:
    decoded = read_event(DEBIT, *members)
    assert decoded.request.usages == (usage,)
    assert decoded.is_command_level


RECIPIENT = ("Recipient-Info", [])


@pytest.mark.parametrize(
    ("members", "messages"),
    [
        ([], 1),
        ([information()], 1),
        ([information(("Number-Of-Messages-Sent", 5))], 5),
        ([information(RECIPIENT, RECIPIENT, RECIPIENT)], 3),
        ([information(("Number-Of-Messages-Sent", 2), RECIPIENT, RECIPIENT, RECIPIENT)], 2),
        ([information(("Number-Of-Messages-Sent", 0), RECIPIENT, RECIPIENT)], 2),
        ([("Service-Information", [("PS-Information", [])])], 1),
        (
            [
                (
                    "Service-Information",
                    [("MMS-Information", [("Recipient-Address", []), ("Recipient-Address", [])])],
                )
            ],
            2,
        ),
    ],
)
def test_messages_are_those_that_are_said_else_one_for_each_recipient(
    read_event: Read, members: list[Pair], messages: int
) -> None:
    (usage,) = read_event(DEBIT, service(("Rating-Group", 200)), *members).request.usages
    assert usage.messages == messages
    (usage,) = read_event(DEBIT, *members).request.usages
    assert usage.messages == messages


def test_messages_of_a_session_are_not_counted(read: Read) -> None:
    decoded = read(requested(), information(("Number-Of-Messages-Sent", 5)))
    assert decoded.request.usages == (ServiceUsage(None, (), Units()),)


def test_usage_in_an_event_is_noted_and_not_believed(read_event: Read) -> None:
    decoded = read_event(
        DEBIT, service(("Rating-Group", 200), ("Used-Service-Unit", [TEXTS]), requested())
    )
    assert decoded.request.usages == (ServiceUsage(200, (), Units()),)
    assert decoded.tolerated == (Tolerated.USAGE_IN_EVENT,)


def test_an_event_that_does_not_say_what_to_do_lacks_an_action(
    read_event: Read, dictionary: Dictionary
) -> None:
    for _ in range(3):  # a layout that comes again is read another way
        with pytest.raises(MissingAvp) as raised:
            read_event(service(("Rating-Group", 300)), **{"Event-Timestamp": 3_918_974_400})
        assert raised.value.failed_avp == dictionary.example("Requested-Action")
        assert raised.value.result_code == 5005


@pytest.mark.parametrize("action", [4, 2**31 - 1, -1])
def test_other_actions_are_refused_in_words(read_event: Read, action: int) -> None:
    with pytest.raises(InvalidAvpValue, match="from 0 to 3") as raised:
        read_event(("Requested-Action", action))
    value = action.to_bytes(4, signed=True)
    assert raised.value.failed_avp == bytes.fromhex("000001b4 4000000c") + value
    assert raised.value.result_code == 5004


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_what_is_to_be_done_is_read(read_event: Read, number: int) -> None:
    decoded = read_event(("Requested-Action", number), service(("Rating-Group", 200)))
    assert decoded.request.action is EventAction(number)


@pytest.mark.parametrize("is_service", [True, False])
@pytest.mark.parametrize(("has_enough", "said"), [(True, 0), (False, 1)])
def test_whether_there_is_enough_is_no_refusal(
    read_event: Read, encoder: Encoder, has_enough: bool, said: int, is_service: bool
) -> None:
    """Also where it is not; nothing is granted."""
    members = [requested(TEXTS), ("Rating-Group", 200)]
    decoded = read_event(
        ("Requested-Action", 2), *([service(*members)] if is_service else members[:1])
    )
    told = ServiceDecision(decoded.request.usages[0], Outcome.SUCCESS)
    decision = Decision(Outcome.SUCCESS, (told,), told=Told(has_enough=has_enough))
    answer = PythonMessage.from_bytes(encoder.encode(decision, decoded))
    assert (answer.result_code, answer.check_balance_result) == (2001, said)
    assert answer.granted_service_unit is None
    services = answer.multiple_services_credit_control
    assert [each.result_code for each in services] == [2001] * is_service


@pytest.mark.parametrize("is_service", [True, False])
@pytest.mark.parametrize(("cost", "amount"), [(160_000, "0.16"), (0, "0"), (1, "0.000001")])
def test_a_price_is_told_to_whoever_asks_for_it(
    read_event: Read, encoder: Encoder, is_service: bool, cost: int, amount: str
) -> None:
    members = [requested(TEXTS), ("Rating-Group", 200)]
    decoded = read_event(
        ("Requested-Action", 3), *([service(*members)] if is_service else members[:1])
    )
    told = ServiceDecision(decoded.request.usages[0], Outcome.SUCCESS)
    decision = Decision(Outcome.SUCCESS, (told,), told=Told(cost=cost, currency="EUR"))
    answer = PythonMessage.from_bytes(encoder.encode(decision, decoded))
    information = answer.cost_information
    assert (answer.result_code, information.currency_code) == (2001, 978)
    value = information.unit_value
    assert Decimal(value.value_digits).scaleb(value.exponent or 0) == Decimal(amount)


REFUND = ("Requested-Action", 1)
MARK = ("Refund-Information", b"7-1700000000000000-2")


@pytest.mark.parametrize(
    ("members", "marks"),
    [
        ([service(("Rating-Group", 200), MARK), service(("Rating-Group", 300))], (MARK[1], b"")),
        ([service(("Rating-Group", 200)), service(("Rating-Group", 300)), MARK], (MARK[1],) * 2),
        ([MARK], (MARK[1],)),
        ([], (b"",)),
    ],
)
def test_what_is_to_be_refunded_stands_in_services_or_at_command_level(
    read_event: Read, members: list[Pair], marks: tuple[bytes, ...]
) -> None:
    request = read_event(REFUND, *members).request
    assert (request.action, request.refunds) == (EventAction.REFUND, marks)
    assert len(request.usages) == len(marks)


@pytest.mark.parametrize(
    ("said", "kept"),
    [(b"\0\xff", b"\0\xff"), (b"x" * 255, b"x" * 255), (b"x" * 256, None), (b"", None)],
)
@pytest.mark.parametrize("action", [DEBIT, REFUND])
def test_what_an_event_belongs_with_is_read(
    read_event: Read, action: Pair, said: bytes, kept: bytes | None
) -> None:
    assert read_event(action, ("CC-Correlation-Id", said)).request.correlation_id == kept


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ([service(("Rating-Group", 200), MARK)], "000007e6 c0000020"),
        ([MARK], "000007e6 c0000020"),
        ([("CC-Correlation-Id", b"abcd")], "0000019b 0000000c 61626364"),
        ([service(("Rating-Group", 200))], "000007e6 c000000c 000028af"),
    ],
)
def test_a_refund_of_what_nobody_knows_shows_what_names_it(
    read_event: Read, encoder: Encoder, dictionary: Dictionary, members: list[Pair], shown: str
) -> None:
    decoded = read_event(REFUND, *members, **{"Service-Context-Id": "a@private.example"})
    told = ServiceDecision(decoded.request.usages[0], Outcome.RATING_FAILED)
    octets = encoder.encode(Decision(Outcome.RATING_FAILED, (told,)), decoded)
    message = decode(octets, dictionary)
    assert message.group.first("Result-Code") == 5031
    (failed,) = message.group.all("Failed-AVP")
    assert failed.startswith(bytes.fromhex(shown))


@pytest.fixture
def marking(dictionary: Dictionary, identity: NodeIdentity) -> Encoder:
    """Answers peers that want to know by what events may be refunded."""
    return Encoder(dictionary, identity, AnswerTerms(refund_information=True))


@pytest.mark.parametrize(
    "case",
    [
        (0, Outcome.SUCCESS, True, True),
        (0, Outcome.SUCCESS, True, False),
        (0, Outcome.LIMIT_REACHED, False, True),
        (1, Outcome.SUCCESS, False, True),
        (2, Outcome.SUCCESS, False, False),
    ],
)
def test_what_was_debited_is_marked_for_peers_that_want_it(
    read_event: Read, marking: Encoder, encoder: Encoder, case: tuple[int, Outcome, bool, bool]
) -> None:
    action, outcome, is_marked, is_service = case
    members = [requested(TEXTS)]
    asked = [service(*members, ("Rating-Group", 200))] if is_service else members
    decoded = read_event(("Requested-Action", action), *asked)
    told = ServiceDecision(decoded.request.usages[0], outcome)
    decision = Decision(outcome, (told,), event=EdrName(7, 1_700_000_000_000_000, 2))
    for each, expected in ((marking, [MARK[1]] * is_marked), (encoder, [])):
        octets = each.encode(decision, decoded)
        assert octets.count(MARK[1]) == len(expected)
        answer = PythonMessage.from_bytes(octets)
        if is_service and expected:
            (served,) = answer.multiple_services_credit_control
            assert served.refund_information == MARK[1]


def test_an_event_that_names_nobody_lacks_a_subscription(
    write: Callable[..., Message], decoder: Decoder
) -> None:
    with pytest.raises(MissingAvp) as raised:
        decoder.decode(write(DEBIT, with_=EVENT), "demo", NOON)
    assert raised.value.failed_avp == bytes.fromhex(
        "000001bb 4000001c 000001c2 4000000c 00000000 000001bc 40000008"
    )


def answered(encoder: Encoder, decoded: Decoded, outcome: Outcome, *services: Any) -> Any:
    """Return the answer as another stack reads it."""
    octets = encoder.encode(Decision(outcome, services), decoded)
    answer = PythonMessage.from_bytes(octets)
    assert answer.cc_request_type == 4
    return answer


def test_units_are_debited_for_good(read_event: Read, encoder: Encoder) -> None:
    decoded = read_event(DEBIT, service(requested(TEXTS), ("Rating-Group", 200)))
    told = ServiceDecision(decoded.request.usages[0], Outcome.SUCCESS, SERVED)
    answer = answered(encoder, decoded, Outcome.SUCCESS, told)
    (served,) = answer.multiple_services_credit_control
    assert answer.result_code == served.result_code == 2001
    assert served.granted_service_unit.cc_service_specific_units == 3
    assert served.rating_group == 200
    assert served.validity_time is None
    assert served.final_unit_indication is None
    assert answer.credit_control_failure_handling is None


def test_what_is_served_in_part_is_final(read_event: Read, encoder: Encoder) -> None:
    decoded = read_event(DEBIT, service(requested(TEXTS), ("Rating-Group", 200)))
    told = ServiceDecision(
        decoded.request.usages[0], Outcome.SUCCESS, SERVED._replace(final_unit=TERMINATE)
    )
    (served,) = answered(encoder, decoded, Outcome.SUCCESS, told).multiple_services_credit_control
    assert served.final_unit_indication.final_unit_action == 0
    assert served.validity_time is None


def test_an_answer_stands_where_the_question_stood(read_event: Read, encoder: Encoder) -> None:
    decoded = read_event(DEBIT)
    told = ServiceDecision(
        decoded.request.usages[0], Outcome.SUCCESS, SERVED._replace(final_unit=TERMINATE)
    )
    answer = answered(encoder, decoded, Outcome.SUCCESS, told)
    assert answer.result_code == 2001
    assert answer.multiple_services_credit_control == []
    assert answer.granted_service_unit.cc_service_specific_units == 3
    assert answer.final_unit_indication.final_unit_action == 0


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.SERVICE_DENIED, 4010),
        (Outcome.LIMIT_REACHED, 4012),
        (Outcome.USER_UNKNOWN, 5030),
        (Outcome.RATING_FAILED, 5031),
    ],
)
def test_a_refusal_grants_nothing(
    read_event: Read, encoder: Encoder, outcome: Outcome, code: int
) -> None:
    decoded = read_event(DEBIT, service(requested(TEXTS), ("Rating-Group", 200)))
    told = ServiceDecision(decoded.request.usages[0], outcome)
    answer = answered(encoder, decoded, outcome, told)
    (refused,) = answer.multiple_services_credit_control
    assert answer.result_code == refused.result_code == code
    assert refused.granted_service_unit is None


def test_what_cannot_be_rated_is_shown_at_either_level(
    read_event: Read, encoder: Encoder, dictionary: Dictionary
) -> None:
    for members, failed in (
        ([service(("Rating-Group", 999))], "000001b0 4000000c 000003e7"),
        ([("Service-Identifier", 9)], "000001b7 4000000c 00000009"),
        ([], dictionary.example("Rating-Group").hex()),
    ):
        decoded = read_event(DEBIT, *members)
        told = ServiceDecision(decoded.request.usages[0], Outcome.RATING_FAILED)
        octets = encoder.encode(Decision(Outcome.RATING_FAILED, (told,)), decoded)
        message = decode(octets, dictionary)
        assert message.group.all("Failed-AVP") == [bytes.fromhex(failed)]


def test_a_repeat_is_answered_octet_for_octet(
    write: Callable[..., Message], dictionary: Dictionary, decoder: Decoder, encoder: Encoder
) -> None:
    """All but its own ids, whatever the first answer was."""
    number = Identity(IdentityKind.MSISDN, "15550100001")
    desk = Desk(
        catalogue(allowance("texts", TEXT), groups=(TEXT_EACH,)),
        balance(1, "texts", 4),
        accounts={number: Account(1, "alice", ("demo",))},
    )
    for at, units in enumerate((3, 3, 3)):
        answers = []
        for identifier in (1, 2):
            asked = service(
                requested(("CC-Service-Specific-Units", units)),
                ("Service-Identifier", 7),
                ("Rating-Group", TEXT),
            )
            essential = EVENT | {"CC-Request-Number": at}
            message = write(SUBSCRIPTION, DEBIT, asked, with_=essential)
            octets = message.octets[:12] + bytes([0, 0, 0, identifier]) * 2 + message.octets[20:]
            decoded = decoder.decode(decode(octets, dictionary), "demo", NOON)
            decision = charge(decoded.request, desk.case)
            desk.case = desk.case.after(decision)
            answers.append(encoder.encode(decision, decoded))
            assert (decision.novelty is Novelty.REPEATED) == (identifier == 2)
        first, second = answers
        assert first[12:20] != second[12:20]
        assert first[:12] + first[20:] == second[:12] + second[20:]
