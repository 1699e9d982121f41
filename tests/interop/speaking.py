"""Foreign stacks that are talked with: a step at a time, and what the server asks by itself."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.interop.requests import Step

WAIT_SECONDS = 20.0
"""How long a line may take; servers write what they deliver within 1 s."""

Line = dict[str, Any]


class Asked(NamedTuple):
    """A request of the server."""

    avps: list[Any]
    is_again: bool
    """It has the T bit."""

    def said(self, name: str) -> Any:
        """Return what it says; None: nothing."""
        return dict(self.avps).get(name)


class Speaker:
    """A stack as a process that is connected to a server."""

    def __init__(self, process: "subprocess.Popen[str]", host: str) -> None:
        self.host = host
        self.lines: list[Line] = []
        """All that it has told: of answers, and of requests of the server."""
        self._process = process
        self._taken: set[int] = set()
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def ask(self, step: Step) -> list[Any]:
        """Send a request and return the AVPs of its answer."""
        self._write(f"{step.line}\n")
        answer: list[Any] = self._next(step.name, lambda line: line.get("step") == step.name)[
            "avps"
        ]
        return answer

    def answering(self, command: str, code: int) -> None:
        """Have it answer such requests with a Result-Code from now on; 0: not at all."""
        self._write(f"answer {command} {code}\n")

    def asked(self, command: str) -> Asked:
        """Wait for the next such request of the server that is not for another host."""
        line = self._next(
            command, lambda line: line.get("request") == command and self._is_us(line)
        )
        return Asked(line["avps"], "retransmitted" in line["flags"])

    def is_ready(self) -> None:
        """Wait until it says that it is connected, as a relay does."""
        self._next("word that it is ready", lambda line: "ready" in line)

    @property
    def unanswered(self) -> int:
        """How many requests of the server it has not answered."""
        return sum(line.get("answered") == 0 for line in self.lines)

    def end(self) -> None:
        """Have it disconnect."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        status = self._process.wait(WAIT_SECONDS)
        self._reader.join()
        assert status == 0, f"{self.host} ended with {status}"

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _is_us(self, request: Line) -> bool:
        return ["Destination-Host", self.host] in request["avps"]

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _next(self, what: str, is_wanted: Callable[[Line], bool]) -> Line:
        """Wait for the first line of a kind that was not taken before."""
        limit = time.monotonic() + WAIT_SECONDS
        with self._heard:
            while True:
                for number, line in enumerate(self.lines):
                    if number not in self._taken and is_wanted(line):
                        self._taken.add(number)
                        return line
                rest = limit - time.monotonic()
                assert rest > 0, f"{self.host}: no {what} within {WAIT_SECONDS:g} s"
                assert self._process.poll() is None, f"{self.host} has ended"
                self._heard.wait(min(rest, 1))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._heard:
                self.lines.append(json.loads(line))
                self._heard.notify_all()


@contextmanager
def speaking(
    command: list[str], folder: Path, host: str, excused: str | None = None
) -> Iterator[Speaker]:
    """Run a stack by a command; it disconnects at the end, and has found no fault.

    What it says of an AVP that is excused is none.
    """
    errors = folder / f"{host}.err"
    with errors.open("w") as written:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written, text=True
        )
    speaker = Speaker(process, host)
    try:
        yield speaker
        speaker.end()
    finally:
        speaker.kill()
        sys.stderr.write(errors.read_text())
    assert [line for line in speaker.lines if line.get("wrong_flags")] == []
    faults = [fault for line in speaker.lines for fault in line.get("faults", ())]
    assert [fault for fault in faults if not excused or f"'{excused}'" not in fault] == []
