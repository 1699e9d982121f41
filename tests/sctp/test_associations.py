"""Associations of the kernel: whole messages over all streams, in order, and every kind of end."""

import asyncio
import resource
from dataclasses import replace
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from diameter_ocs.transport import sctp, sctp_association
from diameter_ocs.transport.association import Association, Place, Wire, WireFault
from diameter_ocs.transport.sctp import SctpListening
from tests.sctp.ends import BASE, LOOPBACK, QUICK, Bare, End, Ends, descriptors, message

LARGE = replace(QUICK, message_octets_max=262_144)


async def bare_pair(ends: Ends, streams: int = 16) -> tuple[End, Bare]:
    """Return an association that was connected to a bare socket."""
    listening = ends.bare(streams=streams)
    listening.socket.listen()
    end, taken = await asyncio.gather(ends.connect([listening.place]), listening.accept())
    ends.keep(taken.socket)
    return end, taken


async def test_both_ends_know_each_other(ends: Ends) -> None:
    listening = await ends.listen()
    here = await ends.connect(listening.places)
    there = await ends.taken()
    assert here.association.wire is listening.wire is Wire.SCTP
    assert here.association.peer_places == [*listening.places]
    assert [*there.association.local_addresses] == [ip_address(LOOPBACK)]
    assert there.association.peer_places[0].address == ip_address(LOOPBACK)
    assert here.association.certificate_names is None
    assert not here.association.is_closing


async def test_messages_take_turns_over_all_streams_but_those_of_the_base_protocol(
    ends: Ends,
) -> None:
    end, peer = await bare_pair(ends, streams=8)
    end.association.send([message(number) for number in range(16)])
    end.association.send([BASE, message(16), BASE])
    taken = [await peer.take() for _ in range(19)]
    assert [each.stream for each in taken[:16]] == [*range(8)] * 2
    assert [each.stream for each in taken[16:]] == [0, 0, 0]
    assert {each.payload_protocol for each in taken} == {46}


async def test_any_stream_and_payload_protocol_is_heard(ends: Ends) -> None:
    end, peer = await bare_pair(ends)
    for number, (stream, payload_protocol) in enumerate([(0, 46), (15, 0), (7, 47), (3, 9)]):
        peer.send(message(number), stream, payload_protocol)
    assert sorted(await end.hears(4)) == sorted(map(message, range(4)))


@pytest.mark.parametrize("octets", [20, 1400, 65_536, 65_540, 200_000])
async def test_a_message_of_any_length_comes_whole(ends: Ends, octets: int) -> None:
    here, there = await ends.pair(LARGE)
    there.on_heard = lambda heard: there.association.send([heard])
    here.association.send([message(1, octets)])
    assert await here.hears(1) == [message(1, octets)]


async def test_the_parts_of_long_messages_are_not_mixed(ends: Ends) -> None:
    here, there = await ends.pair(LARGE)
    sent = [message(number, 250_000 if number % 3 else 500) for number in range(24)]
    here.association.send(sent)
    assert sorted(await there.hears(24)) == sorted(sent)


@pytest.mark.parametrize("octets", [30_000, 60_000, 65_536])
async def test_many_long_messages_do_not_stand_in_each_other_s_way(ends: Ends, octets: int) -> None:
    here, there = await ends.pair()
    sent = [message(number, octets) for number in range(100)]
    async with asyncio.timeout(3):
        here.association.send(sent)
        assert sorted(await there.hears(100)) == sorted(sent)


async def test_a_burst_that_has_to_wait_comes_as_it_was_sent(ends: Ends) -> None:
    here, there = await ends.pair(replace(QUICK, streams=1))
    sent = [message(number) for number in range(4000)]
    here.association.send(sent[:3000])
    assert here.is_paused
    assert here.association.unsent_octets > 500_000
    here.association.send(sent[3000:])
    assert await there.hears(4000) == sent
    await here.until(lambda: not here.is_paused)
    assert here.association.unsent_octets == 0
    assert here.pauses == 1


async def test_a_burst_over_all_streams_is_complete(ends: Ends) -> None:
    here, there = await ends.pair()
    sent = [message(number) for number in range(4000)]
    here.association.send(sent)
    assert sorted(await there.hears(4000)) == sorted(sent)


