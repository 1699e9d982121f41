"""A peer is given up when it reads nothing for a time, and not when it only reads slowly."""

import asyncio

from diameter_ocs.transport.unread import UNREAD_OCTETS_MAX, UNREAD_SECONDS
from tests.base.wire import ccr
from tests.handlers.virtual_time import play
from tests.transport.wires import opened, send


def test_a_peer_that_reads_nothing_is_given_up_in_time_though_it_goes_on_asking() -> None:
    async def story() -> None:
        wire = opened()
        await asyncio.sleep(0)
        wire.read(wire.unread)
        for hop_by_hop in range(int(UNREAD_SECONDS)):
            assert not wire.is_aborted
            send(wire, ccr(hop_by_hop=hop_by_hop))
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        assert wire.is_aborted
        assert wire.unread < UNREAD_OCTETS_MAX

    play(story())


def test_a_peer_that_reads_slowly_is_not_given_up() -> None:
    async def story() -> None:
        wire = opened()
        for hop_by_hop in range(100):
            send(wire, ccr(hop_by_hop=hop_by_hop))
            await asyncio.sleep(UNREAD_SECONDS / 2)
            wire.read(1)
        assert wire.unread > 1000
        assert not wire.is_aborted

    play(story())


def test_who_has_read_everything_may_take_as_long_as_before() -> None:
    async def story() -> None:
        wire = opened()
        for hop_by_hop in range(5):
            await asyncio.sleep(UNREAD_SECONDS * 0.9)
            assert not wire.is_aborted
            wire.read(wire.unread)
            send(wire, ccr(hop_by_hop=hop_by_hop))

    play(story())
