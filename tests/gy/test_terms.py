"""What an answer says besides codes and quotas: announcements, triggers, what to do in failures."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, Message, decode
from diameter_ocs.charging.announcements import Announcement, VariablePart, VariablePartType
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import TERMINATE
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.asked import on_terms
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import ANSWER_OCTETS_MAX, Encoder
from diameter_ocs.gy.terms import AS_USUAL, AnswerTerms, DebitingFailureHandling, FailureHandling

INITIAL, UPDATE = 1, 2
DATA, CALLS, TEXTS = "32251@3gpp.org", "32260@3gpp.org", "32274@3gpp.org"

Pair = tuple[str, Any]
Answered = Callable[..., Message]

WHOLE = Announcement(
    identifier=1001,
    variable_parts=(
        VariablePart(VariablePartType.CURRENCY, "00001250", 1),
        VariablePart(200, "x"),
    ),
    seconds_before_end=30,
    uses_quota=False,
    order=2,
    to_remote_party=True,
    is_private=True,
    language="de",
)
WHOLE_OCTETS = bytes.fromhex(
    "00000f40 c00000e8 000028af"  # Announcement-Information
    "00000f41 c0000010 000028af 000003e9"  # Announcement-Identifier
    "00000f43 c0000040 000028af"  # Variable-Part
    "00000f44 c0000010 000028af 00000001"  # Variable-Part-Order
    "00000f45 c0000010 000028af 00000004"  # Variable-Part-Type: currency
    "00000f46 c0000014 000028af 3030303031323530"  # Variable-Part-Value: 12.50
    "00000f43 c000002c 000028af"  # Variable-Part
    "00000f45 c0000010 000028af 000000c8"  # Variable-Part-Type: 200
    "00000f46 c000000d 000028af 78000000"  # Variable-Part-Value
    "00000f47 c0000010 000028af 0000001e"  # Time-Indicator
    "00000f48 c0000010 000028af 00000000"  # Quota-Indicator: not used
    "00000f42 c0000010 000028af 00000002"  # Announcement-Order
    "00000f49 c0000010 000028af 00000001"  # Play-Alternative: remote party
    "00000f4b c0000010 000028af 00000001"  # Privacy-Indicator: private
    "00000f4a c000000e 000028af 64650000"  # Language
)
TRIGGERS = bytes.fromhex(
    "000004f0 c000002c 000028af"  # Trigger
    "00000366 c0000010 000028af 0000001e"  # Trigger-Type: change of MCC
    "00000366 c0000010 000028af 0000001f"  # Trigger-Type: change of MNC
)


def service(rating_group: int) -> Pair:
    return "Multiple-Services-Credit-Control", [("Rating-Group", rating_group)]


def told(
    rating_group: int,
    outcome: Outcome = Outcome.SUCCESS,
    grant: Grant | None = None,
    announcements: tuple[Announcement, ...] = (),
) -> ServiceDecision:
    return ServiceDecision(ServiceUsage(rating_group), outcome, grant, announcements)


def quota(is_final: bool = False, depends_on_location: bool = True) -> Grant:
    return Grant(UnitType.VOLUME, 1000, 3600, is_final, depends_on_location)


@pytest.fixture
def request_of(read: Callable[..., Decoded]) -> Callable[..., Decoded]:
    """Writes and decodes a request of a context."""

    def request_of(context: str, *members: Pair, request_type: int = UPDATE) -> Decoded:
        essential = {"Service-Context-Id": context, "CC-Request-Type": request_type}
        return read(*members, with_=essential)

    return request_of


@pytest.fixture
def answered(
    request_of: Callable[..., Decoded], dictionary: Dictionary, identity: Identity
) -> Answered:
    """Answers a request on some terms."""

    def answered(
        context: str,
        decision: Decision,
        terms: AnswerTerms = AS_USUAL,
        *members: Pair,
        request_type: int = UPDATE,
    ) -> Message:
        asked = members or [service(each.usage.rating_group or 0) for each in decision.services]
        decoded = request_of(context, *asked, request_type=request_type)
        octets = Encoder(dictionary, identity, terms).encode(decision, decoded)
        return decode(octets, dictionary)

    return answered


def services(message: Message) -> Iterator[bytes]:
    for avp in message.group.avps("Multiple-Services-Credit-Control"):
        yield message.data(avp)


def test_announcement_octet_by_octet(answered: Answered) -> None:
    refused = told(1, Outcome.LIMIT_REACHED, announcements=(WHOLE,))
    (answer,) = services(answered(CALLS, Decision(Outcome.SUCCESS, (refused,))))
    assert answer == (
        bytes.fromhex(
            "000001b0 4000000c 00000001"  # Rating-Group
            "0000010c 4000000c 00000fac"  # Result-Code
        )
        + WHOLE_OCTETS
    )


def test_plain_announcement_says_only_its_number(answered: Answered) -> None:
    refused = told(1, Outcome.LIMIT_REACHED, announcements=(Announcement(1001),))
    (answer,) = services(answered(CALLS, Decision(Outcome.SUCCESS, (refused,))))
    assert answer.endswith(
        bytes.fromhex("00000f40 c000001c 000028af 00000f41 c0000010 000028af 000003e9")
    )


def test_last_quota_is_announced_beside_its_final_unit_indication(answered: Answered) -> None:
    ending = Announcement(7, seconds_before_end=0)
    last = told(
        1, grant=Grant(UnitType.TIME, 60, 3600, True, final_unit=TERMINATE), announcements=(ending,)
    )
    message = answered(CALLS, Decision(Outcome.SUCCESS, (last,)))
    (answer,) = message.group.all("Multiple-Services-Credit-Control")
    assert answer.first("Final-Unit-Indication").first("Final-Unit-Action") == 0
    assert answer.first("Granted-Service-Unit").first("CC-Time") == 60
    announcement = answer.first("Announcement-Information")
    assert announcement.first("Announcement-Identifier") == 7
    assert announcement.first("Time-Indicator") == 0


def test_each_service_is_announced_apart_and_in_order(answered: Answered) -> None:
    one = told(1, Outcome.LIMIT_REACHED, announcements=(Announcement(5), Announcement(4)))
    other = told(2, Outcome.SERVICE_DENIED, announcements=(Announcement(6),))
    message = answered(CALLS, Decision(Outcome.SUCCESS, (one, other)))
    said = [
        [each.first("Announcement-Identifier") for each in group.all("Announcement-Information")]
        for group in message.group.all("Multiple-Services-Credit-Control")
    ]
    assert said == [[5, 4], [6]]


def test_peer_that_wants_no_announcements_gets_none(answered: Answered) -> None:
    refused = told(1, Outcome.LIMIT_REACHED, announcements=(WHOLE,))
    terms = AnswerTerms(announcements=False)
    message = answered(CALLS, Decision(Outcome.SUCCESS, (refused,)), terms)
    (answer,) = message.group.all("Multiple-Services-Credit-Control")
    assert "Announcement-Information" not in answer
    assert answer.first("Result-Code") == 4012


def test_units_at_command_level_have_no_place_for_announcements(answered: Answered) -> None:
    refused = told(1, Outcome.LIMIT_REACHED, announcements=(WHOLE,))
    asked: Pair = ("Requested-Service-Unit", [])
    message = answered(CALLS, Decision(Outcome.SUCCESS, (refused,)), AS_USUAL, asked)
    assert message.group.first("Result-Code") == 4012
    assert "Announcement-Information" not in message.group


def test_data_that_depends_on_the_place_arms_its_change(answered: Answered) -> None:
    (answer,) = services(answered(DATA, Decision(Outcome.SUCCESS, (told(1, grant=quota()),))))
    assert answer.endswith(TRIGGERS)


@pytest.mark.parametrize("is_final", [False, True])
def test_grant_has_triggers_in_any_shape(answered: Answered, is_final: bool) -> None:
    grant = quota(is_final)
    shapes = [
        ServiceDecision(ServiceUsage(1), Outcome.SUCCESS, grant),
        ServiceDecision(ServiceUsage(1, (7,)), Outcome.SUCCESS, grant),
        ServiceDecision(ServiceUsage(None), Outcome.SUCCESS, grant),
    ]
    message = answered(DATA, Decision(Outcome.SUCCESS, tuple(shapes)))
    assert [answer.count(TRIGGERS) for answer in services(message)] == [1, 1, 1]


def test_data_that_costs_the_same_everywhere_arms_nothing(answered: Answered) -> None:
    decision = Decision(Outcome.SUCCESS, (told(1, grant=quota(depends_on_location=False)),))
    (answer,) = answered(DATA, decision).group.all("Multiple-Services-Credit-Control")
    assert "Trigger" not in answer


def test_peer_that_wants_no_triggers_gets_none(answered: Answered) -> None:
    terms = AnswerTerms(location_triggers=False)
    decision = Decision(Outcome.SUCCESS, (told(1, grant=quota()),))
    (answer,) = answered(DATA, decision, terms).group.all("Multiple-Services-Credit-Control")
    assert "Trigger" not in answer


@pytest.mark.parametrize("context", [CALLS, TEXTS])
def test_only_data_has_triggers(answered: Answered, context: str) -> None:
    decision = Decision(Outcome.SUCCESS, (told(1, grant=quota()),))
    (answer,) = answered(context, decision).group.all("Multiple-Services-Credit-Control")
    assert "Trigger" not in answer


def test_refused_data_arms_nothing(answered: Answered) -> None:
    decision = Decision(Outcome.SUCCESS, (told(1, Outcome.LIMIT_REACHED),))
    (answer,) = answered(DATA, decision).group.all("Multiple-Services-Credit-Control")
    assert "Trigger" not in answer


def lengthy(count: int) -> tuple[ServiceDecision, ...]:
    """So many services with a quota, a trigger and an announcement, and one that is refused."""
    return (
        *[told(number, grant=quota(), announcements=(WHOLE,)) for number in range(count)],
        told(count, Outcome.LIMIT_REACHED, announcements=(WHOLE,)),
    )


# How many services there are, and whether their triggers and announcements have room.
LENGTHS = [(10, True, True), (12, False, True), (20, False, False), (60, False, False)]


@pytest.mark.parametrize(("count", "has_triggers", "has_announcements"), LENGTHS)
def test_triggers_make_room_first_then_announcements_and_quotas_never(
    answered: Answered, count: int, has_triggers: bool, has_announcements: bool
) -> None:
    message = answered(DATA, Decision(Outcome.SUCCESS, lengthy(count)))
    answers = list(services(message))
    assert [TRIGGERS in each for each in answers] == [has_triggers] * count + [False]
    assert [WHOLE_OCTETS in each for each in answers] == [has_announcements] * (count + 1)
    groups = message.group.all("Multiple-Services-Credit-Control")
    assert [each.first("Result-Code") for each in groups] == [2001] * count + [4012]
    assert all("Granted-Service-Unit" in each for each in groups[:-1])
    assert (len(message.octets) <= ANSWER_OCTETS_MAX) == (count < 60)


def failure_handling(message: Message) -> tuple[int | None, ...]:
    return (
        message.group.first("CC-Session-Failover"),
        message.group.first("Credit-Control-Failure-Handling"),
        message.group.first("Direct-Debiting-Failure-Handling"),
    )


def test_failure_handling_is_the_peers(answered: Answered) -> None:
    terms = AnswerTerms(
        session_failover=False,
        failure_handling=FailureHandling.CONTINUE,
        debiting_failure_handling=DebitingFailureHandling.CONTINUE,
    )
    opened = answered(DATA, Decision(Outcome.SUCCESS), terms, request_type=INITIAL)
    assert failure_handling(opened) == (0, 1, 1)


def test_session_that_is_refused_ends_whatever_the_peer_has(answered: Answered) -> None:
    terms = AnswerTerms(failure_handling=FailureHandling.CONTINUE)
    refused = answered(DATA, Decision(Outcome.USER_UNKNOWN), terms, request_type=INITIAL)
    assert failure_handling(refused) == (None, 0, None)


def test_service_that_is_free_has_its_code_and_no_quota(answered: Answered) -> None:
    message = answered(DATA, Decision(Outcome.SUCCESS, (told(1, Outcome.NOT_APPLICABLE),)))
    (answer,) = services(message)
    assert message.group.first("Result-Code") == 2001
    assert answer == bytes.fromhex("000001b0 4000000c 00000001 0000010c 4000000c 00000fab")


def test_what_is_free_is_asked_of_services_but_not_at_command_level(
    request_of: Callable[..., Decoded],
) -> None:
    terms = AnswerTerms(tells_free=True)
    assert on_terms(request_of(DATA, service(1)), terms).request.tells_free
    asked = on_terms(request_of(DATA, ("Requested-Service-Unit", [])), terms)
    assert not asked.request.tells_free
