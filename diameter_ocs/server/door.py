"""What the applications of a node share: whose requests are, refusals, answers on their way."""

from collections.abc import Callable, Mapping

import structlog

from ..base.capabilities import LocalNode
from ..base.errors import DiameterError, TooBusy, UnableToComply
from ..base.events import RequestReceived
from ..base.message import Message, error_answer
from ..gy.remembered import Remembered
from ..handlers.credit_control import Fault
from ..observability import Metrics, SparingLog
from ..transport.connection import Connection
from ..transport.peers import PeerTable

log = structlog.get_logger()

TENANTS_REMEMBERED = 1024
"""Combinations of hosts and realms of which it is remembered whose they are."""
TENANT_NAMES_LENGTH_MAX = 1024
"""Characters of the names of such a combination; longer ones are looked up each time."""

FAULTS: dict[Fault, DiameterError] = {
    Fault.TOO_BUSY: TooBusy("the server or its database is overloaded: try again"),
    Fault.CATALOGUE_UNREADABLE: TooBusy(
        "this server is older than the tenant's catalogue and cannot read it: ask another one"
    ),
    Fault.UNABLE_TO_COMPLY: UnableToComply("the request cannot be decided"),
}


Take = Callable[[Connection, RequestReceived], None]


def by_application(takers: Mapping[int, Take]) -> Take:
    """Returns what takes requests to their application, which is one of these."""

    def take(connection: Connection, received: RequestReceived) -> None:
        takers[received.message.application_id](connection, received)

    return take


class Door:
    """Where the requests of a node's applications come in and their answers go out."""

    def __init__(self, peers: PeerTable, local: LocalNode, metrics: Metrics) -> None:
        self.dictionary = local.dictionary
        self.identity = local.identity
        self.metrics = metrics
        self.refusals = SparingLog("request refused")
        self._peers = peers
        self._tenants: Remembered[tuple[str, ...], tuple[str | None]] = Remembered(
            TENANTS_REMEMBERED
        )

    def forget_tenants(self) -> None:
        """Asks anew whose requests are: there are other rules."""
        self._tenants.forget()

    def tenant_of(self, connection: Connection, message: Message) -> str | None:
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

    def refuse(self, connection: Connection, message: Message, error: DiameterError) -> None:
        """Answers a request with an error."""
        self.metrics.refusals.labels(str(error.result_code)).inc()
        peer = None if connection.facts is None else connection.facts.origin_host
        self.refusals.info(log, peer=peer, result_code=error.result_code, reason=str(error))
        self.send(connection, error_answer(message, self.dictionary, self.identity, error))

    def send(self, connection: Connection, answer: bytes) -> None:
        """Sends an answer, unless its connection is gone."""
        if not connection.answer(answer):
            self.metrics.answers_dropped.labels("no connection").inc()
