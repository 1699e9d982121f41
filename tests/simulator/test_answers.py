"""Answers as the gateway reads, judges and shows them."""

import json
from dataclasses import replace

import pytest
from diameter.message import Avp, constants
from diameter.message.avp.grouped import (
    FinalUnitIndication,
    GrantedServiceUnit,
    GsuPoolReference,
    UnitValue,
    VendorSpecificApplicationId,
)
from diameter.message.commands import CapabilitiesExchangeAnswer, CreditControlAnswer

from diameter_ocs.simulator.answers import (
    Answer,
    FailedAvp,
    ServiceAnswer,
    octets_text,
    read_answer,
    unmet_expectation,
)
from diameter_ocs.simulator.avps import avp, tgpp
from diameter_ocs.simulator.capabilities import read_capabilities
from diameter_ocs.simulator.encoding import RequestKeys
from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.final_units import FinalUnit
from diameter_ocs.simulator.steps import RequestType, Units, parse_steps

KEYS = RequestKeys("pgw.test.example;1;2", 1, 5, 0x11111111, 0x22222222, 1_732_104_000)


def credit_control_answer(result_code: int = 2001) -> CreditControlAnswer:
    answer = CreditControlAnswer()
    answer.header.application_id = 4
    answer.header.hop_by_hop_identifier = KEYS.hop_by_hop
    answer.header.end_to_end_identifier = KEYS.end_to_end
    answer.session_id = KEYS.session_id
    answer.origin_host, answer.origin_realm = b"ocs.test.example", b"test.example"
    answer.result_code = result_code
    answer.cc_request_type, answer.cc_request_number = 2, KEYS.request_number
    return answer


def read(answer: CreditControlAnswer, keys: RequestKeys = KEYS) -> Answer:
    return read_answer(answer.as_bytes(), keys, RequestType.UPDATE)


def test_a_grant_is_read_with_all_it_says() -> None:
    answer = credit_control_answer()
    answer.add_multiple_services_credit_control(
        granted_service_unit=GrantedServiceUnit(cc_total_octets=2**20),
        rating_group=300,
        service_identifier=[7],
        validity_time=3600,
        result_code=2001,
        final_unit_indication=FinalUnitIndication(final_unit_action=0),
    )
    answer.add_multiple_services_credit_control(rating_group=380, result_code=4012)
    seen = read(answer)
    assert seen.faults == ()
    assert seen.origin_host == "ocs.test.example"
    assert seen.services == (
        ServiceAnswer(300, (7,), 2001, Units(total_octets=2**20), 3600, FinalUnit("TERMINATE")),
        ServiceAnswer(380, (), 4012, None, None, None),
    )
    assert seen.text() == (
        "update 5: 2001 SUCCESS; rating group 300 service 7: 2001 SUCCESS, granted 1 MiB, "
        "valid for 3600 s, final units, then TERMINATE; "
        "rating group 380: 4012 CREDIT_LIMIT_REACHED"
    )
    assert json.loads(json.dumps(seen.as_dict()))["services"][0] == {
        "rating_group": 300,
        "service_identifiers": [7],
        "result_code": 2001,
        "result_name": "SUCCESS",
        "granted": {"total_octets": 2**20},
        "validity_seconds": 3600,
        "final_unit": {
            "action": "TERMINATE",
            "address_type": None,
            "address": None,
            "filter_rules": [],
            "filter_ids": [],
        },
        "qos_final_unit": None,
        "triggers": None,
        "announcements": [],
        "refund_information": None,
        "threshold": None,
        "holding_seconds": None,
        "consumption_seconds": None,
        "pool": None,
        "unit_value": None,
        "tariff_change_at": None,
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(3_989_433_600, "2026-06-03T00:00:00Z"), (59, "2036-02-07T06:29:15Z")]
)
def test_a_grant_says_when_the_price_changes(seconds: int, text: str) -> None:
    answer = credit_control_answer(2001)
    change = Avp.new(constants.AVP_TARIFF_TIME_CHANGE)
    change.payload = seconds.to_bytes(4)
    octets = Avp.new(constants.AVP_CC_TOTAL_OCTETS, value=1)
    quota = Avp.new(constants.AVP_GRANTED_SERVICE_UNIT, value=[change, octets])
    answer.append_avp(Avp.new(constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, value=[quota]))
    seen = read(answer)
    assert seen.services[0].tariff_change_at == text
    assert seen.text().endswith(f"granted 1 octets, the price changes at {text}")


