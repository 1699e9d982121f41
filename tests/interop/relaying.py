"""freeDiameter as a relay: it has no application of its own and passes on what comes."""

from pathlib import Path

from tests.interop.requests import REALM
from tests.interop.stacks import Certified, Node, configured, shown_by

CONFIGURATION = """
Identity = "{host}";
Realm = "{realm}";
Port = {listening};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
TwTimer = 6;
LoadExtension = "acl_wl.fdx" : "{allowed}";
ConnectPeer = "{server}"
    {{ ConnectTo = "127.0.0.1"; Port = {port}; No_TLS; No_SCTP; Prefer_TCP; }};
"""
ALLOWED = f"ALLOW_IPSEC *.{REALM}\n"
"""Whoever connects without TLS."""


def relay(folder: Path, node: Node, listening: int) -> list[str]:
    """Configure a relay that listens on a port; return how it is started."""
    allowed = folder / "allowed.conf"
    allowed.write_text(ALLOWED)
    where = {**node._asdict(), "realm": REALM, "listening": listening, "allowed": allowed}
    return configured(folder, node, CONFIGURATION.format(**where))


CERTIFIED_CONFIGURATION = """
Identity = "{host}";
Realm = "{realm}";
Port = 0;
SecPort = {port};
No_SCTP;
No_IPv6;
ListenOn = "127.0.0.1";
{shown}
LoadExtension = "acl_wl.fdx" : "{allowed}";
"""


def certified_relay(folder: Path, node: Node, certified: Certified) -> list[str]:
    """Configure a relay that listens on the node's port, over TLS; return how it is started."""
    allowed = folder / "allowed.conf"
    allowed.write_text(f"*.{REALM}\n")
    where = {**node._asdict(), "realm": REALM, "allowed": allowed, "shown": shown_by(certified)}
    return configured(folder, node, CERTIFIED_CONFIGURATION.format(**where))
