"""Which peers there are, and how they are treated: `[[peers]]` and `[profiles.NAME]`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from .faults import Fault, Misfit, near, refuse
from .values import (
    PORT_MAX,
    AnswerBudget,
    Endpoint,
    Identity,
    IdentityPattern,
    Network,
    WatchdogSeconds,
    is_identity,
    parse_network,
    parse_peer_endpoint,
)
from .wires import SCTP_UDP_PORT, Wire


class PeerEntry(BaseModel):
    """Which peers are accepted by one `[[peers]]` table, and how they are treated."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: IdentityPattern | None = None
    """The peer's Origin-Host, or a pattern of it such as `pgw*.example.net`; not set: any."""
    realm: Identity | None = None
    """The peer's Origin-Realm; not set: any. A table needs a host or a realm."""
    tenant: str | None = Field(default=None, min_length=1)
    """Whose gateways these are; not set: any tenant's."""
    addresses: tuple[Annotated[Network, PlainValidator(parse_network)], ...] = ()
    """Where they may connect from; empty: anywhere."""
    profile: str | None = None
    """The `[profiles.NAME]` that says how they are treated; not set: as all others."""
    transports: tuple[Wire, ...] = ()
    """What they may connect over; empty: anything."""
    connect: tuple[Annotated[Endpoint, PlainValidator(parse_peer_endpoint)], ...] = ()
    """Where this node connects to the peer, as HOST:PORT; several are the same peer, tried in
    turn, or with `sctp` one multi-homed end. Needs the host of one peer, no pattern."""
    transport: Wire = "tcp"
    """What it connects over."""
    udp_port: int = Field(default=SCTP_UDP_PORT, ge=1, le=PORT_MAX)
    """The peer's UDP port where that is `sctp-udp`; the port in `connect` is then the SCTP port."""
    certificate: IdentityPattern | None = None
    """Over TLS: what the certificate must prove, a name or a pattern such as `*.example.net`;
    not set: its own host. `transports = ["tls"]` keeps the peer from coming without one."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.host is None and self.realm is None:
            raise ValueError("needs a host or a realm")
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        wires, given = self.transports, self.model_fields_set
        if self.connect:
            yield from self._unfit_to_connect()
        elif "transport" in given:
            yield "transport", "needs connect: it is what this node connects over"
        if "udp_port" in given and not (self.connect and self.transport == "sctp-udp"):
            yield "udp_port", 'needs connect and transport = "sctp-udp"'
        if self.certificate is not None and wires and "tls" not in (*wires, self.transport):
            yield "certificate", 'needs "tls" among the transports: nothing else shows one'
        if "sctp-udp" in wires and not self.addresses and not self.connect:
            yield "addresses", "needed for sctp-udp: packets from anywhere else are not even read"

    def _unfit_to_connect(self) -> Iterator[Misfit]:
        if self.host is None:
            yield "connect", "needs the host: the name of the one peer that is there"
        elif not is_identity(self.host):
            yield "connect", f"needs the host of one peer, and {self.host} is a pattern"
        if self.transports and self.transport not in self.transports:
            yield "transport", f'"{self.transport}" is none of the transports of this table'
        if self.transport == "sctp" and len({place.port for place in self.connect}) > 1:
            yield "connect", "an end of sctp has one port, with however many addresses"


class Profile(BaseModel):
    """How peers are treated that name this `[profiles.NAME]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strict: bool = False
    """Whether peculiarities of messages that would be tolerated are errors."""
    answer_budget_seconds: AnswerBudget | None = None
    """As of the same name for all peers, and not above it; not set: that one."""
    watchdog_seconds: WatchdogSeconds | None = None
    """As of the same name for all peers; not set: that one."""
    requests_in_flight_max: int | None = Field(default=None, ge=1)
    """As of the same name for all peers; not set: that one."""
    announcements: bool = True
    """Whether Announcement-Information is sent, to the contexts that the tenant has it for."""
    location_triggers: bool = True
    """Whether data whose price depends on the place is granted with a Trigger for its change."""
    quota_thresholds: bool = True
    """Whether quotas are told with a threshold, a holding time and a consumption time."""
    quota_pools: bool = False
    """Whether quotas of a session that are paid by its money may be used for each other
    (G-S-U-Pool-Reference)."""
    free_services: Literal["2001", "4011"] = "2001"
    """What is free is granted with 2001, or answered with 4011, so that it is asked for no more."""
    final_unit_result_code: Literal["2001", "4012"] = "2001"
    """What a service gets that is redirected, or restricted, at once, since nothing is left."""
    qos_final_unit_indication: bool = False
    """Whether QoS-Final-Unit-Indication is sent besides Final-Unit-Indication, where it can say the
    same: it has no place for IPFilterRules."""
    closes_on_restart: bool = False
    """Whether a greater Origin-State-Id closes the sessions that a gateway opened before it."""
    refund_information: bool = False
    """Whether answers to events that were debited say by what they may be refunded
    (Refund-Information): the id of the EDR."""
    session_failover: bool = True
    """CC-Session-Failover: whether an open session may go on with another server."""
    credit_control_failure_handling: Literal["TERMINATE", "CONTINUE", "RETRY_AND_TERMINATE"] = (
        "RETRY_AND_TERMINATE"
    )
    """What becomes of a session that gets no answer; one that is refused gets `TERMINATE`."""
    direct_debiting_failure_handling: Literal["TERMINATE_OR_BUFFER", "CONTINUE"] = (
        "TERMINATE_OR_BUFFER"
    )
    """What becomes of an event that gets no answer."""
    cost_information: bool = False
    """Whether Cost-Information says what a session has cost so far, or an event."""
    remaining_balance: bool = False
    """Whether Remaining-Balance says how much of the default money is left to the account."""
    low_balance_indication: bool = False
    """Whether Low-Balance-Indication says if that is less than the tenant's `low_balance`."""
    grant_unasked: bool = False
    """Whether an update that reports usage and asks for no quota gets one, QHT and FINAL apart."""
    grant_at_start: bool = False
    """Whether a session that opens without a service gets a quota, of its context's default."""


def unknown_profiles(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields the faults of peers that name a profile that is not there."""
    profiles, peers = values.get("profiles", {}), values.get("peers", [])
    if not isinstance(profiles, dict) or not isinstance(peers, list):
        return
    for index, peer in enumerate(peers):
        name = peer.get("profile") if isinstance(peer, dict) else None
        if isinstance(name, str) and name not in profiles:
            reason = f"there is no [profiles.{name}]{near(name, profiles)}"
            yield ("peers", index, "profile"), "unknown_profile", reason
