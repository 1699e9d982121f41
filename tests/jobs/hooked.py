"""A program that takes webhooks, on loopback: it checks signatures, and misbehaves on command."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_" + "AB12" * 8
HANG = b""
"""What is said by who says nothing."""


def saying(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


OK = saying("204 No Content")


class Hooked:
    """What was posted, and what is said to it: the answers in their order, then that it is well."""

    def __init__(self, answers: Sequence[bytes], seconds: float = 0) -> None:
        """It thinks for so long before each answer."""
        self.answers = list(answers)
        self.seconds = seconds
        self.posted: list[Any] = []
        self.heads: list[dict[str, str]] = []
        self.connections = 0
        self.url = ""

    @property
    def ids(self) -> list[str]:
        return [each["id"] for each in self.posted]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]
                assert request == "POST /in?a=1 HTTP/1.1"
                head = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(head["content-length"]))
                self.heads.append(head)
                self.posted.append(Webhook(SECRET).verify(body, head))
                await asyncio.sleep(self.seconds)
                answer = self.answers.pop(0) if self.answers else OK
                if answer is HANG:
                    await reader.read()
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def hooked(*answers: bytes, port: int = 0, seconds: float = 0) -> AsyncIterator[Hooked]:
    """Let a program take webhooks at its `url` while the context lasts."""
    program = Hooked(answers, seconds)
    server = await asyncio.start_server(program.talk, "127.0.0.1", port)
    program.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in?a=1"
    async with server:
        yield program
