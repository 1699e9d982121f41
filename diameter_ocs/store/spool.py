"""A file for usage that meets an absent database: each line of it is on the disk before a refusal.

Every process has a file of its own in a common directory, under a lock that ends with the process;
who opens the directory takes over the files of processes that have ended.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import structlog

from ..charging.requests import ChargingRequest
from ..charging.spooled import SpooledRequest

log = structlog.get_logger()

OCTETS_MAX = 256 * 1024 * 1024
"""The size of a process's file; what finds no room in it is lost."""
SUFFIX = ".spool"
DAMAGED = ".damaged"


class SpoolUnusable(Exception):
    """The directory of a spool cannot be used; the text says what to do."""


class _Kept(msgspec.Struct, tag="kept"):
    """A line for a request that was refused."""

    number: int
    at: int
    request: ChargingRequest


class _Settled(msgspec.Struct, tag="settled"):
    """A line for requests that need not be kept any more."""

    numbers: list[int]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept | _Settled).decode


class Spool:
    """The spool of this process; its methods are called one after the other.

    `left` is what processes that have ended left behind; it stands in the new file by now.

    Raises:
        SpoolUnusable: the directory cannot be made, read or written.
    """

    def __init__(self, directory: Path, octets_max: int = OCTETS_MAX) -> None:
        self._octets_max = octets_max
        self._octets = 0
        self._last_number = 0
        self._outstanding: set[int] = set()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(directory):
                self.left = self._take_over(directory)
        except OSError as error:
            raise SpoolUnusable(
                f"the spool {directory} cannot be used ({error.strerror}): free some space there,"
                " or name another directory as `spool` in the configuration"
            ) from None

    async def keep(
        self, requests: Sequence[ChargingRequest], at: int
    ) -> Sequence[SpooledRequest | None]:
        """Returns each request as it is on the disk by now; None: it could not be kept."""
        return await asyncio.to_thread(self._keep, requests, at)

    async def settle(self, numbers: Collection[int]) -> None:
        """Forgets requests that were charged, or whose usage was reported once more.

        Should that not reach the disk, what was charged is recognised as a repeat.
        """
        await asyncio.to_thread(self._settle, numbers)

    def close(self) -> None:
        """Ends the use of the spool; an empty file goes away."""
        if not self._outstanding:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _take_over(self, directory: Path) -> Sequence[SpooledRequest]:
        """Begins a file, with what is outstanding in the files of processes that have ended."""
        found = list(_abandoned(directory))
        self._path = directory / f"{time.time_ns()}-{os.getpid()}{SUFFIX}"
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        left = [self._numbered(each.request, each.at) for file in found for each in file.kept]
        self._write(b"".join([_line(each) for each in left]))
        self._outstanding.update([each.number for each in left])
        for file in found:
            file.put_away()
        with _opened(directory) as number:
            os.fsync(number)
        return left

    def _numbered(self, request: ChargingRequest, at: int) -> SpooledRequest:
        self._last_number += 1
        return SpooledRequest(self._last_number, at, request)

    def _keep(
        self, requests: Sequence[ChargingRequest], at: int
    ) -> Sequence[SpooledRequest | None]:
        kept: list[SpooledRequest | None] = []
        lines: list[bytes] = []
        room = self._octets_max - self._octets
        for request in requests:
            spooled = self._numbered(request, at)
            line = _line(spooled)
            has_room = len(line) <= room
            if has_room:
                room -= len(line)
                lines.append(line)
            kept.append(spooled if has_room else None)
        try:
            self._write(b"".join(lines))
        except OSError as error:
            log.error("usage lost", file=self._path.name, reason=error.strerror)
            return [None] * len(requests)
        if len(lines) < len(requests):
            log.error("usage lost", file=self._path.name, reason="the spool is full")
        self._outstanding.update([each.number for each in kept if each is not None])
        return kept

    def _settle(self, numbers: Collection[int]) -> None:
        self._outstanding.difference_update(numbers)
        try:
            if self._outstanding:
                line = _encode(_Settled(list(numbers))) + b"\n"
                self._octets += _written(self._file, line)
            else:
                os.ftruncate(self._file, 0)
                self._octets = 0
            os.fsync(self._file)
        except OSError as error:
            log.warning("spool not cleared", file=self._path.name, reason=error.strerror)
            self._cut_back()

    def _write(self, octets: bytes) -> None:
        """Writes octets to the disk, or nothing of them."""
        try:
            _written(self._file, octets)
            os.fsync(self._file)
        except OSError:
            self._cut_back()
            raise
        self._octets += len(octets)

    def _cut_back(self) -> None:
        """Takes away what was written in part."""
        with suppress(OSError):
            os.ftruncate(self._file, self._octets)


class _File:
    """The file of a process that has ended, under our lock."""

    def __init__(self, path: Path, octets: bytes) -> None:
        self._path = path
        self._is_damaged = False
        self._kept: dict[int, SpooledRequest] = {}
        *lines, rest = octets.split(b"\n")
        for number, line in enumerate(lines, 1):
            self._read(number, line)
        if rest:
            log.warning("last line of a spool was not finished", file=str(path))

    @property
    def kept(self) -> Collection[SpooledRequest]:
        """What is not settled, in its order."""
        return self._kept.values()

    def put_away(self) -> None:
        """Removes the file; a damaged one is kept under another name for whoever looks into it."""
        if self._is_damaged:
            self._path.rename(self._path.with_suffix(DAMAGED))
        else:
            self._path.unlink()

    def _read(self, number: int, line: bytes) -> None:
        try:
            record = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._is_damaged = True
            log.error("spool damaged", file=str(self._path), line=number, reason=str(error))
            return
        if isinstance(record, _Kept):
            spooled = SpooledRequest(record.number, record.at, record.request)
            self._kept[record.number] = spooled
        else:
            for settled in record.numbers:
                self._kept.pop(settled, None)


def _abandoned(directory: Path) -> Iterator[_File]:
    """Yields the files that no living process has locked; one that ends takes its own away."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with suppress(FileNotFoundError), _opened(path) as number:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield _File(path, path.read_bytes())


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keeps other processes from opening the spool at the same time."""
    with _opened(directory) as number:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_RDONLY)
    try:
        yield number
    finally:
        os.close(number)


def _line(spooled: SpooledRequest) -> bytes:
    return _encode(_Kept(*spooled)) + b"\n"


def _written(file: int, octets: bytes) -> int:
    """Writes all octets, however many the system takes at a time; returns how many."""
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(file, rest) :]
    return len(octets)
