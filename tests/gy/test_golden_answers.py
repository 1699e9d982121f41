"""Whole answers of each service context, octet by octet, as two stacks read them.

In `answers` a line has the octets of an AVP, or of the header of a group, then name and value; what
is indented stands in the group above. The first line is the message's header.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Avp as StackAvp
from diameter.message import Message as StackMessage

from diameter_ocs.base.codec import Group
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Message, decode
from diameter_ocs.charging.announcements import Announcement, VariablePart, VariablePartType
from diameter_ocs.charging.decisions import Decision, Grant, Outcome, ServiceDecision
from diameter_ocs.charging.final_units import TERMINATE
from diameter_ocs.charging.requests import ServiceUsage
from diameter_ocs.charging.units import UnitType
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.encode import Encoder

WRITTEN = Path(__file__).with_name("answers")
NOON = 1_709_985_600_000_000
INITIAL, UPDATE, EVENT = 1, 2, 4
SUBSCRIPTION = (
    "Subscription-Id",
    [("Subscription-Id-Type", 0), ("Subscription-Id-Data", "15550100001")],
)
DIRECT_DEBITING = ("Requested-Action", 0)
PROXY = ("Proxy-Info", [("Proxy-Host", "dra.example"), ("Proxy-State", b"\x00\xff")])

VOLUME, TIME, PIECES = UnitType.VOLUME, UnitType.TIME, UnitType.SERVICE_SPECIFIC_UNITS
SUCCESS, DENIED, EMPTY = Outcome.SUCCESS, Outcome.SERVICE_DENIED, Outcome.LIMIT_REACHED
NOWHERE, FREE = Outcome.LOCATION_UNKNOWN, Outcome.NOT_APPLICABLE

WARNING = Announcement(1001, seconds_before_end=30, uses_quota=False, order=1)
ENDING = Announcement(1002, seconds_before_end=0, order=1, language="de")
BALANCE = VariablePart(VariablePartType.CURRENCY, "00000012", 1)
REFUSAL = Announcement(1003, (BALANCE,), to_remote_party=False, is_private=True)


def told(
    rating_group: int,
    outcome: Outcome,
    grant: Grant | None = None,
    announcements: tuple[Announcement, ...] = (),
) -> ServiceDecision:
    return ServiceDecision(ServiceUsage(rating_group), outcome, grant, announcements)


Written = tuple[bytes, list[list[str]]]

# By the file of the answer: the context, the type of request, its peculiar AVPs, what was decided.
ANSWERS: dict[str, tuple[str, int, list[Any], Decision]] = {
    "data_opened": (
        "32251@3gpp.org",
        INITIAL,
        [],
        Decision(
            SUCCESS,
            (
                told(300, SUCCESS, Grant(VOLUME, 2**20, 3600, False, depends_on_location=True)),
                told(310, FREE),
                told(320, DENIED),
            ),
        ),
    ),
    "call_ends": (
        "32260@3gpp.org",
        UPDATE,
        [PROXY],
        Decision(
            SUCCESS,
            (
                told(
                    100,
                    SUCCESS,
                    Grant(TIME, 60, 3600, True, final_unit=TERMINATE),
                    (WARNING, ENDING),
                ),
            ),
        ),
    ),
    "message_nowhere": (
        "32274@3gpp.org",
        EVENT,
        [DIRECT_DEBITING],
        Decision(NOWHERE, (told(200, NOWHERE),)),
    ),
    "picture_sent": (
        "32270@3gpp.org",
        EVENT,
        [DIRECT_DEBITING],
        Decision(SUCCESS, (told(210, SUCCESS, Grant(PIECES, 1, None, False)),)),
    ),
    "call_refused": (
        "32276@3gpp.org",
        INITIAL,
        [],
        Decision(EMPTY, (told(100, EMPTY, None, (REFUSAL,)),)),
    ),
}


@pytest.fixture(params=ANSWERS)
def answer(
    request: pytest.FixtureRequest,
    write: Callable[..., Message],
    decoder: Decoder,
    encoder: Encoder,
) -> Written:
    """An answer, and how it is written down: octets and what they say."""
    context, request_type, members, decision = ANSWERS[request.param]
    services = [
        ("Multiple-Services-Credit-Control", [("Rating-Group", service.usage.rating_group)])
        for service in decision.services
    ]
    essential = {"Service-Context-Id": context, "CC-Request-Type": request_type}
    message = write(SUBSCRIPTION, *members, *services, with_=essential)
    octets = encoder.encode(decision, decoder.decode(message, "demo", NOON))
    lines = (WRITTEN / f"{request.param}.txt").read_text().splitlines()
    return octets, [line.split(" | ") for line in lines]


def test_answer_is_as_it_is_written_down(answer: Written) -> None:
    octets, written = answer
    assert octets == b"".join([bytes.fromhex(said) for said, _ in written])


def test_own_codec_reads_what_is_written_beside_it(answer: Written, dictionary: Dictionary) -> None:
    octets, written = answer
    assert list(own(octets, dictionary)) == [read for _, read in written[1:]]


def test_other_stack_reads_what_is_written_beside_it(answer: Written) -> None:
    octets, written = answer
    message = StackMessage.from_bytes(octets, plain_msg=True)
    assert list(others(message.avps)) == [read for _, read in written[1:]]


def own(octets: bytes, dictionary: Dictionary, depth: int = 0) -> Iterator[str]:
    """Yield what a message says by our own codec, which leaves Failed-AVP as it is."""
    message = decode(octets, dictionary)
    yield from _own(message, message.group, dictionary, depth)


def _own(message: Message, group: Group, dictionary: Dictionary, depth: int) -> Iterator[str]:
    for avp in group.in_order():
        assert avp.definition is not None
        name = avp.definition.name
        is_group = isinstance(avp.value, Group) or name == "Failed-AVP"
        yield line(name, avp.value, is_group, depth)
        if isinstance(avp.value, Group):
            yield from _own(message, avp.value, dictionary, depth + 1)
        elif is_group:
            yield from own(message.octets[:20] + message.data(avp), dictionary, depth + 1)


def others(avps: list[StackAvp], depth: int = 0) -> Iterator[str]:
    """Yield what AVPs say by another stack."""
    for avp in avps:
        is_group = isinstance(avp.value, list)
        yield line(avp.name, avp.value, is_group, depth)
        if is_group:
            yield from others(avp.value, depth + 1)


def line(name: str, value: Any, is_group: bool, depth: int) -> str:
    """Return an AVP as it is written beside its octets."""
    if isinstance(value, bytes):
        value = value.decode() if value.isascii() and value.decode().isprintable() else value.hex()
    return f"{'  ' * depth}{name}" + ("" if is_group else f" {value}".rstrip())
