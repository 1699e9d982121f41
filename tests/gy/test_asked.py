"""What gateways are taken to ask for beyond what they say, where their profile says so."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.charging.requests import Units
from diameter_ocs.gy.asked import on_terms
from diameter_ocs.gy.decode import Decoded
from diameter_ocs.gy.terms import AS_USUAL, AnswerTerms

Pair = tuple[str, Any]
Read = Callable[..., Decoded]

INITIAL, UPDATE, TERMINATION = 1, 2, 3
QHT, FINAL, THRESHOLD = 1, 2, 0
UNASKED = AnswerTerms(grants_unasked=True)
AT_START = AnswerTerms(grants_at_start=True)
USED = ("Used-Service-Unit", [("CC-Total-Octets", 5)])


def service(*members: Pair) -> Pair:
    return "Multiple-Services-Credit-Control", [("Rating-Group", 300), *members]


def asked(read: Read, terms: AnswerTerms, kind: int, *members: Pair) -> Decoded:
    return on_terms(read(*members, with_={"CC-Request-Type": kind}), terms)


@pytest.mark.parametrize(
    ("terms", "kind", "members", "requested"),
    [
        (UNASKED, UPDATE, [USED], Units()),
        (UNASKED, UPDATE, [USED, ("Reporting-Reason", THRESHOLD)], Units()),
        (UNASKED, UPDATE, [USED, ("Reporting-Reason", QHT)], None),
        (UNASKED, UPDATE, [USED, ("Reporting-Reason", FINAL)], None),
        (UNASKED, UPDATE, [], None),
        (
            UNASKED,
            UPDATE,
            [USED, ("Requested-Service-Unit", [("CC-Time", 7)])],
            Units(seconds=7),
        ),
        (UNASKED, TERMINATION, [USED], None),
        (AS_USUAL, UPDATE, [USED], None),
    ],
)
@pytest.mark.parametrize("is_service", [True, False])
def test_who_reports_and_goes_on_gets_more(
    read: Read,
    terms: AnswerTerms,
    kind: int,
    members: list[Pair],
    requested: Units | None,
    is_service: bool,
) -> None:
    said = [service(*members)] if is_service else members
    usages = asked(read, terms, kind, *said).request.usages
    assert [usage.requested for usage in usages] == [requested] * bool(said)


@pytest.mark.parametrize(
    ("terms", "kind", "members", "wants_default"),
    [
        (AT_START, INITIAL, [], True),
        (AT_START, INITIAL, [service()], False),
        (AT_START, INITIAL, [("Requested-Service-Unit", [])], False),
        (AT_START, UPDATE, [], False),
        (AS_USUAL, INITIAL, [], False),
    ],
)
def test_who_opens_a_session_without_a_service_wants_the_usual_one(
    read: Read, terms: AnswerTerms, kind: int, members: list[Pair], wants_default: bool
) -> None:
    assert asked(read, terms, kind, *members).request.wants_default is wants_default


def test_usual_terms_change_nothing() -> None:
    assert not AS_USUAL.changes_requests
    assert UNASKED.changes_requests
    assert AT_START.changes_requests
