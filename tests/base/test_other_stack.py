"""Requests that another stack builds are decoded to the values that the stack itself reads."""

import datetime
from typing import Any

import pytest
from diameter.message import Avp, Message
from diameter.message import avp as stack_avp
from diameter.message.avp.grouped import (
    CcMoney,
    MultipleServicesCreditControl,
    PsInformation,
    RequestedServiceUnit,
    ServiceInformation,
    UnitValue,
    UsedServiceUnit,
    UserEquipmentInfo,
)
from diameter.message.commands.credit_control import CreditControlRequest

from diameter_ocs.base.checks import check
from diameter_ocs.base.codec import Avp as OwnAvp
from diameter_ocs.base.codec import Group
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, answer, decode
from diameter_ocs.base.tolerance import Tolerated


def credit_control(kind: int) -> CreditControlRequest:
    ccr = CreditControlRequest()
    ccr.header.application_id = 4
    ccr.header.hop_by_hop_identifier = 7
    ccr.header.end_to_end_identifier = 8
    ccr.session_id = "gw.example;1;2;Grüße"
    ccr.origin_host = b"gw.example"
    ccr.origin_realm = b"example"
    ccr.destination_realm = b"ocs.example"
    ccr.auth_application_id = 4
    ccr.service_context_id = "32251@3gpp.org"
    ccr.cc_request_type = kind
    ccr.cc_request_number = kind - 1
    ccr.event_timestamp = datetime.datetime(2024, 3, 9, 12, 0, 0)
    ccr.add_subscription_id(1, "001010000000001")
    ccr.add_subscription_id(0, "15550100001")
    ccr.user_equipment_info = UserEquipmentInfo(
        user_equipment_info_type=0, user_equipment_info_value=b"3590300254613245"
    )
    for group in (0, 310):
        ccr.multiple_services_credit_control.append(services(group))
    ccr.service_information = ServiceInformation(ps_information=ps_information())
    return ccr


def services(rating_group: int) -> MultipleServicesCreditControl:
    return MultipleServicesCreditControl(
        rating_group=rating_group,
        service_identifier=[1, 2],
        requested_service_unit=RequestedServiceUnit(
            cc_total_octets=1 << 40,
            cc_money=CcMoney(unit_value=UnitValue(value_digits=-5, exponent=-2), currency_code=978),
        ),
        used_service_unit=[UsedServiceUnit(cc_total_octets=3, cc_time=4, reporting_reason=[3])],
        reporting_reason=[2],
    )


def ps_information() -> PsInformation:
    return PsInformation(
        tgpp_charging_id=b"\0\0\x30\x39",
        tgpp_pdp_type=0,
        pdp_address=["10.40.93.32"],
        sgsn_address=["192.0.2.10", "2001:db8::1"],
        ggsn_address=["192.0.2.11"],
        called_station_id="internet",
        tgpp_selection_mode="0",
        tgpp_charging_characteristics="0800",
        tgpp_sgsn_mcc_mnc="26201",
        tgpp_ms_timezone=b"\x80\x01",
        tgpp_user_location_info=bytes.fromhex("8262f2102b6762f21001a2d30b"),
        tgpp_rat_type=b"\x06",
    )


def compare(own: OwnAvp, other: Avp) -> None:
    """Fails unless both stacks read the same from one AVP, and from all that it holds."""
    assert (own.code, own.vendor_id, own.flags) == (other.code, other.vendor_id, other.flags)
    assert own.definition is not None
    if isinstance(own.value, Group):
        compare_all(own.value, other.value)
    elif own.definition.type == "OctetString" or own.definition.name == "3GPP-Charging-Id":
        expected = other.payload if hasattr(other, "payload") else other.value
        value = own.value if isinstance(own.value, bytes) else own.value.to_bytes(4)
        assert value == expected
    elif own.definition.type == "Time":
        assert own.value == int(other.value.timestamp())
    elif own.definition.type == "Address":
        assert own.value[0] == other.value[0]
    elif isinstance(other.value, bytes):
        assert own.value.encode() == other.value
    else:
        assert own.value == other.value


def compare_all(group: Group, others: list[Any]) -> None:
    own = sorted(
        (each for avps in group.by_name.values() for each in avps), key=lambda each: each.start
    )
    assert len(own) == len(others)
    assert group.unknown == []
    for one, other in zip(own, others, strict=True):
        compare(one, other)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_request_of_another_stack_is_read_alike(dictionary: Dictionary, kind: int) -> None:
    octets = credit_control(kind).as_bytes()
    message = decode(octets, dictionary)
    assert message.fault is None
    compare_all(message.group, Message.from_bytes(octets, plain_msg=True).avps)
    assert message.group.first("Session-Id") == "gw.example;1;2;Grüße"
    ps = message.group.all("Service-Information")[0].first("PS-Information")
    assert [each[0] for each in ps.all("SGSN-Address")] == [1, 2]
    assert ps.first("SGSN-Address") == (1, bytes([192, 0, 2, 10]))


def test_a_request_of_another_stack_passes_but_for_its_flags(dictionary: Dictionary) -> None:
    message = decode(credit_control(2).as_bytes(), dictionary)
    tolerated = check(message, dictionary, strict=False, applications={4})
    assert tolerated == (Tolerated.AVP_FLAGS,)


def test_another_stack_reads_our_answer(dictionary: Dictionary) -> None:
    message = decode(credit_control(2).as_bytes(), dictionary)
    members = [
        ("Result-Code", 2001),
        ("Auth-Application-Id", 4),
        ("CC-Request-Type", 2),
        ("CC-Request-Number", 1),
        (
            "Multiple-Services-Credit-Control",
            [
                ("Granted-Service-Unit", [("CC-Total-Octets", 1 << 40), ("CC-Time", 60)]),
                ("Rating-Group", 0),
                ("Validity-Time", 3600),
                ("Result-Code", 2001),
                ("Final-Unit-Indication", [("Final-Unit-Action", 0)]),
                ("Volume-Quota-Threshold", 1 << 20),
            ],
        ),
    ]
    octets = answer(message, dictionary, Identity("ocs.example", "example", 3), members)
    cca = Message.from_bytes(octets)
    assert (cca.header.hop_by_hop_identifier, cca.header.end_to_end_identifier) == (7, 8)
    assert cca.session_id == "gw.example;1;2;Grüße"
    assert (cca.origin_host, cca.origin_realm, cca.result_code) == (
        b"ocs.example",
        b"example",
        2001,
    )
    (granted,) = cca.multiple_services_credit_control
    assert granted.granted_service_unit.cc_total_octets == 1 << 40
    assert (granted.rating_group, granted.validity_time) == (0, 3600)
    assert granted.volume_quota_threshold == 1 << 20
    assert granted.final_unit_indication.final_unit_action == 0
    assert octets == b"".join((octets[:20], *(each.as_bytes() for each in plain(octets))))


def plain(octets: bytes) -> list[stack_avp.Avp]:
    return Message.from_bytes(octets, plain_msg=True).avps
