"""Builds the house, the only module that knows every room, and lets requests through it.

`CreditControl` takes each request from its connection to `gy` and the lanes, and back.
"""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog

from ..base import dictionary as dictionaries
from ..base.capabilities import Application, LocalNode
from ..base.dictionary import Dictionary
from ..base.errors import DiameterError, TooBusy, UnableToComply
from ..base.events import RequestReceived
from ..base.message import Identity, Message, error_answer
from ..base.message import decode as decode_message
from ..charging.decisions import Decision, Novelty
from ..charging.faults import BrokenBatch, CasesUnavailable
from ..charging.requests import RequestType
from ..config import Configuration, Endpoint, resource
from ..gy.decode import Decoded, Decoder
from ..gy.encode import Encoder, result_code
from ..gy.remembered import Remembered
from ..gy.strict import refusal
from ..handlers import catalogue
from ..handlers.credit_control import Fault
from ..handlers.lanes import Lanes, LaneSettings
from ..handlers.spooling import Spooling, Sweep
from ..handlers.supervision import Supervision
from ..handlers.unclaimed import Unclaimed
from ..jobs import peering
from ..jobs.clocks import ClockWatch
from ..jobs.partitions import PartitionJob, PartitionWatch
from ..jobs.peering import Peering
from ..jobs.rounds import Rounds
from ..observability import Metrics, SparingLog, create_metrics, monitored
from ..store.catalogues import Catalogues
from ..store.database import Database, Lease
from ..store.partitions import Partitions, measure
from ..store.peers import PostgresPeers
from ..store.spool import Spool
from ..store.work import PostgresStore
from ..transport.admission import Places
from ..transport.connection import Connection
from ..transport.peers import PeerTable
from ..transport.tcp import Listener, shut
from .gate import Gate, described, rules

log = structlog.get_logger()

DICTIONARIES = ("base.xml", "credit_control.xml", "3gpp_gy.xml")
FALLBACK = "fallback.xml"
CREDIT_CONTROL = "Credit-Control"
SERVICE_INFORMATION = "Service-Information"
"""An AVP of the vendor that Gy needs besides the IETF: 3GPP."""
WATCH_SECONDS = 1.0
"""How often the database is asked whether it is there."""
RESTART_SECONDS = 0.2
"""How often the embedded database is looked after."""
STOP_SECONDS = 10.0
"""How long peers may take to leave when the server stops."""
SESSION_ID_LOGGED = 256
"""Octets of a Session-Id that a log line shows."""
TENANTS_REMEMBERED = 1024
"""Combinations of hosts and realms of which it is remembered whose they are."""
TENANT_NAMES_LENGTH_MAX = 1024
"""Characters of the names of such a combination; longer ones are looked up each time."""
CONNECTIONS_BESIDES_LANES = 5
"""For the resolver, the watch, the supervision, the sweep and the peers."""
SWEEP_SECONDS = 60.0
"""How often usage that waits is looked at though nobody asks."""
GARBAGE_THRESHOLD = 500_000
"""A burst of requests makes many objects that counting frees again: not worth looking through."""

FAULTS: dict[Fault, DiameterError] = {
    Fault.TOO_BUSY: TooBusy("the server or its database is overloaded: try again"),
    Fault.UNABLE_TO_COMPLY: UnableToComply("the request cannot be decided"),
}


class AddressUnavailable(Exception):
    """The server cannot listen where it was told to."""


class Listening(NamedTuple):
    """Where a server can be reached."""

    diameter: Endpoint
    metrics: Endpoint | None