async def test_a_message_that_is_too_long_for_the_kernel_is_told_and_the_next_one_goes(
    ends: Ends,
) -> None:
    here, there = await ends.pair()
    too_long = message(1, 2_000_000)
    here.association.send([too_long, message(2)])
    assert await there.hears(1) == [message(2)]
    ((octets, error),) = here.unsent
    assert octets == too_long
    assert "too long" in str(error)


async def test_a_message_that_is_too_long_is_told_when_its_turn_comes(ends: Ends) -> None:
    here, there = await ends.pair(replace(QUICK, streams=1))
    sent = [message(number) for number in range(4000)]
    here.association.send([*sent, message(1, 2_000_000), message(2)])
    assert not here.unsent
    assert await there.hears(4001) == [*sent, message(2)]
    assert len(here.unsent) == 1
    assert here.association.unsent_octets == 0


async def test_a_message_longer_than_may_be_ends_the_association(ends: Ends) -> None:
    listening = await ends.listen()
    here = await ends.connect(listening.places, settings=LARGE)
    there = await ends.taken()
    here.association.send([message(1, 200_000)])
    assert "longer than 65536 octets" in str(await there.is_lost())
    assert isinstance(await here.is_lost(), WireFault)
    assert not there.heard


async def test_an_end_in_order_comes_after_what_was_sent(ends: Ends) -> None:
    here, there = await ends.pair(replace(QUICK, streams=1))
    sent = [message(number) for number in range(4000)]
    here.association.send(sent)
    here.association.close()
    assert here.association.is_closing
    here.association.send([message(1)])
    assert await there.is_lost() is None
    assert there.heard == sent
    assert await here.is_lost() is None


async def test_what_comes_after_close_is_not_heard(ends: Ends) -> None:
    end, peer = await bare_pair(ends)
    for number in range(100):
        peer.send(message(number))
    end.association.close()
    assert await end.is_lost() is None
    assert not end.heard


@pytest.mark.parametrize("who", [0, 1])
async def test_an_abort_is_a_fault_to_the_other_end(ends: Ends, who: int) -> None:
    pair = await ends.pair()
    pair[who].association.abort()
    pair[who].association.abort()
    error = await pair[1 - who].is_lost()
    assert isinstance(error, WireFault)
    assert "aborted" in str(error)
    assert await pair[who].is_lost() is None
    assert pair[1 - who].association.is_closing


async def test_an_abort_while_messages_wait_loses_them(ends: Ends) -> None:
    here, there = await ends.pair()
    here.association.send([message(number) for number in range(4000)])
    here.association.abort()
    assert here.association.unsent_octets == 0
    assert isinstance(await there.is_lost(), WireFault)
    assert len(there.heard) < 4000


async def test_what_came_before_an_end_is_heard_though_nothing_can_be_sent(ends: Ends) -> None:
    end, peer = await bare_pair(ends)
    for number in range(100):
        peer.send(message(number))
    peer.socket.close()
    for _ in range(3):
        end.association.send([message(1)])
    assert await end.is_lost() is None
    assert end.heard == [message(number) for number in range(100)]


async def test_a_peer_that_reads_nothing_is_given_up_after_a_close(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sctp_association, "LINGER_SECONDS", 0.2)
    end, _ = await bare_pair(ends)
    end.association.send([message(number) for number in range(4000)])
    end.association.close()
    assert end.association.unsent_octets > 0
    assert await end.is_lost() is None


async def test_after_the_end_every_call_does_nothing(ends: Ends) -> None:
    here, _ = await ends.pair()
    association = here.association
    places = association.peer_places
    association.abort()
    await here.is_lost()
    association.send([message(1)])
    association.close()
    association.abort()
    await asyncio.sleep(0)
    assert association.peer_places == places
    assert (association.unsent_octets, here.losses) == (0, 1)


class Refusing(End):
    """A handler that takes nobody."""

    def connection_made(self, association: Association) -> None:
        super().connection_made(association)
        association.abort()


async def test_a_handler_may_refuse_an_association_at_once(ends: Ends) -> None:
    ends.made = Refusing
    listening = await ends.listen()
    peer = ends.bare()
    with pytest.raises(ConnectionResetError):  # noqa: PT012
        await peer.connect(listening.places[0])
        await peer.take()
    there = await ends.taken()
    assert (await there.is_lost(), there.heard) == (None, [])


