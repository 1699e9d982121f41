"""EDRs come back from the journal as they were decided."""

import pytest

from diameter_ocs.charging.decisions import (
    Decision,
    Edr,
    EdrKind,
    Grant,
    Outcome,
    ServiceRecord,
    Settlement,
)
from diameter_ocs.charging.ledger import Posting
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.units import AMOUNT_MAX, UnitType
from diameter_ocs.store.database import Database
from diameter_ocs.store.journal import EdrsAsked, ListedEdr, _spans, list_edrs
from tests.store.scenario import NOW, Kept, case_of, charged, furnish, initial, keep, terminate

SECOND = 1_000_000
ALWAYS = EdrsAsked(0, 2 * NOW)


def pool(kept: Kept) -> Database:
    assert kept.database is not None
    return kept.database


async def test_every_field_of_an_edr_is_kept(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts)
    before = await case_of(postgres.store, group)
    balances = list(before.balances)
    settlement = Settlement(*range(1, 9))
    largest = Settlement(*[AMOUNT_MAX] * 8)
    full = Edr(
        number=2,
        at=NOW + 123_457,
        account_id=group,
        kind=EdrKind.BILLING,
        action="terminate",
        outcome=Outcome.RATING_FAILED,
        postings=(Posting(balances[0], 5, 0, 0), Posting(balances[1], 0, 0, 0)),
        session_id=b"\0;\xff" * 20_000,
        request_number=2**32 - 1,
        origin_host="höst",
        end_to_end_id=2**32 - 1,
        catalogue_version=3,
        services=(
            ServiceRecord(None, (), Outcome.SUCCESS, settlement, None),
            ServiceRecord(0, (1, 2**32 - 1), Outcome.LIMIT_REACHED, largest,
                          Grant(UnitType.TIME, AMOUNT_MAX, 60, True)),
        ),
        actor="anna",
        session_number=2**63 - 1,
        digest=-(2**63),
        reason="späte Nutzung",
    )  # fmt: skip
    empty = Edr(3, NOW + 1, group, EdrKind.ACCOUNT, "debit", Outcome.SUCCESS,
                (Posting(balances[0], -5, 0, 0),))  # fmt: skip
    await keep(postgres.store, before, before._replace(version=3), full, empty)
    found = await list_edrs(pool(postgres), ALWAYS._replace(group_id=group), 2)
    assert found == [ListedEdr(group, "account 1", "demo", each) for each in (full, empty)]


async def test_edrs_are_listed_newest_first_and_bounded(postgres: Kept) -> None:
    first, second, _ = await furnish(postgres.accounts)
    await charged(postgres.store, (first, initial()), (first, terminate()), now=NOW + 1)
    await charged(postgres.store, (second, initial(2, b"two")), now=NOW + 2)

    async def numbers(group: int | None, limit: int = 100) -> list[tuple[int, int]]:
        found = await list_edrs(pool(postgres), ALWAYS._replace(group_id=group), limit)
        return [(each.group_id, each.edr.number) for each in found]

    assert await numbers(first) == [(first, 3), (first, 2), (first, 1)]
    assert await numbers(None, 3) == [(second, 2), (first, 3), (first, 2)]
    assert await numbers(10**15) == []


async def test_a_span_of_time_begins_with_its_first_moment_and_ends_before_its_last(
    postgres: Kept,
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    for microseconds in (1, 2, 3):
        await charged(
            postgres.store, (group, initial(session=b"%d" % microseconds)), now=NOW + microseconds
        )
    found = await list_edrs(pool(postgres), EdrsAsked(NOW + 1, NOW + 3, group), 9)
    assert [each.edr.at - NOW for each in found] == [2, 1]


async def test_edrs_are_found_by_what_one_knows(postgres: Kept) -> None:
    first, second = await furnish(postgres.accounts, [1, 2])
    (other,) = await furnish(postgres.accounts, [1], "other")
    await charged(postgres.store, (first, initial(1, b"one")), (second, initial(2, b"two")))
    await charged(postgres.store, (first, terminate(1, b"one")))

    async def found(**asked: object) -> list[tuple[int, str]]:
        listed = await list_edrs(pool(postgres), ALWAYS._replace(**asked), 9)  # type: ignore[arg-type]
        return sorted((each.group_id, each.edr.action) for each in listed)

    assert await found(tenant="other") == [(other, "create account")]
    assert await found(session_id=b"two") == [(second, "initial")]
    assert await found(session_id=b"one") == [(first, "initial"), (first, "terminate")]
    assert await found(session_id=b"one", group_id=second) == []
    assert await found(kind=EdrKind.ACCOUNT, account_id=second) == [(second, "create account")]
    assert await found(session_id=b"three") == []


async def test_edrs_of_a_session_are_found_with_those_of_its_sub_sessions(postgres: Kept) -> None:
    groups = await furnish(postgres.accounts, [1, 2])
    for number, group in enumerate(groups, 1):
        key = SessionKey(b"one", number)
        await charged(postgres.store, (group, initial(number, session_key=key)))
    await charged(postgres.store, (groups[0], terminate(1, session_key=SessionKey(b"one", 1))))
    asked = ALWAYS._replace(session_id=b"one")
    listed = await list_edrs(pool(postgres), asked, 9)
    found = sorted((each.group_id, each.edr.action) for each in listed)
    assert found == [(groups[0], "initial"), (groups[0], "terminate"), (groups[1], "initial")]


@pytest.mark.parametrize(
    ("since", "until", "now"),
    [(0, 50, 100), (0, 100, 50), (30, 40, 10), (10, 10, 10), (0, 10**9, 10**9), (7, 10**12, 500)],
)
def test_a_span_is_looked_through_whole_and_once(since: int, until: int, now: int) -> None:
    ends = list(_spans(since * SECOND, until * SECOND, now * SECOND))
    assert len(ends) <= 16
    covered = [moment for begin, end in ends for moment in (end, begin)]
    assert covered == sorted(covered, reverse=True)
    if since < until:
        assert (covered[0], covered[-1]) == (until * SECOND, since * SECOND)
        assert covered[1:-1:2] == covered[2::2]
    else:
        assert ends == []


@pytest.mark.parametrize("limit", [1, 3, 4, 99])
async def test_the_newest_of_anybody_are_found_however_long_ago(postgres: Kept, limit: int) -> None:
    groups = await furnish(postgres.accounts)
    now = await pool(postgres).ping()
    ages = [0, 30, 59, 61, 3_600, 90_000, 3_000_000]
    for at, age in enumerate(reversed(ages)):
        opening = initial(at % 3 + 1, b"%d" % at)
        moment = now - age * SECOND
        (decision,) = await charged(postgres.store, (groups[at % 3], opening), now=moment)
        assert isinstance(decision, Decision)
    asked = EdrsAsked(now - 10**14, now + 10**11, kind=EdrKind.CHARGING)
    found = await list_edrs(pool(postgres), asked, limit)
    assert [each.edr.at for each in found] == [now - age * SECOND for age in ages][:limit]


async def test_every_partition_has_the_index_of_times(opened: Database) -> None:
    async with opened.connection() as connection:
        found = await connection.execute(
            "SELECT inhrelid::regclass::text, (SELECT count(*) FROM pg_index"
            " JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam"
            " WHERE indrelid = inhrelid AND amname = 'brin')"
            " FROM pg_inherits WHERE inhparent = 'edr'::regclass"
        )
        counts = dict(await found.fetchall())
    assert len(counts) > 14
    assert set(counts.values()) == {1}
