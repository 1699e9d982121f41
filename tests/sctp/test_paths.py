"""Associations over two paths: what is cut is told and survived; and peers that fall silent."""

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from diameter_ocs.transport import sctp_association
from diameter_ocs.transport.association import Address, PathState, Place, WireFault
from diameter_ocs.transport.sctp_association import SILENT
from diameter_ocs.transport.sctp_options import create_socket
from diameter_ocs.transport.sctp_settings import SctpSettings
from tests.sctp.ends import QUICK, SCTP, Bare, End, Ends, descriptors, message
from tests.sctp.network import Network

PORT = 3868
UNREACHABLE, AVAILABLE = PathState.UNREACHABLE, PathState.AVAILABLE


def places(addresses: Sequence[str]) -> list[Place]:
    return [Place(ip_address(each), PORT) for each in addresses]


def same(addresses: Sequence[str]) -> set[Address]:
    return {*map(ip_address, addresses)}


def theirs(end: End) -> set[Address]:
    return {place.address for place in end.association.peer_places}


async def joined(ends: Ends, network: Network, settings: SctpSettings = QUICK) -> tuple[End, End]:
    """Return both ends of an association over both paths: left's, which connected, and right's."""
    left, right = network.left, network.right
    with right.entered():
        await ends.listen(*right.addresses, port=PORT)
    with left.entered():
        here = await ends.connect(places(right.addresses), *left.addresses, settings=settings)
    return here, await ends.taken()


async def answers(here: End, there: End, number: int) -> None:
    """Have a message come to the other end, and another one back."""
    here.association.send([message(number)])
    await there.until(lambda: message(number) in there.heard)
    there.association.send([message(number)])
    await here.until(lambda: message(number) in here.heard)


async def test_both_ends_know_all_addresses_and_that_they_answer(
    ends: Ends, network: Network
) -> None:
    here, there = await joined(ends, network)
    left, right = network.left.addresses, network.right.addresses
    assert here.paths == [(places(right)[1], PathState.CONFIRMED)]
    await there.until(lambda: [state for _, state in there.paths] == [PathState.CONFIRMED])
    assert here.association.peer_places == places(right)
    assert [*map(str, here.association.local_addresses)] == left
    assert [*map(str, there.association.local_addresses)] == right
    assert [str(place.address) for place in there.association.peer_places] == left


async def test_an_address_of_a_link_is_used_there(ends: Ends, network: Network) -> None:
    for host, last in ((network.left, 1), (network.right, 2)):
        host.run("ip", "address", "add", f"fe80::{last}/64", "dev", "path1", "nodad")
    with network.right.entered():
        await ends.listen("fe80::2%path1", port=PORT)
    with network.left.entered():
        here = await ends.connect([Place(ip_address("fe80::2%path1"), PORT)], "fe80::1%path1")
    there = await ends.taken()
    assert there.association.peer_places[0].address == ip_address("fe80::1")
    await answers(here, there, 1)
    with network.left.entered(), pytest.raises(OSError, match=r"cannot connect to .*%nowhere"):
        await ends.connect([Place(ip_address("fe80::2%nowhere"), PORT)])


async def test_addresses_of_both_families_are_those_of_one_end(
    ends: Ends, network: Network
) -> None:
    left, right = (host.addresses + host.addresses_6 for host in (network.left, network.right))
    with network.right.entered():
        await ends.listen(*right, port=PORT)
    with network.left.entered():
        here = await ends.connect(places(right), *left)
        old = await ends.connect(places(right[:1]), left[0])
    there = ends.accepted[0]
    await ends.taken(2)
    assert {*there.association.local_addresses} == theirs(here) == same(right)
    assert {*here.association.local_addresses} == theirs(there) == same(left)
    await answers(here, there, 1)
    await answers(old, ends.accepted[1], 2)


@pytest.mark.parametrize("family", ["addresses", "addresses_6"])
async def test_an_end_of_one_family_connects_to_one_of_both(
    ends: Ends, network: Network, family: str
) -> None:
    left, right = network.left, network.right
    both = right.addresses + right.addresses_6
    with right.entered():
        await ends.listen(*both, port=PORT)
    with left.entered():
        here = await ends.connect(places(both), *getattr(left, family))
    there = await ends.taken()
    assert theirs(there) == {*here.association.local_addresses} == same(getattr(left, family))
    await answers(here, there, 1)


async def test_an_end_at_any_address_tells_those_that_a_peer_can_use(
    ends: Ends, network: Network
) -> None:
    left, right = network.left, network.right
    with right.entered():
        await ends.listen("0.0.0.0", "::", port=PORT)
    with left.entered():
        here = await ends.connect(places(right.addresses[:1]))
    there = await ends.taken()
    told = {*there.association.local_addresses}
    assert same(right.addresses) <= told <= same(right.addresses + right.addresses_6)
    told = {*here.association.local_addresses}
    assert same(left.addresses) <= told <= same(left.addresses + left.addresses_6)


