"""Files of notices: a line for each, on the disk before it counts as delivered.

A file is opened, locked, and closed again for what is written at once: another server may write the
same file, and whoever moves it away needs to tell nobody.
"""

import asyncio
import fcntl
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

SUFFIX = ".jsonl"
BLOCK = 65536
"""Octets that are read at once to find the last line."""
_Waiting = tuple[bytes, asyncio.Future[None]]


def file_of(folder: Path, tenant: str, name: str) -> Path:
    """Returns where the notices of a tenant are that a sink gets."""
    return folder / f"{quote(tenant, safe='')}.{name}{SUFFIX}"


class NoticeFiles:
    """Appends to the files of a folder; what comes while the disk is busy is written together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Path, list[_Waiting]] = defaultdict(list)
        self._writing: set[asyncio.Task[None]] = set()

    async def append(self, tenant: str, name: str, lines: Sequence[bytes]) -> None:
        """Returns once the lines are on the disk.

        Raises:
            OSError: none of them is there.
        """
        path = file_of(self._folder, tenant, name)
        written = asyncio.get_running_loop().create_future()
        is_free = path not in self._waiting
        octets = b"".join(b"%s\n" % line for line in lines)
        self._waiting[path].append((octets, written))
        if is_free:
            task = asyncio.create_task(self._write(path), name=f"notices {path.name}")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        await written

    async def _write(self, path: Path) -> None:
        """Writes what waits for a file until nothing does."""
        while waiting := self._waiting[path]:
            self._waiting[path] = []
            octets = b"".join(octets for octets, _ in waiting)
            try:
                await asyncio.to_thread(_append, path, octets)
            except Exception as fault:
                for _, written in waiting:
                    if not written.done():
                        written.set_exception(fault)
            else:
                for _, written in waiting:
                    if not written.done():
                        written.set_result(None)
        del self._waiting[path]


def _append(path: Path, octets: bytes) -> None:
    """Writes whole lines behind the last whole line, all of them or none."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = _end_of_lines(descriptor)
        try:
            left = memoryview(octets)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
            if not end:
                _keep_name(path)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
    finally:
        os.close(descriptor)


def _keep_name(path: Path) -> None:
    """Has the disk know of a file that may be new."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_of_lines(descriptor: int) -> int:
    """Returns where the last whole line ends, and drops what a server left behind it that died."""
    end = size = os.fstat(descriptor).st_size
    while end:
        begin = max(end - BLOCK, 0)
        found = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if found >= 0:
            end = begin + found + 1
            break
        end = begin
    if end < size:
        os.ftruncate(descriptor, end)
    return end
