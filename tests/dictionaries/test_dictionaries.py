"""The dictionaries that are shipped have their form and say what the standards say."""

from pathlib import Path

import pytest
from lxml import etree

from diameter_ocs.base.dictionary import Dictionary, DictionaryError, avp_key, load
from diameter_ocs.server.dictionaries import DICTIONARIES
from tests.dictionaries.differences import FALLBACK, FOLDER, own_dictionary, text

FILES = sorted(FOLDER.glob("*.xml"))
SCHEMA = etree.XMLSchema(etree.parse(FOLDER / "dictionary.xsd"))


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return own_dictionary()


def test_the_dictionaries_are_there() -> None:
    names = ["3gpp_gy.xml", "3gpp_sy.xml", "base.xml", "credit_control.xml", FALLBACK]
    assert [path.name for path in FILES] == names


def test_the_server_loads_all() -> None:
    assert {*DICTIONARIES, FALLBACK} == {path.name for path in FILES}


def test_the_base_protocol_stands_alone() -> None:
    assert load(text("base.xml")).command_named("Capabilities-Exchange").code == 257


def test_all_dictionaries_with_the_fallback_are_one() -> None:
    whole = load(*(text(path.name) for path in FILES))
    assert whole.avp("Event-Trigger").type == "Integer32"
    assert whole.avp("MBMS-User-Service-Type").vendor_id == 10415


def test_an_avp_of_the_fallback_has_a_name_and_is_not_known() -> None:
    dictionary = load(*map(text, DICTIONARIES), fallback=text(FALLBACK))
    assert dictionary.name_of(1006, 10415) == "Event-Trigger (AVP 1006 of vendor 10415)"
    assert avp_key(1006, 10415) not in dictionary.known
    assert dictionary.name_of(432, 0) == "Rating-Group"
    assert dictionary.name_of(9999, 5) == "AVP 9999 of vendor 5"
    with pytest.raises(DictionaryError):
        dictionary.avp("Event-Trigger")


def test_the_licence_of_the_table_stands_beside_the_fallback() -> None:
    notice = text("LICENSE.python-diameter")
    assert "MIT License" in notice
    assert "Copyright (c) 2023 Mikko Mensonen" in notice
    assert "LICENSE.python-diameter" in text(FALLBACK)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dictionary_has_the_form_of_the_schema(path: Path) -> None:
    SCHEMA.assertValid(etree.parse(path))


@pytest.mark.parametrize(
    "text",
    [
        "<diameter/>",
        '<diameter><application id="4"><avp name="A" code="1"/></application></diameter>',
        '<diameter><application id="4"><avp name="A" code="1" must="Q"><data type="Time"/></avp>'
        "</application></diameter>",
        '<diameter><application id="4"><avp name="A" code="1"><data type="Text"/></avp>'
        "</application></diameter>",
        '<diameter><application id="4"><command code="1" short="A" name="A"><request/></command>'
        "</application></diameter>",
    ],
)
def test_the_schema_refuses_another_form(text: str) -> None:
    assert not SCHEMA.validate(etree.fromstring(text))


# Name, code, vendor, type, flags sent: rows of the standards, traps of other dictionaries first.
ROWS = [
    ("Error-Message", 281, 0, "UTF8String", 0x00),
    ("Product-Name", 269, 0, "UTF8String", 0x00),
    ("Firmware-Revision", 267, 0, "Unsigned32", 0x00),
    ("Error-Reporting-Host", 294, 0, "DiameterIdentity", 0x00),
    ("Access-Network-Information", 1263, 10415, "OctetString", 0xC0),
    ("3GPP-Charging-Id", 2, 10415, "Unsigned32", 0xC0),
    ("3GPP-Session-Stop-Indicator", 11, 10415, "OctetString", 0x80),
    ("From-Address", 2708, 10415, "UTF8String", 0xC0),
    ("MMTel-SService-Type", 2031, 10415, "Unsigned32", 0xC0),
    ("Service-Mode", 2032, 10415, "Unsigned32", 0xC0),
    ("Number-Of-Participants", 885, 10415, "Unsigned32", 0xC0),
    ("3GPP-PS-Data-Off-Status", 4406, 10415, "Enumerated", 0xC0),
    ("3GPP-PS-Data-Off-Status-Gx", 2847, 10415, "Enumerated", 0x80),
    ("3GPP-OC-Rating-Group", 1321, 10415, "Unsigned32", 0x80),
    ("SN-Request-Type", 2907, 10415, "Unsigned32", 0x80),
    ("Pending-Policy-Counter-Change-Time", 2906, 10415, "Time", 0xC0),
    ("Accounting-Record-Type", 480, 0, "Enumerated", 0x40),
    ("Variable-Part-Type", 3909, 10415, "Unsigned32", 0xC0),
    ("OC-Supported-Features", 621, 0, "Grouped", 0x00),
    ("OC-OLR", 623, 0, "Grouped", 0x00),
    ("Result-Code", 268, 0, "Unsigned32", 0x40),
    ("User-Equipment-Info", 458, 0, "Grouped", 0x00),
    ("CC-Correlation-Id", 411, 0, "OctetString", 0x00),
    ("Service-Parameter-Info", 440, 0, "Grouped", 0x00),
    ("ISUP-Cause", 3416, 10415, "Grouped", 0xC0),
    ("Volume-Quota-Threshold", 869, 10415, "Unsigned32", 0xC0),
    ("QoS-Final-Unit-Indication", 669, 0, "Grouped", 0x00),
    ("Session-Id", 263, 0, "UTF8String", 0x40),
    ("Redirect-Host", 292, 0, "DiameterURI", 0x40),
    ("Restriction-Filter-Rule", 438, 0, "IPFilterRule", 0x40),
    ("Load", 650, 0, "Grouped", 0x00),
    ("Session-Priority", 650, 10415, "Enumerated", 0x80),
    ("Logical-Access-ID", 302, 13019, "OctetString", 0x80),
    ("3GPP2-BSID", 9010, 5535, "UTF8String", 0xC0),
    ("Called-Station-Id", 30, 0, "UTF8String", 0x40),
    ("3GPP-User-Location-Info", 22, 10415, "OctetString", 0xC0),
    ("SGSN-Address", 1228, 10415, "Address", 0xC0),
]