@pytest.mark.parametrize("how", ["lost", "down"])
async def test_a_path_that_is_cut_is_told_and_the_other_one_serves(
    ends: Ends, network: Network, how: str
) -> None:
    here, there = await joined(ends, network)
    cut, mend = {
        "lost": (network.lose, network.lose_no_more),
        "down": (network.take_down, network.bring_up),
    }[how]
    first = places(network.right.addresses)[0]
    await answers(here, there, 1)
    cut(0)
    await answers(here, there, 2)
    await here.until(lambda: (first, UNREACHABLE) in here.paths)
    await answers(here, there, 3)
    mend(0)
    here.paths.clear()
    await here.until(lambda: (first, AVAILABLE) in here.paths)
    await answers(here, there, 4)
    assert here.losses == there.losses == 0
    assert {place for place, state in here.paths if state is UNREACHABLE} <= {first}


@pytest.mark.parametrize("sends", [True, False])
async def test_a_peer_that_no_path_leads_to_is_lost(
    ends: Ends, network: Network, sends: bool
) -> None:
    here, there = await joined(ends, network)
    for path in (0, 1):
        network.lose(path)
    while sends and not here.association.is_closing:
        here.association.send([message(1)])
        await asyncio.sleep(0.01)
    error = await here.is_lost()
    assert isinstance(error, WireFault)
    assert str(error) == SILENT
    assert await there.is_lost() is not None
    assert not there.heard


async def test_a_peer_that_takes_no_part_in_the_end_is_given_up(
    ends: Ends, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sctp_association, "LINGER_SECONDS", 0.1)
    patient = replace(QUICK, rto_max_seconds=10, association_retransmissions_max=100)
    here, _ = await joined(ends, network, patient)
    for path in (0, 1):
        network.lose(path)
    here.association.close()
    assert here.association.unsent_octets == 0
    assert await here.is_lost() is None


async def test_a_peer_that_has_started_anew_is_lost_and_may_come_again(
    ends: Ends, network: Network
) -> None:
    right = network.right
    patient = replace(QUICK, heartbeat_seconds=60, association_retransmissions_max=100)
    with right.entered():
        await ends.listen(*right.addresses, port=PORT, settings=patient)
    place = places(right.addresses)[0]
    before = gateway(ends, network)
    await before.connect(place)
    there = await ends.taken()
    network.lose(0)
    before.abort()
    network.lose_no_more(0)
    after = gateway(ends, network)
    with pytest.raises(ConnectionResetError):  # noqa: PT012
        await after.connect(place)
        await after.take()
    assert "started anew" in str(await there.is_lost())
    after.abort()
    again = gateway(ends, network)
    await again.connect(place)
    again.send(message(1))
    assert await (await ends.taken(2)).hears(1) == [message(1)]


def gateway(ends: Ends, network: Network) -> Bare:
    """Return a peer that comes from the same port each time."""
    with network.left.entered():
        return ends.bare(network.left.addresses[0], 5000)


async def test_a_peer_that_does_not_answer_is_not_waited_for(ends: Ends, network: Network) -> None:
    network.lose(0)
    before = descriptors()
    with network.left.entered(), pytest.raises(TimeoutError, match=r"10\.9\.0\.2:3868 does not"):
        await ends.connect(places(network.right.addresses[:1]), seconds=0.2)
    assert descriptors() == before


async def test_who_gives_up_connecting_leaves_nothing_behind(ends: Ends, network: Network) -> None:
    network.lose(0)
    before = descriptors()
    with network.left.entered():
        connecting = asyncio.create_task(ends.connect(places(network.right.addresses[:1])))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert descriptors() > before
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
    assert descriptors() == before


async def test_the_second_address_serves_when_the_first_does_not(
    ends: Ends, network: Network
) -> None:
    right = network.right
    network.lose(0)
    with right.entered():
        await ends.listen(*right.addresses, port=PORT)
    with network.left.entered():
        here = await ends.connect(places(right.addresses), *network.left.addresses)
    await answers(here, await ends.taken(), 1)


def test_settings_reach_the_kernel() -> None:
    settings = SctpSettings(
        streams=7,
        rto_initial_seconds=0.25,
        rto_max_seconds=1.5,
        rto_min_seconds=0.12,
        heartbeat_seconds=3.5,
        path_retransmissions_max=3,
        association_retransmissions_max=9,
        message_octets_max=1_000_000,
    )
    with create_socket(2, settings) as sock:
        assert sock.getsockopt(SCTP, 3) == 1
        assert struct.unpack("@HHHH", sock.getsockopt(SCTP, 2, 8))[:2] == (7, 7)
        assert sock.getsockopt(1, 7) >= 1_000_000
        assert sock.getsockopt(1, 8) >= 8_000_000
    with create_socket(2, settings) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        with create_socket(2, settings) as peer:
            peer.setblocking(True)
            peer.connect(sock.getsockname())
            taken, _ = sock.accept()
            with taken:
                assert struct.unpack("@iIII", taken.getsockopt(SCTP, 0, 16))[1:] == (250, 1500, 120)
                assert struct.unpack_from("@iH", taken.getsockopt(SCTP, 1, 20))[1] == 9
                path = struct.unpack("=i128xIHIIIIBx", taken.getsockopt(SCTP, 9, 156))
                assert path[1:3] == (3500, 3)
                assert path[5] & 1
