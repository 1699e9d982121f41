"""What follows the last units is read and said, wherever it stands in an answer."""

import pytest
from diameter.message import constants as c
from diameter.message.commands import CreditControlAnswer

from diameter_ocs.simulator.answers import Answer, read_answer
from diameter_ocs.simulator.avps import avp
from diameter_ocs.simulator.encoding import RequestKeys
from diameter_ocs.simulator.final_units import FinalUnit
from diameter_ocs.simulator.steps import RequestType

KEYS = RequestKeys("pgw.test;1;2", 1, 5, 6, 7, 1_732_104_000)
RULE = "permit out ip from 192.0.2.1 to any"


def read(*members: object, is_command_level: bool = False) -> Answer:
    answer = CreditControlAnswer()
    answer.header.is_proxyable = True
    answer.header.hop_by_hop_identifier = KEYS.hop_by_hop
    answer.header.end_to_end_identifier = KEYS.end_to_end
    answer.session_id, answer.result_code = KEYS.session_id, 2001
    answer.origin_host, answer.origin_realm = b"ocs.test.example", b"test.example"
    answer.cc_request_type, answer.cc_request_number = 2, KEYS.request_number
    if not is_command_level:
        members = (avp(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, [*members]),)
    for member in members:
        answer.append_avp(member)
    return read_answer(answer.as_bytes(), KEYS, RequestType.UPDATE)


def redirecting(kind: int, address: str, *others: object) -> object:
    server = [
        avp(c.AVP_REDIRECT_ADDRESS_TYPE, kind),
        avp(c.AVP_REDIRECT_SERVER_ADDRESS, address),
    ]
    members = [avp(c.AVP_FINAL_UNIT_ACTION, 1), *others, avp(c.AVP_REDIRECT_SERVER, server)]
    return avp(c.AVP_FINAL_UNIT_INDICATION, members)


@pytest.mark.parametrize(
    ("kind", "address", "expected"),
    [
        (0, "192.0.2.1", "IPv4"),
        (1, "2001:db8::1", "IPv6"),
        (2, "https://pay.example/", "URL"),
        (3, "sip:pay@example", "SIP URI"),
        (9, "x", "unknown (9)"),
    ],
)
@pytest.mark.parametrize("is_command_level", [False, True])
def test_a_redirection_says_where_to(
    kind: int, address: str, expected: str, is_command_level: bool
) -> None:
    members = redirecting(kind, address), avp(c.AVP_VALIDITY_TIME, 600)
    answer = read(*members, is_command_level=is_command_level)
    assert answer.services[0].final_unit == FinalUnit("REDIRECT", expected, address)
    assert f"valid for 600 s, at once REDIRECT to {expected} {address}" in answer.text()


def test_filters_are_said() -> None:
    filters = avp(c.AVP_RESTRICTION_FILTER_RULE, RULE.encode()), avp(c.AVP_FILTER_ID, "pay")
    final = redirecting(2, "https://pay", *filters)
    service = read(final).services[0]
    assert service.final_unit == FinalUnit("REDIRECT", "URL", "https://pay", (RULE,), ("pay",))
    assert service.final_unit.text() == f'REDIRECT to URL https://pay ("{RULE}", pay)'
    granted = avp(c.AVP_GRANTED_SERVICE_UNIT, [avp(c.AVP_CC_TIME, 5)])
    restricted = [avp(c.AVP_FINAL_UNIT_ACTION, 2), filters[1]]
    answer = read(granted, avp(c.AVP_FINAL_UNIT_INDICATION, restricted))
    assert "granted 5 s, final units, then RESTRICT_ACCESS (pay)" in answer.text()
    said = answer.as_dict()["services"][0]["final_unit"]
    assert said["filter_ids"] == ["pay"]
    assert said["filter_rules"] == []


@pytest.mark.parametrize(
    ("code", "value", "kind", "address"),
    [
        (c.AVP_REDIRECT_ADDRESS_IPADDRESS, "192.0.2.1", "IP", "192.0.2.1"),
        (c.AVP_REDIRECT_ADDRESS_IPADDRESS, "2001:db8::1", "IP", "2001:db8::1"),
        (c.AVP_REDIRECT_ADDRESS_URL, "https://pay", "URL", "https://pay"),
        (c.AVP_REDIRECT_ADDRESS_SIP_URI, "sip:pay@x", "SIP URI", "sip:pay@x"),
    ],
)
def test_the_newer_indication_is_told_apart(code: int, value: str, kind: str, address: str) -> None:
    server = avp(c.AVP_REDIRECT_SERVER_EXTENSION, [avp(code, value)])
    members = [avp(c.AVP_FINAL_UNIT_ACTION, 1), server]
    answer = read(avp(c.AVP_QOS_FINAL_UNIT_INDICATION, members))
    assert answer.services[0].final_unit is None
    assert answer.services[0].qos_final_unit == FinalUnit("REDIRECT", kind, address)
    assert f"by QoS-Final-Unit-Indication REDIRECT to {kind} {address}" in answer.text()
