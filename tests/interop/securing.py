"""TLS of the demonstration and of the stacks that come to it."""

import re
from pathlib import Path

from tests.interop.stacks import OCS, STACKS, Certified
from tests.system.serving import Demonstration
from tests.transport.authority import Authority
from tests.transport.authority import Certified as Signed

TLS = """
[tls]
listen = "127.0.0.1:0"
certificate = "ocs.pem"
key = "ocs.key"
authorities = "authorities.pem"
revocations = "revoked.pem"
"""
PLACE = re.compile(r"127\.0\.0\.1:(\d+) \(TLS\)")
AUTHORITY = Authority()
STRANGE = Authority("Another authority")
HOSTS = tuple(stack.host for stack in STACKS.values())
REVOKED = AUTHORITY.certify(*HOSTS)


def furnish_tls(folder: Path) -> None:
    """Write the files that the demonstration goes by."""
    AUTHORITY.certify(OCS).write(folder, "ocs")
    (folder / "authorities.pem").write_bytes(AUTHORITY.certificate)
    (folder / "revoked.pem").write_bytes(AUTHORITY.revoke([REVOKED]))


def tls_port(demo: Demonstration) -> int:
    """Return where the demonstration takes Diameter over TLS."""
    found = PLACE.search(demo.server.announcement)
    assert found is not None
    return int(found[1])


def certified(folder: Path, signed: Signed, authority: Authority = AUTHORITY) -> Certified:
    """Return what a stack goes by that shows a certificate and believes an authority."""
    signed.write(folder, "own")
    authorities = folder / "authorities.pem"
    authorities.write_bytes(authority.certificate)
    return Certified(folder / "own.pem", folder / "own.key", authorities)
