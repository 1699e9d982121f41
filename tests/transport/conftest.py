"""What the tests of connections share."""

from collections.abc import AsyncIterator

import pytest

from tests.transport.bench import Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.writer.transport.abort()
    if bench.node is not None:
        await bench.stop(1)
