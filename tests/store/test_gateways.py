"""The states of gateways, and the search for what they lost: the same in both stores."""

import pytest

from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.restarts import START, GatewayState, Search
from diameter_ocs.handlers.ports import Gateways
from diameter_ocs.store.gateways import PostgresGateways
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_gateways import MemoryGateways
from tests.store.scenario import NOW, Kept, charged, furnish, initial, update

HOST = "pgw.example"
LATER = NOW + 1000


@pytest.fixture
def gateways(kept: Kept) -> Gateways:
    if kept.database is not None:
        return PostgresGateways(kept.database)
    assert isinstance(kept.store, MemoryStore)
    return MemoryGateways(kept.store)


def state(number: int, seen_at: int = LATER, host: str = HOST) -> GatewayState:
    return GatewayState(host, number, seen_at)


async def taken(gateways: Gateways, now: int = LATER) -> Search:
    search = await gateways.take_search(now, now + 10)
    assert search is not None
    return search


async def test_the_greatest_count_is_kept_and_only_it_begins_a_search(gateways: Gateways) -> None:
    assert await gateways.note(state(5)) == 5
    assert await taken(gateways) == Search(state(5), START, LATER + 10)
    assert await gateways.note(state(4, LATER + 1)) == 5
    assert await gateways.note(state(5, LATER + 1)) == 5
    assert await gateways.take_search(LATER + 9, LATER + 20) is None, "another process is at it"
    assert (await taken(gateways, LATER + 10)).state == state(5), "which must have died"
    assert await gateways.note(state(6, LATER + 11)) == 6
    assert (await taken(gateways, LATER + 11)).state == state(6, LATER + 11)


async def test_a_search_goes_on_where_it_was_left_and_ends(gateways: Gateways) -> None:
    await gateways.note(state(5))
    search = await taken(gateways)
    await gateways.go_on(search, (3, 7), LATER + 1)
    search = await taken(gateways, LATER + 1)
    assert search.after == (3, 7)
    await gateways.go_on(search, (3, 7), None)
    assert await gateways.take_search(LATER + 10**9, LATER + 10**9) is None


async def test_who_lost_a_search_does_not_move_it(gateways: Gateways) -> None:
    await gateways.note(state(5))
    lost = await taken(gateways)
    mine = await taken(gateways, LATER + 10)
    await gateways.go_on(lost, (9, 9), None)
    await gateways.go_on(mine, (1, 1), LATER + 11)
    assert (await taken(gateways, LATER + 11)).after == (1, 1)
    await gateways.note(state(6, LATER + 12))
    await gateways.go_on(mine, (9, 9), None)
    assert (await taken(gateways, LATER + 12)).after == START


async def test_gateways_are_searched_for_one_after_the_other(gateways: Gateways) -> None:
    await gateways.note(state(5, LATER + 1, "second.example"))
    await gateways.note(state(5, LATER, "first.example"))
    found = [(await taken(gateways, LATER + 1)).state.origin_host for _ in range(2)]
    assert found == ["first.example", "second.example"]


async def test_what_was_left_behind_is_found_slice_by_slice(kept: Kept, gateways: Gateways) -> None:
    groups = await furnish(kept.accounts)
    told = [
        {"origin_state_id": 4},
        {"origin_state_id": 4, "origin_host": "PGW.Example"},
        {"origin_state_id": 5},
        {"origin_state_id": None},
        {"origin_state_id": 4, "origin_host": "other.example"},
    ]
    keys = [SessionKey(b"s", number) for number in range(len(told))]
    for number, group in enumerate(groups, 1):
        requests = [
            initial(number, session_key=key, **{"origin_host": HOST} | each)
            for key, each in zip(keys, told, strict=True)
        ]
        await charged(kept.store, *((group, request) for request in requests))
    later = update(1, session_key=keys[0], origin_host=HOST, origin_state_id=5)
    await charged(kept.store, (groups[0], later), now=LATER)
    await gateways.note(state(5))
    search = await taken(gateways)
    found: list[tuple[int, SessionKey]] = []
    slices = 0
    while True:
        some = await gateways.slice_of(search, 4)
        found += some.left_behind
        if some.last is None:
            break
        assert some.last > search.after
        slices += 1
        search = search._replace(after=some.last)
    assert slices == 4, "of fifteen sessions, four at a time"
    lost = [(group, key) for group in groups for key in keys[:2]]
    assert found == lost[1:], "the first went on"
