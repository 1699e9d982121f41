"""The bridge from TCP to SCTP over UDP: messages cross whole, and so does the end."""

import asyncio

import pytest

from diameter_ocs.cli.bridge import End
from tests.base.wire import cer

OCTETS_MAX = 4096
MESSAGE = cer()


class Side:
    """A connection that notes what it is to send."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.is_closed = False

    def send(self, messages: list[bytes]) -> None:
        assert not self.is_closed
        self.sent.append([*messages])

    def close(self) -> None:
        self.is_closed = True


def bridge() -> tuple[End, End]:
    """Return both ends; nothing is connected yet."""
    near, far = End(OCTETS_MAX), End(OCTETS_MAX)
    near.other, far.other = far, near
    return near, far


def connected(end: End) -> Side:
    side = Side()
    end.connection_made(side)  # type: ignore[arg-type]
    return side


async def test_messages_cross_whole_once_a_turn_and_wait_for_the_far_end() -> None:
    near, far = bridge()
    connected(near)
    near.data_received(MESSAGE + MESSAGE[:5])
    near.data_received(MESSAGE[5:] + MESSAGE)
    await asyncio.sleep(0)
    side = connected(far)
    assert side.sent == [[MESSAGE] * 3]
    near.data_received(MESSAGE)
    near.data_received(MESSAGE)
    await asyncio.sleep(0)
    assert side.sent[1:] == [[MESSAGE] * 2]


async def test_the_end_crosses_after_what_came_before() -> None:
    near, far = bridge()
    connected(near)
    side = connected(far)
    near.data_received(MESSAGE)
    near.connection_lost(None)
    assert (side.sent, side.is_closed) == ([[MESSAGE]], True)


async def test_what_is_no_diameter_ends_both(capsys: pytest.CaptureFixture[str]) -> None:
    near, far = bridge()
    sides = connected(near), connected(far)
    near.data_received(b"GET / HTTP/1.1\r\n\r\n  ")
    assert [side.is_closed for side in sides] == [True, True]
    assert capsys.readouterr().err.startswith("diameter-ocs: what came is not Diameter")
