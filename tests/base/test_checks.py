"""Each fault of a request is found in the standard's order; what clients do wrong is tolerated."""

from collections.abc import Callable

import pytest

from diameter_ocs.base import errors
from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary, load
from diameter_ocs.base.message import decode
from diameter_ocs.base.strict import TEXT_ERRORS
from diameter_ocs.base.tolerance import Tolerated
from tests.base.wire import (
    AUTH_APPLICATION_ID,
    CC_REQUEST_NUMBER,
    CCR_AVPS,
    DESTINATION_REALM,
    ORIGIN_HOST,
    SESSION_ID,
    avp,
    ccr,
    cer,
    message,
    number,
)

SERVED = frozenset({4})
UNKNOWN = avp(9999, b"x")
UNKNOWN_3GPP = avp(9999, b"x", vendor=10415)
UNKNOWN_FOREIGN = avp(9999, b"x", vendor=2011)
RATING_GROUP = avp(432, number(1))

Checked = Callable[..., tuple[Tolerated, ...]]


@pytest.fixture
def checked(dictionary: Dictionary) -> Checked:
    def run(octets: bytes, *, strict: bool = False) -> tuple[Tolerated, ...]:
        return check(decode(octets, dictionary), dictionary, strict=strict, applications=SERVED)

    return run


PASSING = {
    "plain": ccr(),
    "reordered": message(272, *reversed(CCR_AVPS)),
    "retransmitted": ccr(flags=0xD0),
    "reserved header bits": ccr(flags=0xCF),
    "unknown optional AVP": ccr(avp(9999, b"x", flags=0)),
    "many services": ccr(*[avp(456, avp(432, number(each))) for each in range(40)]),
    "several USUs": ccr(avp(456, RATING_GROUP + avp(446, b"") * 3)),
    "units without services": ccr(avp(437, b""), avp(446, b""), avp(446, b"")),
    "AVP of an old gateway": ccr(avp(30, b"internet"), avp(22, b"\x82", vendor=10415)),
    "unknown mandatory AVP in an optional group": ccr(avp(458, UNKNOWN, flags=0)),
    "M bit that may be": ccr(avp(458, avp(459, number(0)), flags=0x40)),
    "watchdog": message(280, ORIGIN_HOST, avp(296, b"e"), application=0, flags=0x80),
    "capabilities": cer(),
    "opaque group": ccr(avp(873, avp(878, b"\1\2\3", vendor=10415), vendor=10415)),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("strict", [False, True])
def test_a_lawful_request_passes(checked: Checked, name: str, strict: bool) -> None:
    assert checked(PASSING[name], strict=strict) == ()


MSCC = avp(456, RATING_GROUP + RATING_GROUP)

# What is wrong: the request, the error, and what Failed-AVP holds.
FAULTS: dict[str, tuple[bytes, type[errors.DiameterError], bytes | None]] = {
    "E bit": (ccr(flags=0xE0), errors.InvalidHeaderBits, None),
    "P bit of a CER": (cer(flags=0xC0), errors.InvalidHeaderBits, None),
    "unknown command": (message(999, SESSION_ID), errors.CommandUnsupported, None),
    "foreign application": (ccr(application=16777238), errors.ApplicationUnsupported, None),
    "application 0": (ccr(application=0), errors.ApplicationUnsupported, None),
    "length": (ccr(b"\0\0\1\xb0\x40\0\0\x20"), errors.InvalidAvpLength, avp(432, bytes(4))),
    "reserved AVP flag": (
        ccr(avp(432, number(1), flags=0x41)),
        errors.InvalidAvpBits,
        avp(432, number(1), flags=0x41),
    ),
    "reserved flag of an unknown AVP": (
        ccr(avp(9999, b"", flags=1)),
        errors.InvalidAvpBits,
        avp(9999, b"", flags=1),
    ),
    "unknown mandatory AVP": (ccr(UNKNOWN), errors.AvpUnsupported, UNKNOWN),
    "unknown mandatory AVP of 3GPP": (ccr(UNKNOWN_3GPP), errors.AvpUnsupported, UNKNOWN_3GPP),
    "unknown mandatory AVP in a group": (
        ccr(avp(456, RATING_GROUP + avp(446, UNKNOWN))),
        errors.AvpUnsupported,
        avp(456, avp(446, UNKNOWN)),
    ),
    "unknown mandatory AVP in a group of a vendor": (
        ccr(avp(873, avp(876, UNKNOWN, vendor=10415), vendor=10415)),
        errors.AvpUnsupported,
        UNKNOWN,
    ),
    "missing": (
        ccr(without=CC_REQUEST_NUMBER),
        errors.MissingAvp,
        bytes.fromhex("0000019f4000000c00000000"),
    ),
    "missing in a group": (
        ccr(avp(443, avp(450, number(0)))),
        errors.MissingAvp,
        avp(444, b""),
    ),
    "missing in a group of a group": (
        ccr(avp(456, avp(446, avp(413, b"")))),
        errors.MissingAvp,
        avp(445, avp(447, bytes(8))),
    ),
    "too many": (
        ccr(avp(415, number(1)), avp(415, number(2))),
        errors.AvpOccursTooManyTimes,
        avp(415, number(1)),
    ),
    "too many in a group": (
        ccr(avp(456, RATING_GROUP + avp(432, number(2)))),
        errors.AvpOccursTooManyTimes,
        avp(432, number(2)),
    ),
    "two origins": (
        ccr(avp(264, b"other.example")),
        errors.AvpOccursTooManyTimes,
        avp(264, b"other.example"),
    ),
    "forbidden": (ccr(avp(268, number(2001))), errors.AvpNotAllowed, avp(268, number(2001))),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("strict", [False, True])
def test_a_fault_is_answered_with_its_code(checked: Checked, name: str, strict: bool) -> None:
    octets, error, failed = FAULTS[name]
    with pytest.raises(error) as raised:
        checked(octets, strict=strict)
    assert raised.value.failed_avp == failed
    assert str(raised.value)


TOLERATED: dict[Tolerated, tuple[bytes, type[errors.DiameterError]]] = {
    Tolerated.APPLICATION_ID_IN_VENDOR_GROUP: (
        ccr(avp(260, avp(266, number(10415)) + AUTH_APPLICATION_ID), without=AUTH_APPLICATION_ID),
        errors.MissingAvp,
    ),
    Tolerated.AVP_FLAGS: (ccr(avp(432, number(1), flags=0)), errors.InvalidAvpBits),
    Tolerated.AVP_OUT_OF_PLACE: (
        ccr(avp(443, avp(450, number(0)) + avp(444, b"1") + RATING_GROUP)),
        errors.AvpNotAllowed,
    ),
    Tolerated.BASE_COMMAND_APPLICATION: (
        message(280, ORIGIN_HOST, avp(296, b"e"), application=4, flags=0x80),
        errors.ApplicationUnsupported,
    ),
    Tolerated.HOST_IP_ADDRESS_MISSING: (
        cer(without=avp(257, b"\0\1\x7f\0\0\1")),
        errors.MissingAvp,
    ),
    Tolerated.PROXIABLE_BIT_MISSING: (ccr(flags=0x80), errors.InvalidHeaderBits),
    Tolerated.REPEATED_ORIGIN: (ccr(avp(264, b"GW.example")), errors.AvpOccursTooManyTimes),
    Tolerated.UNKNOWN_MANDATORY_AVP: (ccr(UNKNOWN_FOREIGN), errors.AvpUnsupported),
}


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_clients_do_wrong_is_named_and_refused_when_strict(
    checked: Checked, kind: Tolerated
) -> None:
    octets, error = TOLERATED[kind]
    assert checked(octets) == (kind,)
    with pytest.raises(error):
        checked(octets, strict=True)


def test_every_kind_but_those_of_text_is_named_by_the_checks() -> None:
    assert TOLERATED.keys() | TEXT_ERRORS.keys() == set(Tolerated)


def test_a_kind_that_is_met_often_is_named_once(checked: Checked) -> None:
    odd = avp(439, number(1), flags=0)
    assert checked(ccr(avp(456, odd * 5), UNKNOWN_FOREIGN, UNKNOWN_FOREIGN)) == (
        Tolerated.AVP_FLAGS,
        Tolerated.UNKNOWN_MANDATORY_AVP,
    )


def test_the_application_inside_another_vendor_group_is_not_enough(checked: Checked) -> None:
    with pytest.raises(errors.MissingAvp):
        checked(ccr(avp(260, avp(266, number(10415))), without=AUTH_APPLICATION_ID))


BROKEN_LENGTH = b"\0\0\1\xb0\x40\0\0\x20"
FORBIDDEN = avp(268, number(1))


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (message(999, UNKNOWN, BROKEN_LENGTH, flags=0xE0), errors.InvalidHeaderBits),
        (message(999, BROKEN_LENGTH, application=77), errors.CommandUnsupported),
        (ccr(BROKEN_LENGTH, application=77), errors.ApplicationUnsupported),
        (ccr(UNKNOWN, BROKEN_LENGTH), errors.InvalidAvpLength),
        (ccr(UNKNOWN, MSCC, FORBIDDEN, without=SESSION_ID), errors.AvpUnsupported),
        (ccr(MSCC, FORBIDDEN, without=SESSION_ID), errors.MissingAvp),
        (ccr(FORBIDDEN, MSCC), errors.AvpOccursTooManyTimes),
        (ccr(FORBIDDEN, without=DESTINATION_REALM), errors.MissingAvp),
    ],
)
def test_the_first_fault_in_the_order_of_the_standard_is_told(
    checked: Checked, octets: bytes, error: type[errors.DiameterError]
) -> None:
    with pytest.raises(error):
        checked(octets)


