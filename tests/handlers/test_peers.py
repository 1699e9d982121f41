"""Operators accept peers, once each, for tenants and profiles that are there."""

from collections.abc import Callable, Sequence

import pytest

from diameter_ocs.charging.peers import (
    Acceptance,
    AcceptedPeer,
    ConfiguredPeer,
    RefusedPeer,
    RunningServer,
)
from diameter_ocs.handlers import peers
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.memory import MemoryStore
from tests.handlers.test_provisioning import code_of
from tests.handlers.virtual_time import play
from tests.store.scenario import NOW, ORDER

PEER = AcceptedPeer("pgw*.example", "example")
SERVER = RunningServer(
    "a",
    "ocs.example",
    NOW,
    NOW,
    ("careful",),
    (ConfiguredPeer("own*.Example", None, None, None, ()),),
    (),
    (),
)


class Registered:
    """What servers told, on top of what a store in memory has accepted."""

    def __init__(self, store: MemoryStore, *servers: RunningServer) -> None:
        self.store = store
        self.running = servers
        self.strangers = [("PGW1.example", "EXAMPLE"), ("pgw1.example", "other"), ("x", "example")]

    async def acceptances(self) -> Sequence[Acceptance]:
        return sorted(self.store.peers.values(), key=lambda each: each.peer.host)

    async def refused(self) -> Sequence[RefusedPeer]:
        return []

    async def forget_refused(self, is_meant: Callable[[str, str], bool]) -> None:
        self.strangers = [each for each in self.strangers if not is_meant(*each)]

    async def servers(self, seen_since: int) -> Sequence[RunningServer]:
        return self.running


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(read_stored)


def test_a_peer_is_accepted_replaced_and_removed_and_all_is_audited(store: MemoryStore) -> None:
    async def story() -> None:
        register = Registered(store, SERVER)
        await create_tenant(store, "demo", ORDER)
        done = await peers.accept(store, register, PEER, ORDER)
        assert done.answer == {
            "host": "pgw*.example",
            "realm": "example",
            "tenant": None,
            "profile": None,
            "addresses": [],
            "wires": [],
            "certificate": None,
            "servers": ["ocs.example"],
            "configured_on": [],
        }
        assert register.strangers == [("pgw1.example", "other"), ("x", "example")]
        owned = AcceptedPeer("pgw*.example", None, "demo", "careful", ("192.0.2.0/24",))
        await peers.accept(store, register, owned, ORDER)
        (accepted,) = (await peers.all_peers(register, NOW)).accepted
        assert accepted.peer == owned
        await peers.remove(store, register, "PGW*.example", ORDER)
        assert store.peers == {}

    play(story())


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (AcceptedPeer("a", tenant="nobody"), "tenant_unknown"),
        (AcceptedPeer("a", profile="carefull"), "profile_unknown"),
    ],
)
def test_what_a_peer_names_must_be_there(store: MemoryStore, peer: AcceptedPeer, code: str) -> None:
    register = Registered(store, SERVER)
    assert play(code_of(peers.accept(store, register, peer, ORDER))) == code
    assert store.peers == {}


def test_without_a_server_a_profile_is_believed(store: MemoryStore) -> None:
    play(peers.accept(store, Registered(store), AcceptedPeer("a", profile="any"), ORDER))
    assert "a" in store.peers


def test_who_accepts_a_configured_peer_is_told_what_counts(store: MemoryStore) -> None:
    done = play(peers.accept(store, Registered(store, SERVER), AcceptedPeer("own1.example"), ORDER))
    assert done.answer["configured_on"] == ["ocs.example"]


@pytest.mark.parametrize(
    ("host", "code"), [("own1.example", "peer_configured"), ("b", "peer_unknown")]
)
def test_only_an_accepted_peer_is_removed(store: MemoryStore, host: str, code: str) -> None:
    register = Registered(store, SERVER)
    assert play(code_of(peers.remove(store, register, host, ORDER))) == code
