"""A way to PostgreSQL that breaks after a number of messages, as a network or a process does."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

SOCKET = ".s.PGSQL.5432"
HEADER_OCTETS = 5
PARSE = b"P"


class Cutter:
    """Passes the messages of clients on to PostgreSQL, and its answers back.

    Once told to, it lets so many messages through and ends the connection: what came through is
    worked off by PostgreSQL, and the client hears of nothing more. `statements` are those that were
    prepared through it.
    """

    def __init__(self, folder: Path, behind: str) -> None:
        self._behind = behind
        self.conninfo = make_conninfo(behind, host=str(folder))
        self.statements: list[str] = []
        self.passed = 0
        self._cut_after: int | None = None
        self._settled = asyncio.Event()
        # The event loop itself does not keep what waits for a stream.
        self._returning: set[asyncio.Task[None]] = set()

    def cut_after(self, messages: int) -> None:
        """Ends the connection when so many messages more have come through."""
        self.passed = 0
        self._cut_after = messages
        self._settled.clear()

    def stop_cutting(self) -> bool:
        """Lets everything through again; returns whether a connection was ended."""
        was_cut = self._cut_after is not None and self.passed >= self._cut_after
        self._cut_after = None
        return was_cut

    async def settled(self) -> None:
        """Waits until PostgreSQL has done what came through, and has ended its side."""
        await self._settled.wait()

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serves one connection of a client."""
        host = conninfo_to_dict(self._behind)["host"]
        answers, server = await asyncio.open_unix_connection(f"{host}/{SOCKET}")
        returning = asyncio.create_task(_copy(answers, back))
        self._returning.add(returning)
        try:
            start = await client.readexactly(4)
            rest = await client.readexactly(int.from_bytes(start, "big") - 4)
            server.write(start + rest)
            while not await self._pass_on(client, server):
                pass
            back.transport.abort()
        except asyncio.IncompleteReadError:
            pass
        server.write_eof()
        await returning
        server.close()
        back.close()
        self._settled.set()

    async def _pass_on(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> bool:
        """Passes one message on; returns whether it is to be the last one."""
        header = await client.readexactly(HEADER_OCTETS)
        body = await client.readexactly(int.from_bytes(header[1:], "big") - 4)
        server.write(header + body)
        if header[:1] == PARSE:
            self.statements.append(body.split(b"\0")[1].decode())
        self.passed += 1
        return self.passed == self._cut_after


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copies until the source ends; what the target does not take any more is lost."""
    while octets := await source.read(65_536):
        if not target.is_closing():
            target.write(octets)


@asynccontextmanager
async def cutting(behind: str) -> AsyncIterator[Cutter]:
    """Opens a way to the PostgreSQL of a conninfo, on a socket of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ocs-cut-", dir="/tmp"))
    cutter = Cutter(folder, behind)
    listener = await asyncio.start_unix_server(cutter.serve, folder / SOCKET)
    yield cutter
    listener.close()
    shutil.rmtree(folder)
