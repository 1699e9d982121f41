"""Builds the house, the only room that knows every other, and keeps it standing until it ends."""

import asyncio
import gc
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import structlog

from ..base.capabilities import Application, LocalNode
from ..base.message import Identity
from ..config import Configuration, Endpoint
from ..gy.decode import Decoder
from ..jobs import peer_notices, peering
from ..jobs.clocks import MovedClock, wall_clock
from ..jobs.delivery import Deliverer
from ..jobs.peer_notices import PeerNotices
from ..jobs.peering import Peering
from ..jobs.rounds import Rounds
from ..observability import Metrics, create_metrics
from ..store.peers import PostgresPeers
from ..sy import application as sy
from ..transport.admission import Places
from ..transport.node import Node
from ..transport.peers import PeerTable
from .application import CreditControl
from .calling import call_peers
from .dictionaries import server_dictionary
from .door import Door, by_application
from .gate import Gate, answer_terms, described, rules
from .leaving import Leaving, delivering
from .moved import Decodes, MovedDecoder
from .numbering import numbering_tables
from .readiness import Readiness, pages
from .restarts import closing_profiles, hearing
from .seen_peers import seeing
from .spending_limits import SpendingLimitControl
from .wires import Wires, opened
from .works import GoingBy, Working, working

log = structlog.get_logger()

CREDIT_CONTROL = "Credit-Control"
SERVICE_INFORMATION = "Service-Information"
"""An AVP of the vendor that Gy needs besides the IETF: 3GPP."""
RESTART_SECONDS = 0.2
"""How often the embedded database is looked after."""
STOP_SECONDS = 10.0
"""How long peers may take to leave when the server stops."""
GARBAGE_THRESHOLDS = 100_000, 50
"""A burst of requests makes many objects that counting frees again: not worth looking through.
Those that stay, as accounts are remembered, are looked through in turns of 20 to 40 ms."""


class Front(NamedTuple):
    """The Diameter node, what it starts by itself, and who looks at its peers."""

    node: Node
    peers: PeerTable
    gate: Gate
    deliverer: Deliverer
    seen: PeerNotices


class Listening(NamedTuple):
    """Where a server can be reached."""

    diameter: Wires
    metrics: Endpoint | None


async def run(
    configuration: Configuration,
    conninfo: str,
    on_listening: Callable[[Listening], None],
    look_after_database: Callable[[], object] | None,
    clock: Callable[[], int] = wall_clock,
) -> None:
    """Serves until SIGTERM or SIGINT, then lets the peers go and finish what they asked.

    `look_after_database` is called again and again from this thread: it restarts the embedded
    database when that has died.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics, readiness = create_metrics(), Readiness()
    here = described(configuration, clock())
    going_by = GoingBy(clock, here.id)
    async with (
        working(configuration, conninfo, readiness, metrics, going_by) as works,
        asyncio.TaskGroup() as tasks,
        AsyncExitStack() as standing,
    ):
        node, peers, gate, deliverer, seen = _front(configuration, works, metrics, here.id)
        following = Peering(PostgresPeers(works.database), gate, here, clock)
        rounds = Rounds("peers", [following.round], peering.ROUND_SECONDS)
        telling = Rounds("peer notices", [seen.tell], peer_notices.ROUND_SECONDS)
        await rounds.once()
        endpoint = configuration.metrics
        with pages(endpoint, metrics, readiness) as watched:
            wires = await standing.enter_async_context(opened(configuration, node, peers, metrics))
            call_peers(configuration, node, wires)
            works_beside = (
                _look_after(look_after_database),
                rounds.run(),
                deliverer.run(),
                deliverer.listen(),
                telling.run(),
            )
            keepers = [tasks.create_task(work) for work in works_beside]
            on_listening(Listening(wires, watched))
            gc.freeze()
            gc.set_threshold(*GARBAGE_THRESHOLDS)
            await stop.wait()
            readiness.stop()
            log.info("server stopping")
            await node.stop(wires.listening, STOP_SECONDS)
            await works.lanes.drain()
            await works.limits.drain()
            await telling.once()
            for keeper in keepers:
                keeper.cancel()
            await following.end()
    log.info("server stopped")


async def _look_after(look: Callable[[], object] | None) -> None:
    while look is not None:
        try:
            look()
        except OSError as error:
            log.error("database not looked after", reason=str(error))
        await asyncio.sleep(RESTART_SECONDS)


def _front(configuration: Configuration, works: Working, metrics: Metrics, server_id: str) -> Front:
    """Joins the Diameter node, its peers and the applications."""
    dictionary = server_dictionary()
    identity = Identity(*configuration.identity(), int(time.time()))
    command = dictionary.command_named(CREDIT_CONTROL)
    charging = Application(command.application_id, frozenset({CREDIT_CONTROL}))
    policing = sy.application(dictionary)
    local = LocalNode(
        identity=identity,
        host_ip_addresses=(),  # each connection puts its own here
        vendor_id=configuration.vendor_id,
        product_name=configuration.product_name,
        applications=(charging, policing),
        dictionary=dictionary,
        supported_vendor_ids=(dictionary.avp(SERVICE_INFORMATION).vendor_id,),
        host_aliases=frozenset(configuration.host_aliases),
        served_realms=frozenset(configuration.served_realms),
        message_octets_max=configuration.message_octets_max,
        requests_in_flight_max=configuration.requests_in_flight_max,
        watchdog_seconds=configuration.watchdog_seconds,
    )
    peers = PeerTable(rules(configuration, ()), identity.origin_host)
    decoder: Decodes = Decoder(dictionary, numbering_tables(), configuration.service_contexts)
    clock = works.lanes.clock
    if isinstance(clock, MovedClock):
        decoder = MovedDecoder(decoder, clock)
    door = Door(peers, local, metrics)
    gy = CreditControl(works.lanes, door, decoder, answer_terms(configuration))
    limits = SpendingLimitControl(works.limits, door, clock)
    takers = {
        charging.id: hearing(gy.take, works.restarts, closing_profiles(configuration)),
        policing.id: limits.take,
    }
    places = Places(configuration.connections_max, configuration.half_open_connections_max)
    node = Node(local, peers, by_application(takers), places, metrics)
    leaving = Leaving(
        works.outbox,
        works.bell,
        works.lanes,
        works.limits,
        works.supervision,
        limits,
        works.notices,
    )
    deliverer = delivering(leaving, local, peers, server_id, node.next_identifier, metrics)
    gate = Gate(configuration, peers, node, door.forget_tenants)
    seen = seeing(peers, works.accounts, works.outbox, identity.origin_host, clock)
    return Front(node, peers, gate, deliverer, seen)
