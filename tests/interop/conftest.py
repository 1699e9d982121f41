"""The runs of all foreign stacks, made once, and the demonstration that they run against."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import temporary_folder
from tests.interop.runs import Run, furnished, run
from tests.interop.stacks import STACKS
from tests.system.serving import Demonstration


@pytest.fixture(scope="session")
def demo() -> Iterator[Demonstration]:
    """A server with the tenant of the steps; in the end the books are balanced."""
    with furnished() as demo:
        yield demo
        assert demo.command("books")["balanced"] is True


@pytest.fixture(scope="session")
def runs(demo: Demonstration) -> Iterator[dict[str, Run]]:
    """What each stack was answered; all ran at the same time."""
    for folder in temporary_folder():
        with ThreadPoolExecutor() as pool:
            running = {
                name: pool.submit(run, stack, demo, folder) for name, stack in STACKS.items()
            }
            yield {name: each.result() for name, each in running.items()}
