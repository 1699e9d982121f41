"""What is wrong with an answer that the load client decodes in full."""

from collections.abc import Iterator, Sequence

from .answers import SUCCESS, read_answer
from .encoding import RequestKeys
from .errors import SimulatorError
from .load_requests import LoadSession
from .steps import RequestType


def faults_of(octets: bytes, session: LoadSession, rating_groups: Sequence[int]) -> Iterator[str]:
    """Decodes an answer with python-diameter and compares it with its request."""
    keys = RequestKeys(
        session_id=session.session_id.decode(),
        charging_id=session.charging_id,
        request_number=session.request_number,
        hop_by_hop=session.hop_by_hop,
        end_to_end=session.end_to_end,
        event_time=0,
    )
    try:
        answer = read_answer(octets, keys, session.request_type)
    except SimulatorError as error:
        yield str(error)
        return
    yield from answer.faults
    if answer.result_code != SUCCESS or session.request_type is RequestType.TERMINATE:
        return
    if [service.rating_group for service in answer.services] != [*rating_groups]:
        yield "the services are not the requested rating groups in order"
    for service in answer.services:
        octets_granted = service.granted and service.granted.total_octets
        if service.result_code == SUCCESS and not (octets_granted or service.final_unit):
            yield "a service has 2001 but no octets are granted"
        if service.result_code is None:
            yield "a service has no Result-Code"