class CreditControl:
    """The Gy application: from a message to its answer (RFC 8506)."""

    def __init__(
        self,
        lanes: Lanes,
        peers: PeerTable,
        dictionary: Dictionary,
        identity: Identity,
        metrics: Metrics,
        service_contexts: Mapping[str, str],
    ) -> None:
        self._lanes = lanes
        self._peers = peers
        self._decoder = Decoder(dictionary, service_contexts)
        self._encoder = Encoder(dictionary, identity)
        self._dictionary = dictionary
        self._identity = identity
        self._metrics = metrics
        self._tenants: Remembered[tuple[str, ...], tuple[str | None]] = Remembered(
            TENANTS_REMEMBERED
        )
        self._counted: dict[tuple[RequestType, int], Callable[[], None]] = {}
        self._refusals = SparingLog("request refused")

    def take(self, connection: Connection, received: RequestReceived) -> None:
        """Decodes a request and sends it down; a request that says nothing useful is answered."""
        message = received.message
        try:
            tenant = self._tenant_of(connection, message)
            decoded = self._decoder.decode(message, tenant, wall_clock())
            if decoded.tolerated and connection.is_strict:
                raise refusal(message, decoded.tolerated, self._dictionary)
        except DiameterError as error:
            self._refuse(connection, message, error)
            return
        for kind in decoded.tolerated:
            connection.tolerate(kind)
        reply = partial(self._reply, connection, decoded)
        self._lanes.submit(decoded.request, reply, connection.answer_budget_seconds)

    def forget_tenants(self) -> None:
        """Asks anew whose requests are: there are other rules."""
        self._tenants.forget()

    def _tenant_of(self, connection: Connection, message: Message) -> str | None:
        """Returns whose request it is; while the rules stay as they are it is asked once."""
        facts = connection.facts
        assert facts is not None
        first = message.group.first
        origin = (first("Origin-Host") or "", first("Origin-Realm") or "")
        names = (*origin, first("Destination-Realm") or "", facts.origin_host, facts.origin_realm)
        known = self._tenants.get(names)
        if known is None:
            known = (self._peers.tenant_of(origin, names[2], names[3:]),)
            if sum(map(len, names)) <= TENANT_NAMES_LENGTH_MAX:
                self._tenants.keep(names, known)
        return known[0]

    def _reply(self, connection: Connection, decoded: Decoded, result: Decision | Fault) -> None:
        if isinstance(result, Fault):
            message = decode_message(decoded.octets, self._dictionary)
            self._refuse(connection, message, FAULTS[result])
            return
        request = decoded.request
        self._count(request.request_type, result_code(result, decoded))
        if not result.edrs and result.novelty is Novelty.NEW:
            self._refusals.info(
                log,
                reason=result.outcome.name.lower(),
                identities=[identity.value for identity in request.identities],
                session_id=request.session_key.session_id[:SESSION_ID_LOGGED].decode(
                    errors="backslashreplace"
                ),
            )
        self._send(connection, self._encoder.encode(result, decoded))

    def _count(self, request_type: RequestType, code: int) -> None:
        """Counts an answer; what a kind of answers is counted by is looked up once."""
        count = self._counted.get((request_type, code))
        if count is None:
            count = self._metrics.requests.labels(request_type.name.lower(), str(code)).inc
            self._counted[request_type, code] = count
        count()

    def _refuse(self, connection: Connection, message: Message, error: DiameterError) -> None:
        self._metrics.refusals.labels(str(error.result_code)).inc()
        peer = None if connection.facts is None else connection.facts.origin_host
        self._refusals.info(log, peer=peer, result_code=error.result_code, reason=str(error))
        self._send(connection, error_answer(message, self._dictionary, self._identity, error))

    def _send(self, connection: Connection, answer: bytes) -> None:
        if not connection.answer(answer):
            self._metrics.answers_dropped.labels("no connection").inc()


class Readiness:
    """Whether requests can be taken now; the reason is shown to whoever asks why not."""

    def __init__(self) -> None:
        self.reason: str | None = "starting"
        self._is_stopping = False

    def found(self, reason: str | None) -> None:
        """Takes what a look at the database found; who looks into the log sees when it changed."""
        if self._is_stopping:
            return
        if reason is None and self.reason is not None:
            log.info("server became ready")
        elif reason is not None and self.reason is None:
            log.warning("server became unready", reason=reason)
        self.reason = reason

    def stop(self) -> None:
        """Takes the server out for good."""
        self._is_stopping = True
        self.reason = "stopping"

    def unready(self) -> str | None:
        """Returns why not, or None."""
        return self.reason


