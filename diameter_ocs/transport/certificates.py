"""The files that TLS goes by, looked at again whenever a connection begins.

New ones count for the connections that begin after; where they cannot be used, the old ones go on.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ..observability import Metrics
from .validity import first_expiry

log = structlog.get_logger()

SOON_SECONDS = 30 * 86_400
"""A file that expires within this time is told of when it is read."""
SESSIONS_MAX = 64
"""Sessions of TLS 1.2 that may be resumed; each takes some 15 kB for hours."""

Stamp = tuple[int, int, int]
"""What tells one state of a file from another."""


class CertificatesUnusable(Exception):
    """A file that TLS goes by cannot be used; the text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What TLS goes by, all of it in PEM."""

    certificate: Path
    """This node's certificate, then those of the authorities between it and the root."""
    key: Path
    """Its private key, without a password."""
    authorities: Path | None = None
    """Who signs the certificates of peers; None: there is nobody, and no peer shows one."""
    revocations: Path | None = None
    """Lists of certificates that are taken back, one of each authority in `authorities`."""
    client_certificates: bool = True
    """Whether a peer that connects must show a certificate."""

    @property
    def files(self) -> dict[str, Path]:
        """The files that there are, by what they are called."""
        named = {
            "certificate": self.certificate,
            "key": self.key,
            "authorities": self.authorities,
            "revocations": self.revocations,
        }
        return {name: file for name, file in named.items() if file is not None}


class Certificates:
    """What TLS goes by now.

    Raises:
        CertificatesUnusable: the files cannot be used as they are.
    """

    def __init__(
        self,
        settings: TlsSettings,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self._metrics = metrics
        self._clock = clock
        self._stamps = self._look()
        self._server, self._client = self._load()

    @property
    def server(self) -> ssl.SSLContext:
        """By what connections go that peers open."""
        self._refresh()
        if self._server.session_stats()["number"] >= SESSIONS_MAX:
            with suppress(CertificatesUnusable):
                self._server = _server_context(self.settings)
        return self._server

    @property
    def client(self) -> ssl.SSLContext:
        """By what connections go that this node opens; the peer shows a certificate always."""
        self._refresh()
        return self._client

    def _refresh(self) -> None:
        """Takes files that have changed, each state of them once."""
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._server, self._client = self._load()
        except CertificatesUnusable as error:
            log.error("certificates not reloaded", reason=str(error), next="the old ones go on")
        else:
            log.info("certificates reloaded", certificate=str(self.settings.certificate))

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(map(_stamp, self.settings.files.values()))

    def _load(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        texts = {name: _read(name, file) for name, file in self.settings.files.items()}
        server = _server_context(self.settings)
        client = _context(self.settings, ssl.PROTOCOL_TLS_CLIENT)
        for name, text in texts.items():
            self._tell_expiry(name, text)
        return server, client

    def _tell_expiry(self, name: str, text: bytes) -> None:
        expires = first_expiry(text)
        if expires is None:
            return
        self._metrics.tls_expiry_timestamp_seconds.labels(name).set(expires.timestamp())
        left = (expires - self._clock()).total_seconds()
        told = {
            "what": name,
            "file": str(self.settings.files[name]),
            "at": expires.isoformat(),
            "then": _AFTERWARDS[name],
        }
        if left <= 0:
            log.error("tls file expired", **told)
        elif left < SOON_SECONDS:
            log.warning("tls file expires soon", **told)


_AFTERWARDS = {
    "certificate": "peers that check it refuse this node; renew it",
    "authorities": "peers whose certificates it has signed are refused; renew it",
    "revocations": "every peer that it could name is refused; have its authority make a new list",
}


def _server_context(settings: TlsSettings) -> ssl.SSLContext:
    context = _context(settings, ssl.PROTOCOL_TLS_SERVER)
    # With a ticket a peer would come back without showing its certificate, expired since or not.
    # Those of TLS 1.2 that this node keeps cannot be done without; they end with this context,
    # so that a list of revoked certificates holds for them too.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    if settings.client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _context(settings: TlsSettings, protocol: ssl._SSLMethod) -> ssl.SSLContext:
    """Returns what one role goes by.

    Raises:
        CertificatesUnusable: a file cannot be used.
    """
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # A peer is known by the Origin-Host of its CER or CEA, not by where it is: the names of its
    # certificate are held against that one, whoever has connected.
    context.check_hostname = False
    _add_certificate(context, settings)
    if settings.authorities is not None:
        _add_authorities(context, settings.authorities)
    if settings.revocations is not None:
        _add_revocations(context, settings.revocations)
    return context


def _add_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    def no_password() -> str:
        raise CertificatesUnusable(
            f"tls.key: {settings.key}: it has a password, and nobody is there to type it: write it "
            f"without (openssl pkey -in {settings.key} -out NEW), readable for the server alone"
        )

    try:
        context.load_cert_chain(settings.certificate, settings.key, no_password)
    except ssl.SSLError as error:
        raise CertificatesUnusable(_pair_fault(settings, error)) from error
    except OSError as error:
        raise _unreadable("certificate", settings.certificate, error) from error


def _pair_fault(settings: TlsSettings, error: ssl.SSLError) -> str:
    certificate, key = settings.certificate, settings.key
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"tls.key: {key}: it is not the key of the certificate in {certificate}: this node's "
            "own certificate stands first there; renew both together"
        )
    if b"-----BEGIN CERTIFICATE-----" not in _read("certificate", certificate):
        return f"tls.certificate: {certificate}: no certificate in PEM is in it"
    if b"PRIVATE KEY-----" not in _read("key", key):
        return f"tls.key: {key}: no private key in PEM is in it"
    return (
        f"tls.certificate, tls.key: {certificate} and {key} cannot be used "
        f"({_words(error)}): see openssl x509 -in {certificate} and openssl pkey -in {key}"
    )


def _add_authorities(context: ssl.SSLContext, authorities: Path) -> None:
    # Who is named is trusted, also an authority between the peers and a root that is not there.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags |= ssl.VERIFY_X509_TRUSTED_FIRST
    _add(context, "authorities", authorities)
    if not context.cert_store_stats()["x509"]:
        raise CertificatesUnusable(f"tls.authorities: {authorities}: no certificate is in it")


def _add_revocations(context: ssl.SSLContext, revocations: Path) -> None:
    before = context.cert_store_stats()
    _add(context, "revocations", revocations)
    after = context.cert_store_stats()
    if after["x509"] != before["x509"]:
        raise CertificatesUnusable(
            f"tls.revocations: {revocations}: certificates are in it, which would be trusted: "
            "leave only the lists"
        )
    if after["crl"] == before["crl"]:
        raise CertificatesUnusable(f"tls.revocations: {revocations}: no list is in it")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _add(context: ssl.SSLContext, name: str, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise CertificatesUnusable(
            f"tls.{name}: {file}: nothing in it can be used ({_words(error)}): it has to be in PEM"
        ) from error
    except OSError as error:
        raise _unreadable(name, file, error) from error


def _read(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(name, file, error) from error


def _unreadable(name: str, file: Path, error: OSError) -> CertificatesUnusable:
    reason = error.strerror or str(error)
    return CertificatesUnusable(
        f"tls.{name}: {file}: cannot be read ({reason}): name a file that the server may read"
    )


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
