"""Two nodes that connect to each other, in whatever order things happen, keep one connection."""

import asyncio
import random
from collections.abc import Callable

import pytest

from diameter_ocs.transport.connector import State
from tests.handlers.virtual_time import play
from tests.transport.links import Links

LESS, GREATER = "a.example", "b.example"
BOTH = (LESS, GREATER), (GREATER, LESS)


def assert_one_connection(links: Links) -> None:
    """Each node has one connection with the other one, and it is the same."""
    open_ones = [links.open_between(*pair) for pair in BOTH]
    assert [len(each) for each in open_ones] == [1, 1]
    there = [{own.handler, far.handler} for own, far in links.links]
    assert {open_ones[0][0], open_ones[1][0]} in there


def slow(seconds: float) -> Callable[[], float]:
    return lambda: seconds


@pytest.mark.parametrize("seed", range(150))
def test_in_any_order_one_connection_is_left_and_again_when_that_is_cut(seed: int) -> None:
    numbers = random.Random(seed)
    scale = numbers.choice([0.001, 0.1, 1.0])

    async def story() -> None:
        links = Links(lambda: numbers.random() * scale)
        for host, _ in BOTH:
            links.add(host)
        connectors = [links.keep(*pair) for pair in BOTH]
        for _ in range(3):
            await asyncio.sleep(60)
            assert_one_connection(links)
            assert [each.state for each in connectors] == [State.OPEN, State.OPEN]
            links.cut()
        await links.stop()

    play(story())


@pytest.mark.parametrize("first", BOTH)
def test_the_connection_of_who_has_the_lesser_name_is_kept(first: tuple[str, str]) -> None:
    """RFC 6733 section 5.6.4: the greater one keeps what it has accepted."""

    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        for pair in (first, first[::-1]):
            links.keep(*pair)
        await asyncio.sleep(0.5)
        assert_one_connection(links)
        (own,) = [own for own, far in links.links if not own.is_closing and not far.is_closing]
        assert own.handler in links.open_between(LESS, GREATER)
        await links.stop()

    play(story())


@pytest.mark.parametrize(("caller", "called"), BOTH)
def test_who_cannot_reach_the_other_one_takes_its_connection_at_once(
    caller: str, called: str
) -> None:
    """A firewall lets connections through one way only, whoever has the greater name."""

    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        links.keep(called, caller, delay=slow(1000.0))
        await asyncio.sleep(1)
        links.keep(caller, called)
        await asyncio.sleep(0.5)
        assert_one_connection(links)
        await links.stop()

    play(story())


@pytest.mark.parametrize(("caller", "called"), BOTH)
def test_who_is_asked_while_it_calls_does_not_call_again_later(caller: str, called: str) -> None:
    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        links.keep(caller, called)
        await asyncio.sleep(1)
        before = len(links.links)
        links.keep(called, caller)
        await asyncio.sleep(1000)
        assert len(links.links) == before
        assert_one_connection(links)
        await links.stop()

    play(story())


@pytest.mark.parametrize(("comes_back", "stays"), BOTH)
def test_a_peer_that_has_restarted_without_a_word_comes_in_again(
    comes_back: str, stays: str
) -> None:
    """The open connection is asked first, whoever has opened it, and is dead."""

    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        links.keep(stays, comes_back)
        await asyncio.sleep(1)
        for end in links.links[0]:
            end.is_cut = True
        links.links.clear()
        links.add(comes_back)
        links.keep(comes_back, stays)
        await asyncio.sleep(5)
        assert_one_connection(links)
        await links.stop()

    play(story())


@pytest.mark.parametrize("is_ours", [True, False])
def test_who_comes_by_the_name_of_a_peer_that_is_there_is_refused(is_ours: bool) -> None:
    """Whoever has opened the connection that is there."""

    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        links.keep(*(BOTH[0] if is_ours else BOTH[1]))
        await asyncio.sleep(1)
        (before,) = links.open_between(LESS, GREATER)
        links.add(GREATER)
        imposter = links.keep(GREATER, LESS)
        await asyncio.sleep(20)
        assert links.open_between(LESS, GREATER) == [before]
        assert imposter.state is State.WAITING
        assert imposter.attempts > 3
        await links.stop()

    play(story())


def test_stopping_disconnects_what_this_node_has_opened_and_opens_nothing_again() -> None:
    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        connector = links.keep(LESS, GREATER)
        await asyncio.sleep(1)
        await links.nodes[LESS].stop([], 1)
        assert not links.nodes[LESS].opened
        await asyncio.sleep(1000)
        assert not links.nodes[GREATER].opened
        assert len(links.links) == 1
        assert connector.attempts == 0
        await links.nodes[GREATER].stop([], 1)

    play(story())


def test_a_node_that_stops_is_left_alone_until_it_may_be_back() -> None:
    async def story() -> None:
        links = Links()
        for host, _ in BOTH:
            links.add(host)
        connector = links.keep(LESS, GREATER)
        await asyncio.sleep(1)
        await links.nodes[GREATER].stop([], 1)
        await asyncio.sleep(1)
        assert connector.state is State.HELD_BACK
        assert connector.last_error is not None
        assert "REBOOTING" in connector.last_error
        await links.nodes[LESS].stop([], 1)

    play(story())