@pytest.mark.parametrize(
    ("name", "code", "vendor_id", "type_name", "flags"), ROWS, ids=[row[0] for row in ROWS]
)
def test_an_avp_is_defined_as_its_standard_says(
    dictionary: Dictionary, name: str, code: int, vendor_id: int, type_name: str, flags: int
) -> None:
    avp = dictionary.avp(name)
    assert (avp.code, avp.vendor_id, avp.type, avp.flags) == (code, vendor_id, type_name, flags)


def test_an_m_bit_that_stacks_set_is_settled_only_where_the_standard_settles_it(
    dictionary: Dictionary,
) -> None:
    assert not dictionary.avp("User-Equipment-Info").settled_flags & 0x40
    assert dictionary.avp("Error-Message").settled_flags & 0x40
    assert dictionary.avp("Rating-Group").settled_flags & 0x40


COMMANDS = [
    (0, 257, "Capabilities-Exchange", False),
    (0, 280, "Device-Watchdog", False),
    (0, 282, "Disconnect-Peer", False),
    (4, 258, "Re-Auth", True),
    (4, 272, "Credit-Control", True),
    (4, 274, "Abort-Session", True),
    (16777302, 275, "Session-Termination", True),
    (16777302, 8388635, "Spending-Limit", True),
    (16777302, 8388636, "Spending-Status-Notification", True),
]


@pytest.mark.parametrize(("application_id", "code", "name", "is_proxiable"), COMMANDS)
def test_a_command_is_defined(
    dictionary: Dictionary, application_id: int, code: int, name: str, is_proxiable: bool
) -> None:
    command = dictionary.command(application_id, code)
    assert command is not None
    assert (command.name, command.is_proxiable) == (name, is_proxiable)
    assert dictionary.command_named(name) is command


def test_a_credit_control_request_needs_what_the_standards_need(dictionary: Dictionary) -> None:
    rules = dictionary.command_named("Credit-Control").request_rules
    assert rules.required == (
        "Session-Id",
        "Origin-Host",
        "Origin-Realm",
        "Destination-Realm",
        "Auth-Application-Id",
        "Service-Context-Id",
        "CC-Request-Type",
        "CC-Request-Number",
    )
    assert rules.is_open
    for name in ("Multiple-Services-Credit-Control", "Subscription-Id", "Used-Service-Unit"):
        assert name not in rules.limits
    for name in ("Requested-Service-Unit", "Service-Information", "Termination-Cause"):
        assert rules.limits[name] == 1
    assert "Granted-Service-Unit" in rules.forbidden


def test_every_avp_of_the_announcements_is_defined(dictionary: Dictionary) -> None:
    rules = dictionary.avp("Announcement-Information").rules
    assert rules.required == ("Announcement-Identifier",)
    assert dictionary.avp("Variable-Part").rules.required == (
        "Variable-Part-Type",
        "Variable-Part-Value",
    )


def test_members_of_charging_groups_are_optional(dictionary: Dictionary) -> None:
    for name in ("Service-Information", "PS-Information", "IMS-Information", "SMS-Information"):
        rules = dictionary.avp(name).rules
        assert rules.required == ()
        assert rules.is_open
        assert len(rules.members) > 10


def test_a_spending_limit_keeps_its_state_and_so_forbids_the_avps_that_would_end_it(
    dictionary: Dictionary,
) -> None:
    for name in ("Spending-Limit", "Spending-Status-Notification", "Session-Termination"):
        command = dictionary.command_named(name)
        for rules in (command.request_rules, command.answer_rules):
            assert {"Auth-Session-State", "Session-Timeout"} <= rules.forbidden
    request = dictionary.command_named("Spending-Limit").request_rules
    assert "SL-Request-Type" in request.required
    assert "Policy-Counter-Identifier" not in request.limits
    notice = dictionary.command_named("Spending-Status-Notification").request_rules
    assert "Destination-Host" in notice.required
    assert notice.limits["SN-Request-Type"] == 1
    report = dictionary.avp("Policy-Counter-Status-Report").rules
    assert report.required == ("Policy-Counter-Identifier", "Policy-Counter-Status")


def test_groups_that_nobody_rates_by_are_never_looked_into(dictionary: Dictionary) -> None:
    for name in ("LCS", "PoC", "MBMS", "ProSe", "CPDT", "IM", "DCD", "M2M", "Service-Generic"):
        assert dictionary.avp(f"{name}-Information").is_opaque


def test_every_enumeration_has_its_values(dictionary: Dictionary) -> None:
    bare = {
        avp.name
        for avp in dictionary.avps_by_name.values()
        if avp.type == "Enumerated" and not avp.items
    }
    # Its values are those of the register of WAP content types, which still grows.
    assert bare == {"Type-Number"}
