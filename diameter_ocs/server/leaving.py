"""Joins what is to leave, whoever has it delivered, and the ways to peers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from ..base.capabilities import LocalNode
from ..charging.outbox import OutboxKind
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitSession
from ..gy.reauth import Caller
from ..handlers.lanes import Lanes
from ..handlers.ports import Outbox
from ..handlers.spending_limits import SpendingLimits
from ..handlers.supervision import Supervision
from ..jobs.clocks import wall_clock
from ..jobs.delivery import Bell, Courier, Deliverer, Here, Sending
from ..observability import Metrics
from ..sy.notify import Notifier
from ..transport.peers import PeerTable
from ..transport.routes import Routes
from .calls import Aborts, Calls
from .reports import Reports
from .sending import Correspondence
from .spending_limits import SpendingLimitControl


class Leaving(NamedTuple):
    """What is needed of those who make something leave."""

    outbox: Outbox
    bell: Bell
    lanes: Lanes
    limits: SpendingLimits
    supervision: Supervision
    policing: SpendingLimitControl
    notices: Courier


def delivering(
    leaving: Leaving,
    local: LocalNode,
    peers: PeerTable,
    server_id: str,
    next_identifier: Callable[[], int],
    metrics: Metrics,
) -> Deliverer:
    """Returns who delivers for this server; it looks at once when a peer has come or gone."""
    outbox, bell, lanes, limits, supervision, policing, notices = leaving
    ways = Correspondence(Routes(peers))
    caller = Caller(local.dictionary, local.identity)
    notifier = Notifier(local.dictionary, local.identity)
    calls = Calls(ways, caller, outbox, lanes.is_busy, supervision.decide)
    aborts = Aborts(ways, caller, lanes.is_busy, next_identifier)
    forget = partial(_forget, limits)
    reports = Reports(ways, notifier, policing.is_busy, forget, lanes.clock)
    sendings: Mapping[OutboxKind, Sending] = {
        OutboxKind.NOTICE: Sending(notices),
        OutboxKind.SPENDING_LIMIT: Sending(reports, notifier.application_id),
        OutboxKind.REAUTHORIZATION: Sending(calls, caller.application_id),
        OutboxKind.ABORT: Sending(aborts, caller.application_id),
    }
    here = Here(server_id, lanes.clock, wall_clock, next_identifier)
    peers.watch(bell.ring)
    return Deliverer(outbox, sendings, ways, here, bell, metrics)


def _forget(limits: SpendingLimits, session: SpendingLimitSession) -> None:
    """Ends a subscription that its policy server does not know, unless it has asked since."""
    origin = session.origin_host, session.origin_realm
    end = SpendingLimitEnd(session.session_id, *origin, None, session.updated_at)
    limits.submit(end, lambda _: None)
