"""Requests about spending limits, from their octets."""

import pytest
from diameter.message.avp.grouped import SubscriptionId
from diameter.message.commands import SpendingLimitRequest as PythonRequest

from diameter_ocs.base.errors import AvpOccursTooManyTimes, InvalidAvpValue, MissingAvp
from diameter_ocs.base.tolerance import Tolerated
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest
from diameter_ocs.sy.decode import COUNTERS_MAX
from tests.base.wire import avp, number
from tests.sy.conftest import Read
from tests.sy.wire import (
    AUTH_APPLICATION_ID,
    INTERMEDIATE,
    LOGOUT,
    ORIGIN_HOST,
    SUBSCRIPTION,
    SY,
    VENDOR,
    counter,
    features,
    slr,
    str_,
)

MSISDN = Identity(IdentityKind.MSISDN, "15550100001")
INITIAL_SLR = bytes.fromhex(
    "010000f0 d080001b 01000056 0000000a 0000000b"
    "00000107 40000018 706372662e6578616d706c65 3b313b32"  # Session-Id
    "00000102 4000000c 01000056"  # Auth-Application-Id
    "00000108 40000014 706372662e6578616d706c65"  # Origin-Host
    "00000128 4000000f 6578616d706c65 00"  # Origin-Realm
    "0000011b 40000013 6f63732e6578616d706c65 00"  # Destination-Realm
    "00000274 80000038 000028af"  # Supported-Features
    "0000010a 4000000c 000028af"  # Vendor-Id
    "00000275 80000010 000028af 00000001"  # Feature-List-ID
    "00000276 80000010 000028af 00000001"  # Feature-List: abort
    "00000b58 c0000010 000028af 00000000"  # SL-Request-Type
    "000001bb 40000028"  # Subscription-Id
    "000001c2 4000000c 00000001"  # Subscription-Id-Type: IMSI
    "000001bc 40000013 3030313031303030303030 00"  # Subscription-Id-Data
    "00000b55 c0000010 000028af 64617461"  # Policy-Counter-Identifier
)


def test_an_initial_request_is_read_from_its_octets(read: Read) -> None:
    decoded = read(INITIAL_SLR)
    assert decoded.request == SpendingLimitRequest(
        is_initial=True,
        session_id=b"pcrf.example;1;2",
        origin_host="pcrf.example",
        origin_realm="example",
        end_to_end_id=11,
        is_retransmission=True,
        tenant="demo",
        identities=(Identity(IdentityKind.IMSI, "00101000000"),),
        counters=("data",),
        features=1,
    )
    assert decoded.tolerated == ()


def test_an_intermediate_request_need_not_name_anyone(read: Read) -> None:
    request = read(slr(counter(b"a"), kind=INTERMEDIATE, without=SUBSCRIPTION)).request
    assert isinstance(request, SpendingLimitRequest)
    assert (request.is_initial, request.identities, request.counters) == (False, (), ("a",))


def test_the_end_of_a_session_is_read(read: Read) -> None:
    decoded = read(str_())
    assert decoded.request == SpendingLimitEnd(
        b"pcrf.example;1;2", "pcrf.example", "example", "demo"
    )
    assert decoded.tolerated == ()


@pytest.mark.parametrize("cause", [1, 4, 8, 99, 2**32 - 1])
def test_a_session_ends_whatever_its_cause(read: Read, cause: int) -> None:
    octets = str_(avp(295, number(cause)), without=LOGOUT)
    assert isinstance(read(octets).request, SpendingLimitEnd)


@pytest.mark.parametrize("end", [slr, str_])
@pytest.mark.parametrize(
    ("session_id", "tolerated"),
    [
        (b"pcrf.example;1;2", ()),
        (b"pcrf.example;a/b%2F%00 c;?#\r\n", ()),
        ("pcrf.example;Zürich;✓".encode(), ()),
        (b"pcrf.example;\xff\xfe", (Tolerated.ODD_SESSION_ID,)),
        (b"pcrf.example;\0;", (Tolerated.ODD_SESSION_ID,)),
        (b";;;", (Tolerated.ODD_SESSION_ID,)),
        (b"", (Tolerated.ODD_SESSION_ID,)),
        (b"x" * 1000, (Tolerated.ODD_SESSION_ID,)),
    ],
)
def test_a_session_id_is_kept_octet_by_octet(
    read: Read, end: object, session_id: bytes, tolerated: tuple[Tolerated, ...]
) -> None:
    assert callable(end)
    decoded = read(end(session_id=avp(263, session_id)))
    assert (decoded.request.session_id, decoded.tolerated) == (session_id, tolerated)


