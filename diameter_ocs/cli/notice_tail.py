"""Reads files of notices from their end, and on while servers write them."""

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..jobs.notice_files import SUFFIX

BLOCK = 65536
IDS_REMEMBERED = 10_000
"""A notice that comes twice, or is in several files, is shown once."""

Event = dict[str, Any]
"""A notice as it is written."""
Wanted = Callable[[Event], bool]


class NoticeFile(NamedTuple):
    """A file of notices, and whose it is."""

    path: Path
    tenant: str
    name: str
    """Of the sink."""


def files_in(folder: Path) -> list[NoticeFile]:
    """Returns the files of notices in a folder, by name."""
    found = []
    for path in sorted(folder.glob(f"*.*{SUFFIX}")):
        tenant, _, name = path.name.removesuffix(SUFFIX).rpartition(".")
        found.append(NoticeFile(path, unquote(tenant), name))
    return found


class Tail:
    """Some files of a folder; those that are new are read from their beginning."""

    def __init__(
        self, list_files: Callable[[], Sequence[NoticeFile]], is_wanted: Wanted, limit: int
    ) -> None:
        self._list_files = list_files
        self._is_wanted = is_wanted
        self._limit = limit
        self._reading: dict[Path, _Reading] = {}
        self._shown: dict[tuple[str, str], None] = {}

    def latest(self) -> list[Event]:
        """Returns the last notices there are, and begins to read on behind them."""
        found: list[Event] = []
        for file in self._list_files():
            reading = self._reading[file.path] = _Reading(file.path)
            found += reading.latest(self._is_wanted, self._limit)
        found.sort(key=lambda event: str(event.get("time")))
        return list(self._new(found))[-self._limit :]

    def more(self) -> Iterator[Event]:
        """Yields what has been written since."""
        for file in self._list_files():
            if file.path not in self._reading:
                self._reading[file.path] = _Reading(file.path)
        for reading in self._reading.values():
            yield from self._new(filter(self._is_wanted, reading.more()))

    def close(self) -> None:
        """Closes the files."""
        for reading in self._reading.values():
            reading.close()

    def _new(self, events: Iterator[Event] | Sequence[Event]) -> Iterator[Event]:
        for event in events:
            name = str(event.get("source")), str(event.get("id"))
            if name not in self._shown:
                self._shown[name] = None
                if len(self._shown) > IDS_REMEMBERED:
                    del self._shown[next(iter(self._shown))]
                yield event


class _Reading:
    """A file as far as it is read: up to the end of a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._at = 0

    def close(self) -> None:
        os.close(self._descriptor)

    def latest(self, is_wanted: Wanted, limit: int) -> Sequence[Event]:
        """Returns the last lines that are wanted; what is written later is more."""
        found = deque[Event](maxlen=limit)
        self._at = begin = _end_of_lines(self._descriptor)
        rest = b""
        while begin and len(found) < limit:
            size = min(BLOCK, begin)
            begin -= size
            lines = (os.pread(self._descriptor, size, begin) + rest).split(b"\n")
            rest = lines.pop(0) if begin else b""
            for event in _events(reversed(lines)):
                if is_wanted(event) and len(found) < limit:
                    found.appendleft(event)
        return found

    def more(self) -> Iterator[Event]:
        """Yields the lines behind; when the file was moved away, those of the one in its place."""
        is_there = self._is_there()
        yield from self._read()
        if not is_there and self._path.exists():
            os.close(self._descriptor)
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._at = 0
            yield from self._read()

    def _read(self) -> Iterator[Event]:
        if os.fstat(self._descriptor).st_size < self._at:
            self._at = 0
        rest = b""
        while octets := os.pread(self._descriptor, BLOCK, self._at + len(rest)):
            *lines, rest = (rest + octets).split(b"\n")
            self._at += sum(len(line) + 1 for line in lines)
            yield from _events(lines)

    def _is_there(self) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(self._descriptor)
        return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)


def _end_of_lines(descriptor: int) -> int:
    """Returns where the last whole line ends."""
    end = os.fstat(descriptor).st_size
    while end:
        begin = max(end - BLOCK, 0)
        found = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _events(lines: Iterator[bytes] | Sequence[bytes]) -> Iterator[Event]:
    """Yields what lines say; what is no notice is passed over."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
