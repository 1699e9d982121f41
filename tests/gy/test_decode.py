"""A Credit-Control-Request as a charging request, with what is tolerated and what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import (
    AvpOccursTooManyTimes,
    DiameterError,
    InvalidAvpValue,
    MissingAvp,
)
from diameter_ocs.base.message import decode as decode_message
from diameter_ocs.base.tolerance import Tolerated as BaseTolerated
from diameter_ocs.charging.requests import (
    ChargingRequest,
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.units import AMOUNT_MAX
from diameter_ocs.gy.decode import EVENT_AHEAD_MAX, EVENT_AT_MIN, Decoded, Decoder
from diameter_ocs.gy.tolerance import Tolerated
from diameter_ocs.gy.usages import SERVICES_MAX
from tests.gy.networks import Networks

NOON = 1_709_985_600_000_000
SECOND = 1_000_000
UNSIGNED64_MAX = 2**64 - 1

Read = Callable[..., Decoded]
Pair = tuple[str, Any]

# One update with two services, octet by octet.
UPDATE = bytes.fromhex(
    "01000100 d0000110 00000004 0000000a 0000000b"
    "00000107 40000017 7067772e6578616d706c653b313b32 00"  # Session-Id
    "00000108 40000013 7067772e6578616d706c65 00"  # Origin-Host
    "00000128 4000000f 6578616d706c65 00"  # Origin-Realm
    "0000011b 40000013 6f63732e6578616d706c65 00"  # Destination-Realm
    "00000102 4000000c 00000004"  # Auth-Application-Id
    "000001cd 40000018 382e33323235314033677070 2e6f7267"  # Service-Context-Id
    "000001a0 4000000c 00000002"  # CC-Request-Type
    "0000019f 4000000c 00000003"  # CC-Request-Number
    "00000037 4000000c e996cdc0"  # Event-Timestamp
    "000001c8 40000034"  # Multiple-Services-Credit-Control
    "000001b0 4000000c 0000012c"  # Rating-Group 300
    "000001b5 40000008"  # Requested-Service-Unit, empty
    "000001be 40000018"  # Used-Service-Unit
    "000001a5 40000010 0000000000100000"  # CC-Total-Octets 1 MiB
    "000001c8 40000020"  # Multiple-Services-Credit-Control
    "000001b7 4000000c 00000005"  # Service-Identifier 5
    "000001b0 4000000c 00000000"  # Rating-Group 0
)


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", members


def requested(*members: Pair) -> Pair:
    return "Requested-Service-Unit", members


def used(*members: Pair) -> Pair:
    return "Used-Service-Unit", members


def usage_of(decoded: Decoded) -> ServiceUsage:
    (usage,) = decoded.request.usages
    return usage


def test_request_is_read_from_its_octets(dictionary: Dictionary, decoder: Decoder) -> None:
    decoded = decoder.decode(decode_message(UPDATE, dictionary), "demo", NOON)
    assert decoded.request == ChargingRequest(
        request_type=RequestType.UPDATE,
        request_number=3,
        session_key=SessionKey(b"pgw.example;1;2"),
        service_context="32251",
        origin_host="pgw.example",
        origin_realm="example",
        end_to_end_id=11,
        is_retransmission=True,
        tenant="demo",
        identities=(),
        event_at=NOON,
        usages=(
            ServiceUsage(300, (), Units(), (Units(octets=2**20),)),
            ServiceUsage(0, (5,)),
        ),
    )
    assert not decoded.is_command_level
    assert decoded.tolerated == ()


@pytest.mark.parametrize("request_type", RequestType)
def test_every_request_type_is_served(read: Read, request_type: RequestType) -> None:
    action = [("Requested-Action", 0)] if request_type is RequestType.EVENT else []
    request = read(*action, with_={"CC-Request-Type": int(request_type)}).request
    assert request.request_type is request_type
    assert not request.is_retransmission


def test_tenant_may_be_unknown(write: Callable[..., Any], decoder: Decoder) -> None:
    message = write(("User-Name", "a@b"))
    assert decoder.decode(message, None, NOON).request.tenant is None


def test_identities_are_those_of_the_request(read: Read) -> None:
    assert read().request.identities == (Identity(IdentityKind.MSISDN, "15550100001"),)


@pytest.mark.parametrize("session_id", [b"pgw.example;1;2", "pgw.example;Zürich".encode(), b"a;"])
def test_session_id_is_kept_octet_by_octet(read: Read, session_id: bytes) -> None:
    decoded = read(with_={"Session-Id": session_id})
    assert decoded.request.session_key == SessionKey(session_id)
    assert decoded.tolerated == ()


@pytest.mark.parametrize(
    "session_id",
    [b"pgw.example;1;2;\xff", b"pgw.example;1;2;\0", b"", b";1;2", b"a/b c@d", b"x" * 400],
)
def test_a_session_id_of_another_form_is_kept_and_noted(read: Read, session_id: bytes) -> None:
    decoded = read(with_={"Session-Id": session_id})
    assert decoded.request.session_key == SessionKey(session_id)
    assert decoded.tolerated == (BaseTolerated.ODD_SESSION_ID,)


@pytest.mark.parametrize("number", [0, 7, AMOUNT_MAX])
def test_sub_session_is_part_of_the_key(read: Read, number: int) -> None:
    key = read(("CC-Sub-Session-Id", number)).request.session_key
    assert key == SessionKey(b"pgw.example;1;2", number)


def test_unknown_context_is_none(read: Read) -> None:
    decoded = read(with_={"Service-Context-Id": "gprs@operator.example"})
    assert decoded.request.service_context is None


def test_private_context_is_mapped(write: Callable[..., Any], dictionary: Dictionary) -> None:
    message = write(("User-Name", "a@b"), with_={"Service-Context-Id": "gprs@operator.example"})
    decoder = Decoder(dictionary, Networks(), {"gprs@operator.example": "32251"})
    decoded = decoder.decode(message, None, NOON)
    assert decoded.request.service_context == "32251"
    assert decoded.tolerated == (Tolerated.PRIVATE_SERVICE_CONTEXT,)


EVENT_TIMES = [
    (NOON // SECOND, NOON),
    ((NOON + EVENT_AHEAD_MAX) // SECOND, NOON + EVENT_AHEAD_MAX),
    ((NOON + EVENT_AHEAD_MAX) // SECOND + 1, None),
    (EVENT_AT_MIN // SECOND, EVENT_AT_MIN),
    (EVENT_AT_MIN // SECOND - 1, None),
    (NOON // SECOND + 2**32 - 2_208_988_800, None),
]


@pytest.mark.parametrize(("seconds", "event_at"), EVENT_TIMES)
def test_absurd_times_are_not_believed(read: Read, seconds: int, event_at: int | None) -> None:
    decoded = read(("Event-Timestamp", seconds))
    assert decoded.request.event_at == event_at
    assert decoded.tolerated == (() if event_at is not None else (Tolerated.ABSURD_TIME,))


def test_time_need_not_be_said(read: Read) -> None:
    decoded = read()
    assert decoded.request.event_at is None
    assert decoded.tolerated == ()


REQUESTED_UNITS = [
    ([], Units()),
    ([("CC-Total-Octets", 0)], Units(octets=0)),
    ([("CC-Total-Octets", 9), ("CC-Input-Octets", 4), ("CC-Output-Octets", 5)], Units(octets=9)),
    ([("CC-Input-Octets", 4)], Units(octets=4)),
    ([("CC-Output-Octets", 5), ("CC-Input-Octets", 4)], Units(octets=9)),
    ([("CC-Time", 300)], Units(seconds=300)),
    ([("CC-Service-Specific-Units", 2)], Units(service_specific=2)),
    ([("CC-Time", 1), ("CC-Total-Octets", 2)], Units(octets=2, seconds=1)),
    ([("CC-Total-Octets", UNSIGNED64_MAX)], Units(octets=AMOUNT_MAX)),
    ([("CC-Input-Octets", AMOUNT_MAX), ("CC-Output-Octets", 1)], Units(octets=AMOUNT_MAX)),
    ([("CC-Service-Specific-Units", 2**63)], Units(service_specific=AMOUNT_MAX)),
    ([("CC-Time", 2**32 - 1)], Units(seconds=2**32 - 1)),
]


@pytest.mark.parametrize(("members", "units"), REQUESTED_UNITS)
def test_requested_units_are_read_in_any_type_and_clamped(
    read: Read, members: list[Pair], units: Units
) -> None:
    assert usage_of(read(service(("Rating-Group", 1), requested(*members)))).requested == units


USED_UNITS = [
    ([], Units(), set()),
    ([("CC-Total-Octets", 9)], Units(octets=9), set()),
    (
        [("CC-Total-Octets", 9), ("CC-Input-Octets", 4), ("CC-Output-Octets", 6)],
        Units(octets=9),
        set(),
    ),
    ([("CC-Input-Octets", 4)], Units(octets=4), {Tolerated.USAGE_WITHOUT_TOTAL}),
    (
        [("CC-Input-Octets", 4), ("CC-Output-Octets", 5)],
        Units(octets=9),
        {Tolerated.USAGE_WITHOUT_TOTAL},
    ),
    ([("CC-Input-Octets", 0)], Units(octets=0), {Tolerated.USAGE_WITHOUT_TOTAL}),
    ([("CC-Time", 7)], Units(seconds=7), set()),
    (
        [("CC-Time", 7), ("CC-Service-Specific-Units", 8), ("CC-Total-Octets", 9)],
        Units(9, 7, 8),
        {Tolerated.SEVERAL_UNIT_TYPES},
    ),
    (
        [("CC-Time", 7), ("CC-Total-Octets", 9)],
        Units(9, 7),
        {Tolerated.SEVERAL_UNIT_TYPES},
    ),
    ([("CC-Total-Octets", UNSIGNED64_MAX)], Units(octets=UNSIGNED64_MAX), set()),
    ([("CC-Service-Specific-Units", 2**63)], Units(service_specific=2**63), set()),
]


@pytest.mark.parametrize(("members", "units", "tolerated"), USED_UNITS)
def test_used_units_are_kept_as_they_were_said(
    read: Read, members: list[Pair], units: Units, tolerated: set[Tolerated]
) -> None:
    decoded = read(("Multiple-Services-Indicator", 1), service(("Rating-Group", 1), used(*members)))
    assert usage_of(decoded) == ServiceUsage(1, (), None, (units,))
    assert set(decoded.tolerated) == tolerated


def test_every_part_of_the_usage_counts(read: Read) -> None:
    decoded = read(service(("Rating-Group", 1), used(("CC-Time", 1)), used(("CC-Time", 2))))
    assert usage_of(decoded).used == (Units(seconds=1), Units(seconds=2))


BEFORE, AFTER, INDETERMINATE = [("Tariff-Change-Usage", part) for part in range(3)]
OCTETS: Pair = ("CC-Total-Octets", 5)
PARTS: list[tuple[list[Pair], tuple[int, ...], tuple[int, ...]]] = [
    ([used(BEFORE, OCTETS), used(AFTER, ("CC-Total-Octets", 7))], (5, 7), (7,)),
    ([used(AFTER, OCTETS)], (5,), (5,)),
    ([used(INDETERMINATE, OCTETS)], (5,), ()),
    ([used(("Tariff-Change-Usage", 9), OCTETS)], (5,), ()),
    ([AFTER, used(OCTETS)], (5,), (5,)),
    ([AFTER, used(BEFORE, OCTETS), used(OCTETS)], (5, 5), (5,)),
]


@pytest.mark.parametrize(("members", "all_used", "used_after"), PARTS)
def test_what_was_used_after_a_change_of_price_is_part_of_the_usage(
    read: Read, members: list[Pair], all_used: tuple[int, ...], used_after: tuple[int, ...]
) -> None:
    usage = usage_of(read(service(("Rating-Group", 1), *members)))
    assert usage.used == tuple(Units(octets=each) for each in all_used)
    assert usage.used_after == tuple(Units(octets=each) for each in used_after)


def test_nothing_requested_is_not_an_empty_request(read: Read) -> None:
    assert usage_of(read(service(("Rating-Group", 1)))).requested is None
    assert usage_of(read(service(("Rating-Group", 1), requested()))).requested == Units()


def test_service_identifiers_are_a_set(read: Read) -> None:
    numbers = [9, 2, 9, 0]
    decoded = read(service(*(("Service-Identifier", number) for number in numbers)))
    assert usage_of(decoded) == ServiceUsage(None, (0, 2, 9))


REPORTING_REASONS = [(reason, reason in (1, 2)) for reason in (*range(10), 99, -1)]


@pytest.mark.parametrize("is_in_units", [False, True])
@pytest.mark.parametrize(("reason", "is_returned"), REPORTING_REASONS)
def test_final_and_idle_quota_is_given_back(
    read: Read, reason: int, is_returned: bool, is_in_units: bool
) -> None:
    told = ("Reporting-Reason", reason)
    members = [used(told)] if is_in_units else [used(), told]
    assert usage_of(read(service(*members))).is_quota_returned is is_returned


def test_any_of_several_reasons_gives_the_quota_back(read: Read) -> None:
    reasons = [("Reporting-Reason", 4), ("Reporting-Reason", 2)]
    assert usage_of(read(service(*reasons, used()))).is_quota_returned


def test_units_at_command_level_are_one_service(read: Read) -> None:
    decoded = read(
        ("Service-Identifier", 5),
        requested(("CC-Time", 60)),
        used(("CC-Time", 30)),
        used(("CC-Time", 1)),
    )
    assert usage_of(decoded) == ServiceUsage(
        None, (5,), Units(seconds=60), (Units(seconds=30), Units(seconds=1))
    )
    assert decoded.is_command_level
    assert decoded.request.is_its_service
    assert decoded.tolerated == (Tolerated.UNITS_AT_COMMAND_LEVEL,)


def test_request_without_any_units_has_no_usage(read: Read) -> None:
    decoded = read(("Service-Identifier", 5))
    assert decoded.request.usages == ()
    assert not decoded.is_command_level
    assert not decoded.request.is_its_service
    assert decoded.tolerated == ()


SERVICE = service(("Rating-Group", 1))
INDICATED = ("Multiple-Services-Indicator", 1)
TOLERATED: list[tuple[list[Pair], Tolerated]] = [
    ([INDICATED, SERVICE, requested()], Tolerated.UNITS_AT_BOTH_LEVELS),
    ([INDICATED, SERVICE, used(("CC-Time", 5))], Tolerated.UNITS_AT_BOTH_LEVELS),
    ([INDICATED, service(requested())], Tolerated.SERVICE_WITHOUT_NAME),
    ([INDICATED, SERVICE, SERVICE], Tolerated.REPEATED_SERVICE),
    ([SERVICE], Tolerated.MULTIPLE_SERVICES_NOT_INDICATED),
    (
        [("Multiple-Services-Indicator", 0), SERVICE],
        Tolerated.MULTIPLE_SERVICES_NOT_INDICATED,
    ),
    ([("Requested-Action", 0)], Tolerated.REQUESTED_ACTION),
    ([("AoC-Request-Type", 1)], Tolerated.ADVICE_OF_CHARGE),
]


@pytest.mark.parametrize(("members", "kind"), TOLERATED)
def test_deviation_is_accepted_and_noted(read: Read, members: list[Pair], kind: Tolerated) -> None:
    decoded = read(*members)
    services = sum(name == "Multiple-Services-Credit-Control" for name, _ in members)
    assert len(decoded.request.usages) == services
    assert decoded.tolerated == (kind,)


@pytest.mark.parametrize(
    "members",
    [
        [INDICATED, SERVICE, service(("Rating-Group", 2))],
        [INDICATED, SERVICE, service(("Rating-Group", 1), ("Service-Identifier", 1))],
        [("AoC-Request-Type", 0)],
    ],
)
def test_ordinary_request_is_not_noted(read: Read, members: list[Pair]) -> None:
    assert read(*members).tolerated == ()


def test_update_need_not_indicate_multiple_services(read: Read) -> None:
    assert read(SERVICE, with_={"CC-Request-Type": 2}).tolerated == ()


def test_application_may_stand_in_the_header_alone(read: Read) -> None:
    assert read(without=("Auth-Application-Id",)).tolerated == ()


def test_text_is_made_fit_to_be_stored(read: Read) -> None:
    essential = {"Origin-Host": b"pgw\0.example", "Origin-Realm": b"\xffexample"}
    decoded = read(with_=essential)
    assert decoded.request.origin_host == "pgw.example"
    assert decoded.request.origin_realm == "\\xffexample"
    assert set(decoded.tolerated) == {
        BaseTolerated.NUL_IN_TEXT,
        BaseTolerated.OCTETS_IN_TEXT,
    }


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"CC-Request-Type": 0}, "000001a0 4000000c 00000000"),
    ({"CC-Request-Type": 5}, "000001a0 4000000c 00000005"),
    ({"CC-Request-Type": -1}, "000001a0 4000000c ffffffff"),
    ({"Auth-Application-Id": 16777238}, "00000102 4000000c 01000016"),
    ({"CC-Sub-Session-Id": 2**63}, "000001a3 40000010 8000000000000000"),
    ({"CC-Sub-Session-Id": UNSIGNED64_MAX}, "000001a3 40000010 ffffffffffffffff"),
]


@pytest.mark.parametrize(("essential", "failed_avp"), REFUSED)
def test_value_that_cannot_be_is_refused_with_its_avp(
    read: Read, essential: dict[str, Any], failed_avp: str
) -> None:
    with pytest.raises(InvalidAvpValue) as raised:
        read(with_=essential)
    assert raised.value.failed_avp == bytes.fromhex(failed_avp)


def test_initial_request_that_names_nobody_lacks_a_subscription(
    write: Callable[..., Any], decoder: Decoder
) -> None:
    with pytest.raises(MissingAvp) as raised:
        decoder.decode(write(), "demo", NOON)
    assert raised.value.failed_avp == bytes.fromhex(
        "000001bb 4000001c 000001c2 4000000c 00000000 000001bc 40000008"
    )


@pytest.mark.parametrize("request_type", [2, 3])
def test_later_requests_need_name_nobody(
    write: Callable[..., Any], decoder: Decoder, request_type: int
) -> None:
    message = write(with_={"CC-Request-Type": request_type})
    assert decoder.decode(message, "demo", NOON).request.identities == ()


def test_as_many_services_as_the_limit_are_read(read: Read) -> None:
    decoded = read(*(service(("Rating-Group", number)) for number in range(SERVICES_MAX)))
    assert [usage.rating_group for usage in decoded.request.usages] == list(range(SERVICES_MAX))


def test_first_service_beyond_the_limit_is_refused(read: Read) -> None:
    services = [service(("Rating-Group", number)) for number in range(SERVICES_MAX + 2)]
    with pytest.raises(AvpOccursTooManyTimes) as raised:
        read(*services)
    assert raised.value.failed_avp == bytes.fromhex("000001c8 40000014 000001b0 4000000c 00000064")


def test_every_refusal_has_a_result_code(read: Read) -> None:
    with pytest.raises(DiameterError) as raised:
        read(with_={"CC-Request-Type": 5})
    assert raised.value.result_code == 5004
