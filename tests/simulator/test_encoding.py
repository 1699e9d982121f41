"""What the gateway sends, read back by python-diameter."""

import pytest
from diameter.message import Avp, AvpGrouped, Message, constants

from diameter_ocs.simulator.encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    answer_to_request,
    capabilities_exchange_request,
    credit_control_request,
    disconnect_peer_request,
    is_disconnect,
)
from diameter_ocs.simulator.steps import DEFAULT_STEPS, parse_steps

IDENTITY = Identity("pgw.test.example", "test.example", "ocs.example")
KEYS = RequestKeys("pgw.test.example;1;2", 0x01020304, 5, 0x11111111, 0x22222222, 1_732_104_000)


def request(
    step: str, identity: Identity = IDENTITY, subscriber: Subscriber | None = None
) -> bytes:
    return credit_control_request(
        identity, subscriber or Subscriber(), parse_steps([step])[0], KEYS
    )


def every_avp(avps: list[Avp]) -> list[Avp]:
    inner = [every_avp(avp.value) for avp in avps if isinstance(avp, AvpGrouped)]
    return [*avps, *(avp for group in inner for avp in group)]


def test_a_request_reads_back_with_its_keys_and_parties() -> None:
    message = Message.from_bytes(request("update:rg=300/used=7/request=9"))
    assert message.header.command_flags == 0xC0
    assert message.header.hop_by_hop_identifier == KEYS.hop_by_hop
    assert message.header.end_to_end_identifier == KEYS.end_to_end
    assert message.session_id == KEYS.session_id
    assert message.cc_request_type == 2
    assert message.cc_request_number == 5
    assert message.service_context_id == "32251@3gpp.org"
    assert message.origin_host == b"pgw.test.example"
    assert message.destination_realm == b"ocs.example"
    assert message.destination_host is None
    assert message.event_timestamp.timestamp() == KEYS.event_time
    identities = [(s.subscription_id_type, s.subscription_id_data) for s in message.subscription_id]
    assert identities == [(1, "001010000000001"), (0, "15550100001")]
    information = message.service_information.ps_information
    assert information.tgpp_charging_id == b"\x01\x02\x03\x04"
    assert information.called_station_id == "internet"
    assert information.tgpp_rat_type == b"\x06"


def test_a_request_tells_its_bearer_and_the_state_of_its_gateway_as_written() -> None:
    def written(*settings: str) -> Message:
        (step,) = parse_steps([*settings, "initial"])
        return Message.from_bytes(credit_control_request(IDENTITY, Subscriber(), step, KEYS))

    told = written("bearer=7", "state=4294967295")
    assert told.service_information.ps_information.tgpp_charging_id == b"\0\0\0\x07"
    assert told.origin_state_id == 2**32 - 1
    silent = written("bearer=")
    assert silent.service_information.ps_information.tgpp_charging_id is None
    assert silent.origin_state_id is None


def test_a_request_names_its_sub_session_as_written() -> None:
    def written(setting: str) -> Message:
        (step,) = parse_steps([setting, "initial"])
        return Message.from_bytes(credit_control_request(IDENTITY, Subscriber(), step, KEYS))

    assert written("sub=18446744073709551615").cc_sub_session_id == 2**64 - 1
    assert written("sub=").cc_sub_session_id is None


def test_an_event_is_a_text_message_that_is_paid_at_once() -> None:
    message = Message.from_bytes(request("event:rg=200/units=2"))
    assert message.cc_request_type == 4
    assert message.requested_action == 0
    assert message.service_context_id == "32274@3gpp.org"
    (service,) = message.multiple_services_credit_control
    assert service.requested_service_unit.cc_service_specific_units == 2
    information = message.service_information
    assert information.ps_information is None
    (recipient,) = information.sms_information.recipient_info
    assert recipient.recipient_address[0].address_data == "15550199999"
    assert Message.from_bytes(request("event")).multiple_services_credit_control == []


@pytest.mark.parametrize(
    ("kind", "action"), [("event", 0), ("refund", 1), ("check", 2), ("price", 3)]
)
def test_an_event_says_what_is_to_be_done(kind: str, action: int) -> None:
    message = Message.from_bytes(request(f"{kind}:rg=200/units=2/refund=1-2-3"))
    assert (message.cc_request_type, message.requested_action) == (4, action)
    (service,) = message.multiple_services_credit_control
    assert service.refund_information == b"1-2-3"


