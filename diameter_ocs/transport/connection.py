"""One connection: feeds the peer machine with what comes, sends what it says; owns no rule."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import uniform

import structlog

from ..base.capabilities import CerDecision
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
from ..observability import SparingLog
from .association import Address, Association, PathState, Place, Wire, WireFault
from .outlet import Outlet
from .paths import Paths
from .peer_rules import Origin
from .requests import OnAnswer, OwnRequests, Sending, Unanswered
from .rim import Rim

log = structlog.get_logger()

OVERTAKEN = "the peer has come by itself"
_SILENT = CloseReason.REPLACED, CloseReason.WATCHDOG
JITTER_SECONDS = 2.0
"""Tw is lengthened or shortened by up to this much (RFC 3539 section 3.4.1)."""


class Connection:
    """The handler of one connection, which the peer opens, or, where there is a `host`, this node.

    `host` is the Origin-Host that has to be there; `ending` says how it ended, None before.
    `answer_budget_seconds` and `profile` are the peer's own, None without such; `opened_at` is in
    microseconds since 1970, 0 before the peer was taken; `requests` were given out, `refusals` were
    answered with an error before.
    """

    def __init__(
        self,
        rim: "Rim[Connection]",
        on_closed: Callable[["Connection"], None],
        host: str | None = None,
    ) -> None:
        self._rim = rim
        self._on_closed = on_closed
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._association: Association | None = None
        self._paths: Paths | None = None
        self._peer: Peer | None = None
        self._own = OwnRequests(self._loop, rim.next_identifier)
        self._outlet: Outlet | None = None
        self.address = ""
        self.answer_budget_seconds: float | None = None
        self.profile: str | None = None
        self.opened_at = 0
        self.requests = 0
        self.refusals = 0
        self._has_made_way = False
        self.ending: str | None = None
        self._fault: WireFault | None = None
        self._tolerated: set[str] = set()
        self._log = log
        self._refusals = SparingLog("request refused")

    @property
    def facts(self) -> CerFacts | None:
        """What the peer says of itself; None before its CER was taken."""
        return None if self._peer is None else self._peer.facts

    @property
    def wire(self) -> Wire:
        """What it runs over; it is made."""
        assert self._association is not None
        return self._association.wire

    @property
    def paths(self) -> Mapping[Place, PathState]:
        """Where the peer is, and what is known of each place; it is made."""
        assert self._paths is not None
        return self._paths.states

    @property
    def is_called(self) -> bool:
        """Whether this node has opened it."""
        return self._host is not None

    @property
    def is_replaceable(self) -> bool:
        """Whether the peer seems to be gone, so that it may come back on another connection."""
        return self._is_ending or self.is_suspect

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
        return not (self._is_ending or self.is_suspect)

    @property
    def disconnect_cause(self) -> int | None:
        """Why the peer has disconnected (`DisconnectCause`, if it is one); None: it has not."""
        return None if self._peer is None else self._peer.disconnect_cause

    @property
    def state(self) -> str:
        """What can be said of the peer in a word."""
        if self._is_ending:
            return "closing"
        return "suspect" if self.is_suspect else "open"

    @property
    def _is_ending(self) -> bool:
        """Whether it is not open any more, or is closed once the peer has read what waits."""
        is_open = self._peer is not None and self._peer.is_open
        return not is_open or self._association is None or self._association.is_closing

    @property
    def is_suspect(self) -> bool:
        """Whether the peer is silent for longer than its watchdog allows."""
        return self._peer is not None and self._peer.is_suspect

    def connection_made(self, association: Association) -> None:
        """Waits for the CER, or sends our own, if there is a place for the connection."""
        self._association = association
        self._paths = Paths(association.peer_places)
        place = association.peer_places[0]
        if not self._may_begin(place.address):
            association.abort()
            return
        self.address = str(place.address)
        self._log = log.bind(wire=association.wire, address=self.address, port=place.port)
        own = tuple(map(_diameter_address, association.local_addresses))
        self._peer = Peer(
            replace(self._rim.local, host_ip_addresses=own),
            self._authorise,
            next_identifier=self._rim.next_identifier,
            jitter=lambda: uniform(-JITTER_SECONDS, JITTER_SECONDS),
            now=self._loop.time(),
            is_stream=association.wire.is_stream,
        )
        self._outlet = Outlet(association, self._peer, self._handle, self._abort_unread)
        if self._host is None:
            self._outlet.flush_soon()
        else:
            self._handle(self._peer.initiate(self._host, self._loop.time()))

    def data_received(self, octets: bytes) -> None:
        """Feeds what came to the peer machine."""
        if self._peer is not None:
            self._handle(self._peer.receive_data(octets, self._loop.time()))

    def path_changed(self, place: Place, state: PathState) -> None:
        """Tells of an address of the peer that is not what it was."""
        assert self._paths is not None
        self._paths.note(place, state)
        self._log.info("path changed", path=str(place), state=state)

    def not_sent(self, octets: bytes, error: OSError) -> None:
        """Tells of a message that cannot be sent; the peer waits for it in vain."""
        self._rim.metrics.answers_dropped.labels("too long").inc()
        self._log.error("message not sent", octets=len(octets), reason=str(error))

    def answer(self, octets: bytes) -> bool:
        """Sends an answer with all others of this turn of the loop; False: there is no way."""
        assert self._peer is not None
        assert self._outlet is not None
        is_sent = self._peer.send(octets)
        self._outlet.flush_soon()
        return is_sent

    def request(self, octets: bytes, seconds: float, on_answer: OnAnswer) -> Sending:
        """Sends a request of ours, with all else of this turn of the loop.

        It goes out as it is but for its hop-by-hop id. When it was sent, `on_answer` gets the
        answer, or, after so many seconds or when the peer is silent or gone, that there is none.
        """
        if self._peer is None or self._outlet is None:
            return Sending.NO_WAY
        sending = self._own.send(self._peer, octets, seconds, on_answer)
        self._outlet.flush_soon()
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
        assert self._outlet is not None
        self._outlet.pause()

    def resume_writing(self) -> None:
        """Takes note that the peer has read everything."""
        assert self._outlet is not None
        self._outlet.resume()

    def make_way(self) -> None:
        """Ends at once, before its capabilities, for another connection."""
        self._has_made_way = True
        self.abort()

    def give_way(self) -> None:
        """Ends before it is open, for the connection that the peer has opened."""
        if self._peer is not None:
            self._handle(self._peer.give_way(self._loop.time()))

    def abandon(self) -> None:
        """Takes note that this node could not open it."""
        if self._association is None:
            self._rim.peers.forget(self)
            self._on_closed(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Gives the connection up at once."""
        if self._association is not None:
            self._association.abort()

    def tolerate(self, kind: str) -> None:
        """Counts a peculiarity that was accepted, and logs it once a connection."""
        self._rim.metrics.tolerated.labels(kind).inc()
        if kind not in self._tolerated:
            self._tolerated.add(kind)
            self._log.info("peculiarity tolerated", kind=kind)

    def connection_lost(self, error: Exception | None) -> None:
        """Takes note of the end."""
        self._fault = error if isinstance(error, WireFault) else None
        if self._peer is not None:
            for event in self._peer.connection_lost(self._loop.time()):
                self._note(event)
        if self._outlet is not None:
            self._outlet.end()
        self._rim.admission.leave(self)
        self._on_closed(self)

    def _may_begin(self, address: Address) -> bool:
        if self._host is not None:
            if not self._rim.peers.reach(self):
                self.ending = OVERTAKEN
            return self.ending is None
        if self._rim.admission.admit(self, address):
            return True
        self._rim.metrics.connections_refused.labels("connections_max").inc()
        self._rim.unopened.info(log, address=str(address), reason="connections_max")
        return False

    def _authorise(self, facts: CerFacts) -> CerDecision | None:
        association = self._association
        assert association is not None
        address = association.peer_places[0].address
        names, is_called = association.certificate_names, self._host is not None
        origin = Origin(address, association.wire, names, is_called)
        return self._rim.peers.authorise(facts, origin, self)

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RequestReceived):
                for kind in event.tolerated:
                    self.tolerate(kind)
                self._give_out(event)
            else:
                self._note(event)
        assert self._outlet is not None
        self._outlet.flush_soon()

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
                self._rim.absences.end(origin_host, self.address)
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
        assert self._peer is not None
        if self._fault is not None and self.disconnect_cause is None:
            detail = str(self._fault)
        assert self._outlet is not None
        self._outlet.reason, self.ending = reason, detail
        self._own.give_up(self._peer, Unanswered.CLOSED)
        self._rim.peers.forget(self, has_failed=reason in _SILENT)
        if self.facts is None and self._host is not None:
            self._rim.peers.change()
            return
        host = None if self.facts is None else self.facts.origin_host
        self._rim.absences.note(host, self.address, self.wire, detail)
        if self.facts is None:
            label: str = reason if self._fault is None else self.wire
            label = "half_open_max" if self._has_made_way else label
            self._rim.metrics.connections_refused.labels(label).inc()
            self._rim.unopened.info(self._log, reason=label, detail=detail)
        else:
            self._rim.metrics.peers_open.dec()
            self._rim.peers.change()
            self._log.info("peer closed", reason=reason, detail=detail)

    def _abort_unread(self) -> None:
        self._log.warning("peer aborted", reason="it does not read its answers")
        self.abort()


def _diameter_address(address: Address) -> tuple[int, bytes]:
    """Returns an address as Diameter writes it: 1 for IPv4 and 2 for IPv6, then the octets."""
    return (1 if address.version == 4 else 2), address.packed