def test_a_grant_says_when_the_gateway_comes_back() -> None:
    answer = credit_control_answer(2001)
    answer.add_multiple_services_credit_control(
        granted_service_unit=GrantedServiceUnit(cc_total_octets=2**20),
        rating_group=300,
        result_code=2001,
    )
    (service,) = answer.multiple_services_credit_control
    service.volume_quota_threshold = 2**18
    service.quota_holding_time = 600
    service.quota_consumption_time = 30
    value = UnitValue(value_digits=9_536_743_164, exponent=-9)
    service.g_s_u_pool_reference = [GsuPoolReference(1, 2, value)]
    assert (
        read(answer)
        .text()
        .endswith(
            "granted 1 MiB, threshold 256 KiB, held for 600 s when idle, used for 30 s when idle,"
            " in pool 1, where a unit counts 9.536743164"
        )
    )


def test_a_refusal_names_what_failed() -> None:
    answer = credit_control_answer(5001)
    message = "AVP 9999 of vendor 10415 is unknown"
    failed = [Avp.new(constants.AVP_RATING_GROUP, value=1), Avp(9999, 10415)]
    answer.append_avp(Avp.new(constants.AVP_ERROR_MESSAGE, value=message))
    answer.append_avp(Avp.new(constants.AVP_FAILED_AVP, value=failed))
    seen = read(answer)
    assert seen.failed_avps == (
        FailedAvp("Rating-Group", "00000001"),
        FailedAvp("9999 of vendor 10415", ""),
    )
    assert seen.text() == (
        "update 5: 5001 AVP_UNSUPPORTED; message: AVP 9999 of vendor 10415 is unknown; "
        "failed AVP: Rating-Group (00000001), 9999 of vendor 10415 (empty)"
    )
    assert seen.as_dict()["result_name"] == "AVP_UNSUPPORTED"
    assert seen.as_dict()["failed_avps"][0] == {"name": "Rating-Group", "octets": "00000001"}


def test_what_failed_within_groups_is_named_after_them() -> None:
    location = tgpp(constants.AVP_TGPP_3GPP_USER_LOCATION_INFO, b"")
    access = tgpp(constants.AVP_TGPP_PS_INFORMATION, [location])
    broken = Avp(constants.AVP_TGPP_IMS_INFORMATION, 10415, b"\x00")
    answer = credit_control_answer(5004)
    service = tgpp(constants.AVP_TGPP_SERVICE_INFORMATION, [access, broken])
    answer.append_avp(Avp.new(constants.AVP_FAILED_AVP, value=[service]))
    assert [failed.text() for failed in read(answer).failed_avps] == [
        "Service-Information > PS-Information > 3GPP-User-Location-Info (empty)",
        "Service-Information > IMS-Information (00)",
    ]


def test_triggers_and_announcements_are_read_where_they_stand() -> None:
    announcement = [
        tgpp(constants.AVP_TGPP_ANNOUNCEMENT_IDENTIFIER, 1001),
        tgpp(constants.AVP_TGPP_LANGUAGE, "de"),
    ]
    members = [
        avp(constants.AVP_RATING_GROUP, 300),
        avp(constants.AVP_RESULT_CODE, 4010),
        tgpp(
            constants.AVP_TGPP_TRIGGER,
            [tgpp(constants.AVP_TGPP_TRIGGER_TYPE, kind) for kind in (30, 31)],
        ),
        tgpp(constants.AVP_TGPP_ANNOUNCEMENT_INFORMATION, announcement),
        tgpp(constants.AVP_TGPP_ANNOUNCEMENT_INFORMATION, announcement[:1]),
    ]
    answer = credit_control_answer()
    answer.append_avp(avp(constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, members))
    seen = read(answer)
    (service,) = seen.services
    assert service.triggers == (30, 31)
    assert [heard.identifier for heard in service.announcements] == [1001, 1001]
    assert seen.text() == (
        "update 5: 2001 SUCCESS; rating group 300: 4010 END_USER_SERVICE_DENIED, "
        "triggers CHANGEINLOCATION_MCC CHANGEINLOCATION_MNC, "
        "announcement 1001 at once (language de), announcement 1001 at once"
    )
    shown = json.loads(json.dumps(seen.as_dict()))["services"][0]
    assert shown["result_name"] == "END_USER_SERVICE_DENIED"
    assert shown["triggers"] == [30, 31]
    assert shown["announcements"][0]["language"] == "de"