def test_usage_and_request_stand_in_one_service() -> None:
    text = "update:rg=300/si=7/si=9/used-input=3/used-output=4/request-output=5/reason=THRESHOLD"
    octets = request(text)
    (service,) = Message.from_bytes(octets).multiple_services_credit_control
    assert service.rating_group == 300
    assert service.service_identifier == [7, 9]
    assert service.used_service_unit[0].cc_input_octets == 3
    assert service.used_service_unit[0].cc_output_octets == 4
    assert service.used_service_unit[0].cc_total_octets is None
    assert service.used_service_unit[0].reporting_reason == 0
    assert service.reporting_reason == []
    path = (
        (constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, 0),
        (constants.AVP_REQUESTED_SERVICE_UNIT, 0),
        (constants.AVP_CC_OUTPUT_OCTETS, 0),
    )
    (requested,) = Message.from_bytes(octets, plain_msg=True).find_avps(*path)
    assert requested.value == 5


def test_time_and_units_have_their_own_avps() -> None:
    text = "update:rg=100/time=60/used-time=30,rg=200/units=1/used-units=2"
    voice, texts = Message.from_bytes(request(text)).multiple_services_credit_control
    assert voice.requested_service_unit.cc_time == 60
    assert voice.used_service_unit[0].cc_time == 30
    assert texts.requested_service_unit.cc_service_specific_units == 1
    assert texts.used_service_unit[0].cc_service_specific_units == 2


def test_what_was_used_after_a_change_of_price_is_told_apart() -> None:
    message = request(
        "update:rg=300/used=5/used-after=7/reason=THRESHOLD,rg=200/used-units-after=1"
    )
    path = (
        (constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, 0),
        (constants.AVP_USED_SERVICE_UNIT, 0),
    )
    found = Message.from_bytes(message, plain_msg=True).find_avps(*path)
    named = [{avp.code: avp.value for avp in units.value} for units in found]
    part, octets = constants.AVP_TARIFF_CHANGE_USAGE, constants.AVP_CC_TOTAL_OCTETS
    before, after, texts = named
    assert (before[part], before[octets]) == (0, 5)
    assert after == {part: 1, octets: 7}
    assert texts == {part: 1, constants.AVP_CC_SERVICE_SPECIFIC_UNITS: 1}


def test_a_reason_about_the_whole_service_stands_beside_the_usage() -> None:
    message = Message.from_bytes(request("update:rg=300/used=1/reason=FINAL"))
    (service,) = message.multiple_services_credit_control
    assert service.reporting_reason == [2]
    assert service.used_service_unit[0].reporting_reason is None


def test_an_empty_request_leaves_the_amount_to_the_server() -> None:
    octets = request("initial:rg=300/request")
    path = (
        (constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, 0),
        (constants.AVP_REQUESTED_SERVICE_UNIT, 0),
    )
    (group,) = Message.from_bytes(octets, plain_msg=True).find_avps(*path)
    assert group.value == []


@pytest.mark.parametrize(
    ("step", "indicator", "cause"),
    [("initial", 1, None), ("update", None, None), ("terminate", None, 1)],
)
def test_the_kind_decides_indicator_and_cause(
    step: str, indicator: int | None, cause: int | None
) -> None:
    message = Message.from_bytes(request(step))
    assert (message.multiple_services_indicator, message.termination_cause) == (indicator, cause)


def test_a_known_server_is_addressed_by_name() -> None:
    identity = Identity("pgw.test.example", "test.example", "ocs.example", "ocs1.ocs.example")
    assert Message.from_bytes(request("update", identity)).destination_host == b"ocs1.ocs.example"


@pytest.mark.parametrize("step", DEFAULT_STEPS)
def test_every_avp_is_mandatory_and_3gpp_s_carry_the_vendor(step: str) -> None:
    avps = every_avp(Message.from_bytes(request(step), plain_msg=True).avps)
    assert [str(avp) for avp in avps if not avp.is_mandatory] == []
    assert {avp.vendor_id for avp in avps} == {0, constants.VENDOR_TGPP}


def test_the_capabilities_offer_credit_control() -> None:
    message = Message.from_bytes(capabilities_exchange_request(IDENTITY, "192.0.2.1", 7))
    assert message.header.command_flags == 0x80
    assert message.host_ip_address == [(1, "192.0.2.1")]
    assert message.auth_application_id == [4]
    assert message.supported_vendor_id == [10415]


@pytest.mark.parametrize(
    ("command", "flags", "code", "is_dpr"),
    [(280, 0x00, 2001, False), (282, 0x00, 2001, True), (258, 0x20, 3001, False)],
)
def test_a_request_of_the_server_is_answered(
    command: int, flags: int, code: int, is_dpr: bool
) -> None:
    octets = bytearray(disconnect_peer_request(IDENTITY, 0x33333333))
    octets[5:8] = command.to_bytes(3, "big")
    seen, reply = answer_to_request(IDENTITY, bytes(octets))
    message = Message.from_bytes(reply, plain_msg=True)
    assert seen == command
    assert is_disconnect(seen) is is_dpr
    assert message.header.command_flags == flags
    assert message.header.hop_by_hop_identifier == 0x33333333
    (result,) = message.find_avps((constants.AVP_RESULT_CODE, 0))
    assert result.value == code
