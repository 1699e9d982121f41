"""How far long work is: rewritten in place on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

TERMINAL_SECONDS = 0.2
ELSEWHERE_SECONDS = 10.0
WIDTH = 78


class Progress:
    """Tells on a stream, standard error when None; `clock` gives seconds and moves forward."""

    def __init__(
        self,
        work: str,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work = work
        self._stream = stream or sys.stderr
        self._clock = clock
        self._on_terminal = self._stream.isatty()
        self._seconds = TERMINAL_SECONDS if self._on_terminal else ELSEWHERE_SECONDS
        self._told_at = clock()
        self._is_open = False

    def tell(self, what: str, done: int, total: int) -> None:
        """Says how much is done of about how much; not more often than one can read."""
        now = self._clock()
        if now - self._told_at < self._seconds:
            return
        self._told_at = now
        line = f"{self._work}: {what}, {done:,} of {total:,}"
        if self._on_terminal:
            self._stream.write(f"\r{line:<{WIDTH}}")
            self._is_open = True
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Makes room for what is printed next."""
        if self._is_open:
            self._stream.write(f"\r{'':<{WIDTH}}\r")
            self._stream.flush()
            self._is_open = False