async def test_a_handler_may_abort_while_it_hears(ends: Ends) -> None:
    here, there = await ends.pair()
    there.on_heard = lambda octets: there.association.abort()
    here.association.send([message(number) for number in range(50)])
    assert isinstance(await here.is_lost(), WireFault)
    assert len(there.heard) == 1


async def test_nobody_there_is_refused(ends: Ends) -> None:
    place = Place(ip_address(LOOPBACK), 9)
    before = descriptors()
    with pytest.raises(ConnectionRefusedError, match=r"cannot connect to 127\.0\.0\.1:9 over SCTP"):
        await ends.connect([place])
    assert descriptors() == before


async def test_an_address_that_is_not_this_machine_s_is_named(ends: Ends) -> None:
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1, 192\.0\.2\.1, port 0"):
        await ends.listen(LOOPBACK, "192.0.2.1")


async def test_a_port_that_is_taken_is_named(ends: Ends) -> None:
    listening = await ends.listen()
    port = listening.places[0].port
    with pytest.raises(OSError, match=f"port {port} over SCTP: Address already in use"):
        await ends.listen(port=port)


async def test_who_listens_no_more_keeps_what_was_taken(ends: Ends) -> None:
    here, there = await ends.pair()
    listening = ends.listenings[0]
    listening.close()
    listening.close()
    with pytest.raises(ConnectionRefusedError):
        await ends.connect(listening.places)
    here.association.send([message(1)])
    assert await there.hears(1) == [message(1)]


@pytest.mark.parametrize("addresses", [("::1", LOOPBACK), ("0.0.0.0", "::")])
async def test_one_listener_takes_both_families(ends: Ends, addresses: tuple[str, ...]) -> None:
    listening = await ends.listen(*addresses)
    assert [str(place.address) for place in listening.places] == [*addresses]
    port = listening.places[0].port
    for count, address in enumerate(("::1", LOOPBACK), 1):
        here = await ends.connect([Place(ip_address(address), port)])
        there = await ends.taken(count)
        assert there.association.peer_places[0].address == ip_address(address)
        here.association.send([message(count)])
        assert await there.hears(1) == [message(count)]


async def test_ipv6_s_any_address_alone_takes_no_ipv4(ends: Ends) -> None:
    listening = await ends.listen("::")
    port = listening.places[0].port
    await ends.connect([Place(ip_address("::1"), port)])
    with pytest.raises(ConnectionRefusedError):
        await ends.connect([Place(ip_address(LOOPBACK), port)])


async def test_who_is_gone_before_being_taken_is_not_missed(ends: Ends) -> None:
    listening = await ends.listen()
    place = listening.places[0]
    for _ in range(2):
        peer = ends.bare()
        peer.socket.connect((str(place.address), place.port))
        peer.abort()
    here = await ends.connect(listening.places)
    here.association.send([message(1)])
    assert await (await ends.taken()).hears(1) == [message(1)]
    assert len(ends.accepted) == 1


async def test_without_file_descriptors_associations_wait(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sctp, "PAUSE_SECONDS", 0.1)
    listening = await ends.listen()
    with capture_logs() as logs:
        await come_without_descriptors(ends, listening, logs)
        assert not ends.accepted
        await ends.taken()
    ((event, error),) = [(each["event"], each["error"]) for each in logs]
    assert (event, error) == ("no association taken", "Too many open files")


async def test_who_waits_for_file_descriptors_may_stop_listening(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sctp, "PAUSE_SECONDS", 0.01)
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    listening = await ends.listen()
    with capture_logs() as logs:
        await come_without_descriptors(ends, listening, logs)
    listening.close()
    await asyncio.sleep(0.03)
    assert not faults
    assert not ends.accepted


async def come_without_descriptors(
    ends: Ends, listening: SctpListening, logs: list[EventDict]
) -> None:
    """Have a peer connect while no file can be opened, until that was logged."""
    place = listening.places[0]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    peer = ends.bare()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        peer.socket.connect((str(place.address), place.port))
        while not logs:
            await asyncio.sleep(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def test_a_machine_with_sctp_misses_nothing() -> None:
    assert sctp.missing() is None
