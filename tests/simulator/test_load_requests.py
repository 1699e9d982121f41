"""A patched template is what python-diameter would have made anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.simulator.encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    credit_control_request,
)
from diameter_ocs.simulator.load_requests import (
    REQUESTED_OCTETS,
    LoadSession,
    event_time,
    make_templates,
    session_id,
)
from diameter_ocs.simulator.steps import IN_SESSION, RequestType, ServiceStep, Step, Units

IDENTITY = Identity("pgw1.demo.example", "demo.example", "demo.example")
GROUPS = (300, 380)
TEMPLATES = make_templates(IDENTITY, GROUPS, Subscriber())


@pytest.mark.parametrize("kind", IN_SESSION)
def test_a_template_has_the_size_of_real_requests(kind: RequestType) -> None:
    assert 600 <= len(TEMPLATES[kind].octets) <= 900


@given(
    kind=st.sampled_from(IN_SESSION),
    number=st.integers(0, 2**32 - 1),
    identifiers=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    used=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    subscriber=st.integers(0, 10**6),
)
def test_a_patched_request_equals_one_made_anew(
    kind: RequestType,
    number: int,
    identifiers: tuple[int, int],
    used: tuple[int, int],
    subscriber: int,
) -> None:
    session = LoadSession(0, 0, session_id(IDENTITY, 7, number), charging_id=number)
    session.imsi = b"%015d" % (1010000000001 + subscriber)
    session.msisdn = b"%011d" % (15550100001 + subscriber)
    session.request_number = number
    session.hop_by_hop, session.end_to_end = identifiers
    session.used = used
    keys = RequestKeys(
        session.session_id.decode(), number, number, *identifiers, event_time=1_732_104_000
    )
    requested = None if kind is RequestType.TERMINATE else Units(total_octets=REQUESTED_OCTETS)
    reported = [None if kind is RequestType.INITIAL else Units(total_octets=n) for n in used]
    services = tuple(
        ServiceStep(group, requested=requested, used=units)
        for group, units in zip(GROUPS, reported, strict=True)
    )
    anew = credit_control_request(
        IDENTITY,
        Subscriber(session.imsi.decode(), session.msisdn.decode()),
        Step(kind, services),
        keys,
    )
    assert TEMPLATES[kind].render(session, event_time(1_732_104_000)) == anew


def test_a_rendered_request_leaves_the_template_alone() -> None:
    template = TEMPLATES[RequestType.INITIAL]
    before = bytes(template.octets)
    template.render(LoadSession(0, 0, session_id(IDENTITY, 1, 1), 1), event_time(0))
    assert template.octets == before
