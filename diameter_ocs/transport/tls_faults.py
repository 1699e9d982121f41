"""What went wrong with TLS, in sentences that a person can act on."""

import ssl

HANDSHAKE = b"\x16"
ALERT = b"\x15"
"""First octets of who speaks TLS (RFC 8446 section 5.1)."""
DIAMETER = b"\x01"
"""The first octet of who speaks Diameter: its version."""

EXPIRED = "its certificate has expired: it has to be renewed"
UNREADABLE_NAMES = "the names in its certificate cannot be read: have its authority write others"
SAYS_NOTHING = "it sends TLS again and again with nothing in it"

_CERTIFICATE = {
    3: "no list of revoked certificates is here of who has signed its certificate: add that to the"
    " file of `revocations`",
    7: "its certificate is signed by another than the authority of that name in the file of"
    " `authorities`: was that made anew?",
    9: "its certificate is not yet valid: it has to wait, or its clock or this one's is wrong",
    10: EXPIRED,
    11: "the list of revoked certificates is not yet valid: is the clock right?",
    12: "the list of revoked certificates is out of date, so nobody of its authority is let in:"
    " put a new one into the file of `revocations`",
    18: "its certificate is signed by nobody but itself: have an authority sign it, or add it to"
    " the file of `authorities`",
    19: "its certificate is of an authority that is not in the file of `authorities`",
    20: "its certificate is of an authority that is not in the file of `authorities`, or it does"
    " not send those between",
    21: "its certificate is of an authority that is not in the file of `authorities`, or it does"
    " not send those between",
    23: "its certificate is revoked",
    26: "its certificate is not made for this role: a peer that connects needs the extended key"
    " usage clientAuth, one that is connected to serverAuth, or none at all",
}
"""By the error of OpenSSL's X509_verify_cert."""
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate: give it one, or set"
    ' client_certificates = "none"',
    "UNSUPPORTED_PROTOCOL": "it offers no TLS that is new enough: it has to speak 1.2 or 1.3",
    "VERSION_TOO_LOW": "it offers no TLS that is new enough: it has to speak 1.2 or 1.3",
    "NO_SHARED_CIPHER": "it offers no cipher suite that is safe enough, as ECDHE with AES-GCM is",
}
_THIS_CERTIFICATE = "look at this node's certificate, and at what the peer trusts"
_ALERTS = {
    "UNKNOWN_CA": f"it does not know the authority of this node's certificate: {_THIS_CERTIFICATE}",
    "CERTIFICATE_EXPIRED": f"it finds this node's certificate expired: {_THIS_CERTIFICATE}",
    "CERTIFICATE_REVOKED": f"it finds this node's certificate revoked: {_THIS_CERTIFICATE}",
    "CERTIFICATE_UNKNOWN": f"it refuses this node's certificate: {_THIS_CERTIFICATE}",
    "BAD_CERTIFICATE": f"it refuses this node's certificate: {_THIS_CERTIFICATE}",
    "UNSUPPORTED_CERTIFICATE": f"it refuses this node's certificate: {_THIS_CERTIFICATE}",
    "ACCESS_DENIED": f"it refuses this node's certificate: {_THIS_CERTIFICATE}",
    "CERTIFICATE_REQUIRED": "it wants a certificate of this node, and gets none that it knows",
    "PROTOCOL_VERSION": "it speaks no TLS that is new enough: it needs 1.2 or 1.3",
    "HANDSHAKE_FAILURE": "it finds nothing in common: look at its cipher suites, whether it wants a"
    " certificate of another kind, and that it does not renegotiate",
}
"""By what the other side says before it ends the connection (RFC 8446 section 6)."""


def explained(error: ssl.SSLError, beginning: bytes) -> str:
    """Returns what is wrong with the peer; `beginning` is the first octet that it has sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        known = _CERTIFICATE.get(error.verify_code)
        return known or f"its certificate is refused: {error.verify_message}"
    if beginning == DIAMETER:
        return "it speaks Diameter without TLS here: have it use TLS, or the port without TLS"
    reason = error.reason or str(error)
    if beginning not in (HANDSHAKE, ALERT):
        return "it does not speak TLS"
    if "_ALERT_" in reason:
        alert = reason.partition("_ALERT_")[2]
        return _ALERTS.get(alert) or f"it has ended TLS: {_plain(alert)}"
    return _REASONS.get(reason) or f"TLS with it has failed: {_plain(reason)}"


def late(beginning: bytes, seconds: float) -> str:
    """Returns what is said of a peer whose handshake is not done in time."""
    if not beginning:
        return f"it has not begun TLS in {seconds:g} s"
    return f"its TLS handshake is not done in {seconds:g} s"


CUT_OFF = (
    "it has ended the connection in the midst of the TLS handshake, without a word why: it may not"
    " trust this node's certificate; see its log"
)


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower()
