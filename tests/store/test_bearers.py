"""Sessions are found by their bearers, whatever else their group has open."""

from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.store.remembered import SESSIONS_REMEMBERED
from tests.store.scenario import Kept, afresh, case_of, charged, furnish, initial, octets, update

INTERNET = ServiceInformation(apn="internet")
BEARER = {"information": INTERNET, "charging_id": 2**32 - 1, "origin_state_id": 2**32 - 1}


async def test_a_session_knows_its_bearer_and_its_gateways_state(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial(**BEARER)))
    await charged(kept.store, (group, update()))
    (session,) = (await case_of(kept.store, group, update())).sessions.values()
    assert (session.charging_id, session.origin_state_id) == (2**32 - 1, 2**32 - 1)


async def test_a_session_of_the_same_bearer_is_replaced(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    await charged(kept.store, (group, initial(session=b"one", **BEARER)))
    await charged(kept.store, (group, initial(session=b"two", **BEARER)))
    case = await case_of(kept.store, group, update(session=b"one"), update(session=b"two"))
    assert set(case.sessions) == {SessionKey(b"two")}
    (closed,) = case.closed.values()
    assert (closed.session.charging_id, closed.reason) == (2**32 - 1, "replaced")
    assert (await octets(kept.accounts)).reserved == 100


async def test_a_session_is_replaced_within_one_batch(kept: Kept) -> None:
    (group, *_) = await furnish(kept.accounts)
    names = (b"one", b"two", b"three")
    await charged(kept.store, *((group, initial(session=name, **BEARER)) for name in names))
    case = await case_of(kept.store, group, *(update(session=name) for name in names))
    assert set(case.sessions) == {SessionKey(b"three")}
    assert (await octets(kept.accounts)).reserved == 100


async def test_it_is_found_among_more_than_are_remembered(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial(session=b"one", **BEARER)))
    for number in range(SESSIONS_REMEMBERED):
        other = initial(session=b"other %d" % number, information=INTERNET, charging_id=1 + number)
        await charged(postgres.store, (group, other))
    await charged(postgres.store, (group, initial(session=b"two", **BEARER)))
    asked = [update(session=name) for name in (b"one", b"two", b"other 0")]
    case = await case_of(afresh(postgres), group, *asked)
    assert set(case.sessions) == {SessionKey(b"two"), SessionKey(b"other 0")}


async def test_the_same_bearer_of_another_group_goes_on(kept: Kept) -> None:
    first, second, *_ = await furnish(kept.accounts)
    await charged(kept.store, (first, initial(1, session=b"one", **BEARER)))
    await charged(kept.store, (second, initial(2, session=b"two", **BEARER)))
    assert (await case_of(kept.store, first, update(session=b"one"))).sessions
