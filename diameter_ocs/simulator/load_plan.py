"""What the load client shall send, to whom and for how long; read from its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import SimulatorError

OUTSTANDING_MAX = 65_536
RATE_MIN, RATE_MAX = 0.01, 1_000_000
IMSI_DIGITS = 15
MSISDN_DIGITS_MAX = 15
OVER = ("tcp", "tls", "sctp")
"""What the gateways may connect over."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send and for how long.

    The run ends after `duration_seconds` or when `requests` have been sent, whichever comes first
    (None is no limit). The subscribers follow one another from the first IMSI and MSISDN. Each
    connection has an Origin-Host of its own, `pgw1`, `pgw2` and so on in `origin_realm`. Every
    `check_every`-th answer is decoded in full and compared with its request. `answered` is a file
    for one line of JSON per answer, written before the next request of its session is sent.
    `record` is a file for the octets of every request and its answer, complete when the run ends.
    `rate` requests are sent a second, at their planned times; None: each when the one before it in
    its slot is answered. A policy server subscribes to the share `subscribed` of the subscribers;
    a counter enters a state each time that `threshold_octets` more are used, `thresholds` times.
    Over TLS the gateways show `certificate`; without `authorities` they believe any server.
    """

    host: str = "127.0.0.1"
    port: int = 3868
    connections: int = 4
    outstanding: int = 64
    subscribers: int = 100
    first_imsi: str = "001010000000001"
    first_msisdn: str = "15550100001"
    rating_groups: tuple[int, ...] = (300, 380)
    updates: int = 4
    duration_seconds: float | None = 10.0
    requests: int | None = None
    rate: float | None = None
    check_every: int = 100
    answered: Path | None = None
    record: Path | None = None
    origin_realm: str = "demo.example"
    destination_realm: str = "demo.example"
    subscribed: float = 0.0
    threshold_octets: int = 0
    thresholds: int = 0
    over: str = "tcp"
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Raises SimulatorError for a plan that cannot be run."""
        if not 1 <= self.connections <= self.outstanding <= OUTSTANDING_MAX:
            raise SimulatorError(
                f"{self.connections} connections do not go with {self.outstanding} outstanding "
                f"requests; write one for each connection at least, {OUTSTANDING_MAX} at most"
            )
        if self.duration_seconds is None and self.requests is None:
            raise SimulatorError(
                "the run would never end; write a duration or a number of requests"
            )
        if self.rate is not None and not RATE_MIN <= self.rate <= RATE_MAX:
            raise SimulatorError(f"a rate must be {RATE_MIN} to {RATE_MAX} requests a second")
        if min(self.subscribers, self.check_every, len(self.rating_groups)) < 1:
            raise SimulatorError(
                "write at least one subscriber, one rating group, one check in one"
            )
        if not 0 <= self.subscribed <= 1 or (self.subscribed and self.threshold_octets < 1):
            raise SimulatorError("write a share of at most 1, and the octets between two states")
        if not (self.first_imsi.isdigit() and len(self.first_imsi) == IMSI_DIGITS):
            raise SimulatorError(f"the first IMSI must have {IMSI_DIGITS} digits and nothing else")
        if not (self.first_msisdn.isdigit() and 5 <= len(self.first_msisdn) <= MSISDN_DIGITS_MAX):
            raise SimulatorError(
                f"the first MSISDN must have 5 to {MSISDN_DIGITS_MAX} digits and nothing else"
            )


def subscriber_of(plan: LoadPlan, number: int) -> tuple[bytes, bytes]:
    """Returns the IMSI and the MSISDN of a subscriber; the first has the number 0."""
    msisdn = int(plan.first_msisdn) + number
    return b"%015d" % (int(plan.first_imsi) + number), b"%0*d" % (len(plan.first_msisdn), msisdn)


def parse_arguments(arguments: Sequence[str]) -> LoadPlan:
    """Reads the command line; argparse ends the process when it is wrong."""
    plan = LoadPlan()
    parser = argparse.ArgumentParser(prog="python -m diameter_ocs.simulator.load")
    parser.add_argument("--host", default=plan.host)
    parser.add_argument("--port", type=int, default=plan.port)
    parser.add_argument("--connections", type=int, default=plan.connections)
    parser.add_argument("--outstanding", type=int, default=plan.outstanding)
    parser.add_argument("--subscribers", type=int, default=plan.subscribers)
    parser.add_argument("--first-imsi", default=plan.first_imsi)
    parser.add_argument("--first-msisdn", default=plan.first_msisdn)
    parser.add_argument("--rating-group", type=int, action="append", dest="rating_groups")
    parser.add_argument("--updates", type=int, default=plan.updates, help="CCR-U per session")
    parser.add_argument("--duration", type=float, dest="duration_seconds", help="in seconds")
    parser.add_argument("--requests", type=int, help="how many to send")
    parser.add_argument("--rate", type=float, help="requests a second, in an open loop")
    parser.add_argument("--check-every", type=int, default=plan.check_every)
    parser.add_argument("--answered", type=Path, help="a file for one line per answer")
    parser.add_argument("--record", type=Path, help="a file for the octets of all messages")
    parser.add_argument("--origin-realm", default=plan.origin_realm)
    parser.add_argument("--destination-realm", default=plan.destination_realm)
    parser.add_argument("--subscribed", type=float, default=plan.subscribed)
    parser.add_argument("--threshold-octets", type=int, default=plan.threshold_octets)
    parser.add_argument("--thresholds", type=int, default=plan.thresholds)
    parser.add_argument("--over", choices=OVER, default=plan.over)
    parser.add_argument("--ca", type=Path, dest="authorities", help="who signs the server's")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    values = vars(parser.parse_args(arguments))
    values["rating_groups"] = tuple(values["rating_groups"] or plan.rating_groups)
    if values["duration_seconds"] is None and values["requests"] is None:
        values["duration_seconds"] = plan.duration_seconds
    return LoadPlan(**values)
