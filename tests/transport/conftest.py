"""What the tests of connections share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.transport.bench import Bench
from tests.transport.certified import AUTHORITY, Files


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    for client in bench.clients:
        client.writer.transport.abort()
    if bench.node is not None:
        await bench.stop(1)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What a server goes by."""
    return Files(tmp_path, AUTHORITY)
