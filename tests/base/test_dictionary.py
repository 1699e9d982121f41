"""Dictionaries are read or refused with a line, and AVPs are written as they define them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.codec import Group, lay_out
from diameter_ocs.base.dictionary import Dictionary, DictionaryError, load
from diameter_ocs.base.layouts import Layout
from tests.base.wire import load_dictionary

DICTIONARY = load_dictionary()

ENCODED = [
    ("Origin-Host", "ocs1.example", "00000108 40000014 6f6373312e6578616d706c65"),
    ("Rating-Group", 10, "000001b0 4000000c 0000000a"),
    ("Volume-Quota-Threshold", 1 << 20, "00000365 c0000010 000028af 00100000"),
    ("Event-Timestamp", 1_709_985_600, "00000037 4000000c e996cdc0"),
    ("Exponent", -2, "000001ad 4000000c fffffffe"),
    ("CC-Total-Octets", 1 << 40, "000001a5 40000010 0000010000000000"),
    ("Session-Id", b"a;b", "00000107 4000000b 613b6200"),
    ("Error-Message", "", "00000119 00000008"),
    ("Host-IP-Address", (1, b"\x7f\0\0\1"), "00000101 4000000e 00017f000001 0000"),
    (
        "SMSC-Address",
        (8, b"491710760000"),
        "000007e1 c000001a 000028af 0008343931373130373630303030 0000",
    ),
    ("Proxy-State", b"\0\xff", "00000021 4000000a 00ff0000"),
    ("Requested-Service-Unit", [], "000001b5 40000008"),
    (
        "CC-Money",
        [("Unit-Value", [("Value-Digits", 1250), ("Exponent", -2)]), ("Currency-Code", 978)],
        "0000019d40000038 000001bd40000024 000001bf40000010 00000000000004e2"
        "000001ad4000000cfffffffe 000001a94000000c000003d2",
    ),
    (
        "Failed-AVP",
        bytes.fromhex("0000019f4000000c00000000"),
        "0000011740000014 0000019f4000000c00000000",
    ),
]


@pytest.mark.parametrize(("name", "value", "octets"), ENCODED, ids=[row[0] for row in ENCODED])
def test_an_avp_is_written_as_the_standard_lays_it_out(
    name: str, value: object, octets: str
) -> None:
    assert DICTIONARY.encode(name, value).hex() == octets.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Rating-Group", -1),
        ("Rating-Group", 1 << 32),
        ("CC-Total-Octets", 1 << 64),
        ("Exponent", 1 << 31),
        ("Rating-Group", 1.5),
        ("Event-Timestamp", -(1 << 32)),
        ("Event-Timestamp", 1 << 33),
        ("Session-Id", "x" * (1 << 24)),
        ("Multiple-Services-Credit-Control", [("Rating-Group", 1 << 32)]),
    ],
)
def test_a_value_outside_its_format_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        DICTIONARY.encode(name, value)


def test_a_name_that_no_dictionary_has_is_refused() -> None:
    with pytest.raises(DictionaryError, match="Ratting-Group"):
        DICTIONARY.encode("Ratting-Group", 1)
    with pytest.raises(DictionaryError, match="Ratting-Group"):
        DICTIONARY.encode_avps([("Ratting-Group", 1)])
    with pytest.raises(DictionaryError, match="Ratting-Group"):
        DICTIONARY.avp("Ratting-Group")


def test_members_that_are_octets_already_stand_as_they_are() -> None:
    one = DICTIONARY.encode("Rating-Group", 1)
    assert DICTIONARY.encode_avps([one, ("Rating-Group", 2)]) == one + DICTIONARY.encode(
        "Rating-Group", 2
    )


VALUES = [
    ("Rating-Group", st.integers(0, 2**32 - 1)),
    ("CC-Total-Octets", st.integers(0, 2**64 - 1)),
    ("Exponent", st.integers(-(2**31), 2**31 - 1)),
    ("Value-Digits", st.integers(-(2**63), 2**63 - 1)),
    ("CC-Request-Type", st.integers(-(2**31), 2**31 - 1)),
    ("Session-Id", st.text(st.characters(exclude_categories=["Cs"]))),
    ("Service-Parameter-Value", st.binary()),
    ("Event-Timestamp", st.integers(-61_505_152, 4_233_462_143)),
    ("Host-IP-Address", st.tuples(st.integers(0, 65535), st.binary(max_size=16))),
]


def read(octets: bytes) -> Group:
    layout = Layout()
    lay_out(DICTIONARY, octets, 0, layout)
    return Group(octets, 0, layout)


@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    name, values = data.draw(st.sampled_from(VALUES))
    value = data.draw(values)
    assert read(DICTIONARY.encode(name, value)).first(name) == value


@given(st.binary(max_size=40))
def test_text_keeps_octets_that_are_not_utf8(octets: bytes) -> None:
    value = read(DICTIONARY.encode("User-Name", octets)).first("User-Name")
    assert DICTIONARY.encode("User-Name", value) == DICTIONARY.encode("User-Name", octets)


AVP = '<avp name="A" code="1" must="M"><data type="Unsigned32"/></avp>'


def dictionary_with(content: str) -> Dictionary:
    return load(f'<diameter>\n<application id="9">\n{content}\n</application></diameter>')


def test_a_command_belongs_to_its_application() -> None:
    loaded = dictionary_with(
        AVP + '<command code="5" short="X" name="X"><request/><answer/></command>'
    )
    command = loaded.command(9, 5)
    assert command is not None
    assert command.name == "X"
    assert loaded.command(4, 5) is None
    assert loaded.knows_command(5)
    assert not loaded.knows_command(6)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<avp name="A" code="x"><data type="Time"/></avp>', "line 3: avp: the attribute code"),
        ('<avp code="1"><data type="Time"/></avp>', "line 3: avp: the attribute name is missing"),
        ('<avp name="A" code="1"><data type="Tim"/></avp>', "line 3: data: the type Tim"),
        ('<avp name="A" code="1"/>', "line 3: avp: exactly one element data"),
        ('<avp name="A" code="1" must="X"><data type="Time"/></avp>', "line 3: avp: .* must"),
        ('<avp name="A" code="1" vendor-id="7"><data type="Time"/></avp>', "line 3: avp: the V"),
        (
            '<avp name="A" code="1"><data type="Grouped">\n<rule avp="B"/></data></avp>',
            "line 4: rule: no dictionary that is loaded defines the AVP B",
        ),
        (
            '<command code="5" short="X" name="X"><request>\n<rule avp="B"/></request>'
            "<answer/></command>",
            "line 4: rule: .* B",
        ),
        ('<command code="5" short="X" name="X"><answer/></command>', "element request"),
        (
            '<command code="5" short="X" name="X"><request><rule avp="A" required="yes"/>'
            "</request><answer/></command>",
            "required must be true or false",
        ),
        (AVP + AVP, "A is defined twice"),
        (AVP + AVP.replace('"A"', '"B"'), "B is defined twice"),
    ],
)
def test_a_fault_is_named_with_its_line(content: str, problem: str) -> None:
    with pytest.raises(DictionaryError, match=problem):
        dictionary_with(content)


def test_a_fault_is_named_with_its_file_where_that_has_a_name() -> None:
    good = f'<diameter><application id="9">{AVP}</application></diameter>'
    for bad in (good.replace("Unsigned32", "Text"), "<diameter>", "<!DOCTYPE d><diameter/>"):
        with pytest.raises(DictionaryError, match=r"^own\.xml, "):
            load(good, bad, names=("base.xml", "own.xml"))


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE d [<!ENTITY a "b">]><diameter/>',
        '<!DOCTYPE d SYSTEM "file:///etc/passwd"><diameter/>',
        "<diameter>",
        "<other/>",
        "",
    ],
)
def test_what_is_no_dictionary_is_refused(text: str) -> None:
    with pytest.raises(DictionaryError):
        load(text)


def test_definitions_are_read_whole(dictionary: Dictionary) -> None:
    reason = dictionary.avp("Reporting-Reason")
    assert (reason.code, reason.vendor_id, reason.type) == (872, 10415, "Enumerated")
    assert reason.flags == 0xC0
    assert reason.items[3] == "QUOTA_EXHAUSTED"
    subscription = dictionary.avp("Subscription-Id").rules
    assert subscription.required == ("Subscription-Id-Type", "Subscription-Id-Data")
    assert not subscription.is_open
    assert dictionary.avp("Failed-AVP").is_opaque


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("CC-Request-Number", "0000019f4000000c00000000"),
        ("Session-Id", "0000010740000008"),
        ("CC-Total-Octets", "000001a5400000100000000000000000"),
        ("Host-IP-Address", "000001014000000e0001000000000000"),
        ("Multiple-Services-Credit-Control", "000001c840000008"),
        (
            "Subscription-Id",
            "000001bb4000001c000001c24000000c00000000000001bc40000008",
        ),
        ("Volume-Quota-Threshold", "00000365c0000010000028af00000000"),
    ],
)
def test_an_example_holds_the_least_that_it_may(
    dictionary: Dictionary, name: str, octets: str
) -> None:
    assert dictionary.example(name).hex() == octets
