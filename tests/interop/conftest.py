"""The runs of all foreign stacks, made once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import temporary_folder
from tests.interop.runs import Run, furnished, run
from tests.interop.stacks import STACKS


@pytest.fixture(scope="session")
def runs() -> Iterator[dict[str, Run]]:
    """What each stack was answered; all ran at the same time, and the books are balanced."""
    for folder in temporary_folder():
        with furnished() as demo, ThreadPoolExecutor() as pool:
            running = {
                name: pool.submit(run, stack, demo, folder) for name, stack in STACKS.items()
            }
            found = {name: each.result() for name, each in running.items()}
            assert demo.command("books")["balanced"] is True
        yield found