async def run(
    configuration: Configuration,
    conninfo: str,
    on_listening: Callable[[Listening], None],
    look_after_database: Callable[[], object] | None,
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
    async with (
        _lanes(configuration, conninfo, readiness, metrics) as (lanes, database),
        asyncio.TaskGroup() as tasks,
    ):
        listener, gate = _listener(configuration, lanes, metrics)
        following = Peering(
            PostgresPeers(database), gate, described(configuration, wall_clock()), wall_clock
        )
        rounds = Rounds("peers", [following.round], peering.ROUND_SECONDS)
        await rounds.once()
        endpoint = configuration.metrics
        with _monitored(endpoint, metrics, readiness) as watched:
            address = await _started(listener, configuration.listen)
            keepers = [
                tasks.create_task(work) for work in (_look_after(look_after_database), rounds.run())
            ]
            on_listening(Listening(address, watched))
            gc.freeze()
            gc.set_threshold(GARBAGE_THRESHOLD)
            await stop.wait()
            readiness.stop()
            log.info("server stopping")
            await listener.stop(STOP_SECONDS)
            await lanes.drain()
            for keeper in keepers:
                keeper.cancel()
            await following.end()
    log.info("server stopped")


async def _started(listener: Listener, endpoint: Endpoint) -> Endpoint:
    try:
        return Endpoint(*await listener.start(*endpoint))
    except OSError as error:
        raise AddressUnavailable(f"cannot listen on {endpoint}: {error}") from error


def wall_clock() -> int:
    """Returns microseconds since 1970 UTC."""
    return time.time_ns() // 1000


@asynccontextmanager
async def _lanes(
    configuration: Configuration, conninfo: str, readiness: Readiness, metrics: Metrics
) -> AsyncIterator[tuple[Lanes, Database]]:
    """Opens the database and works off requests while the context lasts."""
    settings = LaneSettings(
        lanes=configuration.lanes,
        batch_size=configuration.batch_size,
        answer_budget_seconds=configuration.answer_budget_seconds,
    )
    budget = settings.answer_budget_seconds
    connections = settings.lanes + CONNECTIONS_BESIDES_LANES
    database = Database(conninfo, connections, budget / 2, Lease(budget, shut))
    store = PostgresStore(database, Catalogues(catalogue.read_stored))
    unclaimed = Unclaimed()
    supervision = Supervision(store, unclaimed, wall_clock, metrics)
    with _spooling(configuration.spool, metrics) as spooling:
        lanes = Lanes(store, settings, wall_clock, metrics, unclaimed, spooling)
        sweep = Sweep(store, spooling, wall_clock)
        works = (
            lanes.run,
            partial(_watch, database, readiness, metrics),
            Rounds("supervision", supervision.works).run,
            Rounds("sweep", [sweep.sweep], SWEEP_SECONDS).run,
        )
        try:
            async with (
                _kept_partitions(configuration, conninfo, metrics),
                asyncio.TaskGroup() as tasks,
            ):
                working = [tasks.create_task(work()) for work in works]
                yield lanes, database
                for task in working:
                    task.cancel()
        finally:
            await spooling.drain()
            await database.close()


@contextmanager
def _spooling(directory: Path | None, metrics: Metrics) -> Iterator[Spooling]:
    """Opens the spool, where there is a place for one."""
    if directory is None:
        yield Spooling(None, wall_clock, metrics)
        return
    spool = Spool(directory)
    try:
        yield Spooling(spool, wall_clock, metrics)
    finally:
        spool.close()


async def _watch(database: Database, readiness: Readiness, metrics: Metrics) -> None:
    """Keeps the readiness true to what the database says."""
    partitions = PartitionWatch(partial(measure, database), wall_clock, metrics)
    clocks = ClockWatch(wall_clock, metrics)
    while True:
        asked_at = wall_clock()
        try:
            clocks.compare(asked_at, await database.ping())
            reason = await partitions.unready()
        except (CasesUnavailable, BrokenBatch) as error:
            reason = f"the database does not answer: {error}"
        readiness.found(reason)
        await asyncio.sleep(WATCH_SECONDS)


@asynccontextmanager
async def _kept_partitions(
    configuration: Configuration, conninfo: str, metrics: Metrics
) -> AsyncIterator[None]:
    """Makes the partitions of the next days now, and keeps them while the context lasts."""
    partitions = Partitions(conninfo, configuration.edr_retention_days)
    job = PartitionJob(partitions, wall_clock, metrics)
    await asyncio.to_thread(job.prepare)
    with job.running():
        yield


@contextmanager
def _monitored(
    endpoint: Endpoint | None, metrics: Metrics, readiness: Readiness
) -> Iterator[Endpoint | None]:
    """Serves the monitoring pages where the configuration wants them."""
    if endpoint is None:
        yield None
        return
    with ExitStack() as stack:
        pages = monitored(endpoint.host, endpoint.port, metrics, readiness.unready)
        try:
            port = stack.enter_context(pages)
        except OSError as error:
            raise AddressUnavailable(f"cannot listen on {endpoint}: {error}") from error
        yield Endpoint(endpoint.host, port)


async def _look_after(look: Callable[[], object] | None) -> None:
    while look is not None:
        try:
            look()
        except OSError as error:
            log.error("database not looked after", reason=str(error))
        await asyncio.sleep(RESTART_SECONDS)


def _listener(
    configuration: Configuration, lanes: Lanes, metrics: Metrics
) -> tuple[Listener, Gate]:
    """Joins the Diameter node, its peers and the application."""
    dictionary = _dictionary()
    identity = Identity(*configuration.identity(), int(time.time()))
    command = dictionary.command_named(CREDIT_CONTROL)
    local = LocalNode(
        identity=identity,
        host_ip_addresses=(),  # each connection puts its own here
        vendor_id=configuration.vendor_id,
        product_name=configuration.product_name,
        applications=(Application(command.application_id, frozenset({CREDIT_CONTROL})),),
        dictionary=dictionary,
        supported_vendor_ids=(dictionary.avp(SERVICE_INFORMATION).vendor_id,),
        host_aliases=frozenset(configuration.host_aliases),
        served_realms=frozenset(configuration.served_realms),
        message_octets_max=configuration.message_octets_max,
        requests_in_flight_max=configuration.requests_in_flight_max,
        watchdog_seconds=configuration.watchdog_seconds,
    )
    peers = PeerTable(rules(configuration, ()))
    application = CreditControl(
        lanes, peers, dictionary, identity, metrics, configuration.service_contexts
    )
    places = Places(configuration.connections_max, configuration.half_open_connections_max)
    listener = Listener(local, peers, application.take, places, metrics)
    return listener, Gate(configuration, peers, listener, application.forget_tenants)


def _dictionary() -> Dictionary:
    """Reads the dictionaries, which an operator may have changed."""
    folder = resource("dictionaries")
    files = [folder / name for name in DICTIONARIES]
    return dictionaries.load(
        *(file.read_text(encoding="utf-8") for file in files),
        names=[str(file) for file in files],
        fallback=(folder / FALLBACK).read_text(encoding="utf-8"),
    )
