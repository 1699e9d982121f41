"""A little authority: certificates and revocation lists for tests, made in milliseconds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.x509.oid import ExtensionOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
Validity = tuple[datetime, datetime]
VALID: Validity = (NOW - DAY, NOW + 365 * DAY)
EXPIRED: Validity = (NOW - 2 * DAY, NOW - DAY)
NOT_YET_VALID: Validity = (NOW + DAY, NOW + 2 * DAY)


class Certified:
    """A certificate with its key, in PEM."""

    def __init__(self, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        self.x509 = certificate
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)
        self._key = key

    @property
    def key(self) -> bytes:
        return self.key_under(serialization.NoEncryption())

    def key_under(self, encryption: serialization.KeySerializationEncryption) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self._key.private_bytes(serialization.Encoding.PEM, form, encryption)

    def write(self, folder: Path, stem: str) -> Self:
        """Write `stem`.pem and `stem`.key."""
        (folder / f"{stem}.pem").write_bytes(self.certificate)
        (folder / f"{stem}.key").write_bytes(self.key)
        return self


class Authority:
    """Signs certificates and lists of those that it takes back."""

    def __init__(self, name: str = "Tests' authority") -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = generate_private_key(SECP256R1())
        builder = _builder(self._name, self._name, self._key, VALID)
        may = x509.BasicConstraints(ca=True, path_length=None)
        builder = builder.add_extension(may, critical=True)
        made = builder.sign(self._key, hashes.SHA256())
        self.certificate = made.public_bytes(serialization.Encoding.PEM)

    def certify(
        self, *hosts: str, common_name: str = "somebody", validity: Validity = VALID
    ) -> Certified:
        """Return a certificate that names hosts, or only a common name."""
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, self._name, key, validity)
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return Certified(builder.sign(self._key, hashes.SHA256()), key)

    def certify_names(self, names: bytes) -> Certified:
        """Return a certificate whose alternative names are these octets, whatever they mean."""
        key = generate_private_key(SECP256R1())
        builder = _builder(x509.Name([]), self._name, key, VALID)
        extension = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
        builder = builder.add_extension(extension, critical=False)
        return Certified(builder.sign(self._key, hashes.SHA256()), key)

    def revoke(self, certified: Sequence[Certified], validity: Validity = VALID) -> bytes:
        """Return the list of the certificates that are taken back, in PEM."""
        since, until = validity
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(since).next_update(until)
        for each in certified:
            number = each.x509.serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(since)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def self_signed(host: str) -> Certified:
    """Return a certificate that nobody has signed."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    builder = _builder(name, name, key, VALID).add_extension(names, critical=False)
    return Certified(builder.sign(key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    since, until = validity
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(since).not_valid_after(until)
