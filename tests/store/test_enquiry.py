"""An enquiry answers what the same requests get right after it, and leaves no trace."""

import pytest
from sqlalchemy import select

from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.faults import CatalogueUnreadable
from diameter_ocs.charging.requests import ChargingRequest, EventAction, RequestType
from diameter_ocs.handlers.enquiry import enquire
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.provisioning import find_account
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.tables import account, balance, closed_session, edr, session
from tests.store.scenario import (
    DATA,
    NOW,
    OCTETS,
    VOICE,
    Kept,
    afresh,
    ask,
    charged,
    event,
    furnish,
    imsi,
    initial,
    terminate,
    update,
    used,
    want,
)

HOUR = 3600 * 1_000_000
UNSOLD, UNKNOWN = ask(RequestType.INITIAL, usages=[want(5, 999)]), b"never opened"
SCRIPTS: dict[str, list[ChargingRequest]] = {
    "a session": [initial(), update(), terminate(request_number=2)],
    "all that is left": [initial(usages=[want(OCTETS * 3)])],
    "what is paid by money": [initial(usages=[want(60, VOICE)]), terminate(usages=[used(61, 0)])],
    "two services": [initial(usages=[want(None), want(90, VOICE)])],
    "more than was granted": [initial(), update(usages=[used(5000, 100)])],
    "an event": [event()],
    "an event that asks": [event(action=EventAction.CHECK_BALANCE)],
    "nothing to sell": [UNSOLD],
    "a session that nobody knows": [update(session=UNKNOWN)],
    "one session in the place of another": [initial(), initial()],
    "nobody's": [initial(identities=(imsi(77),))],
}


async def contents(kept: Kept) -> object:
    """Return all that charging changes."""
    if kept.database is None:
        assert isinstance(kept.store, MemoryStore)
        groups = kept.store.groups.values()
        return [
            (each.version, each.last_at, dict(each.balances), dict(each.sessions), list(each.edrs))
            for each in groups
        ]
    tables = account, balance, session, closed_session, edr
    async with kept.database.transaction() as connection:
        return [sorted(map(str, await connection.execute(select(table)))) for table in tables]


def without_reasons(decision: object) -> object:
    """Return a decision but for how much its EDRs explain."""
    assert isinstance(decision, Decision)
    return decision._replace(edrs=tuple(each._replace(considered=None) for each in decision.edrs))


async def group_of(kept: Kept, request: ChargingRequest) -> int | None:
    (group,) = await kept.store.resolve([request])
    return group


@pytest.mark.parametrize("script", SCRIPTS)
async def test_it_says_what_the_requests_get(kept: Kept, script: str) -> None:
    await furnish(kept.accounts, money=50)
    await charged(kept.store, (await opened(kept), initial(session=b"before")), now=NOW)
    requests, now = SCRIPTS[script], NOW + HOUR
    before = await contents(kept)
    enquired = await enquire(kept.store, requests, now)
    assert await contents(kept) == before
    group = await group_of(kept, requests[0])
    if group is None:
        naming = requests[0].request_type is RequestType.INITIAL
        outcome = Outcome.USER_UNKNOWN if naming else Outcome.SESSION_UNKNOWN
        assert (enquired.results, enquired.case) == ([Decision(outcome)], None)
        return
    results = await charged(kept.store, *[(group, request) for request in requests], now=now)
    assert list(map(without_reasons, enquired.results)) == list(map(without_reasons, results))
    assert await contents(kept) != before or "asks" in script


def elsewhere(kept: Kept) -> Store:
    """Return the store as another process sees it; the twin has but one."""
    return kept.store if kept.database is None else afresh(kept)


async def opened(kept: Kept) -> int:
    return (await find_account(kept.accounts, "demo", "account 1")).group_id


async def test_it_goes_on_with_an_open_session(kept: Kept) -> None:
    await furnish(kept.accounts)
    group = await opened(kept)
    await charged(kept.store, (group, initial()), now=NOW)
    request = update(usages=[used(70, 100)])
    before = await contents(kept)
    (asked,) = (await enquire(elsewhere(kept), [request], NOW + 1)).results
    assert await contents(kept) == before
    (got,) = await charged(kept.store, (group, request), now=NOW + 1)
    assert without_reasons(asked) == without_reasons(got)


async def test_it_waits_for_nobody_who_holds_the_account(postgres: Kept) -> None:
    await furnish(postgres.accounts)
    group = await opened(postgres)
    async with postgres.store.work() as work:
        assert group in await work.lock([group])
        (decision,) = (await enquire(afresh(postgres), [initial()], NOW)).results
    assert isinstance(decision, Decision)
    assert decision.outcome is Outcome.SUCCESS


async def test_it_says_of_every_service_why(kept: Kept) -> None:
    await furnish(kept.accounts)
    enquired = await enquire(kept.store, [initial(usages=[want(5, DATA)])], NOW)
    (decision,) = enquired.results
    assert isinstance(decision, Decision)
    assert decision.edrs[0].considered == "300:plan/allowance/p,plan/as%20you%20go/p0"


async def test_a_catalogue_that_is_too_new_is_told(kept: Kept) -> None:
    await furnish(kept.accounts)
    async with kept.accounts.commanding() as work:
        await work.add_catalogue("demo", 2, '{"colour": "red"}', (NOW, "a newer program"))
    with pytest.raises(CatalogueUnreadable, match="newer program"):
        await enquire(elsewhere(kept), [initial()], NOW)
