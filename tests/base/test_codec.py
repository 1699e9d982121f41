"""AVPs are decoded by name, and octets that cannot be decoded end in a well-formed Failed-AVP."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.codec import AVPS_MAX, GROUP_DEPTH_MAX, Findings, Group, lay_out
from diameter_ocs.base.dictionary import Dictionary, load
from diameter_ocs.base.errors import (
    AvpOccursTooManyTimes,
    DiameterError,
    InvalidAvpLength,
    InvalidAvpValue,
)
from diameter_ocs.base.layouts import Layout
from tests.base.wire import CCR_AVPS, SESSION_ID, avp, load_dictionary, number

DICTIONARY = load_dictionary()


def decoded(octets: bytes, dictionary: Dictionary = DICTIONARY) -> tuple[Group, Findings]:
    layout = Layout()
    lay_out(dictionary, octets, 0, layout)
    group = Group(octets, 0, layout)
    return group, Findings(group)


READ = [
    ("Origin-Host", "0000010840000014 6f6373312e6578616d706c65", "ocs1.example"),
    ("Rating-Group", "000001b04000000c0000000a", 10),
    ("Volume-Quota-Threshold", "00000365c0000010000028af00100000", 1 << 20),
    ("Event-Timestamp", "000000374000000ce996cdc0", 1_709_985_600),
    ("Event-Timestamp", "000000374000000c00000000", 2_085_978_496),
    ("Reporting-Reason", "00000368c0000010000028af00000063", 99),
    ("Cause-Code", "0000035dc0000010000028afffffffff", -1),
    ("CC-Total-Octets", "000001a540000010ffffffffffffffff", (1 << 64) - 1),
    ("User-Name", "000000014000000a61000000", "a\0"),
    ("User-Name", "0000000140000009ff000000", "\udcff"),
    ("PDP-Address", "000004cbc0000012000028af00010a01020300 00", (1, b"\x0a\1\2\3")),
    ("SGSN-Address", "000004ccc000000e000028af0008 0000", (8, b"")),
    ("3GPP-User-Location-Info", "00000016c000000e000028af8262 0000", b"\x82\x62"),
    ("Rating-Group", "000001b0c000001000000000 0000000a", 10),
]


@pytest.mark.parametrize(("name", "octets", "value"), READ)
def test_a_value_is_read_as_the_standard_lays_it_out(name: str, octets: str, value: object) -> None:
    group, _ = decoded(bytes.fromhex(octets))
    assert group.first(name) == value
    assert group.unknown == []


def test_a_group_gives_values_and_avps_in_their_order() -> None:
    group, _ = decoded(avp(439, number(7)) + SESSION_ID + avp(439, number(8)))
    assert group.all("Service-Identifier") == [7, 8]
    assert [each.start for each in group.avps("Service-Identifier")] == [0, 36]
    assert group.first("Rating-Group") is None
    assert group.avp("Rating-Group") is None
    assert group.all("Rating-Group") == group.avps("Rating-Group") == []
    assert group.is_repeated
    assert "Session-Id" in group


def test_groups_are_decoded_inside_groups() -> None:
    units = avp(421, (5).to_bytes(8))
    service = avp(456, avp(432, number(1)) + avp(446, units) + avp(446, b""))
    group, findings = decoded(service + avp(415, number(3)))
    (mscc,) = group.all("Multiple-Services-Credit-Control")
    assert mscc.first("Rating-Group") == 1
    assert [each.first("CC-Total-Octets") for each in mscc.all("Used-Service-Unit")] == [5, None]
    assert group.first("CC-Request-Number") == 3
    assert [each.start for each in findings.groups] == [0, 20, 44]


def test_a_group_whose_last_member_is_not_padded_is_read() -> None:
    inner = avp(444, b"12345")[:-3]
    group, _ = decoded(avp(443, avp(450, number(0)) + inner) + avp(415, number(3)))
    assert group.all("Subscription-Id")[0].first("Subscription-Id-Data") == "12345"
    assert group.first("CC-Request-Number") == 3


def test_an_opaque_group_is_kept_as_octets() -> None:
    group, _ = decoded(avp(279, b"\1\2\3"))
    assert group.first("Failed-AVP") == b"\1\2\3"


def test_unknown_avps_stand_apart_with_what_matters_of_them() -> None:
    plain = avp(9999, b"x", vendor=99, flags=0)
    mandatory = avp(9999, b"y", vendor=99)
    group, findings = decoded(plain + avp(456, mandatory))
    assert [(each.code, each.vendor_id, each.value) for each in group.unknown] == [(9999, 99, b"x")]
    ((found, around),) = findings.unknown_mandatory
    assert found.value == b"y"
    assert [each.code for each in around] == [456]


def test_an_avp_of_vendor_zero_is_the_ietf_avp_only_with_its_own_code() -> None:
    group, _ = decoded(avp(22, b"\x82"))
    assert [each.code for each in group.unknown] == [22]


@pytest.mark.parametrize(
    ("octets", "is_odd"),
    [
        (avp(263, b"a"), False),
        (avp(263, b"a", flags=0), True),
        (avp(263, b"a", flags=0x60), True),
        (avp(263, b"a", flags=0x41), True),
        (avp(281, b"a", flags=0x40), True),
        (avp(458, b"", flags=0x40), False),
        (avp(458, b"", flags=0x00), False),
        (avp(9999, b"", flags=0x01), True),
        (avp(9999, b"", flags=0x00), False),
    ],
)
def test_flags_that_the_dictionary_does_not_settle_are_noted(octets: bytes, is_odd: bool) -> None:
    _, findings = decoded(octets)
    assert bool(findings.odd_flags) is is_odd


# What is wrong, and the AVP that Failed-AVP has to hold.
FAULTS = [
    ("length below the header", "000001b040000007 00000000", "000001b04000000c00000000"),
    ("length beyond the message", "000001b040000020 00000001", "000001b04000000c00000000"),
    ("vendor AVP below its header", "00000365c000000b000028af", "00000365c0000010000028af00000000"),
    ("number with three octets", "000001b04000000b 01020300", "000001b04000000c01020300"),
    ("number with eight octets", "000001b040000010 0102030405060708", "000001b04000000c01020304"),
    ("text beyond the message", "00000107400000ff 61626364", "0000010740000008"),
    ("group beyond the message", "000001c8400000ff 000001b0", "000001c840000008"),
    ("address without a family", "0000010140000009 01000000", "000001014000000e0001000000000000"),
    ("header cut short", "000001b040", "000001b04000000c00000000"),
    ("unknown AVP beyond the message", "0000270f400000ff", "0000270f40000008"),
    ("unknown vendor AVP cut short", "0000270fc000000c", "0000270fc000000c00000000"),
    (
        "member beyond its group",
        "000001c840000014 000001b040000010 00000001 00000000",
        "000001b04000000c00000000",
    ),
]


@pytest.mark.parametrize(
    ("octets", "failed"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_a_bad_length_is_answered_with_a_well_formed_avp(octets: str, failed: str) -> None:
    with pytest.raises(InvalidAvpLength) as raised:
        decoded(bytes.fromhex(octets))
    assert raised.value.failed_avp is not None
    assert raised.value.failed_avp.hex() == failed
    decoded(raised.value.failed_avp)


def test_what_stands_before_a_fault_is_kept() -> None:
    layout = Layout()
    octets = SESSION_ID + avp(456, avp(432, number(5)) + b"\0\0\1")
    with pytest.raises(InvalidAvpLength):
        lay_out(DICTIONARY, octets, 0, layout)
    group = Group(octets, 0, layout)
    assert group.first("Session-Id") == "gw.example;1;2"
    assert group.all("Multiple-Services-Credit-Control")[0].first("Rating-Group") == 5


NESTED = load(
    '<diameter><application id="0"><avp name="G" code="1"><data type="Grouped">'
    '<rule avp="G"/><rule avp="AVP"/></data></avp></application></diameter>'
)


def nested(depth: int) -> bytes:
    octets = b""
    for _ in range(depth):
        octets = avp(1, octets, flags=0)
    return octets


def test_groups_as_deep_as_the_limit_are_read() -> None:
    _, findings = decoded(nested(GROUP_DEPTH_MAX), NESTED)
    assert len(findings.groups) == GROUP_DEPTH_MAX


def test_deeper_groups_are_refused() -> None:
    with pytest.raises(InvalidAvpValue) as raised:
        decoded(nested(GROUP_DEPTH_MAX + 1), NESTED)
    assert raised.value.failed_avp == avp(1, b"", flags=0)


def test_as_many_avps_as_the_limit_are_read_and_no_more() -> None:
    group, _ = decoded(avp(439, number(1)) * AVPS_MAX)
    assert len(group.all("Service-Identifier")) == AVPS_MAX
    with pytest.raises(AvpOccursTooManyTimes) as raised:
        decoded(avp(439, number(1)) * AVPS_MAX + avp(439, number(2)))
    assert raised.value.failed_avp == avp(439, number(2))
    with pytest.raises(AvpOccursTooManyTimes):
        decoded(avp(456, avp(439, number(1)) * AVPS_MAX))


def test_a_message_of_a_million_avps_is_walked_no_further_than_the_limit() -> None:
    layout = Layout()
    with pytest.raises(AvpOccursTooManyTimes):
        lay_out(DICTIONARY, avp(9999, b"", flags=0) * 1_000_000, 0, layout)
    assert len(layout.unknown) == AVPS_MAX


def fault(octets: bytes) -> DiameterError | None:
    """Decodes; a fault is what the octets may end in, anything else they may not."""
    try:
        decoded(octets)
    except DiameterError as error:
        return error
    return None


@given(st.binary(max_size=200))
def test_any_octets_are_decoded_or_refused(octets: bytes) -> None:
    error = fault(octets)
    assert error is None or error.failed_avp is None or len(error.failed_avp) % 4 == 0


@given(st.randoms(use_true_random=False))
def test_a_damaged_request_is_decoded_or_refused(source: random.Random) -> None:
    octets = bytearray(b"".join(CCR_AVPS) + avp(456, avp(446, avp(421, bytes(8)))))
    for _ in range(source.randint(1, 4)):
        octets[source.randrange(len(octets))] = source.randrange(256)
    error = fault(bytes(octets))
    assert error is None or fault(error.failed_avp or b"?") is None
