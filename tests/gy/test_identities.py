"""Who a request is about, each name in one spelling."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.gy.identities import identities_of

E164, IMSI_TYPE, SIP, NAI_TYPE, PRIVATE_TYPE = range(5)


def imsi(value: str) -> Identity:
    return Identity(IdentityKind.IMSI, value)


def msisdn(value: str) -> Identity:
    return Identity(IdentityKind.MSISDN, value)


def uri(value: str) -> Identity:
    return Identity(IdentityKind.SIP_URI, value)


def nai(value: str) -> Identity:
    return Identity(IdentityKind.NAI, value)


def private(value: str) -> Identity:
    return Identity(IdentityKind.PRIVATE, value)


def subscription(kind: int, data: str | bytes) -> tuple[str, Any]:
    members = [("Subscription-Id-Type", kind), ("Subscription-Id-Data", data)]
    return "Subscription-Id", members


ONE_NAME = [
    (E164, "15550100001", [msisdn("15550100001")]),
    (E164, "+15550100001", [msisdn("15550100001")]),
    (E164, "+1 (555) 010-0001", [msisdn("15550100001")]),
    (E164, "15550100001\0", [msisdn("15550100001")]),
    (E164, "123456789012345", [msisdn("123456789012345")]),
    (E164, "1234567890123456", []),
    (E164, "unknown", []),
    (E164, "+", []),
    (E164, "++15550100001", []),
    (E164, "٣٤", []),
    (E164, "tel:+15550100001", [msisdn("15550100001"), uri("tel:+15550100001")]),
    (IMSI_TYPE, "001010000000001", [imsi("001010000000001")]),
    (IMSI_TYPE, "001010000000001\0\0", [imsi("001010000000001")]),
    (SIP, "sip:alice@example.com", [uri("sip:alice@example.com")]),
    (SIP, "SIP:Alice@EXAMPLE.com:5060;transport=tcp", [uri("sip:Alice@example.com")]),
    (SIP, "<sips:alice:secret@example.com?subject=x>", [uri("sips:alice@example.com")]),
    (SIP, "sip:%61lice@example.com", [uri("sip:alice@example.com")]),
    (SIP, "sip:a%00b@example.com", [uri("sip:ab@example.com")]),
    (SIP, "sip:alice@[2001:DB8::1]:5060", [uri("sip:alice@[2001:db8::1]")]),
    (SIP, "sip:example.com", [uri("sip:example.com")]),
    (SIP, "alice@example.com", [uri("sip:alice@example.com")]),
    (
        SIP,
        "sip:+1-555-0100001;npdi@example.com;user=phone",
        [msisdn("15550100001"), uri("sip:+15550100001@example.com")],
    ),
    (
        SIP,
        "sip:15550100001@example.com;user=phone",
        [msisdn("15550100001"), uri("sip:15550100001@example.com")],
    ),
    (
        SIP,
        "sip:%2B15550100001@example.com",
        [msisdn("15550100001"), uri("sip:+15550100001@example.com")],
    ),
    (SIP, "sip:15550100001@example.com", [uri("sip:15550100001@example.com")]),
    (SIP, "sip:alice@example.com;user=phone", [uri("sip:alice@example.com")]),
    (
        SIP,
        "sip:0100001;phone-context=+1555@example.com;user=phone",
        [uri("sip:0100001@example.com")],
    ),
    (SIP, "tel:+1-555-010.0001", [msisdn("15550100001"), uri("tel:+15550100001")]),
    (SIP, "TEL:15550100001;npdi", [msisdn("15550100001"), uri("tel:15550100001")]),
    (SIP, "tel:0100001;phone-context=+1555", [uri("tel:0100001")]),
    (SIP, "+15550100001", [msisdn("15550100001"), uri("tel:+15550100001")]),
    (NAI_TYPE, "Alice@Example.COM", [nai("Alice@example.com")]),
    (NAI_TYPE, "alice", [nai("alice")]),
    (PRIVATE_TYPE, "Customer 7", [private("Customer 7")]),
    (PRIVATE_TYPE, b"\xff7", [private("\\xff7")]),
    (5, "of a type that nobody knows", []),
    (-1, "nor this one", []),
]


@pytest.mark.parametrize(("kind", "data", "identities"), ONE_NAME)
def test_each_name_has_one_spelling(
    write: Callable[..., Any], kind: int, data: str | bytes, identities: list[Identity]
) -> None:
    message = write(subscription(kind, data))
    assert identities_of(message.group, set()) == tuple(identities)


@pytest.mark.parametrize("kind", [E164, IMSI_TYPE, SIP, NAI_TYPE, PRIVATE_TYPE])
@pytest.mark.parametrize("data", ["", "\0", " "])
def test_empty_name_names_nobody_but_is_a_name(
    write: Callable[..., Any], kind: int, data: str
) -> None:
    assert identities_of(write(subscription(kind, data)).group, set()) == ()


def test_names_are_in_the_order_in_which_they_are_believed_and_each_once(
    write: Callable[..., Any],
) -> None:
    message = write(
        subscription(PRIVATE_TYPE, "seven"),
        subscription(NAI_TYPE, "a@b"),
        subscription(E164, "+15550100001"),
        subscription(SIP, "tel:+15550100001"),
        subscription(IMSI_TYPE, "001010000000001"),
        subscription(E164, "15550100001"),
    )
    assert identities_of(message.group, set()) == (
        imsi("001010000000001"),
        msisdn("15550100001"),
        uri("tel:+15550100001"),
        nai("a@b"),
        private("seven"),
    )


def test_service_information_names_subscribers_too(write: Callable[..., Any]) -> None:
    message = write(("Service-Information", [subscription(IMSI_TYPE, "001010000000001")]))
    assert identities_of(message.group, set()) == (imsi("001010000000001"),)


def test_extensions_name_subscribers_too(write: Callable[..., Any]) -> None:
    message = write(
        ("Subscription-Id-Extension", [("Subscription-Id-E164", "+15550100001")]),
        ("Subscription-Id-Extension", [("Subscription-Id-IMSI", "001010000000001")]),
        ("Subscription-Id-Extension", [("Subscription-Id-SIP-URI", "sip:a@B")]),
        ("Subscription-Id-Extension", [("Subscription-Id-NAI", "a@B")]),
        ("Subscription-Id-Extension", [("Subscription-Id-Private", "seven")]),
    )
    assert identities_of(message.group, set()) == (
        imsi("001010000000001"),
        msisdn("15550100001"),
        uri("sip:a@b"),
        nai("a@b"),
        private("seven"),
    )


def test_user_name_counts_where_nothing_else_names_anyone(write: Callable[..., Any]) -> None:
    assert identities_of(write(("User-Name", "a@B")).group, set()) == (nai("a@b"),)


def test_user_name_is_nothing_beside_a_subscription(write: Callable[..., Any]) -> None:
    message = write(("User-Name", "a@B"), subscription(E164, "15550100001"))
    assert identities_of(message.group, set()) == (msisdn("15550100001"),)


def test_request_may_name_nobody(write: Callable[..., Any]) -> None:
    assert identities_of(write().group, set()) is None


@given(st.integers(0, 4), st.binary(max_size=60))
def test_any_octets_are_names_that_can_be_stored(
    dictionary: Dictionary, write: Callable[..., Any], kind: int, data: bytes
) -> None:
    for identity in identities_of(write(subscription(kind, data)).group, set()) or ():
        assert identity.value
        assert "\0" not in identity.value
        assert identity.value.encode().decode() == identity.value
        assert identity.kind is not IdentityKind.MSISDN or identity.value.isdigit()
