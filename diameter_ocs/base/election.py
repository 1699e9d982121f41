"""Who keeps the connection it accepted when two nodes connect to each other (RFC 6733 5.6.4)."""


def wins_election(local_host: str, peer_host: str) -> bool:
    """Says whether this node wins: it keeps the connection it accepted and closes its own.

    The names are compared octet by octet, those of letters in ASCII as if they were small; the
    greater one wins. One end of two wins, but where a node has called itself.
    """
    return _octets(local_host) > _octets(peer_host)


def _octets(host: str) -> bytes:
    return host.encode("utf-8", "surrogateescape").lower()
