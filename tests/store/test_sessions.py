"""Sessions are found by a digest of their key, and told apart by the key itself."""

import tracemalloc

import psycopg

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.circumstances import circumstances_of
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.location import NO_CIRCUMSTANCES
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.handlers.catalogue import build, read_document
from diameter_ocs.store.sessions import circumstances_of as read_circumstances
from diameter_ocs.store.sessions import circumstances_text, digest, session_of
from tests.store.scenario import (
    DOCUMENT,
    VOICE,
    Kept,
    afresh,
    case_of,
    charged,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
    want,
)

ONE, OTHER = b"one", b"other"
OLD_LINES = (
    '[[1,300,{"micro_units":10000,"per_units":1048576,"tax_millionths":0},0,0,0,'
    '[["data allowance",false,10485760,[[46,10485760]]]],2,1024]]'
)
OLD_RESERVATIONS = "[[300,[],10485760,1,1795223688659481]]"
"""As servers of the seventh schema wrote them."""


def collide(conninfo: str, key: SessionKey) -> None:
    """Give all sessions the digest of one."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE session SET digest = %s", (digest(key),))


def test_a_digest_fits_its_column_and_never_changes() -> None:
    """It is stored: another way to compute it would lose every open session."""
    assert digest(SessionKey(b"gateway.example;1;2")) == 1121289515338416173
    assert digest(SessionKey(b"gateway.example;1;2", 0)) != digest(
        SessionKey(b"gateway.example;1;2")
    )
    assert all(-(2**63) <= digest(SessionKey(b"%d" % n, n)) < 2**63 for n in range(100))


async def test_sessions_whose_digests_collide_are_two_sessions(
    postgres: Kept, emptied: str
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial(session=ONE)), (group, initial(session=OTHER)))
    collide(emptied, SessionKey(ONE))
    case = await case_of(postgres.store, group, update(session=ONE))
    assert case.sessions[SessionKey(ONE)].key == SessionKey(ONE)
    (decision,) = await charged(postgres.store, (group, terminate(session=ONE)))
    assert isinstance(decision, Decision)
    assert decision.outcome is Outcome.SUCCESS
    assert (await octets(postgres.accounts)).reserved == 100
    case = await case_of(afresh(postgres), group, update(session=ONE))
    assert not case.sessions


async def test_another_groups_session_of_the_same_digest_is_not_resolved(
    postgres: Kept, emptied: str
) -> None:
    first, second, _ = await furnish(postgres.accounts)
    await charged(postgres.store, (first, initial(1, ONE)), (second, initial(2, OTHER)))
    collide(emptied, SessionKey(ONE))
    assert await postgres.store.resolve([update(session=ONE)]) == [first]
    await charged(postgres.store, (first, terminate(1, ONE)))
    assert await postgres.store.resolve([update(session=ONE)]) == [first], "it is remembered"


async def test_of_two_rows_with_one_key_in_a_group_the_newer_counts(
    postgres: Kept, emptied: str
) -> None:
    """Nothing makes them; should they be there, the older one does not hide the newer."""
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial(session=ONE)), (group, initial(session=OTHER)))
    with psycopg.connect(emptied) as connection:
        connection.execute("UPDATE session SET session_id = %s", (ONE,))
    collide(emptied, SessionKey(ONE))
    case = await case_of(afresh(postgres), group, update(session=ONE))
    assert [session.number for session in case.sessions.values()] == [3]


def test_messages_to_many_are_forgotten() -> None:
    """Each is one of its kind: what was remembered of it would be of no use, and long."""
    catalogue = build(read_document(DOCUMENT), 1)
    tracemalloc.start()
    for number in range(300):
        recipients = tuple(f"{number:0128d}{each}" for each in range(32))
        said = ServiceInformation(called=recipients[0], recipients=recipients)
        circumstances = circumstances_of(said, NO_CIRCUMSTANCES, catalogue)
        text = circumstances_text(circumstances)
        assert text is not None
        assert read_circumstances(text.decode()) == circumstances
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 500_000


def test_sessions_that_were_opened_before_an_upgrade_go_on() -> None:
    named = (0, 2, 46, b"s;7;g", None, "32251", "pgw.demo.example", "demo.example")
    row = *named, 1, 2, 0, 1, OLD_LINES, OLD_RESERVATIONS, 3, None, 0, None, None
    session = session_of(row)
    ((line,), (reservation,)) = session.lines, session.reservations
    assert line.holds[0].amounts == ((46, 10485760),)
    assert (line.rounding, line.zone, line.has_begun, line.services) == (1024, "", False, ())
    assert line.price == Price(10_000, 1_048_576)
    assert (reservation.rating_group, reservation.granted) == (300, 10485760)
    assert session.circumstances == NO_CIRCUMSTANCES


async def test_what_a_session_has_cost_is_kept_beyond_its_end(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1], money=10_000_000)
    voice = {"usages": (used(60, 60, VOICE),)}
    await charged(kept.store, (group, initial(usages=(want(60, VOICE),))))
    await charged(kept.store, (group, update(request_number=1, **voice)))
    await charged(kept.store, (group, update(request_number=2, **voice)))
    (late, *_) = [
        (await charged(kept.store, (group, terminate(request_number=number, **voice)))).pop()
        for number in (3, 4)
    ][1:]
    assert isinstance(late, Decision)
    assert [ended.session.cost for ended in late.closed] == [4 * 60_000]
