"""A server follows the operators within a round, and tells them no more than it must."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from diameter_ocs.charging.faults import CasesUnavailable
from diameter_ocs.charging.peers import (
    AbsentPeer,
    Acceptance,
    AcceptedPeer,
    ConnectedPeer,
    NamedProfile,
    PeerPath,
    RefusedPeer,
    RunningServer,
)
from diameter_ocs.jobs.peering import REFUSED_MICROSECONDS, TELL_MICROSECONDS, Peering

NOW = 1_800_000_000_000_000
STRICT = NamedProfile("acme", "pgw*.example", "strict")
GATEWAY = AcceptedPeer("gw.example")
CONNECTED = ConnectedPeer("gw.example", "example", "192.0.2.1", "gw", NOW, "open", 0, 0)
GONE = AbsentPeer("gw.example", "192.0.2.1", "tcp", "the peer disconnected", NOW, 1)
STRANGER = RefusedPeer("x", "example", "unknown", "192.0.2.9", "gw", (4,), NOW, NOW, 2)
SERVER = RunningServer("a", "ocs.example", NOW, NOW, (), (), (), ())


class Database:
    """What was written, and what can be read."""

    def __init__(self) -> None:
        self.accepted: list[AcceptedPeer] = []
        self.told: list[RunningServer] = []
        self.refused: list[Sequence[RefusedPeer]] = []
        self.forgotten: list[tuple[int, str | None]] = []
        self.is_away = False
        self.versions: dict[str, int | None] = {}
        self.named: Sequence[NamedProfile] = ()
        self.reads = 0

    async def acceptances(self) -> Sequence[Acceptance]:
        if self.is_away:
            raise CasesUnavailable("away")
        return [Acceptance(peer, NOW, "ann") for peer in self.accepted]

    async def catalogue_versions(self) -> Mapping[str, int | None]:
        return self.versions

    async def named_profiles(self) -> Sequence[NamedProfile]:
        self.reads += 1
        return self.named

    async def add_refused(self, peers: Sequence[RefusedPeer]) -> None:
        self.refused.append(peers)

    async def tell(self, server: RunningServer) -> None:
        self.told.append(server)

    async def forget_servers(self, seen_before: int, server_id: str | None = None) -> None:
        if self.is_away:
            raise CasesUnavailable("away")
        self.forgotten.append((seen_before, server_id))


class Gate:
    """Who was let in, and who came."""

    def __init__(self) -> None:
        self.admitted: list[Sequence[AcceptedPeer]] = []
        self.named: Sequence[NamedProfile] = ()
        self.here: tuple[ConnectedPeer, ...] = ()
        self.gone: tuple[AbsentPeer, ...] = ()
        self.strangers: Sequence[RefusedPeer] = [STRANGER]

    def admit(self, accepted: Sequence[AcceptedPeer], named: Sequence[NamedProfile] = ()) -> None:
        self.admitted.append(accepted)
        self.named = named

    def refused(self, now: int) -> Sequence[RefusedPeer]:
        return self.strangers

    def connected(self) -> tuple[ConnectedPeer, ...]:
        return self.here

    def absent(self) -> tuple[AbsentPeer, ...]:
        return self.gone


class Server:
    """A job, with all around it; `now` is its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.database = Database()
        self.gate = Gate()
        self.job = Peering(self.database, self.gate, SERVER, lambda: self.now)

    def round(self, microseconds: int = 0) -> None:
        self.now += microseconds
        assert asyncio.run(self.job.round()) is False


def test_peers_that_were_accepted_or_removed_are_noticed_once() -> None:
    server = Server()
    server.round()
    assert server.gate.admitted == []
    server.database.accepted = [GATEWAY]
    server.round()
    server.round()
    server.database.accepted = []
    server.round()
    assert server.gate.admitted == [[GATEWAY], []]


def test_profiles_that_catalogues_name_are_read_when_one_is_applied() -> None:
    server = Server()
    server.database.versions = {"acme": 1}
    server.round()
    assert server.gate.admitted == []
    server.database.named = [STRICT]
    server.round()
    assert (server.gate.admitted, server.database.reads) == ([], 1)
    server.database.versions = {"acme": 2}
    server.round()
    server.round()
    assert (server.gate.admitted, server.database.reads) == ([[]], 2)
    assert server.gate.named == [STRICT]


def test_a_server_tells_when_peers_change_and_else_now_and_then() -> None:
    server = Server()
    server.round()
    server.round(TELL_MICROSECONDS - 1)
    assert [each.connected for each in server.database.told] == [()]
    server.gate.here = (CONNECTED,)
    server.round()
    server.round(TELL_MICROSECONDS - 1)
    assert [each.connected for each in server.database.told] == [(), (CONNECTED,)]
    server.round(1)
    assert server.database.told[-1].seen_at == server.now
    assert len(server.database.told) == 3
    server.gate.here, server.gate.gone = (), (GONE,)
    server.round()
    assert [each.absent for each in server.database.told[2:]] == [(), (GONE,)]
    server.gate.gone = (replace(GONE, state="waiting", due_at=NOW),)
    server.round()
    server.gate.gone = (replace(GONE, state="waiting", due_at=NOW + 1),)
    server.round()
    assert len(server.database.told) == 5


def test_a_path_that_is_not_what_it_was_is_told_at_once() -> None:
    server = Server()
    for state in ("available", "unreachable", "unreachable"):
        server.gate.here = (replace(CONNECTED, paths=(PeerPath("192.0.2.1:3868", state),)),)
        server.round()
    assert [each.connected[0].paths[0].state for each in server.database.told] == [
        "available",
        "unreachable",
    ]


def test_refused_peers_are_written_down_now_and_then() -> None:
    server = Server()
    for _ in range(10):
        server.round(REFUSED_MICROSECONDS // 10)
    assert server.database.refused == [[STRANGER]]
    server.round(REFUSED_MICROSECONDS // 10)
    assert server.database.refused == [[STRANGER], [STRANGER]]


def test_the_first_refused_peer_after_a_while_is_written_down_at_once() -> None:
    server = Server()
    server.gate.strangers = []
    server.round()
    assert server.database.refused == []
    server.gate.strangers = [STRANGER]
    server.round(1)
    assert server.database.refused == [[STRANGER]]


def test_a_clock_that_was_set_back_does_not_silence_a_server() -> None:
    server = Server()
    server.round()
    server.round(-3600 * 1_000_000)
    assert len(server.database.told) == 2
    assert len(server.database.refused) == 2


def test_peers_stay_while_the_database_is_away() -> None:
    server = Server()
    server.database.accepted = [GATEWAY]
    server.round()
    server.database.is_away = True
    with pytest.raises(CasesUnavailable):
        server.round()
    assert server.gate.admitted == [[GATEWAY]]
    asyncio.run(server.job.end())
    server.database.is_away = False
    asyncio.run(server.job.end())
    yesterday = NOW - 24 * 3600 * 1_000_000
    assert server.database.forgotten == [(yesterday, None), (yesterday, "a")]