def test_a_trigger_that_disarms_all_is_told_from_none() -> None:
    answer = credit_control_answer()
    members = [avp(constants.AVP_RATING_GROUP, 300), tgpp(constants.AVP_TGPP_TRIGGER, [])]
    answer.append_avp(avp(constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, members))
    seen = read(answer)
    assert seen.services[0].triggers == ()
    assert "triggers none" in seen.text()


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (replace(KEYS, session_id="other"), "Session-Id is pgw.test.example;1;2, not other"),
        (replace(KEYS, hop_by_hop=1), "hop-by-hop id is 286331153, not 1"),
        (replace(KEYS, end_to_end=1), "end-to-end id is 572662306, not 1"),
        (replace(KEYS, request_number=6), "CC-Request-Number is 5, not 6"),
    ],
    ids=["session", "hop-by-hop", "end-to-end", "number"],
)
def test_an_answer_to_another_request_is_a_fault(keys: RequestKeys, fault: str) -> None:
    seen = read(credit_control_answer(), keys)
    assert seen.faults == (fault,)
    assert f"FAULT: {fault}" in seen.text()


def test_a_protocol_error_without_the_error_bit_is_a_fault() -> None:
    answer = credit_control_answer(3004)
    assert read(answer).faults == ("E bit is False, not True",)
    answer.header.is_error = True
    assert read(answer).faults == ()


def test_octets_that_do_not_decode_are_an_error() -> None:
    octets = credit_control_answer().as_bytes()
    with pytest.raises(SimulatorError, match="cannot be decoded"):
        read_answer(octets[:-2], KEYS, RequestType.UPDATE)


@pytest.mark.parametrize(
    ("step", "unmet"),
    [
        ("update", None),
        ("update@2001", None),
        ("update@2001/2001/4012", None),
        ("update@4010", "expected result code 4010, got 2001 SUCCESS"),
        ("update@2001/2001", "expected the services' result codes [2001], got [2001, 4012]"),
        ("update@2001/4012/2001", "expected the services' result codes [4012, 2001], got"),
    ],
)
def test_expectations_decide(step: str, unmet: str | None) -> None:
    answer = credit_control_answer()
    answer.add_multiple_services_credit_control(rating_group=300, result_code=2001)
    answer.add_multiple_services_credit_control(rating_group=380, result_code=4012)
    reason = unmet_expectation(parse_steps([step])[0], read(answer))
    assert (reason is None) is (unmet is None)
    assert unmet is None or (reason or "").startswith(unmet)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 octets"),
        (1023, "1023 octets"),
        (1536, "1536 octets"),
        (2048, "2 KiB"),
        (2**40, "1 TiB"),
    ],
)
def test_octets_are_shown_exactly(octets: int, text: str) -> None:
    assert octets_text(octets) == text


def test_capabilities_may_offer_credit_control_in_a_group() -> None:
    answer = CapabilitiesExchangeAnswer()
    answer.result_code = 2001
    answer.vendor_specific_application_id = [VendorSpecificApplicationId(10415, 4)]
    seen = read_capabilities(answer.as_bytes())
    assert (seen.result_code, seen.offers(4)) == (2001, True)


def test_capabilities_without_credit_control_are_told_apart() -> None:
    answer = CapabilitiesExchangeAnswer()
    answer.result_code, answer.auth_application_id = 2001, [16777238]
    assert read_capabilities(answer.as_bytes()).offers(4) is False


def test_another_message_is_no_capabilities_answer() -> None:
    with pytest.raises(SimulatorError, match="did not answer the CER"):
        read_capabilities(credit_control_answer().as_bytes())


@pytest.mark.parametrize(
    ("value", "name"), [(0, "ENOUGH_CREDIT"), (1, "NO_CREDIT"), (7, "unknown (7)")]
)
def test_whether_there_is_enough_is_said(value: int, name: str) -> None:
    answer = credit_control_answer()
    answer.append_avp(Avp.new(constants.AVP_CHECK_BALANCE_RESULT, value=value))
    assert read(answer).text() == f"update 5: 2001 SUCCESS; {name}"
    assert read(answer).as_dict()["check_balance_result"] == name


def test_by_what_an_event_is_refunded_is_said() -> None:
    answer = credit_control_answer()
    members = [
        avp(constants.AVP_RATING_GROUP, 200),
        avp(constants.AVP_RESULT_CODE, 2001),
        tgpp(constants.AVP_TGPP_REFUND_INFORMATION, b"1-2-3"),
    ]
    answer.append_avp(avp(constants.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, members))
    assert read(answer).text().endswith("rating group 200: 2001 SUCCESS, to be refunded by 1-2-3")
