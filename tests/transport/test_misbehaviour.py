"""Whoever misbehaves on a connection harms only itself, and a gateway still gets in."""

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_network

import pytest

from diameter_ocs.base.message import Message
from diameter_ocs.transport import unread
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import ORIGIN_HOST, avp, ccr, cer
from tests.transport.bench import DWR, LOCAL, Bench, Client, flood

GATEWAYS = ip_network("127.0.1.0/24")
ENOUGH = 30.0
"""Seconds after which a test fails; each ends much earlier."""


async def opened_from(bench: Bench, address: str) -> Client:
    client = await bench.connect(address)
    cea = await client.ask(cer())
    assert cea.group.first("Result-Code") == 2001
    return client


def result_code(answer: Message) -> int:
    code: int = answer.group.first("Result-Code")
    return code


async def test_a_stranger_is_cut_off(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect()
    client.writer.write(b"GET / HTTP/1.1\r\nHost: ocs.example\r\n\r\n")
    assert await client.is_ended()
    assert bench.metric("connections_refused_total", reason="malformed") == 1


async def test_a_connection_without_a_cer_is_closed(bench: Bench) -> None:
    await bench.listen(local=replace(LOCAL, cer_seconds=0))
    assert await (await bench.connect()).is_ended()
    assert bench.metric("connections_refused_total", reason="capabilities_late") == 1


async def test_a_request_before_the_cer_ends_the_connection_unanswered(bench: Bench) -> None:
    await bench.listen()
    client = await bench.connect()
    client.writer.write(ccr() + cer())
    assert await client.is_ended()
    assert bench.metric("connections_refused_total", reason="unexpected_message") == 1


async def test_a_second_cer_is_answered_and_one_of_another_peer_ends_the_connection(
    bench: Bench,
) -> None:
    await bench.listen()
    client = await bench.connect_open()
    assert result_code(await client.ask(cer())) == 2001
    assert result_code(await client.ask(ccr())) == 2001
    client.writer.write(cer(avp(264, b"other.example"), without=ORIGIN_HOST))
    assert await client.is_ended()


async def test_a_peer_that_connects_twice_keeps_the_connection_that_proves_to_live(
    bench: Bench,
) -> None:
    await bench.listen()
    first = await bench.connect_open()
    second = await bench.connect()
    second.writer.write(cer())
    dwr = await first.read()
    assert (dwr.command_code, dwr.is_request) == (280, True)
    await first.answer(dwr)
    assert await second.is_ended()
    assert result_code(await first.ask(ccr())) == 2001


async def test_a_gateway_that_fell_silent_takes_its_place_again_at_once(bench: Bench) -> None:
    await bench.listen(local=replace(LOCAL, probe_seconds=0))
    first = await bench.connect_open()
    second = await bench.connect_open()
    assert (await first.read()).command_code == 280
    assert await first.is_ended()
    dwr = await second.read()
    assert dwr.command_code == 280  # the new connection is on trial
    assert result_code(await second.ask(ccr())) == 2001
    assert bench.metric("peers_open") == 1


async def test_a_gateway_that_has_ended_its_connection_unread_takes_its_place_again_at_once(
    bench: Bench,
) -> None:
    await bench.listen(flood)
    first = await bench.connect_open()
    first.writer.transport.pause_reading()
    first.writer.write(b"".join(ccr(hop_by_hop=each) for each in range(60)))
    first.writer.write_eof()
    async with asyncio.timeout(10):
        while not bench.is_any_closing():
            await asyncio.sleep(0)
    assert bench.metric("peers_open") == 1
    async with asyncio.timeout(2):
        await bench.connect_open()


async def test_a_third_connection_of_a_peer_does_not_wait(bench: Bench) -> None:
    await bench.listen()
    first = await bench.connect_open()
    second, third = await bench.connect(), await bench.connect()
    second.writer.write(cer())
    await first.read()
    third.writer.write(cer())
    assert await third.is_ended()
    first.writer.transport.abort()
    assert result_code(await second.read()) == 2001


async def test_a_peer_that_leaves_too_much_unread_is_disconnected(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "UNREAD_OCTETS_MAX", 100_000)
    await bench.listen(flood)
    client = await bench.connect_open()
    client.writer.transport.pause_reading()
    for hop_by_hop in range(1000):
        client.writer.write(ccr(hop_by_hop=hop_by_hop))
        await asyncio.sleep(0)
        if not bench.metric("peers_open"):
            return
    pytest.fail("the peer that reads nothing is still connected")


async def test_a_peer_that_reads_nothing_is_disconnected_in_time_and_others_are_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "UNREAD_SECONDS", 0)
    monkeypatch.setattr(unread, "UNREAD_OCTETS_MAX", 1 << 30)
    await bench.listen(flood)
    deaf = await bench.connect_open()
    deaf.writer.transport.pause_reading()
    deaf.writer.write(b"".join(ccr(hop_by_hop=each) for each in range(200)))
    other = await bench.connect_open(cer(avp(264, b"gw2.example"), without=ORIGIN_HOST))
    async with asyncio.timeout(ENOUGH):
        while bench.metric("peers_open") == 2:
            assert (await other.ask(ccr())).command_code == 272
    assert (await other.ask(ccr())).command_code == 272


async def test_a_peer_never_takes_the_place_of_another(bench: Bench) -> None:
    await bench.listen(connections_max=1)
    first = await bench.connect_open()
    assert await (await bench.connect()).is_ended()
    assert (await first.ask(ccr())).command_code == 272
    assert bench.metric("connections_refused_total", reason="connections_max") == 1


@pytest.mark.parametrize("gateway", ["127.0.1.1", "127.0.0.1"])
async def test_a_gateway_gets_in_whoever_holds_all_places_without_a_cer(
    gateway: str, bench: Bench
) -> None:
    rules = [PeerRule(host="gw.example", addresses=(GATEWAYS, ip_network("127.0.0.1/32")))]
    await bench.listen(connections_max=20, rules=rules)
    for _ in range(60):
        await bench.connect("127.0.0.1")
    client = await opened_from(bench, gateway)
    for _ in range(60):
        await bench.connect("127.0.0.1")
    assert (await client.ask(ccr())).command_code == 272
    assert (bench.metric("connections_half_open") or 0) < 20


async def test_strangers_do_not_take_the_places_of_gateways(bench: Bench) -> None:
    await bench.listen(connections_max=4, rules=[PeerRule(host="gw*", addresses=(GATEWAYS,))])
    first = await opened_from(bench, "127.0.1.1")
    waiting = [await bench.connect(f"127.0.1.{number}") for number in (2, 3, 4)]
    strangers = [await bench.connect(f"127.0.0.{number}") for number in range(1, 9)]
    assert all([await each.is_ended() for each in strangers])
    for number, client in enumerate(waiting):
        own = cer(avp(264, b"gw%d.example" % number), without=ORIGIN_HOST)
        assert result_code(await client.ask(own)) == 2001
    assert (await first.ask(ccr())).command_code == 272


async def test_a_connection_that_is_over_before_it_is_looked_at_leaves_nothing(
    bench: Bench,
) -> None:
    await bench.listen(connections_max=2)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", bench.port)) as each:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client = await bench.connect_open()
    assert (await client.ask(DWR)).command_code == 280
    assert bench.metric("connections_half_open") == 0
