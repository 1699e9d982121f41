"""Identities name one account or none."""

import pytest

from diameter_ocs.charging.identification import subscriber
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
