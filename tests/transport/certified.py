"""The files that a server under test goes by, and what its gateways go by."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from diameter_ocs.transport.certificates import Certificates, TlsSettings
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import cer
from tests.transport.authority import VALID, Authority, Certified, Validity
from tests.transport.bench import Bench, Client

SERVER = "ocs1.example"
GATEWAY = "gw.example"
BY_NAME = (PeerRule(host=GATEWAY),)
AUTHORITY = Authority()
STRANGE = Authority("Another authority")


class Files:
    """A folder with certificate, key and authorities of a host, and lists where they are made."""

    def __init__(self, folder: Path, authority: Authority, host: str = SERVER) -> None:
        self.folder = folder
        self.authority = authority
        self.authorities = folder / "ca.pem"
        self.authorities.write_bytes(authority.certificate)
        self.revocations: Path | None = None
        authority.certify(host).write(folder, "ocs")

    def revoke(self, certified: Sequence[Certified], validity: Validity = VALID) -> None:
        self.revocations = self.folder / "crl.pem"
        self.revocations.write_bytes(self.authority.revoke(certified, validity))

    def settings(self, client_certificates: bool = True) -> TlsSettings:
        return TlsSettings(
            self.folder / "ocs.pem",
            self.folder / "ocs.key",
            self.authorities,
            self.revocations,
            client_certificates,
        )

    def certificates(self, bench: Bench, client_certificates: bool = True) -> Certificates:
        return Certificates(self.settings(client_certificates), bench.metrics)


def client_context(files: Files, certified: Certified | None) -> ssl.SSLContext:
    """Return what a gateway goes by that shows a certificate, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files.authorities)
    if certified is not None:
        certified.write(files.folder, "gateway")
        context.load_cert_chain(files.folder / "gateway.pem", files.folder / "gateway.key")
    return context


class CutOff(ConnectionError):
    """The connection is over, and TLS was not ended."""


class Bare:
    """TLS of a gateway whose octets are in the test's hand."""

    def __init__(
        self, client: Client, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> None:
        self.client = client
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=SERVER, session=session
        )

    async def connect(self) -> None:
        """Do the handshake, and send it octet by octet."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                octets = await self.client.reader.read(65_536)
                if not octets:
                    raise CutOff from None
                self.incoming.write(octets)
            else:
                return await self.flush()

    async def flush(self) -> None:
        """Send what there is, octet by octet."""
        for octet in self.outgoing.read():
            self.client.writer.write(bytes([octet]))
            await asyncio.sleep(0)

    async def ask(self, octets: bytes) -> bytes:
        """Return what comes back."""
        self.tls.write(octets)
        await self.flush()
        return await self.read()

    async def read(self) -> bytes:
        """Return what comes next, nothing at a close_notify."""
        while True:
            try:
                return self.tls.read(65_536)
            except ssl.SSLWantReadError:
                octets = await self.client.reader.read(65_536)
                if not octets:
                    raise CutOff from None
                self.incoming.write(octets)

    async def read_all(self) -> None:
        """Read until the end, or until TLS is cut off."""
        while await self.read():
            pass


def context(files: Files, certified: Certified | None = None) -> ssl.SSLContext:
    """Return what a gateway goes by."""
    return client_context(files, certified or AUTHORITY.certify(GATEWAY))


def refusals(events: list[Any]) -> list[tuple[str, str]]:
    """Return reason and detail of the connections that were refused."""
    return [
        (each["reason"], each["detail"]) for each in events if each["event"] == "connection refused"
    ]


async def gone(bench: Bench) -> None:
    """Wait until no connection is half open."""
    async with asyncio.timeout(10):
        while bench.metric("connections_half_open"):
            await asyncio.sleep(0)


async def closed(bench: Bench) -> None:
    """Wait until no peer is there."""
    async with asyncio.timeout(10):
        while bench.metric("peers_open"):
            await asyncio.sleep(0)


async def refused(bench: Bench, context: ssl.SSLContext) -> tuple[str, str]:
    """Return what the log says of a gateway, which is refused."""
    with capture_logs() as events:
        try:
            client = await bench.connect(context=context)
            client.writer.write(cer())
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await client.read()
        except (ssl.SSLError, ConnectionError):
            pass
        await gone(bench)
    (line,) = refusals(events)
    return line
