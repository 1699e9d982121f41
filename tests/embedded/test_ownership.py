"""One owner per data directory, and one PostgreSQL in it."""

import os
import threading
from pathlib import Path

import pytest

from diameter_ocs.embedded.directory import Layout
from diameter_ocs.embedded.errors import DirectoryOwned
from diameter_ocs.embedded.ownership import COMMAND, SERVER, disown, lock_for_postgres, own

BOUND_SECONDS = 30.0


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.mark.parametrize("role", [SERVER, COMMAND])
def test_a_server_that_owns_is_not_waited_for(layout: Layout, role: str) -> None:
    descriptor = own(layout, SERVER, 0)
    with pytest.raises(DirectoryOwned, match=f"by process {os.getpid()};") as refusal:
        own(layout, role, BOUND_SECONDS)
    assert refusal.value.by_server
    disown(descriptor)


def test_a_command_that_owns_is_waited_for(layout: Layout) -> None:
    command = own(layout, COMMAND, 0)
    servers: list[int] = []
    waiting = threading.Thread(target=lambda: servers.append(own(layout, SERVER, BOUND_SECONDS)))
    waiting.start()
    disown(command)
    waiting.join(BOUND_SECONDS)
    assert len(servers) == 1
    disown(servers[0])


def test_a_command_is_not_waited_for_longer_than_patience_lasts(layout: Layout) -> None:
    command = own(layout, COMMAND, 0)
    with pytest.raises(DirectoryOwned) as refusal:
        own(layout, SERVER, 0)
    assert not refusal.value.by_server
    disown(command)


def test_what_was_given_back_can_be_owned_again(layout: Layout) -> None:
    disown(own(layout, SERVER, 0))
    disown(own(layout, SERVER, 0))


def test_postgres_is_locked_until_the_last_copy_of_the_descriptor_is_closed(
    layout: Layout,
) -> None:
    first = lock_for_postgres(layout)
    assert first is not None
    copy = os.dup(first)
    os.close(first)
    assert lock_for_postgres(layout) is None
    os.close(copy)
    second = lock_for_postgres(layout)
    assert second is not None
    os.close(second)