def test_a_closed_command_forbids_what_it_does_not_name() -> None:
    dictionary = load(
        '<diameter><application id="4"><avp name="A" code="1"><data type="Unsigned32"/></avp>'
        '<command code="5" short="X" name="X"><request/><answer/></command>'
        "</application></diameter>"
    )
    octets = message(5, avp(1, number(1), flags=0))
    with pytest.raises(errors.AvpNotAllowed):
        check(decode(octets, dictionary), dictionary, strict=True, applications=SERVED)
    assert check(decode(octets, dictionary), dictionary, strict=False, applications=SERVED) == (
        Tolerated.AVP_OUT_OF_PLACE,
    )


def test_a_command_that_its_application_does_not_have_is_unknown(dictionary: Dictionary) -> None:
    with pytest.raises(errors.CommandUnsupported):
        check(
            decode(ccr(application=7), dictionary),
            dictionary,
            strict=False,
            applications=frozenset({4, 7}),
        )


def test_an_avp_of_the_standards_that_has_only_a_name_is_refused_by_it(checked: Checked) -> None:
    event_trigger = avp(1006, number(1), vendor=10415)
    with pytest.raises(errors.AvpUnsupported, match="Event-Trigger") as raised:
        checked(ccr(event_trigger))
    assert raised.value.failed_avp == event_trigger


def test_the_type_of_an_avp_that_has_only_a_name_refuses_nothing(checked: Checked) -> None:
    assert checked(ccr(avp(1006, b"not four octets", vendor=10415, flags=0))) == ()
