"""Sessions are found by a digest of their key, and told apart by the key itself."""

import tracemalloc

import psycopg

from diameter_ocs.charging.circumstances import circumstances_of
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.location import NO_CIRCUMSTANCES
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.handlers.catalogue import build, read_document
from diameter_ocs.store.sessions import circumstances_of as read_circumstances
from diameter_ocs.store.sessions import circumstances_text, digest
from tests.store.scenario import (
    DOCUMENT,
    Kept,
    afresh,
    case_of,
    charged,
    furnish,
    initial,
    octets,
    terminate,
    update,
)

ONE, OTHER = b"one", b"other"


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
