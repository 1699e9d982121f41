"""G-S-U-Pool-Reference in answers, as python-diameter reads it."""

from collections.abc import Callable

import pytest
from diameter.message import Message as PythonMessage

from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.asked import on_terms
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import Encoder
from diameter_ocs.gy.terms import AS_USUAL, AnswerTerms

SERVICE = ("Multiple-Services-Credit-Control", [("Rating-Group", 300)])
Read = Callable[..., Decoded]


def answered(read: Read, encoder: Encoder, grant: Grant) -> bytes:
    service = ServiceDecision(ServiceUsage(300), Outcome.SUCCESS, grant)
    return encoder.encode(Decision(Outcome.SUCCESS, (service,)), read(SERVICE))


@pytest.mark.parametrize(
    ("unit_type", "told"),
    [
        (UnitType.TIME, 0),
        (UnitType.VOLUME, 2),
        (UnitType.SERVICE_SPECIFIC_UNITS, 5),
    ],
)
@pytest.mark.parametrize("value", [1, 2**63 - 1])
def test_a_quota_says_what_it_counts_in_its_pool(
    read: Read, encoder: Encoder, unit_type: UnitType, told: int, value: int
) -> None:
    grant = Grant(unit_type, 10, 3600, False, threshold=2, holding_seconds=600, pool=value)
    answer = PythonMessage.from_bytes(answered(read, encoder, grant))
    (service,) = answer.multiple_services_credit_control
    (pool,) = service.g_s_u_pool_reference
    assert (pool.g_s_u_pool_identifier, pool.cc_unit_type) == (1, told)
    assert (pool.unit_value.value_digits, pool.unit_value.exponent) == (value, -9)
    assert service.quota_holding_time == 600


def test_pool_octet_by_octet(read: Read, encoder: Encoder) -> None:
    octets = answered(read, encoder, Grant(UnitType.VOLUME, 10, 3600, False, pool=3_000_000_000))
    assert (
        bytes.fromhex(
            "000001c9 40000044"  # G-S-U-Pool-Reference
            "000001c5 4000000c 00000001"  # G-S-U-Pool-Identifier
            "000001c6 4000000c 00000002"  # CC-Unit-Type: TOTAL-OCTETS
            "000001bd 40000024"  # Unit-Value
            "000001bf 40000010 00000000b2d05e00"  # Value-Digits
            "000001ad 4000000c fffffff7"  # Exponent
        )
        in octets
    )


def test_a_quota_that_stands_alone_says_nothing_of_pools(read: Read, encoder: Encoder) -> None:
    octets = answered(read, encoder, Grant(UnitType.VOLUME, 10, 3600, False))
    assert bytes.fromhex("000001c9") not in octets


def test_the_terms_say_whether_there_are_pools_and_units_at_command_level_are_in_none(
    read: Read,
) -> None:
    terms, at_command_level = AnswerTerms(quota_pools=True), ("Requested-Service-Unit", [])
    assert terms.changes_requests
    assert on_terms(read(SERVICE), terms).request.has_pool
    assert not on_terms(read(at_command_level), terms).request.has_pool
    assert not on_terms(read(SERVICE), AS_USUAL).request.has_pool
