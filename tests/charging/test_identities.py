"""The names of subscribers, each in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.identities import identities_in
from diameter_ocs.charging.requests import Identity, IdentityKind

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


ONE_NAME = [
    (E164, "15550100001", [msisdn("15550100001")]),
    (E164, "+15550100001", [msisdn("15550100001")]),
    (E164, "+1 (555) 010-0001", [msisdn("15550100001")]),
    (E164, "123456789012345", [msisdn("123456789012345")]),
    (E164, "1234567890123456", []),
    (E164, "unknown", []),
    (E164, "+", []),
    (E164, "++15550100001", []),
    (E164, "٣٤", []),
    (E164, "tel:+15550100001", [msisdn("15550100001"), uri("tel:+15550100001")]),
    (IMSI_TYPE, "001010000000001", [imsi("001010000000001")]),
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
    (5, "of a kind that nobody knows", []),
    (-1, "nor this one", []),
]


@pytest.mark.parametrize(("kind", "name", "identities"), ONE_NAME)
def test_each_name_has_one_spelling(kind: int, name: str, identities: list[Identity]) -> None:
    assert identities_in([(kind, name)]) == tuple(identities)


@pytest.mark.parametrize("kind", [E164, IMSI_TYPE, SIP, NAI_TYPE, PRIVATE_TYPE])
def test_empty_name_names_nobody_but_is_a_name(kind: int) -> None:
    assert identities_in([(kind, "")]) == ()


def test_without_a_name_nobody_is_named() -> None:
    assert identities_in(None) is None


def test_names_are_in_the_order_in_which_they_are_believed_and_each_once() -> None:
    names = [
        (PRIVATE_TYPE, "seven"),
        (NAI_TYPE, "a@b"),
        (E164, "+15550100001"),
        (SIP, "tel:+15550100001"),
        (IMSI_TYPE, "001010000000001"),
        (E164, "15550100001"),
    ]
    assert identities_in(names) == (
        imsi("001010000000001"),
        msisdn("15550100001"),
        uri("tel:+15550100001"),
        nai("a@b"),
        private("seven"),
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(st.integers(0, 4), TEXT)
def test_any_text_names_what_can_be_stored(kind: int, text: str) -> None:
    for identity in identities_in([(kind, text.strip())]) or ():
        assert identity.value
        assert "\0" not in identity.value
        assert identity.value.encode().decode() == identity.value
        assert identity.kind is not IdentityKind.MSISDN or identity.value.isdigit()
