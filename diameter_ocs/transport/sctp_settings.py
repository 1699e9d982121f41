"""What an operator may tune of SCTP, the kernel's and libusrsctp's alike (RFC 9260 section 16)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SctpSettings:
    """Each association's limits; a silent peer is lost after about the sum of its repeats' waits.

    They are made for failing over in seconds: RFC 9260's own take minutes.
    """

    streams: int = 16
    """How many are asked for and allowed, each way; the peer may allow fewer."""
    rto_initial_seconds: float = 0.5
    """How long the first packet of all waits for its acknowledgement."""
    rto_max_seconds: float = 2.0
    rto_min_seconds: float = 0.2
    heartbeat_seconds: float = 5.0
    """How often a path that carries nothing is tried."""
    path_retransmissions_max: int = 2
    """Repeats without an answer after which a path is not used any more."""
    association_retransmissions_max: int = 6
    """Repeats without an answer, on all paths, after which the association is lost."""
    message_octets_max: int = 65_536
    """The longest message, sent or received."""
