"""A decision as a Credit-Control-Answer, read back by python-diameter."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from diameter.message import Message as PythonMessage
from diameter.message.commands import CreditControlAnswer

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, Message, decode
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import TERMINATE
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.codes import COMMAND_CODES, ERROR_MESSAGES, SERVICE_CODES
from diameter_ocs.gy.decode import Decoded, Decoder
from diameter_ocs.gy.encode import Encoder

NOON = 1_709_985_600_000_000
INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
MIB = 2**20
SUBSCRIPTION = (
    "Subscription-Id",
    [("Subscription-Id-Type", 0), ("Subscription-Id-Data", "15550100001")],
)

Pair = tuple[str, Any]
Exchange = Callable[..., bytes]

VOLUME = Grant(UnitType.VOLUME, MIB, 3600, False)
FINAL = Grant(UnitType.VOLUME, 5, 60, True, final_unit=TERMINATE)


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", members


def decided(
    rating_group: int | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    grant: Grant | None = None,
    service_identifiers: tuple[int, ...] = (),
) -> ServiceDecision:
    return ServiceDecision(ServiceUsage(rating_group, service_identifiers), outcome, grant)


def read(octets: bytes) -> CreditControlAnswer:
    answer = PythonMessage.from_bytes(octets)
    assert isinstance(answer, CreditControlAnswer)
    return answer


@pytest.fixture
def request_of(write: Callable[..., Message], decoder: Decoder) -> Callable[..., Any]:
    """Writes and decodes a request of one type."""

    def request_of(request_type: int, *members: Pair, **essential: Any) -> Decoded:
        named = {name.replace("_", "-"): value for name, value in essential.items()}
        message = write(
            ("User-Name", "a@b"), *members, with_={"CC-Request-Type": request_type, **named}
        )
        return decoder.decode(message, "demo", NOON)

    return request_of


@pytest.fixture
def exchange(request_of: Callable[..., Decoded], encoder: Encoder) -> Exchange:
    """Answers a request of one type with a decision."""

    def exchange(decision: Decision, request_type: int, *members: Pair, **essential: Any) -> bytes:
        return encoder.encode(decision, request_of(request_type, *members, **essential))

    return exchange


def test_answer_octet_by_octet(exchange: Exchange) -> None:
    decision = Decision(
        Outcome.SUCCESS,
        (
            decided(300, grant=FINAL, service_identifiers=(7,)),
            decided(100, Outcome.LIMIT_REACHED),
        ),
    )
    services = [
        service(("Rating-Group", 300), ("Service-Identifier", 7)),
        service(("Rating-Group", 100)),
    ]
    assert exchange(decision, UPDATE, *services) == bytes.fromhex(
        "0100010c 40000110 00000004 11111111 22222222"
        "00000107 40000017 7067772e6578616d706c653b313b32 00"  # Session-Id
        "00000108 40000013 6f63732e6578616d706c65 00"  # Origin-Host
        "00000128 40000015 7265616c6d2e6578616d706c65 000000"  # Origin-Realm
        "0000010c 4000000c 000007d1"  # Result-Code
        "00000102 4000000c 00000004"  # Auth-Application-Id
        "000001a0 4000000c 00000002"  # CC-Request-Type
        "0000019f 4000000c 00000000"  # CC-Request-Number
        "000001c8 40000064"  # Multiple-Services-Credit-Control
        "000001af 40000018 000001a5 40000010 0000000000000005"  # Granted-Service-Unit
        "000001b7 4000000c 00000007"  # Service-Identifier
        "000001b0 4000000c 0000012c"  # Rating-Group
        "0000010c 4000000c 000007d1"  # Result-Code
        "000001c0 4000000c 0000003c"  # Validity-Time
        "000001ae 40000014 000001c1 4000000c 00000000"  # Final-Unit-Indication
        "000001c8 40000020"  # Multiple-Services-Credit-Control
        "000001b0 4000000c 00000064"  # Rating-Group
        "0000010c 4000000c 00000fac"  # Result-Code
    )


def test_the_next_change_of_price_is_told_with_the_units(
    exchange: Exchange, dictionary: Dictionary
) -> None:
    grant = VOLUME._replace(tariff_change_at=NOON + 1_800_000_000)
    octets = exchange(Decision(Outcome.SUCCESS, (decided(300, grant=grant),)), UPDATE)
    (told,) = decode(octets, dictionary).group.all("Multiple-Services-Credit-Control")
    quota = told.first("Granted-Service-Unit")
    assert quota.first("Tariff-Time-Change") * 1_000_000 == NOON + 1_800_000_000
    assert quota.first("CC-Total-Octets") == MIB
    assert bytes.fromhex("000001c3 4000000c e996d4c8") in octets


def test_a_change_of_price_beyond_2036_is_told_in_the_next_era(exchange: Exchange) -> None:
    grant = VOLUME._replace(tariff_change_at=(2**32 - 2_208_988_800 + 60) * 1_000_000)
    octets = exchange(Decision(Outcome.SUCCESS, (decided(300, grant=grant),)), UPDATE)
    assert bytes.fromhex("000001c3 4000000c 0000003c") in octets


def test_ids_session_and_proxies_are_those_of_the_request(exchange: Exchange) -> None:
    proxies = [
        ("Proxy-Info", [("Proxy-Host", "one.example"), ("Proxy-State", b"\x00\xff")]),
        ("Proxy-Info", [("Proxy-Host", "two.example"), ("Proxy-State", b"s")]),
    ]
    octets = exchange(Decision(Outcome.SUCCESS), UPDATE, *proxies, CC_Request_Number=9)
    answer = read(octets)
    assert octets[4] == 0x40
    assert answer.header.hop_by_hop_identifier == 0x11111111
    assert answer.header.end_to_end_identifier == 0x22222222
    assert answer.session_id == "pgw.example;1;2"
    assert answer.origin_host == b"ocs.example"
    assert answer.origin_realm == b"realm.example"
    assert answer.auth_application_id == 4
    assert answer.cc_request_type == UPDATE
    assert answer.cc_request_number == 9
    assert [proxy.proxy_host for proxy in answer.proxy_info] == [b"one.example", b"two.example"]
    assert [proxy.proxy_state for proxy in answer.proxy_info] == [b"\x00\xff", b"s"]


def test_sub_session_is_named_where_the_request_names_one(exchange: Exchange) -> None:
    decision = Decision(Outcome.SUCCESS)
    assert read(exchange(decision, UPDATE, CC_Sub_Session_Id=5)).cc_sub_session_id == 5
    assert read(exchange(decision, UPDATE)).cc_sub_session_id is None


# Each outcome with the code of a command, and that of a service.
CODES = [
    (Outcome.SUCCESS, 2001, 2001),
    (Outcome.SERVICE_DENIED, 4010, 4010),
    (Outcome.NOT_APPLICABLE, 4011, 4011),
    (Outcome.LIMIT_REACHED, 4012, 4012),
    (Outcome.SESSION_UNKNOWN, 5002, 5002),
    (Outcome.LOCATION_UNKNOWN, 5004, 4010),
    (Outcome.FOREIGN_CURRENCY, 5004, 5004),
    (Outcome.USER_UNKNOWN, 5030, 5030),
    (Outcome.RATING_FAILED, 5031, 5031),
]


@pytest.mark.parametrize("request_type", [INITIAL, UPDATE, TERMINATION])
@pytest.mark.parametrize(("outcome", "code", "_"), CODES)
def test_every_outcome_of_a_request_has_its_code(
    exchange: Exchange, outcome: Outcome, code: int, _: int, request_type: int
) -> None:
    assert read(exchange(Decision(outcome), request_type)).result_code == code


@pytest.mark.parametrize(("outcome", "_", "code"), CODES)
def test_every_outcome_of_a_service_has_its_code(
    exchange: Exchange, outcome: Outcome, _: int, code: int
) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(1, outcome),))
    answer = read(exchange(decision, UPDATE, service(("Rating-Group", 1))))
    assert answer.result_code == 2001
    assert [each.result_code for each in answer.multiple_services_credit_control] == [code]


def test_no_outcome_is_without_a_code() -> None:
    told = {outcome for outcome, *_ in CODES}
    assert told == set(COMMAND_CODES) == set(SERVICE_CODES) == set(Outcome)


@pytest.mark.parametrize("request_type", [INITIAL, UPDATE, TERMINATION])
@pytest.mark.parametrize(("outcome", "code", "_"), CODES)
def test_failure_of_a_command_is_said_in_words(
    exchange: Exchange,
    dictionary: Dictionary,
    outcome: Outcome,
    code: int,
    _: int,
    request_type: int,
) -> None:
    said = decode(exchange(Decision(outcome), request_type), dictionary).group
    assert said.first("Error-Message") == ERROR_MESSAGES.get(code)
    assert ("Error-Message" in said) == (outcome is not Outcome.SUCCESS)


def test_failure_of_a_service_is_said_by_its_code_alone(
    exchange: Exchange, dictionary: Dictionary
) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(1, Outcome.LIMIT_REACHED),))
    octets = exchange(decision, UPDATE, service(("Rating-Group", 1)))
    assert "Error-Message" not in decode(octets, dictionary).group


def test_server_tells_its_state_where_it_has_one(
    request_of: Callable[..., Decoded], dictionary: Dictionary
) -> None:
    encoder = Encoder(dictionary, Identity("ocs.example", "realm.example", 77))
    octets = encoder.encode(Decision(Outcome.SUCCESS), request_of(UPDATE))
    assert decode(octets, dictionary).group.first("Origin-State-Id") == 77


def test_proxiable_bit_is_that_of_the_request(
    write: Callable[..., Message], dictionary: Dictionary, decoder: Decoder, encoder: Encoder
) -> None:
    octets = bytearray(write(("User-Name", "a@b")).octets)
    for flags, answered in ((0x80, 0), (0xC0, 0x40), (0xD0, 0x40), (0x90, 0)):
        octets[4] = flags
        decoded = decoder.decode(decode(bytes(octets), dictionary), "demo", NOON)
        assert encoder.encode(Decision(Outcome.SUCCESS), decoded)[4] == answered


def failure_handling(octets: bytes, dictionary: Dictionary) -> tuple[int | None, ...]:
    group = decode(octets, dictionary).group
    return (
        group.first("CC-Session-Failover"),
        group.first("Credit-Control-Failure-Handling"),
        group.first("Direct-Debiting-Failure-Handling"),
    )


def test_session_that_opens_may_fail_over_and_is_retried(
    exchange: Exchange, dictionary: Dictionary
) -> None:
    octets = exchange(Decision(Outcome.SUCCESS), INITIAL)
    assert failure_handling(octets, dictionary) == (1, 2, 0)
    assert read(octets).cc_session_failover == 1
    assert read(octets).credit_control_failure_handling == 2


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome])
def test_session_that_is_refused_ends(
    exchange: Exchange, dictionary: Dictionary, outcome: Outcome
) -> None:
    octets = exchange(Decision(outcome), INITIAL)
    assert failure_handling(octets, dictionary) == (None, 0, None)


@pytest.mark.parametrize("request_type", [UPDATE, TERMINATION])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_later_answers_leave_failure_handling_as_it_was(
    exchange: Exchange, dictionary: Dictionary, request_type: int, outcome: Outcome
) -> None:
    octets = exchange(Decision(outcome), request_type)
    assert failure_handling(octets, dictionary) == (None, None, None)


GRANTS = [
    (UnitType.VOLUME, MIB, (MIB, None, None)),
    (UnitType.VOLUME, 2**63 - 1, (2**63 - 1, None, None)),
    (UnitType.TIME, 300, (None, 300, None)),
    (UnitType.TIME, 2**32 - 1, (None, 2**32 - 1, None)),
    (UnitType.TIME, 2**32, (None, 2**32 - 1, None)),
    (UnitType.SERVICE_SPECIFIC_UNITS, 2**33, (None, None, 2**33)),
]


@pytest.mark.parametrize(("unit_type", "units", "told"), GRANTS)
def test_quota_is_told_in_the_units_of_its_rating_group(
    exchange: Exchange, unit_type: UnitType, units: int, told: tuple[int | None, ...]
) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(1, grant=Grant(unit_type, units, 90, False)),))
    answer = read(exchange(decision, UPDATE, service(("Rating-Group", 1))))
    (answered,) = answer.multiple_services_credit_control
    quota = answered.granted_service_unit
    assert (quota.cc_total_octets, quota.cc_time, quota.cc_service_specific_units) == told
    assert answered.validity_time == 90
    assert answered.final_unit_indication is None


def test_absurd_validity_is_the_longest_that_can_be_told(exchange: Exchange) -> None:
    decision = Decision(
        Outcome.SUCCESS, (decided(1, grant=VOLUME._replace(validity_seconds=2**40)),)
    )
    answer = read(exchange(decision, UPDATE, service(("Rating-Group", 1))))
    assert answer.multiple_services_credit_control[0].validity_time == 2**32 - 1


def test_final_quota_ends_with_termination(exchange: Exchange) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(1, grant=FINAL),))
    answer = read(exchange(decision, UPDATE, service(("Rating-Group", 1))))
    indication = answer.multiple_services_credit_control[0].final_unit_indication
    assert indication is not None
    assert indication.final_unit_action == 0


def test_services_without_a_grant_are_answered_with_name_and_code(exchange: Exchange) -> None:
    outcomes = [Outcome.SUCCESS, Outcome.SERVICE_DENIED, Outcome.LIMIT_REACHED]
    services = [decided(number, outcome) for number, outcome in enumerate(outcomes)]
    requests = [service(("Rating-Group", number)) for number in range(len(outcomes))]
    answer = read(exchange(Decision(Outcome.SUCCESS, tuple(services)), UPDATE, *requests))
    assert answer.result_code == 2001
    answered = answer.multiple_services_credit_control
    assert [each.rating_group for each in answered] == [0, 1, 2]
    assert [each.result_code for each in answered] == [2001, 4010, 4012]
    assert all(each.granted_service_unit is None for each in answered)
    assert all(each.validity_time is None for each in answered)


NAMES: list[tuple[int | None, tuple[int, ...]]] = [(None, ()), (0, ()), (3, (1, 2)), (None, (9,))]


@pytest.mark.parametrize(("rating_group", "service_identifiers"), NAMES)
def test_names_are_mirrored_as_they_were_asked(
    exchange: Exchange, rating_group: int | None, service_identifiers: tuple[int, ...]
) -> None:
    asked: list[Pair] = [("Service-Identifier", number) for number in service_identifiers]
    if rating_group is not None:
        asked.append(("Rating-Group", rating_group))
    grant = decided(rating_group, Outcome.SUCCESS, VOLUME, service_identifiers)
    answer = read(exchange(Decision(Outcome.SUCCESS, (grant,)), UPDATE, service(*asked)))
    (answered,) = answer.multiple_services_credit_control
    assert answered.rating_group == rating_group
    assert tuple(answered.service_identifier) == service_identifiers


def test_services_that_were_merged_are_answered_once(exchange: Exchange) -> None:
    twice = [service(("Rating-Group", 1)), service(("Rating-Group", 1))]
    answer = read(exchange(Decision(Outcome.SUCCESS, (decided(1, grant=VOLUME),)), UPDATE, *twice))
    assert len(answer.multiple_services_credit_control) == 1


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.RATING_FAILED])
def test_termination_is_answered_without_services(exchange: Exchange, outcome: Outcome) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(1, outcome),))
    answer = read(exchange(decision, TERMINATION, service(("Rating-Group", 1))))
    assert answer.result_code == 2001
    assert not answer.multiple_services_credit_control
    assert not answer.failed_avp


USED: Pair = ("Used-Service-Unit", [("CC-Total-Octets", 1)])
REQUESTED: Pair = ("Requested-Service-Unit", [])


@pytest.mark.parametrize("request_type", [INITIAL, UPDATE])
def test_units_at_command_level_are_answered_there(exchange: Exchange, request_type: int) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(grant=FINAL),))
    answer = read(exchange(decision, request_type, REQUESTED))
    assert answer.result_code == 2001
    assert answer.granted_service_unit.cc_total_octets == 5
    assert answer.validity_time == 60
    assert answer.final_unit_indication.final_unit_action == 0
    assert not answer.multiple_services_credit_control


@pytest.mark.parametrize("request_type", [INITIAL, UPDATE])
@pytest.mark.parametrize(("outcome", "_", "code"), CODES)
def test_code_of_units_at_command_level_stands_there(
    exchange: Exchange,
    dictionary: Dictionary,
    outcome: Outcome,
    _: int,
    code: int,
    request_type: int,
) -> None:
    octets = exchange(Decision(Outcome.SUCCESS, (decided(None, outcome),)), request_type, REQUESTED)
    answer = read(octets)
    assert answer.result_code == code
    assert answer.granted_service_unit is None
    assert answer.validity_time is None
    if request_type == INITIAL:
        opened = (1, 2, 0) if outcome is Outcome.SUCCESS else (None, 0, None)
        assert failure_handling(octets, dictionary) == opened


@pytest.mark.parametrize("request_type", [INITIAL, UPDATE, EVENT])
@pytest.mark.parametrize(("outcome", "of_command", "of_service"), CODES)
def test_refusal_of_a_service_may_be_the_commands_too(
    exchange: Exchange,
    dictionary: Dictionary,
    outcome: Outcome,
    of_command: int,
    of_service: int,
    request_type: int,
) -> None:
    decision = Decision(outcome, (decided(1, outcome),))
    action = [("Requested-Action", 0)] if request_type == EVENT else []
    octets = exchange(decision, request_type, *action, service(("Rating-Group", 1)), SUBSCRIPTION)
    answer = read(octets)
    assert answer.result_code == of_command
    assert [each.result_code for each in answer.multiple_services_credit_control] == [of_service]
    if request_type == INITIAL and outcome is not Outcome.SUCCESS:
        assert failure_handling(octets, dictionary) == (None, 0, None)


def test_failure_of_the_command_is_above_that_of_its_units(exchange: Exchange) -> None:
    decision = Decision(Outcome.SESSION_UNKNOWN, (decided(None, Outcome.SUCCESS),))
    assert read(exchange(decision, UPDATE, USED)).result_code == 5002


def test_termination_succeeds_whatever_its_units_were(exchange: Exchange) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(None, Outcome.RATING_FAILED),))
    answer = read(exchange(decision, TERMINATION, USED))
    assert answer.result_code == 2001
    assert not answer.failed_avp


def failed_avps(octets: bytes, dictionary: Dictionary) -> Sequence[bytes]:
    """Returns the members of Failed-AVP as octets."""
    message = decode(octets, dictionary)
    (failed_avp,) = message.group.avps("Failed-AVP")
    data = message.data(failed_avp)
    members = []
    while data:
        octets_of_member = int.from_bytes(data[5:8]) + 3 & -4
        members.append(data[:octets_of_member])
        data = data[octets_of_member:]
    return members


# The names of the services that cannot be rated, and what Failed-AVP holds.
UNRATED: list[tuple[list[list[Pair]], list[str]]] = [
    ([[("Rating-Group", 999)]], ["000001b0 4000000c 000003e7"]),
    (
        [[("Rating-Group", 999), ("Service-Identifier", 5)]],
        ["000001b0 4000000c 000003e7"],
    ),
    (
        [[("Service-Identifier", 5), ("Service-Identifier", 4)]],
        ["000001b7 4000000c 00000005", "000001b7 4000000c 00000004"],
    ),
    ([[]], ["000001b0 4000000c 00000000"]),
    (
        [[("Rating-Group", 998)], [("Rating-Group", 999)]],
        ["000001b0 4000000c 000003e6", "000001b0 4000000c 000003e7"],
    ),
    (
        [[("Rating-Group", 999)], [("Rating-Group", 999), ("Service-Identifier", 5)]],
        ["000001b0 4000000c 000003e7"],
    ),
]


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.RATING_FAILED])
@pytest.mark.parametrize(("names", "members"), UNRATED)
def test_what_cannot_be_rated_is_shown(
    request_of: Callable[..., Decoded],
    dictionary: Dictionary,
    encoder: Encoder,
    names: list[list[Pair]],
    members: list[str],
    outcome: Outcome,
) -> None:
    decoded = request_of(INITIAL, *(service(*each) for each in names))
    services = [ServiceDecision(usage, Outcome.RATING_FAILED) for usage in decoded.request.usages]
    octets = encoder.encode(Decision(outcome, tuple(services)), decoded)
    answer = read(octets)
    assert answer.result_code == COMMAND_CODES[outcome]
    assert [each.result_code for each in answer.multiple_services_credit_control] == [5031] * len(
        names
    )
    assert failed_avps(octets, dictionary) == [bytes.fromhex(member) for member in members]


def test_name_is_shown_as_it_came(
    write: Callable[..., Message], dictionary: Dictionary, decoder: Decoder, encoder: Encoder
) -> None:
    without_m_bit = bytes.fromhex("000001b0 0000000c 000003e7")
    message = write(("User-Name", "a@b"), service_of(without_m_bit))
    decoded = decoder.decode(message, "demo", NOON)
    decision = Decision(Outcome.SUCCESS, (decided(999, Outcome.RATING_FAILED),))
    octets = encoder.encode(decision, decoded)
    assert failed_avps(octets, dictionary) == [without_m_bit]


def service_of(octets: bytes) -> Pair:
    return "Multiple-Services-Credit-Control", octets


def test_only_what_cannot_be_rated_is_shown(exchange: Exchange, dictionary: Dictionary) -> None:
    services = (decided(1, grant=VOLUME), decided(999, Outcome.RATING_FAILED))
    asked = [service(("Rating-Group", 1)), service(("Rating-Group", 999))]
    octets = exchange(Decision(Outcome.SUCCESS, services), UPDATE, *asked)
    assert failed_avps(octets, dictionary) == [bytes.fromhex("000001b0 4000000c 000003e7")]
    assert read(octets).result_code == 2001


def test_unknown_context_is_shown(exchange: Exchange, dictionary: Dictionary) -> None:
    octets = exchange(
        Decision(Outcome.RATING_FAILED),
        INITIAL,
        service(("Rating-Group", 1)),
        Service_Context_Id="gprs@x.example",
    )
    assert read(octets).result_code == 5031
    assert failed_avps(octets, dictionary) == [
        bytes.fromhex("000001cd 40000016 677072734078 2e6578616d706c65 0000")
    ]


def test_unit_at_command_level_that_cannot_be_rated_is_shown(
    exchange: Exchange, dictionary: Dictionary
) -> None:
    decision = Decision(Outcome.SUCCESS, (decided(None, Outcome.RATING_FAILED, None, (5,)),))
    octets = exchange(decision, UPDATE, REQUESTED, ("Service-Identifier", 5))
    assert failed_avps(octets, dictionary) == [bytes.fromhex("000001b7 4000000c 00000005")]


def test_request_without_services_is_answered_without(exchange: Exchange) -> None:
    answer = read(exchange(Decision(Outcome.SUCCESS), INITIAL))
    assert answer.result_code == 2001
    assert not answer.multiple_services_credit_control
    assert not answer.failed_avp
