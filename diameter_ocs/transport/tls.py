"""Diameter over TLS over TCP (RFC 6733 sections 2.1 and 13.1): TLS first, then the CER.

TLS itself is OpenSSL without a socket: it stands between a stream, whose handler it is, and who
speaks Diameter, whose association it is.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import time
from typing import Any

from . import tcp
from .association import (
    Accept,
    Address,
    Association,
    Handler,
    Listening,
    PathState,
    Place,
    Wire,
    WireFault,
)
from .certificates import Certificates
from .tls_faults import CUT_OFF, EXPIRED, SAYS_NOTHING, UNREADABLE_NAMES, explained, late

HANDSHAKE_SECONDS = 8.0
"""Less than there is for handshake and CER together, so that it is told what was slow."""
RECORD_OCTETS = 16_384
"""The most that one record holds (RFC 8446 section 5.1)."""
SILENT_OCTETS_MAX = 8 * RECORD_OCTETS
"""What a peer may send in a row without a word of Diameter in it, as new keys again and again."""


async def listen(accept: Accept, host: str, port: int, certificates: Certificates) -> Listening:
    """Takes connections at all addresses of a host; port 0 lets the system choose one.

    Their handlers hear of them before the handshake.

    Raises:
        OSError: the address cannot be used.
    """
    return await tcp.listen(lambda: Tls(accept, certificates.server), host, port, Wire.TLS)


async def connect(
    handler: Handler, place: Place, certificates: Certificates, seconds: float
) -> None:
    """Opens a connection for a handler, which hears of it after the handshake.

    The peer's certificate is of one of the authorities; whether it proves the peer's host is seen
    when that is known, by `Association.certificate_names`.

    Raises:
        OSError: it cannot be opened; a WireFault says what is wrong with TLS.
        TimeoutError: the handshake was not done in so many seconds.
    """
    ready = asyncio.get_running_loop().create_future()
    tls = Tls(lambda: handler, certificates.client, ready)
    try:
        async with asyncio.timeout(seconds):
            await tcp.connect(tls, place, seconds)
            await ready
    except BaseException:
        ready.cancel()
        tls.abort()
        raise


class Tls:
    """TLS on the stream of one connection; `accept` makes the handler.

    `ready` is of who connects: done, or failed, with the handshake. None: the peer has connected.
    """

    wire = Wire.TLS

    def __init__(
        self,
        accept: Accept,
        context: ssl.SSLContext,
        ready: "asyncio.Future[None] | None" = None,
    ) -> None:
        self._accept = accept
        self._ready = ready
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=ready is None)
        self._stream: Association | None = None
        self._handler: Handler | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_up = False
        self._is_ended_here = False
        self._beginning = b""
        self._silent_octets = 0
        self._fault: WireFault | None = None
        self.certificate_names: frozenset[str] | None = None
        self.local_addresses: Sequence[Address] = ()
        self.peer_places: Sequence[Place] = ()

    # What the stream says.

    def connection_made(self, association: Association) -> None:
        """Begins the handshake; a handler that has no place for the peer ends it at once."""
        self._stream = association
        self.local_addresses = association.local_addresses
        self.peer_places = association.peer_places
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(HANDSHAKE_SECONDS, self._expire)
        if self._ready is None:
            self._introduce()
        self._advance()

    def data_received(self, octets: bytes) -> None:
        """Decrypts what came."""
        if not self._is_up:
            self._beginning = self._beginning or octets[:1]
        self._incoming.write(octets)
        self._silent_octets += len(octets)
        self._advance()
        if self._is_up and self._silent_octets > SILENT_OCTETS_MAX and not self.is_closing:
            self._fail(WireFault(SAYS_NOTHING))

    def path_changed(self, place: Place, state: PathState) -> None:
        """Gives it on; a stream never says so."""

    def not_sent(self, octets: bytes, error: OSError) -> None:
        """Gives it on; a stream never says so."""

    def pause_writing(self) -> None:
        """Gives on that something has to wait."""
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Gives on that nothing waits any more."""
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Gives on the end, and why TLS came to it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._beginning and not (self._is_up or self._is_ended_here or self._fault):
            self._fault = WireFault(CUT_OFF)
        if self._handler is not None:
            self._handler.connection_lost(self._fault or error)
        elif self._ready is not None and not self._ready.done():
            self._ready.set_exception(self._fault or error or WireFault(CUT_OFF))

    # What the handler wants.

    @property
    def unsent_octets(self) -> int:
        """How much waits until the peer reads more, encrypted."""
        return 0 if self._stream is None else self._stream.unsent_octets

    @property
    def is_closing(self) -> bool:
        """Whether the connection is over, or is being ended."""
        return self._stream is None or self._stream.is_closing

    def send(self, messages: Sequence[bytes]) -> None:
        """Encrypts the messages at once; before the handshake is done there is nobody to hear."""
        if self._is_up and not self.is_closing:
            try:
                self._tls.write(b"".join(messages))
            except ssl.SSLError as error:
                # It waits for the rest of what the peer has begun to say of TLS itself.
                self._fail(WireFault(explained(error, self._beginning)))
            else:
                self._flush()

    def close(self) -> None:
        """Ends the connection after what waits; no answer to the close_notify is waited for."""
        if self._stream is None or self._stream.is_closing:
            return
        self._is_ended_here = True
        if self._is_up:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        self._stream.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._is_ended_here = True
        if self._stream is not None:
            self._stream.abort()

    # TLS between the two.

    def _introduce(self) -> None:
        self._handler = self._accept()
        self._handler.connection_made(self)

    def _advance(self) -> None:
        """Goes on with the handshake, then with what the peer says, as far as it has come."""
        if self.is_closing:
            return
        try:
            if not self._is_up:
                self._shake_hands()
            if self._is_up:
                self._hear()
        except ssl.SSLError as error:
            self._fail(WireFault(explained(error, self._beginning)))
        except WireFault as fault:
            self._fail(fault)

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        self._flush()
        self.certificate_names = self._proved()
        if self._ready is not None and self._ready.done():
            self.abort()  # whoever connects waits no more
            return
        self._is_up = True
        assert self._timer is not None
        self._timer.cancel()
        if self._ready is not None:
            self._introduce()
            self._ready.set_result(None)

    def _proved(self) -> frozenset[str] | None:
        """Returns the hosts that the peer's certificate names.

        Raises:
            WireFault: it names them in no way that can be read, or has expired; OpenSSL does not
                look at that of a peer that resumes an earlier session.
        """
        try:
            certificate = self._tls.getpeercert()
        except ValueError as error:
            raise WireFault(UNREADABLE_NAMES) from error
        if certificate and self._tls.session_reused:
            until = certificate["notAfter"]
            assert isinstance(until, str)
            if ssl.cert_time_to_seconds(until) < time():
                raise WireFault(EXPIRED)
        return _names(certificate)

    def _hear(self) -> None:
        """Gives on what came, all of it in one call."""
        heard: list[bytes] = []
        is_over = False
        try:
            while self._incoming.pending or self._tls.pending():
                octets = self._tls.read(RECORD_OCTETS)
                if not octets:
                    is_over = True
                    break
                heard.append(octets)
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()
            if heard:
                self._silent_octets = 0
                assert self._handler is not None
                self._handler.data_received(b"".join(heard))
        if is_over:
            self.close()

    def _flush(self) -> None:
        """Sends what TLS has to say."""
        assert self._stream is not None
        if self._outgoing.pending:
            self._stream.send([self._outgoing.read()])

    def _expire(self) -> None:
        self._fail(WireFault(late(self._beginning, HANDSHAKE_SECONDS)))

    def _fail(self, fault: WireFault) -> None:
        """Ends the connection; the peer gets the alert that says why, if it reads."""
        assert self._stream is not None
        self._fault = fault
        self._flush()
        if self._stream.unsent_octets:
            self._stream.abort()
        else:
            self._stream.close()


def _names(certificate: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Returns the hosts that a certificate names; the common name counts only where it must."""
    if not certificate:
        return None
    names = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]
    if not names:
        subject = (pair for part in certificate["subject"] for pair in part)
        names = [name for kind, name in subject if kind == "commonName"]
    return frozenset(map(str.lower, names))
