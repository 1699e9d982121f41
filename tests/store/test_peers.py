"""Peers are kept as they were accepted; of the refused ones there are never many."""

from dataclasses import replace

from diameter_ocs.charging.peers import (
    AbsentPeer,
    Acceptance,
    AcceptedPeer,
    ConfiguredPeer,
    ConnectedPeer,
    NamedProfile,
    PeerPath,
    RefusedPeer,
    RunningServer,
)
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store import peers
from diameter_ocs.store.database import Database
from diameter_ocs.store.peers import REFUSED_MAX, PostgresPeers
from tests.store.scenario import DOCUMENT, NOW, ORDER, Kept

SECOND = 1_000_000
STRANGER = RefusedPeer("gw.example", "example", "unknown", "192.0.2.1", "gw", (4,), NOW, NOW, 1)
CONNECTED = ConnectedPeer("gw.example", "example", "192.0.2.1", "gw", NOW, "open", 3, 1)
CONNECTED = replace(
    CONNECTED, opened_by="server", paths=(PeerPath("192.0.2.1:3868", "unreachable"),)
)
CONFIGURED = ConfiguredPeer(None, "example", None, None, ("192.0.2.0/24",))
SERVER = RunningServer(
    "a",
    "ocs.example",
    NOW,
    NOW,
    ("careful",),
    (CONFIGURED,),
    (CONNECTED,),
    ("plans",),
    (
        AbsentPeer(None, "192.0.2.7", "tls", "it shows no certificate", NOW, 2),
        AbsentPeer("a", "192.0.2.8:3868", "tcp", "refused", NOW, 3, "waiting", 3, NOW + SECOND),
    ),
)


async def accept(database: Database, *accepted: Acceptance) -> None:
    async with database.transaction() as connection:
        for each in accepted:
            await peers.put(connection, each)


async def test_an_accepted_peer_is_kept_and_replaced_by_its_host(opened: Database) -> None:
    register = PostgresPeers(opened)
    whole = AcceptedPeer("pgw*.example", "example", None, "careful", ("192.0.2.0/24", "::1/128"))
    whole = replace(whole, wires=("tls", "sctp"), certificate="*.example")
    first, second = Acceptance(whole, NOW, "ann"), Acceptance(AcceptedPeer("a.example"), NOW, "bob")
    await accept(opened, first, second)
    assert await register.acceptances() == [second, first]
    third = Acceptance(AcceptedPeer("pgw*.example"), NOW + SECOND, "cid")
    await accept(opened, third)
    assert await register.acceptances() == [second, third]
    async with opened.transaction() as connection:
        assert await peers.find(connection, "a.example") == second.peer
        await peers.drop(connection, "a.example")
        assert await peers.find(connection, "a.example") is None
    assert await register.acceptances() == [third]


async def test_profiles_are_those_that_the_running_catalogues_name(postgres: Kept) -> None:
    assert postgres.database is not None
    register = PostgresPeers(postgres.database)
    named = "peers: [{host: pgw*, profile: a}, {host: gw.example, profile: b}]\n"
    for tenant, texts in (("one", (named, "")), ("two", ("", named)), ("three", ())):
        await create_tenant(postgres.accounts, tenant, ORDER)
        for text in texts:
            document = DOCUMENT.replace("tenant: demo", f"tenant: {tenant}") + text
            await apply_catalogue(postgres.accounts, read_document(document), ORDER)
    assert await register.catalogue_versions() == {"one": 2, "two": 2, "three": None}
    assert await register.named_profiles() == [
        NamedProfile("two", "pgw*", "a"),
        NamedProfile("two", "gw.example", "b"),
    ]


async def test_a_peer_that_is_refused_again_is_counted(opened: Database) -> None:
    register = PostgresPeers(opened)
    await register.add_refused([STRANGER])
    later = NOW + SECOND
    again = replace(STRANGER, address="192.0.2.2", first_at=later, last_at=later, times=5)
    other = replace(STRANGER, realm="other")
    await register.add_refused([again, other])
    assert await register.refused() == [replace(again, first_at=NOW, times=6), other]
    await register.forget_refused(lambda host, realm: realm == "example")
    assert await register.refused() == [other]


async def test_of_refused_peers_the_latest_are_kept(opened: Database) -> None:
    register = PostgresPeers(opened)
    for number in range(0, REFUSED_MAX + 50, 50):
        at = NOW + number * SECOND
        crowd = [
            replace(STRANGER, host=f"gw{number + each}", first_at=at, last_at=at)
            for each in range(50)
        ]
        await register.add_refused(crowd)
    kept = await register.refused()
    assert len(kept) == REFUSED_MAX
    assert {peer.last_at for peer in kept}.isdisjoint({NOW})


async def test_a_server_tells_of_itself_until_it_is_forgotten(opened: Database) -> None:
    register = PostgresPeers(opened)
    await register.tell(SERVER)
    later = replace(SERVER, seen_at=NOW + SECOND, connected=())
    await register.tell(later)
    old = replace(SERVER, id="b", seen_at=NOW - SECOND)
    await register.tell(old)
    assert await register.servers(NOW) == [later]
    assert set(await register.servers(0)) == {later, old}
    await register.forget_servers(NOW)
    assert await register.servers(0) == [later]
    await register.forget_servers(0, "a")
    assert await register.servers(0) == []
