"""Identities name one account or none, and a number at the other end may be one."""

import pytest

from diameter_ocs.charging.identification import other_identity, subscriber
from diameter_ocs.charging.information import Direction, ServiceInformation
from diameter_ocs.charging.requests import Identity, IdentityKind

IMSI = Identity(IdentityKind.IMSI, "001010000000001")
MSISDN = Identity(IdentityKind.MSISDN, "15550100001")
STRANGER = Identity(IdentityKind.NAI, "stranger@example")


@pytest.mark.parametrize(
    ("identities", "directory", "expected"),
    [
        ((IMSI,), {IMSI: 1}, 1),
        ((IMSI, MSISDN), {MSISDN: 2}, 2),
        ((IMSI, MSISDN), {IMSI: 1, MSISDN: 1}, 1),
        ((STRANGER, MSISDN), {IMSI: 1, MSISDN: 2}, 2),
        ((IMSI, MSISDN), {IMSI: 1, MSISDN: 2}, None),
        ((STRANGER,), {IMSI: 1}, None),
        ((), {IMSI: 1}, None),
    ],
)
def test_an_account_is_named_by_any_of_its_identities_and_never_by_those_of_two(
    identities, directory, expected
):
    assert subscriber(identities, directory) == expected


def test_the_same_value_of_another_kind_is_another_identity():
    assert subscriber((Identity(IdentityKind.PRIVATE, IMSI.value),), {IMSI: 1}) is None


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        (ServiceInformation(), None),
        (ServiceInformation(called="15550100001"), MSISDN),
        (ServiceInformation(calling="15550100001"), None),
        (ServiceInformation(direction=Direction.TERMINATING, calling="15550100001"), MSISDN),
        (ServiceInformation(direction=Direction.TERMINATING, called="15550100001"), None),
        (
            ServiceInformation(called="sip:bob@example.com"),
            Identity(IdentityKind.SIP_URI, "sip:bob@example.com"),
        ),
        (ServiceInformation(called="bob"), None),
        (ServiceInformation(called=""), None),
        (ServiceInformation(called="١٢٣"), None),
        (ServiceInformation(called="sip:\0@example.com"), None),
        (ServiceInformation(called="sip:\udcff@example.com"), None),
    ],
)
def test_who_is_at_the_other_end_is_known_by_number_or_uri(information, expected):
    assert other_identity(information) == expected
