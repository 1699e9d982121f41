"""One TCP connection: reads, feeds the peer machine, writes what it says; owns no rule."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from itertools import count
from random import uniform
from typing import NamedTuple

import structlog

from ..base.capabilities import CerDecision, LocalNode
from ..base.errors import UnableToComply
from ..base.events import (
    AnswerDropped,
    AnswerReceived,
    CerFacts,
    CloseReason,
    Event,
    PeerClosed,
    PeerOpened,
    PeerProved,
    PeerRecovered,
    PeerSuspected,
    RequestReceived,
    RequestRefused,
    RequestTolerated,
)
from ..base.message import error_answer
from ..base.peer import DisconnectCause, Peer
from ..observability import Metrics, SparingLog
from .admission import Admission
from .peers import PeerTable
from .requests import OnAnswer, OwnRequests, Sending, Unanswered
from .unread import Unread

log = structlog.get_logger()

READ_OCTETS = 256 * 1024
LINGER_SECONDS = 5.0
"""How long a peer may take to read its last answers once the connection is over."""
JITTER_SECONDS = 2.0
"""Tw is lengthened or shortened by up to this much (RFC 3539 section 3.4.1)."""


class Rim(NamedTuple):
    """What every connection of a listener shares."""

    local: LocalNode
    peers: PeerTable
    admission: Admission
    on_request: Callable[["Connection", RequestReceived], None]
    """Takes a request, which it answers with `Connection.answer`, exactly once."""
    identifiers: "count[int]"
    metrics: Metrics
    buffer: bytearray
    """Where every connection reads: it is emptied before the next one reads."""
    unopened: SparingLog
    """Tells of connections that end before they are open."""

    def next_identifier(self) -> int:
        """Returns a hop-by-hop or end-to-end id that no other request of this node has."""
        return next(self.identifiers) & 0xFFFF_FFFF


class Connection(asyncio.BufferedProtocol):
    """The protocol of one accepted connection.

    `answer_budget_seconds` and `profile` are the peer's own, None without such; `opened_at` is in
    microseconds since 1970, 0 before the peer was taken; `requests` were given out, `refusals` were
    answered with an error before.
    """

    def __init__(self, rim: Rim, on_closed: Callable[["Connection"], None]) -> None:
        self._rim = rim
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self._own = OwnRequests(self._loop, rim.next_identifier)
        self._timer: asyncio.TimerHandle | None = None
        self._unread: Unread | None = None
        self.address = ""
        self.answer_budget_seconds: float | None = None
        self.profile: str | None = None
        self.opened_at = 0
        self.requests = 0
        self.refusals = 0
        self._is_flush_due = False
        self._has_made_way = False
        self._reason: CloseReason | None = None
        self._tolerated: set[str] = set()
        self._log = log
        self._refusals = SparingLog("request refused")

    @property
    def facts(self) -> CerFacts | None:
        """What the peer says of itself; None before its CER was taken."""
        return None if self._peer is None else self._peer.facts

    @property
    def is_replaceable(self) -> bool:
        """Whether the peer seems to be gone, so that it may come back on another connection."""
        return self._peer is None or self._peer.is_suspect or not self._peer.is_open

    @property
    def is_strict(self) -> bool:
        """Whether requests of the peer are held to the letter."""
        return self._peer is not None and self._peer.is_strict

    @property
    def is_on_trial(self) -> bool:
        """Whether the peer's last connection failed and this one has not proved itself yet."""
        return self._peer is not None and self._peer.is_on_trial

    @property
    def is_usable(self) -> bool:
        """Whether requests of ours may go out now."""
        return self._peer is not None and self._peer.is_usable

    @property
    def state(self) -> str:
        """What can be said of the peer in a word."""
        if self._peer is None or not self._peer.is_open:
            return "closing"
        return "suspect" if self._peer.is_suspect else "open"

    @property
    def is_suspect(self) -> bool:
        """Whether the peer is silent for longer than its watchdog allows."""
        return self._peer is not None and self._peer.is_suspect

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for the CER, if there is a place for the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername")
        if name is None:  # it has ended already
            transport.abort()
            return
        address = ip_address(name[0].partition("%")[0])
        if not self._rim.admission.admit(self, address):
            self._rim.metrics.connections_refused.labels("connections_max").inc()
            self._rim.unopened.info(log, address=str(address), reason="connections_max")
            transport.abort()
            return
        transport.set_write_buffer_limits(high=0)
        self._unread = Unread(self._loop, transport, self._abort_unread)
        self.address = str(address)
        self._log = log.bind(address=self.address, port=name[1])
        local, _ = transport.get_extra_info("sockname")[:2]
        self._peer = Peer(
            replace(self._rim.local, host_ip_addresses=(_diameter_address(local),)),
            partial(self._rim.peers.authorise, address=address, connection=self),
            next_identifier=self._rim.next_identifier,
            jitter=lambda: uniform(-JITTER_SECONDS, JITTER_SECONDS),
            now=self._loop.time(),
        )
        self._arm()

    def get_buffer(self, sizehint: int) -> bytearray:
        """Gives the place for what comes next."""
        return self._rim.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Feeds what came to the peer machine."""
        assert self._peer is not None
        data = bytes(memoryview(self._rim.buffer)[:nbytes])
        self._handle(self._peer.receive_data(data, self._loop.time()))

    def answer(self, octets: bytes) -> bool:
        """Sends an answer with all others of this turn of the loop; False: there is no way."""
        assert self._peer is not None
        is_sent = self._peer.send(octets)
        self._flush_soon()
        return is_sent

    def request(self, octets: bytes, seconds: float, on_answer: OnAnswer) -> Sending:
        """Sends a request of ours, with all else of this turn of the loop.

        It goes out as it is but for its hop-by-hop id. When it was sent, `on_answer` gets the
        answer, or, after so many seconds or when the peer is silent or gone, that there is none.
        """
        if self._peer is None:
            return Sending.NO_WAY
        sending = self._own.send(self._peer, octets, seconds, on_answer)
        self._flush_soon()
        return sending

    def disconnect(self, cause: DisconnectCause) -> None:
        """Sends a DPR; the connection ends when what came before is answered."""
        if self._peer is not None:
            self._handle(self._peer.disconnect(cause, self._loop.time()))

    def probe(self) -> None:
        """Asks whether the peer is still there; the peer table hears of the answer."""
        if self._peer is not None:
            self._handle(self._peer.probe(self._loop.time()))

    def decide(self, decision: CerDecision) -> None:
        """Takes the decision that the peer table has put off."""
        if self._peer is not None:
            self._handle(self._peer.decide(decision, self._loop.time()))

    def pause_writing(self) -> None:
        """Gives the peer some time to read what could not be written at once."""
        assert self._unread is not None
        self._unread.begin()

    def resume_writing(self) -> None:
        """Takes note that the peer has read everything."""
        assert self._unread is not None
        self._unread.end()

    def make_way(self) -> None:
        """Ends at once, before its capabilities, for another connection."""
        self._has_made_way = True
        self.abort()

    def abort(self) -> None:
        """Gives the connection up at once."""
        if self._transport is not None:
            self._transport.abort()

    def tolerate(self, kind: str) -> None:
        """Counts a peculiarity that was accepted, and logs it once a connection."""
        self._rim.metrics.tolerated.labels(kind).inc()
        if kind not in self._tolerated:
            self._tolerated.add(kind)
            self._log.info("peculiarity tolerated", kind=kind)

    def connection_lost(self, exc: Exception | None) -> None:
        """Takes note of the end."""
        if self._peer is not None:
            for event in self._peer.connection_lost(self._loop.time()):
                self._note(event)
        if self._timer is not None:
            self._timer.cancel()
        if self._unread is not None:
            self._unread.end()
        self._rim.admission.leave(self)
        self._on_closed(self)

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RequestReceived):
                for kind in event.tolerated:
                    self.tolerate(kind)
                self._give_out(event)
            else:
                self._note(event)
        self._flush_soon()

    def _give_out(self, received: RequestReceived) -> None:
        """Gives a request out; one that breaks who takes it hurts neither peer nor others."""
        self.requests += 1
        try:
            self._rim.on_request(self, received)
        except Exception:
            self._log.exception("request failed")
            local = self._rim.local
            error = UnableToComply("the request cannot be decided")
            self.answer(error_answer(received.message, local.dictionary, local.identity, error))

    def _note(self, event: Event) -> None:
        """Logs and counts what happened to the connection."""
        match event:
            case PeerOpened(origin_host, origin_realm, facts):
                self._log = self._log.bind(peer=origin_host)
                self._rim.admission.open(self)
                assert self._peer is not None
                self.answer_budget_seconds = self._peer.answer_budget_seconds
                self.profile = self._peer.profile
                self.opened_at = time.time_ns() // 1000
                self._rim.metrics.peers_open.inc()
                self._rim.peers.change()
                self._log.info("peer opened", realm=origin_realm, product=facts.product_name)
            case PeerClosed(reason, detail):
                self._end(reason, detail)
            case RequestTolerated(tolerated):
                for kind in tolerated:
                    self.tolerate(kind)
            case AnswerDropped(message):
                self._log.info("answer dropped", command=message.name or message.command_code)
            case AnswerReceived(message):
                self._own.answered(message)
            case PeerSuspected():
                self._log.warning("peer suspected")
                assert self._peer is not None
                self._own.give_up(self._peer, Unanswered.SUSPECTED)
                self._rim.peers.change()
            case PeerRecovered():
                self._log.info("peer recovered")
                self._rim.peers.change()
            case PeerProved():
                self._rim.peers.prove(self)
            case RequestRefused(message, error):
                self._rim.metrics.refusals.labels(str(error.result_code)).inc()
                self.refusals += 1
                if self.facts is not None:
                    self._refusals.info(
                        self._log,
                        command=message.name or message.command_code,
                        result_code=error.result_code,
                        reason=str(error),
                    )

    def _end(self, reason: CloseReason, detail: str) -> None:
        self._reason = reason
        assert self._peer is not None
        self._own.give_up(self._peer, Unanswered.CLOSED)
        self._rim.peers.forget(self, has_failed=reason is CloseReason.REPLACED)
        if self.facts is None:
            label = "half_open_max" if self._has_made_way else reason
            self._rim.metrics.connections_refused.labels(label).inc()
            self._rim.unopened.info(self._log, reason=label, detail=detail)
        else:
            self._rim.metrics.peers_open.dec()
            self._rim.peers.change()
            self._log.info("peer closed", reason=reason, detail=detail)

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Writes everything of this turn of the loop at once."""
        self._is_flush_due = False
        assert self._peer is not None
        assert self._transport is not None
        assert self._unread is not None
        data = self._peer.data_to_send()
        if self._transport.is_closing():
            return
        if data:
            self._unread.write(data)
        if self._peer.is_closed:
            self._close()
        elif self._unread.is_too_much:
            self._abort_unread()
        else:
            self._arm()

    def _close(self) -> None:
        """Lets the peer read what is left; who spoke no Diameter is cut off (RFC 6733 2.1)."""
        assert self._transport is not None
        if self._timer is not None:
            self._timer.cancel()
        if self._reason is CloseReason.REPLACED or (
            self._reason is CloseReason.MALFORMED and not self._transport.get_write_buffer_size()
        ):
            self._transport.abort()
            return
        self._timer = self._loop.call_later(LINGER_SECONDS, self._transport.abort)
        self._transport.close()

    def _abort_unread(self) -> None:
        assert self._transport is not None
        self._log.warning("peer aborted", reason="it does not read its answers")
        self._transport.abort()

    def _arm(self) -> None:
        """Waits for the machine's timer; one that waits already looks again when it ends."""
        assert self._peer is not None
        deadline = self._peer.next_timer()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(max(deadline, self._loop.time()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        assert self._peer is not None
        self._handle(self._peer.timer_expired(self._loop.time()))


def _diameter_address(host: str) -> tuple[int, bytes]:
    """Returns an address as Diameter writes it: 1 for IPv4 and 2 for IPv6, then the octets."""
    address = ip_address(host.partition("%")[0])
    return (1 if address.version == 4 else 2), address.packed
