"""What is remembered of a message is told only of messages with the very same headers."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base import errors
from diameter_ocs.base.checks import check
from diameter_ocs.base.codec import AVPS_MAX, GROUP_DEPTH_MAX
from diameter_ocs.base.dictionary import load
from diameter_ocs.base.layouts import (
    ALIKE_MAX,
    GENERATION_OCTETS_MAX,
    MISSES_TO_LEARN,
    OCTETS_MAX,
    Layout,
    Layouts,
)
from diameter_ocs.base.message import Decoder, decode
from diameter_ocs.base.tolerance import Tolerated
from tests.base.trees import tree, verdict, whole
from tests.base.wire import CC_REQUEST_NUMBER, ORIGIN_HOST, avp, ccr, load_dictionary, number

DICTIONARY = load_dictionary()
SERVED = frozenset({4})

TEXT = avp(444, b"sip:somebody-with-a-long-name@ims.example")
SUBSCRIPTION = avp(443, avp(450, number(2)) + TEXT)
RATING_GROUP = avp(432, number(100))
IDENTIFIER = avp(439, number(7))
UNITS = avp(446, avp(421, (1234).to_bytes(8)))
SERVICE = avp(456, RATING_GROUP + IDENTIFIER + UNITS)
TIME = avp(55, number(0xE996CDC0))
STRANGER = avp(9999, b"1234", flags=0)
VENDOR = avp(22, b"\x82\x62\xf2\x10", vendor=10415)
PLAIN = ccr(SUBSCRIPTION, SERVICE, TIME, STRANGER, VENDOR)
# Of another length, but with the same groups in it.
LONGER = ccr(SUBSCRIPTION, SERVICE, TIME, STRANGER, VENDOR, avp(33, b"x", flags=0))


def learned(*octets: bytes) -> Decoder:
    """A decoder that has met the messages, each often enough to remember it and its groups."""
    decoder = Decoder(DICTIONARY)
    for _ in range(2 * MISSES_TO_LEARN):
        for each in octets:
            check(decoder.decode(each), DICTIONARY, strict=False, applications=SERVED)
    return decoder


def changed(octets: bytes, old: bytes, new: bytes) -> bytes:
    assert octets.count(old) == 1
    assert len(old) == len(new)
    return octets.replace(old, new)


def test_a_message_with_the_same_headers_has_the_same_layout_and_its_own_values() -> None:
    decoder = learned(PLAIN)
    other = changed(PLAIN, RATING_GROUP, avp(432, number(200)))
    first, second = decoder.decode(PLAIN), decoder.decode(other)
    assert first.group.layout is second.group.layout
    groups = [each.group.all("Multiple-Services-Credit-Control")[0] for each in (first, second)]
    assert [group.first("Rating-Group") for group in groups] == [100, 200]


@pytest.mark.parametrize("old", [TEXT, RATING_GROUP, UNITS, TIME, STRANGER, VENDOR])
def test_only_the_data_of_an_avp_may_differ(old: bytes) -> None:
    decoder = learned(PLAIN)
    layout = decoder.decode(PLAIN).group.layout
    start = PLAIN.index(old)
    header_octets = 12 if old[4] & 0x80 else 8
    for position in range(start, start + header_octets):
        octets = bytearray(PLAIN)
        octets[position] ^= 1
        assert decoder.decode(bytes(octets)).group.layout is not layout


def test_the_t_bit_and_the_identifiers_make_no_difference() -> None:
    decoder = learned(PLAIN)
    again = ccr(
        SUBSCRIPTION, SERVICE, TIME, STRANGER, VENDOR, flags=0xD0, hop_by_hop=5, end_to_end=6
    )
    message = decoder.decode(again)
    assert message.group.layout is decoder.decode(PLAIN).group.layout
    assert (message.is_retransmission, message.hop_by_hop, message.end_to_end) == (True, 5, 6)


Change = Callable[[bytes], bytes]

# What is done to a remembered message, and the error that it must end in.
FAULTS: dict[str, tuple[Change, type[errors.DiameterError]]] = {
    "length over its group": (
        lambda octets: changed(octets, RATING_GROUP, RATING_GROUP[:5] + b"\1" + RATING_GROUP[6:]),
        errors.InvalidAvpLength,
    ),
    "length below its header": (
        lambda octets: changed(octets, STRANGER, STRANGER[:7] + b"\7" + STRANGER[8:]),
        errors.InvalidAvpLength,
    ),
    "size of another format": (
        lambda octets: changed(octets, RATING_GROUP, avp(421, number(100))),
        errors.InvalidAvpLength,
    ),
    "reserved flag": (
        lambda octets: changed(octets, IDENTIFIER, avp(439, number(7), flags=0x41)),
        errors.InvalidAvpBits,
    ),
    "reserved flag of a stranger": (
        lambda octets: changed(octets, STRANGER, avp(9999, b"1234", flags=1)),
        errors.InvalidAvpBits,
    ),
    "mandatory stranger": (
        lambda octets: changed(octets, STRANGER, avp(9999, b"1234")),
        errors.AvpUnsupported,
    ),
    "mandatory stranger in a group": (
        lambda octets: changed(octets, RATING_GROUP, avp(9999, number(100))),
        errors.AvpUnsupported,
    ),
    "mandatory stranger of a vendor": (
        lambda octets: changed(octets, VENDOR, avp(29999, b"\x82\x62\xf2\x10", vendor=10415)),
        errors.AvpUnsupported,
    ),
    "missing": (
        lambda octets: changed(octets, CC_REQUEST_NUMBER, avp(278, number(0))),
        errors.MissingAvp,
    ),
    "missing in a group": (
        lambda octets: changed(octets, avp(450, number(2)), avp(278, number(2))),
        errors.MissingAvp,
    ),
    "too many": (
        lambda octets: changed(octets, TIME, avp(415, number(0))),
        errors.AvpOccursTooManyTimes,
    ),
    "too many in a group": (
        lambda octets: changed(octets, IDENTIFIER, avp(432, number(7))),
        errors.AvpOccursTooManyTimes,
    ),
    "forbidden": (
        lambda octets: changed(octets, TIME, avp(268, number(2001))),
        errors.AvpNotAllowed,
    ),
    "E bit": (lambda octets: octets[:4] + b"\xe0" + octets[5:], errors.InvalidHeaderBits),
    "command": (lambda octets: octets[:7] + b"\xff" + octets[8:], errors.CommandUnsupported),
    "application": (
        lambda octets: octets[:11] + b"\x07" + octets[12:],
        errors.ApplicationUnsupported,
    ),
}


@pytest.mark.parametrize("met", [PLAIN, LONGER], ids=["message", "groups"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_remembered_message_or_group_is_found(name: str, met: bytes) -> None:
    change, error = FAULTS[name]
    decoder = learned(met)
    octets = change(PLAIN)
    with pytest.raises(error):
        check(decoder.decode(octets), DICTIONARY, strict=False, applications=SERVED)
    assert whole(decoder.decode(octets), DICTIONARY) == whole(
        decode(octets, DICTIONARY), DICTIONARY
    )


@given(st.randoms(use_true_random=False))
def test_damaged_messages_are_read_as_without_a_memory(source: random.Random) -> None:
    decoder = learned(PLAIN, LONGER)
    for _ in range(12):
        octets = bytearray(source.choice((PLAIN, LONGER)))
        for _ in range(source.randint(0, 3)):
            octets[source.randrange(4, len(octets))] = source.choice((0, 1, 0x40, 0xC0, 0xFF))
        expected = whole(decode(bytes(octets), DICTIONARY), DICTIONARY)
        assert whole(decoder.decode(bytes(octets)), DICTIONARY) == expected


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=8, max_size=8))
def test_values_of_a_remembered_layout_are_those_of_the_octets(word: bytes, long: bytes) -> None:
    octets = PLAIN.replace(number(0xE996CDC0), word).replace((1234).to_bytes(8), long)
    octets = octets.replace(b"somebody", long).replace(b"\x82\x62\xf2\x10", word)
    decoder = learned(PLAIN)
    message = decoder.decode(octets)
    assert message.group.layout is decoder.decode(PLAIN).group.layout
    assert tree(message.group) == tree(decode(octets, DICTIONARY).group)


def test_what_is_tolerated_is_told_again_and_refused_by_a_strict_check() -> None:
    octets = ccr(avp(432, number(1), flags=0))
    decoder = learned(octets)
    for _ in range(2):
        message = decoder.decode(octets)
        assert verdict(message, DICTIONARY, strict=False) == (Tolerated.AVP_FLAGS,)
        with pytest.raises(errors.InvalidAvpBits):
            check(message, DICTIONARY, strict=True, applications=SERVED)


def test_origins_that_are_repeated_are_compared_in_every_message() -> None:
    same, other = ccr(ORIGIN_HOST), ccr(avp(264, b"gw.another"))
    decoder = learned(same)
    message = decoder.decode(other)
    assert message.group.layout is decoder.decode(same).group.layout
    with pytest.raises(errors.AvpOccursTooManyTimes):
        check(message, DICTIONARY, strict=False, applications=SERVED)


def test_a_remembered_message_is_checked_against_the_applications_of_the_caller() -> None:
    message = learned(PLAIN).decode(PLAIN)
    with pytest.raises(errors.ApplicationUnsupported):
        check(message, DICTIONARY, strict=False, applications=frozenset())


NESTED = load(
    '<diameter><application id="0"><avp name="G" code="1"><data type="Grouped">'
    '<rule avp="G"/><rule avp="AVP"/></data></avp></application></diameter>'
)


def nested(depth: int, octets: bytes) -> bytes:
    for _ in range(depth):
        octets = avp(1, octets, flags=0)
    return octets


def test_a_remembered_group_may_not_stand_deeper_than_the_limit() -> None:
    inner = nested(4, bytes.fromhex("0000270f00000030") + bytes(40))
    decoder = Decoder(NESTED)
    assert decoder.decode(ccr(inner)).fault is None
    deepest = ccr(nested(GROUP_DEPTH_MAX - 4, inner))
    assert decoder.decode(deepest).fault is None
    too_deep = ccr(nested(GROUP_DEPTH_MAX - 3, inner))
    assert isinstance(decoder.decode(too_deep).fault, errors.InvalidAvpValue)
    assert whole(decoder.decode(too_deep), NESTED) == whole(decode(too_deep, NESTED), NESTED)


def test_the_avps_of_remembered_groups_are_counted() -> None:
    service = avp(456, IDENTIFIER * 100)
    decoder = learned(ccr(service))
    most = [service] * (AVPS_MAX // 101)
    for octets in (ccr(*most), ccr(*most, service)):
        message, plain = decoder.decode(octets), decode(octets, DICTIONARY)
        assert whole(message, DICTIONARY) == whole(plain, DICTIONARY)
    assert isinstance(message.fault, errors.AvpOccursTooManyTimes)


def strangers(octets: bytes) -> Layout:
    layout = Layout()
    layout.avps = len(octets) // 8
    layout.unknown = [
        (at + 8, at + 8, None, None, at, 0, 0, 0, None) for at in range(0, len(octets), 8)
    ]
    return layout


def remember(layouts: Layouts, key: int, octets: bytes) -> None:
    """Meets the octets until one layout more is remembered."""
    for _ in range(MISSES_TO_LEARN):
        layouts.learn(key, octets, strangers(octets))


def test_one_of_several_misses_is_remembered_and_the_first_at_once() -> None:
    layouts = Layouts()
    found = []
    for key in range(2 * MISSES_TO_LEARN):
        layouts.learn(key, bytes(8), strangers(bytes(8)))
        found.append(layouts.find(key, bytes(8)) is not None)
    assert found == ([True] + [False] * (MISSES_TO_LEARN - 1)) * 2


def test_a_message_longer_than_the_limit_is_not_remembered() -> None:
    for more, is_found in ((0, True), (4, False)):
        least = len(ccr(avp(9999, b"", flags=0)))
        octets = ccr(avp(9999, bytes(OCTETS_MAX - least + more), flags=0))
        decoder = learned(octets)
        assert (
            decoder.decode(octets).group.layout is decoder.decode(octets).group.layout
        ) is is_found


def test_memory_is_bounded_and_keeps_what_is_used() -> None:
    layouts, octets = Layouts(), bytes(512)
    in_generation = GENERATION_OCTETS_MAX // len(octets) + 1
    remember(layouts, 0, octets)
    keys = range(1, 5 * in_generation)
    for key in keys:
        remember(layouts, key, octets)
        assert layouts.find(0, octets) is not None
    kept = [key for key in keys if layouts.find(key, octets) is not None]
    assert 0 < len(kept) <= 2 * in_generation
    assert kept[-1] == keys[-1]
    assert keys[0] not in kept


def test_layouts_of_one_length_displace_one_another() -> None:
    layouts = Layouts()
    alike = [bytes([n]) + bytes(7) for n in range(ALIKE_MAX + 1)]
    for octets in alike:
        remember(layouts, 8, octets)
    assert [layouts.find(8, octets) is not None for octets in alike] == [False] + [True] * ALIKE_MAX
