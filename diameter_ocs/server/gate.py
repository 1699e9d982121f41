"""The peers of this server in the words of those who accept them, and the other way round."""

import time
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from uuid import uuid4

import structlog

from ..base.capabilities import PeerAccepted
from ..charging.peers import (
    AbsentPeer,
    AcceptedPeer,
    ConfiguredPeer,
    ConnectedPeer,
    NamedProfile,
    PeerPath,
    RefusedPeer,
    RunningServer,
)
from ..config import Configuration, Endpoint, PeerEntry
from ..gy.terms import AnswerTerms, DebitingFailureHandling, FailureHandling
from ..handlers.catalogue_keys import known_keys
from ..transport.association import Wire
from ..transport.connector import Connector, State
from ..transport.node import Node
from ..transport.peer_rules import PeerRule
from ..transport.peers import PeerTable

log = structlog.get_logger()

PEER_TEXT_LENGTH_MAX = 255
"""Characters of what a peer says that are kept."""


class Gate:
    """The peers of this server, in the words of those who accept them."""

    def __init__(
        self,
        configuration: Configuration,
        peers: PeerTable,
        node: Node,
        on_change: Callable[[], None],
    ) -> None:
        self._configuration = configuration
        self._peers = peers
        self._node = node
        self._on_change = on_change

    def admit(self, accepted: Sequence[AcceptedPeer], named: Sequence[NamedProfile] = ()) -> None:
        """Takes these peers, besides those of the configuration, and no others from now on.

        `named` says how tenants want their peers treated that have no profile otherwise.
        """
        profiles = self._configuration.profiles
        wanted = [(peer.host, peer.profile) for peer in accepted if peer.profile is not None]
        wanted += [(peer.host, peer.profile) for peer in named]
        for host, profile in wanted:
            if profile not in profiles:
                log.warning("profile unknown", peer=host, profile=profile)
        self._peers.replace(rules(self._configuration, accepted, named))
        self._on_change()

    def refused(self, now: int) -> Sequence[RefusedPeer]:
        """Returns the peers that were refused since it was asked last."""
        return [
            RefusedPeer(
                _shown(facts.origin_host.lower()),
                _shown(facts.origin_realm.lower()),
                reason,
                str(origin.address),
                _shown(facts.product_name),
                tuple(sorted(facts.application_ids)),
                now,
                now,
                times,
            )
            for facts, origin, reason, times in self._peers.take_refusals()
        ]

    def connected(self) -> tuple[ConnectedPeer, ...]:
        """Returns the peers that are here."""
        return tuple(
            ConnectedPeer(
                _shown(each.facts.origin_host.lower()),
                _shown(each.facts.origin_realm.lower()),
                each.address,
                _shown(each.facts.product_name),
                each.opened_at,
                each.state,
                each.requests,
                each.refusals,
                each.wire,
                "server" if each.is_called else "peer",
                tuple(PeerPath(str(place), state) for place, state in each.paths.items()),
            )
            for each in self._node.opened
            if each.facts is not None
        )

    def absent(self) -> tuple[AbsentPeer, ...]:
        """Returns the peers that are not here, and whoever came and did not say who he is."""
        called = {each.target.host.lower(): each for each in self._node.connectors}
        absent = [
            AbsentPeer(
                None if each.host is None else _shown(each.host),
                each.address,
                each.wire,
                _shown(each.reason),
                each.ended_at,
                each.times,
            )
            for each in self._node.absences.all()
            if each.host is None or self._peers.taken_of(each.host) is None
        ]
        known = {each.host: each for each in absent}
        wanted = [
            _wanted(connector, known.get(host))
            for host, connector in called.items()
            if self._peers.taken_of(host) is None
        ]
        return (*wanted, *(each for each in absent if each.host not in called))


def described(configuration: Configuration, now: int) -> RunningServer:
    """Returns what a process tells of itself that starts now, in microseconds since 1970."""
    configured = tuple(
        ConfiguredPeer(
            entry.host,
            entry.realm,
            entry.tenant,
            entry.profile,
            tuple(map(str, entry.addresses)),
            entry.transports,
            entry.certificate,
        )
        for entry in configuration.peers
    )
    profiles = tuple(configuration.profiles)
    name, _ = configuration.identity()
    return RunningServer(uuid4().hex, name, now, now, profiles, configured, (), known_keys())


