"""Why a peer is not here is remembered until it comes, of few peers, and of fewer strangers."""

from ipaddress import ip_address

import pytest

from diameter_ocs.transport.absences import PEERS_MAX, STRANGERS_MAX, Absence, Absences
from diameter_ocs.transport.association import Wire, WireFault
from tests.base.wire import ORIGIN_HOST, ORIGIN_REALM, avp, message, number
from tests.transport.bench import Bench
from tests.transport.far import come, dpr, new_node
from tests.transport.wires import send

NEAR = "192.0.2.1"
FAR = "2001:db8::1"
DPR = message(282, ORIGIN_HOST, ORIGIN_REALM, avp(273, number(0)), application=0, flags=0x80)


def told(absences: Absences) -> list[tuple[str | None, str, str, int]]:
    return [(each.host, each.address, each.reason, each.times) for each in absences.all()]


def test_the_latest_reason_of_a_peer_counts_until_it_comes() -> None:
    absences = Absences()
    absences.note("GW.example", NEAR, Wire.TCP, "first")
    absences.note("gw.example", FAR, Wire.TLS, "second")
    absences.note("other.example", NEAR, Wire.TCP, "third")
    assert told(absences) == [
        ("gw.example", FAR, "second", 2),
        ("other.example", NEAR, "third", 1),
    ]
    absences.end("Gw.Example", FAR)
    assert told(absences) == [("other.example", NEAR, "third", 1)]
    absences.note("gw.example", FAR, Wire.TCP, "again")
    assert told(absences)[1] == ("gw.example", FAR, "again", 1)


def test_who_did_not_say_who_he_is_is_known_by_his_address_until_a_peer_comes_from_there() -> None:
    absences = Absences()
    absences.note(None, NEAR, Wire.TLS, "no certificate")
    absences.note(None, NEAR, Wire.TLS, "no certificate")
    assert told(absences) == [(None, NEAR, "no certificate", 2)]
    absences.end("gw.example", NEAR)
    assert told(absences) == []


def test_strangers_take_no_place_of_peers_and_the_oldest_are_forgotten() -> None:
    absences = Absences()
    absences.note("gw.example", NEAR, Wire.TCP, "gone")
    for each in range(STRANGERS_MAX + 1):
        absences.note(None, str(ip_address(each)), Wire.TCP, "silent")
    assert len(absences.all()) == 1 + STRANGERS_MAX
    assert told(absences)[1][1] == "0.0.0.1"
    for each in range(PEERS_MAX):
        absences.note(f"x{each}.example", NEAR, Wire.TCP, "gone")
    kept = {each.host for each in absences.all() if each.host is not None}
    assert len(kept) == PEERS_MAX
    assert "gw.example" not in kept


@pytest.mark.parametrize(
    ("said", "reason"), [([dpr(0)], "the peer disconnected"), ([], "the peer has aborted")]
)
async def test_who_has_taken_leave_may_end_the_wire_as_it_likes(
    said: list[bytes], reason: str
) -> None:
    node, _ = new_node()
    wire = await come(node)
    for each in said:
        send(wire, each)
    wire.protocol.connection_lost(WireFault("the peer has aborted"))
    (absence,) = node.absences.all()
    assert absence.reason == reason
    await node.stop([], 1)


async def test_a_node_tells_how_connections_ended(bench: Bench) -> None:
    await bench.listen()
    assert bench.node is not None
    client = await bench.connect_open()
    assert bench.node.absences.all() == []
    client.writer.write(DPR)
    await client.read()
    client.writer.close()
    stranger = await bench.connect()
    stranger.writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert await stranger.is_ended()
    await bench.stop(1)
    gone, unknown = bench.node.absences.all()
    assert isinstance(gone, Absence)
    assert (gone.host, gone.wire, gone.reason) == ("gw.example", Wire.TCP, "the peer disconnected")
    assert (unknown.host, unknown.address) == (None, "127.0.0.1")
    assert "what came is not Diameter" in unknown.reason
