"""The dictionaries that are shipped have their form and say what the standards say."""

from pathlib import Path

import pytest
from diameter.message.avp import dictionary as stack
from lxml import etree

from diameter_ocs.base.dictionary import Dictionary, load

FOLDER = Path(__file__).parents[2] / "dictionaries"
FILES = sorted(FOLDER.glob("*.xml"))
SCHEMA = etree.XMLSchema(etree.parse(FOLDER / "dictionary.xsd"))


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return load(*(path.read_text(encoding="utf-8") for path in FILES))


def test_the_three_dictionaries_are_there() -> None:
    assert [path.name for path in FILES] == ["3gpp_gy.xml", "base.xml", "credit_control.xml"]


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


SAME_OCTETS = {"Enumerated": "Integer32", "DiameterURI": "Utf8String", "IPFilterRule": "Utf8String"}
# Where the other stack's table is wrong or names another format with the same octets.
OTHER_TYPES = {
    "3GPP-Charging-Id",
    "3GPP-Session-Stop-Indicator",
    "Access-Network-Information",
    "From-Address",
    "Inband-Security-Id",
    "MMTel-SService-Type",
    "Number-Of-Participants",
    "Presence-Reporting-Area-Status",
    "Result-Code",
    "Service-Mode",
    "Session-Binding",
}


def test_codes_and_types_agree_with_another_stack(dictionary: Dictionary) -> None:
    differing = set()
    for avp in dictionary.avps_by_name.values():
        table = (
            stack.AVP_VENDOR_DICTIONARY.get(avp.vendor_id, {})
            if avp.vendor_id
            else stack.AVP_DICTIONARY
        )
        known = table.get(avp.code)
        if known is None:
            continue
        theirs = known["type"].__name__.removeprefix("Avp").lower()
        ours = SAME_OCTETS.get(avp.type, avp.type).lower()
        if avp.type in ("DiameterIdentity", "DiameterURI", "IPFilterRule"):
            continue
        if ours != theirs and avp.type.lower() != theirs:
            differing.add(avp.name)
    assert differing == OTHER_TYPES


COMMANDS = [
    (0, 257, "Capabilities-Exchange", False),
    (0, 280, "Device-Watchdog", False),
    (0, 282, "Disconnect-Peer", False),
    (4, 258, "Re-Auth", True),
    (4, 272, "Credit-Control", True),
    (4, 274, "Abort-Session", True),
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
