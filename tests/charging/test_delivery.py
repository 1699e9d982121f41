"""What becomes of rows that were claimed, by what was said to them."""

import pytest

from diameter_ocs.charging.delivery import (
    PARTS_OF_PART,
    RESTS_SECONDS,
    Claimed,
    Fate,
    Result,
    Settled,
    Stale,
    rest_seconds,
    row_of,
    written,
)
from diameter_ocs.charging.outbox import OutboxKind, Outgoing

NOW, LATER = 1_800_000_000_000_000, 1_800_000_005_000_000
REPORT = Outgoing(OutboxKind.SPENDING_LIMIT, 1, {}, "pcrf.example", "example", 7, b"s")
ROWS = tuple(
    row_of((1, number, 0), REPORT, NOW)._replace(
        leased_by="server", leased_until=LATER, end_to_end_id=9
    )
    for number in (3, 4, 5)
)
KEYS = [row.key for row in ROWS]


def settled(fate: Fate, may_have_left: bool = False) -> Settled:
    return Settled(Claimed(ROWS, NOW, 9, False, may_have_left), fate, NOW, LATER)


@pytest.mark.parametrize("result", [Result.DELIVERED, Result.DROPPED, Result.EXPANDED])
def test_what_is_done_is_gone(result: Result) -> None:
    assert written(settled(Fate(result))) == (KEYS, [], [], [])


def test_what_is_put_off_is_free_and_due_later() -> None:
    removed, changed, added, stale = written(settled(Fate(Result.PUT_OFF, "3004")))
    assert (removed, added, stale) == ([], [], [])
    kept = [
        (row.due_at, row.attempts, row.fault, row.leased_by, row.leased_until) for row in changed
    ]
    assert kept == [(LATER, 1, "3004", None, None)] * 3


def test_the_first_ones_may_be_done() -> None:
    removed, changed, _, _ = written(settled(Fate(Result.PUT_OFF, delivered=2)))
    assert removed == KEYS[:2]
    assert [row.key for row in changed] == KEYS[2:]


def test_what_is_given_up_is_kept_and_its_subscription_is_stale() -> None:
    removed, changed, _, stale = written(settled(Fate(Result.GIVEN_UP, "5004")))
    assert removed == []
    assert [(row.given_up_at, row.due_at, row.end_to_end_id) for row in changed] == [
        (NOW, NOW, None)
    ] * 3
    assert stale == [Stale(1, 7, NOW, 5)]


@pytest.mark.parametrize(
    ("fate", "may_have_left", "kept"),
    [
        (Fate(Result.PUT_OFF), False, 9),
        (Fate(Result.PUT_OFF, is_answered=True), True, None),
        (Fate(Result.PUT_OFF, has_left=False), False, None),
        (Fate(Result.PUT_OFF, has_left=False), True, 9),
    ],
    ids=["no answer", "answered", "never left", "left before"],
)
def test_what_may_have_arrived_keeps_its_identifier(
    fate: Fate, may_have_left: bool, kept: int | None
) -> None:
    changed = written(settled(fate, may_have_left)).changed
    assert {row.end_to_end_id for row in changed} == {kept}


def test_what_may_have_arrived_stays_so_though_a_later_request_is_refused() -> None:
    unanswered = written(settled(Fate(Result.PUT_OFF))).changed
    both = settled(Fate(Result.PUT_OFF, is_answered=True))
    claimed = both.claimed._replace(rows=tuple(unanswered), may_have_left=True)
    refused = written(both._replace(claimed=claimed)).changed
    again = Claimed(tuple(refused), NOW, 10, False)
    assert (again.may_have_left, again.may_be_known) == (False, True)
    assert Claimed(ROWS, NOW, 9, False, True).may_be_known
    assert not Claimed(ROWS, NOW, 9, False).may_be_known


@pytest.mark.parametrize("held", [{"is_attempt": False}, {"is_target_away": True}])
def test_what_only_waits_is_no_attempt(held: dict[str, bool]) -> None:
    changed = written(settled(Fate(Result.PUT_OFF)._replace(**held))).changed
    assert {row.attempts for row in changed} == {0}


def test_what_leaves_instead_has_parts_of_its_own() -> None:
    fate = Fate(Result.EXPANDED, instead=(REPORT, REPORT))
    added = written(settled(fate)).added
    assert [row.key for row in added] == [(1, 3, PARTS_OF_PART), (1, 3, PARTS_OF_PART + 1)]
    assert {(row.created_at, row.due_at) for row in added} == {(NOW, NOW)}


def test_rests_become_longer_and_then_stay() -> None:
    for kind, rests in RESTS_SECONDS.items():
        found = [rest_seconds(kind, attempts) for attempts in range(1, len(rests) + 3)]
        assert found == [*rests, rests[-1], rests[-1]]
