"""Records of TLS 1.3 that no library would send, on a connection that one has opened."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HANDSHAKE = 22
KEY_UPDATE = bytes((24, 0, 0, 1, 1))
"""Asks for one of the other side, too (RFC 8446 section 4.6.3)."""


class Records:
    """What a side writes whose `secret` is known; its suite is TLS_AES_256_GCM_SHA384.

    `number` is how many records it has written under this secret.
    """

    def __init__(self, secret: bytes, number: int) -> None:
        self._secret = secret
        self._number = number

    @classmethod
    def of_log(cls, log: str, number: int) -> "Records":
        """Return those of a client that has logged its keys."""
        (line,) = [each for each in log.splitlines() if each.startswith("CLIENT_TRAFFIC_SECRET_0 ")]
        return cls(bytes.fromhex(line.split()[2]), number)

    def record(self, content: bytes, kind: int = HANDSHAKE) -> bytes:
        """Return the next record."""
        nonce = int.from_bytes(self._derived(b"iv", 12)) ^ self._number
        self._number += 1
        header = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2)
        sealed = AESGCM(self._derived(b"key", 32))
        return header + sealed.encrypt(nonce.to_bytes(12), content + bytes((kind,)), header)

    def key_update(self) -> bytes:
        """Return the record with a KeyUpdate; those after it are under the next secret."""
        record = self.record(KEY_UPDATE)
        self._secret, self._number = self._derived(b"traffic upd", 48), 0
        return record

    def _derived(self, label: bytes, length: int) -> bytes:
        whole = b"tls13 " + label
        told = length.to_bytes(2) + bytes((len(whole),)) + whole + b"\0"
        return HKDFExpand(SHA384(), length, told).derive(self._secret)