@pytest.mark.parametrize(
    ("names", "counters"),
    [
        ([], ()),
        ([b"b", b"a"], ("b", "a")),
        ([b"a", b"b", b"a"], ("a", "b")),
        (["Guthaben für Daten".encode()], ("Guthaben für Daten",)),
        ([b""], ("",)),
    ],
)
def test_counters_are_told_apart_by_their_names(
    read: Read, names: list[bytes], counters: tuple[str, ...]
) -> None:
    request = read(slr(*map(counter, names))).request
    assert isinstance(request, SpendingLimitRequest)
    assert request.counters == counters


def test_text_is_made_fit_to_be_stored(read: Read) -> None:
    host = avp(264, b"pcrf\0.example\xff")
    decoded = read(slr(host, counter(b"a\0"), without=ORIGIN_HOST))
    assert decoded.request.origin_host == "pcrf.example\\xff"
    assert isinstance(decoded.request, SpendingLimitRequest)
    assert decoded.request.counters == ("a",)
    assert set(decoded.tolerated) == {Tolerated.NUL_IN_TEXT, Tolerated.OCTETS_IN_TEXT}


def test_every_name_of_a_subscriber_counts(read: Read) -> None:
    imsi = avp(443, avp(450, number(1)) + avp(444, b"001010000000001"))
    request = read(slr(imsi)).request
    assert isinstance(request, SpendingLimitRequest)
    assert request.identities == (Identity(IdentityKind.IMSI, "001010000000001"), MSISDN)


def test_a_name_that_cannot_be_read_names_nobody(read: Read) -> None:
    odd = avp(443, avp(450, number(0)) + avp(444, b"nobody"))
    request = read(slr(odd, without=SUBSCRIPTION)).request
    assert isinstance(request, SpendingLimitRequest)
    assert request.identities == ()


@pytest.mark.parametrize(
    ("told", "bits"),
    [
        ([], None),
        ([features(0)], 0),
        ([features(1)], 1),
        ([features(0xFFFF_FFFF)], 0xFFFF_FFFF),
        ([features(1, flags=0x40)], 1),
        ([features(1, feature_list=2)], None),
        ([features(1, vendor=9)], None),
        ([features(2, feature_list=2), features(1)], 1),
    ],
)
def test_features_are_those_of_the_first_list(
    read: Read, told: list[bytes], bits: int | None
) -> None:
    request = read(slr(*told)).request
    assert isinstance(request, SpendingLimitRequest)
    assert request.features == bits


def test_an_initial_request_that_names_nobody_lacks_a_name(read: Read) -> None:
    with pytest.raises(MissingAvp) as caught:
        read(slr(without=SUBSCRIPTION))
    example = avp(443, avp(450, number(0)) + avp(444, b""))
    assert caught.value.failed_avp == example


@pytest.mark.parametrize("kind", [2, -1, 2**31 - 1])
def test_a_type_of_request_that_nobody_knows_is_shown(read: Read, kind: int) -> None:
    sent = avp(2904, kind.to_bytes(4, signed=True), vendor=VENDOR)
    with pytest.raises(InvalidAvpValue) as caught:
        read(slr(kind=sent))
    assert caught.value.failed_avp == sent


@pytest.mark.parametrize("end", [slr, str_])
def test_an_application_inside_that_is_not_the_headers_is_shown(read: Read, end: object) -> None:
    assert callable(end)
    gy = avp(258, number(4))
    with pytest.raises(InvalidAvpValue) as caught:
        read(end(gy, without=AUTH_APPLICATION_ID))
    assert caught.value.failed_avp == gy


def test_so_many_counters_are_taken_and_no_more(read: Read) -> None:
    names = [counter(b"%d" % number) for number in range(COUNTERS_MAX + 1)]
    request = read(slr(*names[:-1])).request
    assert isinstance(request, SpendingLimitRequest)
    assert len(request.counters) == COUNTERS_MAX
    with pytest.raises(AvpOccursTooManyTimes) as caught:
        read(slr(*names))
    assert caught.value.failed_avp == names[-1]


def test_a_request_of_another_stack_is_read(read: Read) -> None:
    sent = PythonRequest()
    sent.session_id = "pcrf.example;1;2"
    sent.auth_application_id = SY
    sent.origin_host, sent.origin_realm = b"pcrf.example", b"example"
    sent.destination_realm = b"ocs.example"
    sent.sl_request_type = 0
    sent.subscription_id = [SubscriptionId(0, "15550100001")]
    sent.policy_counter_identifier = ["a", "b"]
    sent.header.application_id, sent.header.end_to_end_identifier = SY, 5
    decoded = read(sent.as_bytes())
    assert decoded.request == SpendingLimitRequest(
        is_initial=True,
        session_id=b"pcrf.example;1;2",
        origin_host="pcrf.example",
        origin_realm="example",
        end_to_end_id=5,
        is_retransmission=False,
        tenant="demo",
        identities=(MSISDN,),
        counters=("a", "b"),
    )
    assert decoded.tolerated == ()
