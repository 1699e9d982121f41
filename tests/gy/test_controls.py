"""Thresholds, holding and consumption times in answers, as python-diameter reads them."""

from collections.abc import Callable
from itertools import product

import pytest
from diameter.message import Message as PythonMessage
from diameter.message.commands import CreditControlAnswer

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.encode import ANSWER_OCTETS_MAX, Encoder
from diameter_ocs.gy.terms import AnswerTerms

SERVICE = ("Multiple-Services-Credit-Control", [("Rating-Group", 300)])
PLENTY = 2**40
MOST = 2**32 - 1
GRANT = Grant(UnitType.VOLUME, PLENTY, 3600, False, True)
NAMES = {
    UnitType.TIME: "time_quota_threshold",
    UnitType.VOLUME: "volume_quota_threshold",
    UnitType.SERVICE_SPECIFIC_UNITS: "unit_quota_threshold",
}

Read = Callable[..., Decoded]


def answered(read: Read, encoder: Encoder, *grants: Grant, identifiers: tuple[int, ...] = ()):
    services = tuple(
        ServiceDecision(ServiceUsage(300 + at, identifiers), Outcome.SUCCESS, grant)
        for at, grant in enumerate(grants)
    )
    octets = encoder.encode(Decision(Outcome.SUCCESS, services), read(SERVICE))
    answer = PythonMessage.from_bytes(octets)
    assert isinstance(answer, CreditControlAnswer)
    return len(octets), answer.multiple_services_credit_control


def told(service, unit_type: UnitType) -> tuple[int | None, ...]:
    others = [name for each, name in NAMES.items() if each is not unit_type]
    assert all(getattr(service, name) is None for name in others)
    return (
        getattr(service, NAMES[unit_type]),
        service.quota_holding_time,
        service.quota_consumption_time,
    )


@pytest.mark.parametrize("unit_type", NAMES)
@pytest.mark.parametrize(
    "said", list(product((None, 1, MOST), (None, 600, MOST), (None, 30))), ids=str
)
@pytest.mark.parametrize("identifiers", [(), (7,)])
def test_a_quota_says_when_to_come_back(
    read: Read, encoder: Encoder, unit_type: UnitType, said, identifiers
) -> None:
    threshold, holding, consumption = said
    grant = Grant(
        unit_type,
        1000,
        3600,
        False,
        threshold=threshold,
        holding_seconds=holding,
        consumption_seconds=consumption,
    )
    _, (service,) = answered(read, encoder, grant, identifiers=identifiers)
    assert told(service, unit_type) == said
    assert (service.rating_group, service.validity_time) == (300, 3600)


def test_thresholds_octet_by_octet(read: Read, encoder: Encoder) -> None:
    grant = GRANT._replace(threshold=2**20, holding_seconds=600)
    services = (ServiceDecision(ServiceUsage(300), Outcome.SUCCESS, grant),)
    octets = encoder.encode(Decision(Outcome.SUCCESS, services), read(SERVICE))
    assert bytes.fromhex("00000365 c0000010 000028af 00100000") in octets
    assert bytes.fromhex("00000367 c0000010 000028af 00000258") in octets


def test_thresholds_are_left_out_of_an_answer_that_would_be_too_long_after_triggers(
    read: Read, encoder: Encoder
) -> None:
    grant = GRANT._replace(threshold=1, holding_seconds=600, consumption_seconds=30)
    for number in range(1, 60):
        octets, services = answered(read, encoder, *[grant] * number)
        assert len(services) == number
        assert {service.granted_service_unit.cc_total_octets for service in services} == {PLENTY}
        assert {service.result_code for service in services} == {2001}
        has_triggers = {bool(service.trigger) for service in services}
        has_thresholds = {service.volume_quota_threshold is not None for service in services}
        has_times = {service.quota_holding_time is not None for service in services}
        assert has_times == has_thresholds
        assert len(has_triggers) == len(has_thresholds) == 1
        assert has_triggers == {False} or has_thresholds == {True}
        if octets > ANSWER_OCTETS_MAX:
            assert has_triggers == has_thresholds == {False}
            return
    raise AssertionError("no answer was too long")


def test_a_peer_may_be_told_nothing_of_it(
    read: Read, dictionary: Dictionary, identity: Identity
) -> None:
    encoder = Encoder(dictionary, identity, AnswerTerms(quota_thresholds=False))
    grant = GRANT._replace(threshold=1, holding_seconds=600, consumption_seconds=30)
    for each in (grant, grant._replace(consumption_seconds=None)):
        _, (service,) = answered(read, encoder, each)
        assert told(service, UnitType.VOLUME) == (None, None, None)
        assert service.granted_service_unit.cc_total_octets == PLENTY


def test_units_at_command_level_have_none(read: Read, encoder: Encoder) -> None:
    grant = GRANT._replace(threshold=1, holding_seconds=600)
    decision = Decision(Outcome.SUCCESS, (ServiceDecision(ServiceUsage(), Outcome.SUCCESS, grant),))
    octets = encoder.encode(decision, read(("Requested-Service-Unit", [])))
    answer = PythonMessage.from_bytes(octets)
    assert answer.granted_service_unit.cc_total_octets == PLENTY
    assert bytes.fromhex("00000365") not in octets
