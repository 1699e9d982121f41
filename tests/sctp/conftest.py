"""Tests that need a kernel with SCTP, and root to make networks: `tests/with-sctp-kernel`."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.sctp.ends import Ends
from tests.sctp.network import Network, made
from tests.sctp.serving import Site, served


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark whatever lies in this folder."""
    item.add_marker(pytest.mark.sctp)


@pytest.fixture
def network() -> Iterator[Network]:
    """Two hosts of the test's own, joined by two paths."""
    with made() as network:
        yield network


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server that the tests of a module share; each takes accounts of its own."""
    with served() as site:
        yield site


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    """Listeners and associations, ended with the test."""
    ends = Ends()
    yield ends
    await ends.end()
