"""Peers connect over TCP, are answered, and are let go with what they asked answered."""

import asyncio
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from diameter_ocs.base.events import RequestReceived
from diameter_ocs.transport import outlet, tcp, unread
from diameter_ocs.transport.association import Place
from diameter_ocs.transport.connection import Connection
from tests.base.wire import ORIGIN_HOST, avp, ccr, cer
from tests.transport.bench import DWR, LOCAL, Bench, flood, reply
from tests.transport.calling import Caller


async def test_a_gateway_opens_asks_and_is_answered(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect()
    cea = await client.ask(cer())
    assert cea.group.first("Host-IP-Address") == (1, b"\x7f\0\0\1")
    cca = await client.ask(ccr())
    assert (cca.command_code, cca.group.first("Result-Code")) == (272, 2001)
    assert (await client.ask(DWR)).command_code == 280
    assert bench.metrics.registry.get_sample_value("ocs_peers_open") == 1


async def test_many_requests_in_one_write_are_all_answered_in_order(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect_open()
    client.writer.write(b"".join(ccr(hop_by_hop=each) for each in range(500)))
    assert [(await client.read()).hop_by_hop for _ in range(500)] == list(range(500))


async def test_answers_of_one_turn_leave_in_one_write(bench: Bench) -> None:
    writes: list[int] = []

    def watch(connection: Connection, received: RequestReceived) -> None:
        if not writes:
            association = connection._association
            assert association is not None
            send = association.send

            def noting(messages: Sequence[bytes]) -> None:
                writes.append(len(messages))
                send(messages)

            association.send = noting  # type: ignore[method-assign]
            writes.append(0)
        reply(connection, received)

    await bench.listen(watch)
    client = await bench.connect_open()
    client.writer.write(b"".join(ccr(hop_by_hop=each) for each in range(20)))
    for _ in range(20):
        await client.read()
    assert len(writes) == 2


async def test_octets_that_come_one_by_one_are_understood(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect()
    for octet in cer():
        client.writer.write(bytes([octet]))
        await client.writer.drain()
    assert (await client.read()).group.first("Result-Code") == 2001


async def test_connections_do_not_mix_what_they_read(bench: Bench) -> None:
    await bench.listen()
    one = await bench.connect_open()
    two = await bench.connect_open(cer(avp(264, b"gw2.example"), without=ORIGIN_HOST))
    octets = ccr(hop_by_hop=1)
    one.writer.write(octets[:50])
    await one.writer.drain()
    assert (await two.ask(ccr(hop_by_hop=2))).hop_by_hop == 2
    assert (await one.ask(octets[50:])).hop_by_hop == 1


async def test_a_request_that_breaks_its_taker_is_answered_and_hurts_no_other(
    bench: Bench,
) -> None:
    def break_down(connection: Connection, received: RequestReceived) -> None:
        if received.message.hop_by_hop == 1:
            raise KeyError("a fault of our own")
        reply(connection, received)

    await bench.listen(break_down)
    client = await bench.connect_open()
    client.writer.write(ccr(hop_by_hop=1) + ccr(hop_by_hop=2))
    codes = {
        each.hop_by_hop: each.group.first("Result-Code")
        for each in [await client.read(), await client.read()]
    }
    assert codes == {1: 5012, 2: 2001}


async def test_a_peer_that_lost_its_connection_may_come_again(bench: Bench) -> None:
    await bench.listen()
    first = await bench.connect_open()
    first.writer.close()
    await first.writer.wait_closed()
    for _ in range(10_000):
        if not bench.metrics.registry.get_sample_value("ocs_peers_open"):
            break
        await asyncio.sleep(0)
    await bench.connect_open()


async def test_stopping_disconnects_after_what_came_before_is_answered(bench: Bench) -> None:
    waiting: list[tuple[Connection, RequestReceived]] = []
    asked = asyncio.Event()

    def keep(connection: Connection, received: RequestReceived) -> None:
        waiting.append((connection, received))
        asked.set()

    await bench.listen(keep)
    client = await bench.connect_open()
    client.writer.write(ccr())
    await asked.wait()
    stopping = asyncio.create_task(bench.stop(5))
    dpr = await client.read()
    assert (dpr.command_code, dpr.is_request) == (282, True)
    await client.answer(dpr)
    ((connection, received),) = waiting
    reply(connection, received)
    assert (await client.read()).command_code == 272
    assert await client.is_ended()
    await stopping
    with pytest.raises(ConnectionRefusedError):
        await bench.connect()


async def test_stopping_ends_also_when_a_peer_does_not_answer(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect_open()
    await bench.stop(0)
    assert (await client.read()).command_code == 282
    assert await client.is_ended()


async def test_last_answers_that_nobody_reads_do_not_keep_a_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "UNREAD_OCTETS_MAX", 1 << 30)
    monkeypatch.setattr(outlet, "LINGER_SECONDS", 0)
    all_taken = asyncio.Event()

    def flood_and_tell(connection: Connection, received: RequestReceived) -> None:
        flood(connection, received)
        if received.message.hop_by_hop == 399:
            all_taken.set()

    await bench.listen(flood_and_tell, local=replace(LOCAL, disconnect_seconds=0))
    client = await bench.connect_open()
    client.writer.transport.pause_reading()
    client.writer.write(b"".join(ccr(hop_by_hop=each) for each in range(400)))
    await all_taken.wait()
    async with asyncio.timeout(30):
        await bench.stop(60)
    assert bench.metrics.registry.get_sample_value("ocs_peers_open") == 0


@pytest.mark.parametrize("turns", range(8))
async def test_who_connects_hears_of_a_peer_that_resets_at_once_whenever_that_is(
    turns: int,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        async def reset() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            with server.accept()[0] as there:
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        caller = Caller(cer())
        place = Place(ip_address("127.0.0.1"), server.getsockname()[1])
        connecting = asyncio.gather(tcp.connect(caller, place, 10), reset())
        try:
            await connecting
        except ConnectionError:
            assert caller.association is None
        else:
            async with asyncio.timeout(10):
                await caller.lost
