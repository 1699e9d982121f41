"""Diameter stacks that know nothing of ours are charged by the demonstration.

Each decodes the answers strictly, by its own dictionary and grammar: Erlang/OTP's, freeDiameter's.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from tests.interop.requests import Avp, Service, Value
from tests.interop.runs import Run
from tests.interop.stacks import LIMIT_SECONDS, STACKS

pytestmark = pytest.mark.ci

ERRORS = range(3000, 4000)
VALIDITY_SECONDS_MIN = 60
BESIDES = {
    "Time-Quota-Threshold",
    "Volume-Quota-Threshold",
    "Unit-Quota-Threshold",
    "Quota-Holding-Time",
    "Quota-Consumption-Time",
    "QoS-Final-Unit-Indication",
    "G-S-U-Pool-Reference",
}
TERMINATE = [["Final-Unit-Action", 0]]
EVENT_REQUEST = 4


class Said(NamedTuple):
    """What an answer says, and what it must say."""

    code: int
    services: tuple[Service, ...]
    failed: tuple[str, ...]
    granted: Any


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    """The run of each stack."""
    return runs[request.param]


def all_of(avps: list[Any], name: str) -> list[Any]:
    return [avp[1] for avp in avps if avp[0] == name]


def first(avps: list[Any], name: str) -> Any:
    return next(iter(all_of(avps, name)), None)


def plain(avps: Sequence[Avp]) -> list[Any]:
    """Return AVPs of a step as stacks tell of them; octets that are no text are hexadecimal."""
    return [[name, _plain(value)] for name, value in avps]


def _plain(value: Value | None) -> Any:
    if isinstance(value, tuple):
        return plain(value)
    if isinstance(value, bytes):
        return (
            value.decode()
            if value.isascii() and value.decode().isprintable()
            else f"0x{value.hex().upper()}"
        )
    return value


def as_told(services: Sequence[Service]) -> tuple[Service, ...]:
    """Return services of a step as stacks tell of them."""
    return tuple(
        service._replace(
            granted=_plain(service.granted),
            announced=tuple(map(_plain, service.announced)),
            final=tuple(plain(service.final)),
            besides=None,
        )
        for service in services
    )


def granted(avps: list[Any]) -> Any:
    """Return the units that are granted, or the members of CC-Money."""
    members = first(avps, "Granted-Service-Unit") or []
    return next((value for name, value in members if name != "Tariff-Time-Change"), None)


def final(avps: list[Any]) -> list[Any]:
    """Return the members of Final-Unit-Indication; none where it is not there."""
    return first(avps, "Final-Unit-Indication") or []


def said(avps: list[Any]) -> Said:
    services = tuple(
        Service(
            first(service, "Rating-Group"),
            first(service, "Result-Code"),
            granted(service),
            final(service) == TERMINATE,
            tuple(all_of(service, "Announcement-Information")),
            tuple(
                kind
                for trigger in all_of(service, "Trigger")
                for kind in all_of(trigger, "Trigger-Type")
            ),
            () if final(service) == TERMINATE else tuple(final(service)),
            granted(service) is None and first(service, "Validity-Time") is not None,
        )
        for service in all_of(avps, "Multiple-Services-Credit-Control")
    )
    failed = tuple(avp[0] for group in all_of(avps, "Failed-AVP") for avp in group)
    return Said(first(avps, "Result-Code"), services, failed, granted(avps))


def test_every_step_is_answered_as_it_must_be(stack: Run) -> None:
    told = {name: said(answer["avps"]) for name, answer in stack.answers.items()}
    assert told == {
        step.name: Said(step.code, as_told(step.services), step.failed, _plain(step.granted))
        for step in stack.steps.values()
    }


@pytest.mark.parametrize(
    "name",
    [
        "Check-Balance-Result",
        "Cost-Information",
        "Final-Unit-Indication",
        "Low-Balance-Indication",
        "QoS-Final-Unit-Indication",
        "Remaining-Balance",
    ],
)
def test_what_is_asked_is_told_and_nothing_else(stack: Run, name: str) -> None:
    told = {step: all_of(answer["avps"], name) for step, answer in stack.answers.items()}
    assert told == {step.name: all_of(plain(step.told), name) for step in stack.steps.values()}
    assert any(told.values())


def test_quotas_say_when_to_come_back_and_what_their_peer_wants_to_hear(stack: Run) -> None:
    wanted = {
        (step.name, service.rating_group): sorted(plain(service.besides))
        for step in stack.steps.values()
        for service in step.services
        if service.besides is not None
    }
    told = {
        (step, first(service, "Rating-Group")): sorted(avp for avp in service if avp[0] in BESIDES)
        for step, answer in stack.answers.items()
        for service in all_of(answer["avps"], "Multiple-Services-Credit-Control")
    }
    assert {key: told[key] for key in wanted} == wanted
    assert {name for avps in wanted.values() for name, _ in avps} == BESIDES


def test_quotas_of_hourly_prices_say_when_the_hour_is_over(stack: Run) -> None:
    told = [
        (step, change)
        for step, answer in stack.answers.items()
        for service in all_of(answer["avps"], "Multiple-Services-Credit-Control")
        for change in all_of(first(service, "Granted-Service-Unit") or [], "Tariff-Time-Change")
    ]
    steps = ["before-the-hour", "before-the-hour-again", "after-the-hour"]
    assert [step for step, _ in told] == steps
    (said,) = (dict(stack.steps[step].avps)["Event-Timestamp"] for step in ("before-the-hour",))
    assert isinstance(said, bytes)
    for _, change in told:
        wait = int(change, 16) - int.from_bytes(said)
        assert int(change, 16) % 3600 == 0
        assert 0 < wait < 3600 + LIMIT_SECONDS


def test_no_answer_breaks_the_grammar(stack: Run) -> None:
    assert [name for name, answer in stack.answers.items() if answer["faults"]] == []


def test_every_avp_has_the_flags_of_the_dictionary(stack: Run) -> None:
    assert [name for name, answer in stack.answers.items() if answer["wrong_flags"]] == []


def test_the_header_says_what_the_code_says(stack: Run) -> None:
    flags = {name: answer["flags"] for name, answer in stack.answers.items()}
    assert flags == {
        step.name: ["proxiable", "error"] if step.code in ERRORS else ["proxiable"]
        for step in stack.steps.values()
    }


@pytest.mark.parametrize("name", ["Session-Id", "CC-Request-Type", "CC-Request-Number"])
def test_what_names_a_request_comes_back(stack: Run, name: str) -> None:
    steps = {step.name: step for step in stack.steps.values() if step.code not in ERRORS}
    echoed = {step: first(stack.answers[step]["avps"], name) for step in steps}
    assert echoed == {step.name: dict(step.avps)[name] for step in steps.values()}


@pytest.mark.parametrize("name", ["Proxy-Info", "CC-Sub-Session-Id"])
def test_what_agents_and_sub_sessions_need_comes_back(stack: Run, name: str) -> None:
    back = {step: all_of(answer["avps"], name) for step, answer in stack.answers.items()}
    sent = {step.name: all_of(plain(step.avps), name) for step in stack.steps.values()}
    assert back == sent
    assert any(sent.values())


def test_a_repeat_gets_the_same_answer(stack: Run) -> None:
    before = {
        name: name.removesuffix("-again") for name, step in stack.steps.items() if step.is_again
    }
    before["event-same-content"] = "event"
    assert {"initial-again", "marked-again", "pool-again"} <= before.keys()
    assert {again: stack.answers[again]["avps"] for again in before} == {
        again: stack.answers[first]["avps"] for again, first in before.items()
    }


def test_what_was_paid_at_once_may_be_refunded_by_what_its_answer_says(stack: Run) -> None:
    (service,) = all_of(stack.answers["marked"]["avps"], "Multiple-Services-Credit-Control")
    for avps in (service, stack.answers["marked-command-level"]["avps"]):
        assert re.fullmatch(r"[0-9]+-[0-9]+-[0-9]+", first(avps, "Refund-Information"))


def test_what_is_granted_to_a_session_is_valid_for_a_while_and_to_an_event_for_good(
    stack: Run,
) -> None:
    for name, answer in stack.answers.items():
        is_event = dict(stack.steps[name].avps)["CC-Request-Type"] == EVENT_REQUEST
        services = all_of(answer["avps"], "Multiple-Services-Credit-Control")
        for holder in (answer["avps"], *services):
            validity = first(holder, "Validity-Time")
            if is_event:
                assert validity is None
            elif granted(holder) is not None or validity is not None:
                assert validity >= VALIDITY_SECONDS_MIN
