"""What tables ask of each other: right one by one, they may still not fit together."""

from collections.abc import Iterator

from .configuration import Configuration
from .faults import Fault
from .peers import PeerEntry
from .wires import TlsTable, Wire

AUTHORITIES_WANTED = "authorities, which say who signs the certificates of peers"


def unfit(configuration: Configuration) -> Iterator[Fault]:
    """Yields what cannot work together in a configuration whose values are right."""
    for path, reason in (
        *_excessive_budgets(configuration),
        *_places(configuration),
        *_peers(configuration),
    ):
        yield path, "misfit", reason


Unfit = tuple[tuple[int | str, ...], str]


def _excessive_budgets(configuration: Configuration) -> Iterator[Unfit]:
    """Yields profiles that give the database more time than it gets."""
    most = configuration.answer_budget_seconds
    for name, profile in configuration.profiles.items():
        if profile.answer_budget_seconds is not None and profile.answer_budget_seconds > most:
            reason = f"must be at most answer_budget_seconds of all peers, {most:g}"
            yield ("profiles", name, "answer_budget_seconds"), reason


def _places(configuration: Configuration) -> Iterator[Unfit]:
    """Yields what there is of places where this node listens that cannot be."""
    listen, tls = configuration.listen, configuration.tls
    if not _wires(configuration) and not any(peer.connect for peer in configuration.peers):
        yield (
            ("listen",),
            "nothing would be taken, and nobody connected to: set it, or add [tls], [sctp],"
            " [sctp_udp] or a peer with connect",
        )
    if tls is not None and tls.listen is not None and tls.listen == listen and listen.port != 0:
        yield ("tls", "listen"), f"{listen} is where listen takes TCP: choose another port"


def _wires(configuration: Configuration) -> set[Wire]:
    """Returns what Diameter is taken over."""
    tls = configuration.tls
    wires: dict[Wire, bool] = {
        "tcp": configuration.listen is not None,
        "tls": tls is not None and tls.listen is not None,
        "sctp": configuration.sctp is not None,
        "sctp-udp": configuration.sctp_udp is not None,
    }
    return {wire for wire, is_there in wires.items() if is_there}


def _peers(configuration: Configuration) -> Iterator[Unfit]:
    wires = _wires(configuration)
    connected = dict[str, int]()
    for index, peer in enumerate(configuration.peers):
        if peer.transports and not peer.connect and wires.isdisjoint(peer.transports):
            yield (
                ("peers", index, "transports"),
                f"nothing is taken over {' or '.join(peer.transports)}: add"
                f" {' or '.join(map(_source, peer.transports))}",
            )
        if peer.connect:
            reason = _missing(configuration, peer.transport)
            if reason is not None:
                yield ("peers", index, "transport"), reason
            if (peer.host or "").lower() == (configuration.origin_host or "").lower():
                yield ("peers", index, "host"), "is this node's own origin_host"
            first = connected.setdefault((peer.host or "").lower(), index)
            if first != index:
                reason = f"peers[{first}] connects to {peer.host} already: name all places there"
                yield ("peers", index, "connect"), reason
        if peer.certificate is not None:
            reason = _unshown(configuration.tls, peer)
            if reason is not None:
                yield ("peers", index, "certificate"), reason


def _source(wire: Wire) -> str:
    """Returns the key that has a wire taken."""
    return "listen" if wire == "tcp" else f"[{wire.replace('-', '_')}]"


def _missing(configuration: Configuration, wire: Wire) -> str | None:
    """Says what this node lacks to connect over a wire."""
    if wire == "tls":
        tls = configuration.tls
        if tls is None:
            return f"tls needs a table [tls] with {AUTHORITIES_WANTED}"
        return f"tls needs, in [tls], {AUTHORITIES_WANTED}" if tls.authorities is None else None
    tables = {"sctp": configuration.sctp, "sctp-udp": configuration.sctp_udp}
    if wire in tables and tables[wire] is None:
        return f"{wire} needs a table {_source(wire)}: an empty one will do"
    return None


def _unshown(tls: TlsTable | None, peer: PeerEntry) -> str | None:
    """Says why a peer never shows a certificate."""
    if tls is None:
        return "needs a table [tls]: nothing else shows one"
    if peer.connect and peer.transport == "tls":
        return None
    if tls.client_certificates == "none":
        return 'is never asked for: [tls] has client_certificates = "none"'
    return None
