"""Tenants are told of their peers, and of nobody else's."""

from collections.abc import Mapping, Sequence

import pytest

from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.delivery import HeldPeer
from diameter_ocs.charging.faults import CasesUnavailable, CatalogueUnreadable
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.jobs.peer_notices import NOBODYS_GROUP, PeerNotices, Sight
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from tests.handlers.catalogue_text import GOOD

NOW = 1_700_000_000_000_000
PGW = HeldPeer("pgw.example", "example", False, frozenset({4}))
PCRF = HeldPeer("pcrf.example", "example", False, frozenset({16777302}))


def offered(tenant: str, types: str) -> Catalogue:
    text = GOOD.replace("tenant: demo", f"tenant: {tenant}")
    sinks = f"notices: {{files: [{{name: all, types: [{types}]}}]}}"
    return build(read_document(f"{text}\n{sinks}\n"), 3)


class Applied:
    """Three tenants: one wants all, one hears of accounts alone, of one nothing can be read."""

    def __init__(self) -> None:
        self.is_away = False
        self.catalogues = {
            "one": offered("one", "peer.*"),
            "two": offered("two", "account.*"),
            "three": offered("three", "peer.down, account.*"),
        }

    async def tenants(self) -> Mapping[str, int | None]:
        if self.is_away:
            raise CasesUnavailable("away")
        return {**dict.fromkeys(self.catalogues, 3), "unreadable": 3, "new": None}

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        if tenant_name == "unreadable":
            raise CatalogueUnreadable(tenant_name, version, "it is newer")
        return self.catalogues[tenant_name]


class Watch:
    """A server that sees peers, and what it tells of them."""

    def __init__(self, owners: Mapping[str, str] | None = None) -> None:
        self.held: Sequence[HeldPeer] = ()
        self.now = NOW
        self.applied = Applied()
        self.store = MemoryStore(read_stored)
        sight = Sight(lambda: self.held, lambda peer: (owners or {}).get(peer.host))
        outbox = MemoryOutbox(self.store)
        self.job = PeerNotices(self.applied, outbox, sight, "ocs1.example", lambda: self.now)

    def see(self, *peers: HeldPeer) -> None:
        self.now += 1_000_000
        self.held = peers
        self.job.look()

    async def told(self) -> list[tuple[str, str, str]]:
        """Target, type and subject of all that was told so far, in its order."""
        await self.job.tell()
        rows = [row for _, row in sorted(self.store.outbox.items())]
        assert {row.group_id for row in rows} <= {NOBODYS_GROUP}
        return [(row.target, row.content["type"], row.content["subject"]) for row in rows]


async def test_whoever_wants_to_hear_of_them_is_told_of_peers_that_are_nobody_s() -> None:
    watch = Watch()
    watch.see(PGW)
    watch.see(PGW, PCRF)
    watch.see(PCRF)
    assert await watch.told() == [
        ("one/all", "peer.up", "pgw.example"),
        ("one/all", "peer.up", "pcrf.example"),
        ("one/all", "peer.down", "pgw.example"),
        ("three/all", "peer.down", "pgw.example"),
    ]
    contents = [row.content for _, row in sorted(watch.store.outbox.items())]
    assert contents[0]["data"] == {"realm": "example", "server": "ocs1.example"}
    assert contents[0]["time"] == "2023-11-14T22:13:21.000000Z", "when it was seen"
    assert len({content["id"] for content in contents[:3]}) == 3


async def test_a_tenant_s_own_peers_are_told_to_it_alone() -> None:
    watch = Watch({"pgw.example": "three", "pcrf.example": "two"})
    watch.see(PGW, PCRF)
    watch.see()
    assert await watch.told() == [("three/all", "peer.down", "pgw.example")]


async def test_who_stays_is_not_told_of_again() -> None:
    watch = Watch()
    watch.see(PGW)
    watch.see(PGW)
    assert len(await watch.told()) == len(await watch.told()) == 1


async def test_what_was_seen_while_the_database_was_away_is_told_later() -> None:
    watch = Watch()
    watch.applied.is_away = True
    watch.see(PGW)
    with pytest.raises(CasesUnavailable):
        await watch.told()
    watch.see()
    watch.see(PGW)
    watch.applied.is_away = False
    assert [name for target, name, _ in await watch.told() if target == "one/all"] == [
        "peer.up",
        "peer.down",
        "peer.up",
    ]
