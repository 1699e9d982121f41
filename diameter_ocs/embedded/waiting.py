"""Waiting for something outside this process, by looking again within a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.05

Found = TypeVar("Found")


def wait_until(look: Callable[[], Found | None], seconds: float) -> Found | None:
    """Looks again and again until something is found; None when the time is over."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return found
