"""Files of TLS that cannot be used are told of, with what to do, and when they expire."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from structlog.testing import capture_logs

from diameter_ocs.observability import create_metrics
from diameter_ocs.transport.certificates import (
    SESSIONS_MAX,
    Certificates,
    CertificatesUnusable,
)
from diameter_ocs.transport.validity import first_expiry
from tests.transport.authority import DAY, EXPIRED, NOW, VALID, Authority
from tests.transport.certified import SERVER, Files, client_context

AUTHORITY = Authority()
SOON = NOW - DAY, NOW + 10 * DAY
PASSWORD = BestAvailableEncryption(b"secret")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What the server goes by."""
    files = Files(tmp_path, AUTHORITY)
    files.revoke([])
    return files


def other_key(files: Files) -> None:
    (files.folder / "ocs.key").write_bytes(AUTHORITY.certify(SERVER).key)


def key_with_password(files: Files) -> None:
    certified = AUTHORITY.certify(SERVER).write(files.folder, "ocs")
    (files.folder / "ocs.key").write_bytes(certified.key_under(PASSWORD))


def write(name: str, octets: bytes) -> Callable[[Files], None]:
    return lambda files: (files.folder / name).write_bytes(octets) and None


def remove(name: str) -> Callable[[Files], None]:
    return lambda files: (files.folder / name).unlink()


FAULTS: list[tuple[Callable[[Files], None], str, str]] = [
    (remove("ocs.pem"), "tls.certificate", "cannot be read (No such file or directory)"),
    (remove("ocs.key"), "tls.key", "cannot be read (No such file or directory)"),
    (remove("ca.pem"), "tls.authorities", "cannot be read (No such file or directory)"),
    (remove("crl.pem"), "tls.revocations", "cannot be read (No such file or directory)"),
    (other_key, "tls.key", "it is not the key of the certificate in"),
    (key_with_password, "tls.key", "it has a password"),
    (write("ocs.pem", b"nothing"), "tls.certificate", "no certificate in PEM is in it"),
    (write("ocs.key", b"nothing"), "tls.key", "no private key in PEM is in it"),
    (write("ca.pem", b"nothing"), "tls.authorities", "nothing in it can be used"),
    (write("crl.pem", b"nothing"), "tls.revocations", "nothing in it can be used"),
    (write("ca.pem", AUTHORITY.revoke([])), "tls.authorities", "no certificate is in it"),
    (
        write("crl.pem", Authority().certificate + AUTHORITY.revoke([])),
        "tls.revocations",
        "certificates are in it, which would be trusted",
    ),
]


@pytest.mark.parametrize(("spoil", "key", "reason"), FAULTS)
def test_what_cannot_be_used_is_named_with_its_key(
    files: Files, spoil: Callable[[Files], None], key: str, reason: str
) -> None:
    spoil(files)
    with pytest.raises(CertificatesUnusable) as caught:
        Certificates(files.settings(), create_metrics())
    said = str(caught.value)
    assert said.startswith(f"{key}: {files.folder}")
    assert reason in said


def test_files_that_have_vanished_change_nothing(files: Files) -> None:
    certificates = Certificates(files.settings(), create_metrics())
    before = certificates.server, certificates.client
    (files.folder / "ocs.key").unlink()
    with capture_logs() as events:
        assert (certificates.server, certificates.client) == before
        assert (certificates.server, certificates.client) == before
    (line,) = events
    assert line["log_level"] == "error"
    assert "tls.key" in line["reason"]


def test_files_are_read_again_only_when_they_have_changed(files: Files) -> None:
    certificates = Certificates(files.settings(), create_metrics())
    server = certificates.server
    assert certificates.server is server
    AUTHORITY.certify(SERVER).write(files.folder, "ocs")
    assert certificates.server is not server
    assert certificates.server is certificates.server


def test_metrics_tell_when_each_file_expires_and_the_log_when_that_is_near(files: Files) -> None:
    AUTHORITY.certify(SERVER, validity=SOON).write(files.folder, "ocs")
    files.revoke([], EXPIRED)
    metrics = create_metrics()
    with capture_logs() as events:
        Certificates(files.settings(), metrics)
    told = [(each["event"], each["log_level"], each["what"]) for each in events]
    assert told == [
        ("tls file expires soon", "warning", "certificate"),
        ("tls file expired", "error", "revocations"),
    ]
    for name, validity in (("certificate", SOON), ("authorities", VALID), ("revocations", EXPIRED)):
        name_and_value = "ocs_tls_expiry_timestamp_seconds", {"file": name}
        shown = metrics.registry.get_sample_value(*name_and_value)
        assert shown == validity[1].timestamp()


def test_the_first_of_several_that_expires_counts() -> None:
    until = [NOW + timedelta(days=each) for each in (30, 20, 40)]
    texts = [AUTHORITY.certify(SERVER, validity=(NOW, each)).certificate for each in until]
    assert first_expiry(b"# comment\n".join(texts)) == until[1]
    late = NOW.replace(year=2051)  # written as another kind of time
    assert first_expiry(AUTHORITY.certify(SERVER, validity=(NOW, late)).certificate) == late
    assert first_expiry(AUTHORITY.revoke([], (NOW, until[0]))) == until[0]


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x30\x00"])
def test_what_is_no_certificate_expires_never(octets: bytes) -> None:
    text = ssl.DER_cert_to_PEM_cert(octets).encode()
    assert first_expiry(text) is None
    assert first_expiry(octets) is None


def test_a_certificate_cut_anywhere_does_no_harm() -> None:
    whole = ssl.PEM_cert_to_DER_cert(AUTHORITY.certificate.decode())
    for length in range(len(whole)):
        first_expiry(ssl.DER_cert_to_PEM_cert(whole[:length]).encode())


def test_few_sessions_of_tls_1_2_are_kept_for_those_who_come_back(files: Files) -> None:
    certificates = Certificates(files.settings(), create_metrics())
    gateway = client_context(files, AUTHORITY.certify("gw.example"))
    gateway.maximum_version = ssl.TLSVersion.TLSv1_2
    first = certificates.server
    for _ in range(SESSIONS_MAX):
        assert certificates.server is first
        come_and_leave(gateway, first)
    assert certificates.server is not first
    assert certificates.server.session_stats()["number"] == 0


def come_and_leave(gateway: ssl.SSLContext, server: ssl.SSLContext) -> None:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = gateway.wrap_bio(down, up, server_hostname=SERVER)
    here = server.wrap_bio(up, down, server_side=True)
    for act in ("do_handshake",) * 3 + ("unwrap",) * 2:
        for end in (there, here):
            with suppress(ssl.SSLWantReadError):
                getattr(end, act)()