def rules(
    configuration: Configuration,
    accepted: Sequence[AcceptedPeer],
    named: Sequence[NamedProfile] = (),
) -> list[PeerRule]:
    """Returns who may connect: what the configuration names comes before what was accepted.

    A profile that a tenant's catalogue names is for its own peers, where nothing else names one.
    """
    configured = [
        PeerRule(
            entry.host,
            entry.realm,
            entry.tenant,
            entry.addresses,
            frozenset(map(Wire, entry.transports)),
            entry.certificate,
            terms=_terms(configuration, entry.profile),
            terms_of_hosts=_terms_of_tenant(configuration, entry, named),
        )
        for entry in configuration.peers
    ]
    others = [
        PeerRule(
            peer.host,
            peer.realm,
            peer.tenant,
            tuple(map(ip_network, peer.addresses)),
            frozenset(map(Wire, peer.wires)),
            peer.certificate,
            terms=_terms(configuration, peer.profile),
            terms_of_hosts=_terms_of_tenant(configuration, peer, named),
        )
        for peer in accepted
        if not any(rule.matches(peer.host, peer.realm or "") for rule in configured)
    ]
    anybody = [PeerRule(is_loopback_only=True)] if configuration.accept_any_loopback_peer else []
    return configured + others + anybody


def answer_terms(configuration: Configuration) -> dict[str, AnswerTerms]:
    """Returns how peers are answered, by their profile."""
    return {
        name: AnswerTerms(
            announcements=profile.announcements,
            location_triggers=profile.location_triggers,
            quota_thresholds=profile.quota_thresholds,
            quota_pools=profile.quota_pools,
            tells_free=profile.free_services == "4011",
            refuses_at_end=profile.final_unit_result_code == "4012",
            qos_final_units=profile.qos_final_unit_indication,
            refund_information=profile.refund_information,
            session_failover=profile.session_failover,
            failure_handling=FailureHandling[profile.credit_control_failure_handling],
            debiting_failure_handling=DebitingFailureHandling[
                profile.direct_debiting_failure_handling
            ],
            cost_information=profile.cost_information,
            remaining_balance=profile.remaining_balance,
            low_balance_indication=profile.low_balance_indication,
            grants_unasked=profile.grant_unasked,
            grants_at_start=profile.grant_at_start,
        )
        for name, profile in configuration.profiles.items()
    }


def _terms_of_tenant(
    configuration: Configuration, peer: PeerEntry | AcceptedPeer, named: Sequence[NamedProfile]
) -> tuple[tuple[str, PeerAccepted], ...]:
    """Returns how the tenant of a peer wants its hosts treated, by their patterns."""
    if peer.profile is not None or peer.tenant is None:
        return ()
    return tuple(
        (each.host, _terms(configuration, each.profile))
        for each in named
        if each.tenant == peer.tenant
    )


def _terms(configuration: Configuration, name: str | None) -> PeerAccepted:
    """Returns how a peer is treated: by its profile, if it has one that is known."""
    profile = configuration.profiles.get(name or "")
    if profile is None:
        return PeerAccepted()
    return PeerAccepted(
        strict=profile.strict,
        watchdog_seconds=profile.watchdog_seconds,
        requests_in_flight_max=profile.requests_in_flight_max,
        answer_budget_seconds=profile.answer_budget_seconds,
        profile=name,
    )


def _wanted(connector: Connector, absence: AbsentPeer | None) -> AbsentPeer:
    """Returns a peer that this node connects to and that is not here, as one line tells of it."""
    target, now = connector.target, time.time_ns() // 1000
    is_waiting = connector.state in (State.WAITING, State.HELD_BACK)
    due_at = now + int(connector.waits_seconds * 1_000_000) if is_waiting else None
    return AbsentPeer(
        target.host.lower(),
        " ".join(str(Endpoint(*place)) for place in target.places),
        target.wire,
        _shown(connector.last_error or "nobody has answered yet"),
        now if absence is None else absence.ended_at,
        0 if absence is None else absence.times,
        connector.state,
        connector.attempts,
        due_at,
    )


def _shown(text: str) -> str:
    """Returns what an unknown peer said as it can be stored and printed."""
    cut = text[:PEER_TEXT_LENGTH_MAX]
    return "".join(each if each.isprintable() else "?" for each in cut)
