"""Any request decodes, and any decision encodes to what python-diameter decodes as the same."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message as PythonMessage
from diameter.message.commands import CreditControlAnswer, CreditControlRequest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import DiameterError
from diameter_ocs.base.message import Identity, Message, decode, error_answer
from diameter_ocs.charging.announcements import Announcement, VariablePart
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import TERMINATE, AddressType, FinalUnit, FinalUnitAction
from diameter_ocs.charging.pools import UNIT_VALUE_MAX
from diameter_ocs.charging.requests import RequestType, ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.codes import COMMAND_CODES, SERVICE_CODES
from diameter_ocs.gy.decode import Decoded, Decoder
from diameter_ocs.gy.encode import Encoder
from tests.gy.networks import Networks

NOON = 1_709_985_600_000_000
LATE = 1_900_000_000_000_000
"""After every capture."""

unsigned32 = st.integers(0, 2**32 - 1)
unsigned63 = st.integers(0, 2**63 - 1)
unsigned64 = st.integers(0, 2**64 - 1)


def optional(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(st.just(name), values), max_size=1)


def joined(*parts: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(*parts).map(lambda lists: [pair for part in lists for pair in part])


units = joined(
    optional("CC-Total-Octets", unsigned64),
    optional("CC-Input-Octets", unsigned64),
    optional("CC-Output-Octets", unsigned64),
    optional("CC-Time", unsigned32),
    optional("CC-Service-Specific-Units", unsigned64),
)
used = st.lists(st.tuples(st.just("Used-Service-Unit"), units), max_size=2)
names = joined(
    optional("Rating-Group", unsigned32),
    st.lists(st.tuples(st.just("Service-Identifier"), unsigned32), max_size=3),
)

services = st.lists(
    st.tuples(
        st.just("Multiple-Services-Credit-Control"),
        joined(names, optional("Requested-Service-Unit", units), used),
    ),
    max_size=4,
)
command_level = joined(
    optional("Service-Identifier", unsigned32), optional("Requested-Service-Unit", units), used
)
members = st.one_of(services, command_level)
words = st.text("abc.%/", max_size=9)
final_units = st.one_of(
    st.none(),
    st.just(TERMINATE),
    st.builds(
        FinalUnit,
        st.sampled_from(FinalUnitAction),
        st.one_of(st.none(), st.sampled_from([AddressType.URL, AddressType.SIP_URI])),
        words,
        st.lists(words, max_size=2).map(tuple),
        st.lists(words, max_size=2).map(tuple),
    ),
)
GRANTED = [unit_type for unit_type in UnitType if unit_type is not UnitType.MONEY]
LAST = 4_233_462_143
"""The last second that a Time can say, in 2104."""
grants = st.one_of(
    st.none(),
    st.builds(
        Grant,
        st.sampled_from(GRANTED),
        st.integers(0, 2**63 - 1),
        unsigned32,
        st.booleans(),
        threshold=st.none() | unsigned32,
        holding_seconds=st.none() | unsigned32,
        consumption_seconds=st.none() | unsigned32,
        final_unit=final_units,
        tariff_change_at=st.none() | st.integers(0, LAST).map(lambda each: each * 1_000_000),
        pool=st.none() | st.integers(1, UNIT_VALUE_MAX),
    ),
)


@given(members, st.sampled_from(RequestType), st.data())
def test_answer_says_what_was_decided(
    write: Callable[..., Message],
    decoder: Decoder,
    encoder: Encoder,
    members: list[Any],
    request_type: RequestType,
    data: st.DataObject,
) -> None:
    outcome = data.draw(st.sampled_from(Outcome))
    action = [("Requested-Action", 0)] if request_type is RequestType.EVENT else []
    essential = {"CC-Request-Type": int(request_type)}
    message = write(("User-Name", "a@b"), *action, *members, with_=essential)
    decoded = decoder.decode(message, "demo", NOON)
    decision = Decision(
        outcome,
        tuple(
            ServiceDecision(usage, data.draw(st.sampled_from(Outcome)), data.draw(grants))
            for usage in decoded.request.usages
        ),
    )
    octets = encoder.encode(decision, decoded)
    answer = PythonMessage.from_bytes(octets)
    assert isinstance(answer, CreditControlAnswer)
    assert answer.header.length == len(octets)
    assert answer.session_id == "pgw.example;1;2"
    assert answer.cc_request_type == request_type
    is_open = request_type is not RequestType.TERMINATION
    if not decoded.is_command_level:
        assert answer.result_code == COMMAND_CODES[outcome]
        told = [as_told(each) for each in answer.multiple_services_credit_control]
        assert told == [as_decided(each) for each in decision.services if is_open]
    elif is_open:
        (service,) = decision.services
        is_mirrored = outcome is Outcome.SUCCESS
        code = SERVICE_CODES[service.outcome] if is_mirrored else COMMAND_CODES[outcome]
        assert answer.result_code == code
        assert quota_told(answer) == quota_decided(service.grant)


granted = st.tuples(
    unsigned32,
    st.sampled_from(Outcome),
    st.tuples(st.sampled_from(GRANTED), st.integers(1, 2**63 - 1), unsigned64, st.booleans()),
)


@given(granted)
def test_form_of_a_grant_is_what_the_dictionary_writes(
    read: Callable[..., Decoded],
    encoder: Encoder,
    dictionary: Dictionary,
    granted: tuple[int, Outcome, tuple[UnitType, int, int, bool]],
) -> None:
    rating_group, outcome, (unit_type, units, seconds, is_final) = granted
    final_unit = TERMINATE if is_final else None
    grant = Grant(unit_type, units, seconds, is_final, final_unit=final_unit)
    decision = Decision(outcome, (ServiceDecision(ServiceUsage(rating_group), outcome, grant),))
    decoded = read(("Multiple-Services-Credit-Control", [("Rating-Group", rating_group)]))
    quota = {
        UnitType.TIME: ("CC-Time", min(units, 2**32 - 1)),
        UnitType.VOLUME: ("CC-Total-Octets", units),
        UnitType.SERVICE_SPECIFIC_UNITS: ("CC-Service-Specific-Units", units),
    }
    ending = [("Final-Unit-Indication", [("Final-Unit-Action", 0)])] if is_final else []
    members = [
        ("Granted-Service-Unit", [quota[unit_type]]),
        ("Rating-Group", rating_group),
        ("Result-Code", SERVICE_CODES[outcome]),
        ("Validity-Time", min(seconds, 2**32 - 1)),
        *ending,
    ]
    expected = dictionary.encode("Multiple-Services-Credit-Control", members)
    assert expected in encoder.encode(decision, decoded)


@given(members, st.lists(st.tuples(st.integers(20, 400), st.integers(0, 255)), max_size=6))
def test_damaged_request_is_answered_or_refused(
    write: Callable[..., Message],
    dictionary: Dictionary,
    identity: Identity,
    members: list[Any],
    damages: list[tuple[int, int]],
) -> None:
    decoder, encoder = Decoder(dictionary, Networks()), Encoder(dictionary, identity)
    octets = bytearray(write(("User-Name", "a@b"), *members).octets)
    for position, octet in damages:
        octets[position % (len(octets) - 20) + 20] = octet
    message = decode(bytes(octets), dictionary)
    try:
        check(message, dictionary, strict=False, applications={4})
        decoded = decoder.decode(message, "demo", NOON)
    except DiameterError as error:
        octets_of_answer = error_answer(message, dictionary, identity, error)
    else:
        failed = [ServiceDecision(usage, Outcome.RATING_FAILED) for usage in decoded.request.usages]
        decision = Decision(Outcome.SUCCESS, tuple(failed))
        octets_of_answer = encoder.encode(decision, decoded)
    answer = decode(octets_of_answer, dictionary)
    # What a proxy had put into the request comes back as it was, sound or not.
    assert answer.fault is None or "Proxy-Info" in message.group
    assert answer.group.first("Result-Code") is not None


@pytest.mark.shared
def test_requests_of_other_stacks_in_captures_are_read(
    shared: Path, dictionary: Dictionary, decoder: Decoder
) -> None:
    request_types = set()
    for message in captured(shared / "captures", dictionary):
        check(message, dictionary, strict=False, applications={4})
        decoded = decoder.decode(message, None, LATE)
        assert decoded.request.service_context == "32251"
        assert decoded.request.identities
        request_types.add(decoded.request.request_type)
    assert request_types == set(RequestType)


def captured(folder: Path, dictionary: Dictionary) -> Iterator[Message]:
    """Yields each Credit-Control-Request that stands within one packet of a capture."""
    header = re.compile(b"\\x01\\x00..[\\x80-\\xff]\\x00\\x01\\x10\\x00\\x00\\x00\\x04", re.DOTALL)
    for path in sorted(folder.iterdir()):
        capture = path.read_bytes()
        for found in header.finditer(capture):
            length = int.from_bytes(found.group()[1:4])
            yield decode(capture[found.start() : found.start() + length], dictionary)


def as_told(service: Any) -> tuple[Any, ...]:
    return (
        service.rating_group,
        tuple(service.service_identifier),
        service.result_code,
        quota_told(service),
    )


def as_decided(service: ServiceDecision) -> tuple[Any, ...]:
    return (
        service.usage.rating_group,
        service.usage.service_identifiers,
        SERVICE_CODES[service.outcome],
        quota_decided(service.grant),
    )


def quota_told(holder: Any) -> tuple[Any, ...] | None:
    quota, final = holder.granted_service_unit, holder.final_unit_indication
    if quota is None and holder.validity_time is None and final is None:
        return None
    return (
        None if quota is None else quota.cc_time,
        None if quota is None else quota.cc_total_octets,
        None if quota is None else quota.cc_service_specific_units,
        holder.validity_time,
        None if final is None else final_told(final),
    )


def final_told(final: Any) -> tuple[Any, ...]:
    server = final.redirect_server
    address = (None, None)
    if server is not None:
        address = (server.redirect_address_type, server.redirect_server_address)
    return (
        final.final_unit_action,
        address,
        [rule.decode() for rule in final.restriction_filter_rule],
        final.filter_id,
    )


def quota_decided(grant: Grant | None) -> tuple[Any, ...] | None:
    if grant is None:
        return None
    units = {grant.unit_type: grant.units} if grant.units else {}
    seconds, final = units.get(UnitType.TIME), grant.final_unit
    return (
        None if seconds is None else min(seconds, 2**32 - 1),
        units.get(UnitType.VOLUME),
        units.get(UnitType.SERVICE_SPECIFIC_UNITS),
        grant.validity_seconds,
        None if final is None else final_decided(final),
    )


def final_decided(final: FinalUnit) -> tuple[Any, ...]:
    address = (None, None)
    if final.address_type is not None:
        address = (final.address_type, final.address)
    return final.action, address, list(final.filter_rules), list(final.filter_ids)


def test_request_of_another_stack_is_read(dictionary: Dictionary, decoder: Decoder) -> None:
    request = CreditControlRequest()
    request.header.application_id = 4
    request.session_id = "pgw.example;9;9"
    request.origin_host = b"pgw.example"
    request.origin_realm = b"example"
    request.destination_realm = b"ocs.example"
    request.auth_application_id = 4
    request.service_context_id = "8.32251@3gpp.org"
    request.cc_request_type = 1
    request.cc_request_number = 0
    request.add_subscription_id(1, "001010000000001")
    request.add_multiple_services_credit_control(rating_group=300)
    octets = request.as_bytes()
    message: Message = decode(octets, dictionary)
    decoded = decoder.decode(message, "demo", NOON)
    assert decoded.request.session_key.session_id == b"pgw.example;9;9"
    assert decoded.request.service_context == "32251"
    assert [identity.value for identity in decoded.request.identities] == ["001010000000001"]
    assert [usage.rating_group for usage in decoded.request.usages] == [300]


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


spoken = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
announcements = st.builds(
    Announcement,
    unsigned32,
    st.lists(st.builds(VariablePart, unsigned32, spoken, maybe(unsigned32)), max_size=3).map(tuple),
    maybe(unsigned32),
    maybe(st.booleans()),
    maybe(unsigned32),
    maybe(st.booleans()),
    maybe(st.booleans()),
    maybe(spoken),
)


@given(st.lists(announcements, max_size=4))
def test_announcements_are_read_as_they_were_decided(
    read: Callable[..., Decoded], encoder: Encoder, announcements: list[Announcement]
) -> None:
    said = ServiceDecision(ServiceUsage(1), Outcome.LIMIT_REACHED, None, tuple(announcements))
    decoded = read(("Multiple-Services-Credit-Control", [("Rating-Group", 1)]))
    answer = PythonMessage.from_bytes(encoder.encode(Decision(Outcome.SUCCESS, (said,)), decoded))
    assert isinstance(answer, CreditControlAnswer)
    (service,) = answer.multiple_services_credit_control
    assert [heard(each) for each in service.announcement_information] == announcements


def heard(told: Any) -> Announcement:
    """Return an announcement that python-diameter has read."""
    parts = [
        VariablePart(part.variable_part_type, part.variable_part_value, part.variable_part_order)
        for part in told.variable_part
    ]
    return Announcement(
        told.announcement_identifier,
        tuple(parts),
        told.time_indicator,
        told.quota_indicator,
        told.announcement_order,
        told.play_alternative,
        told.privacy_indicator,
        told.language,
    )
