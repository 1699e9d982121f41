"""The connections of the load client, one for each gateway."""

import socket
from collections.abc import Mapping, Sequence

from .connection import open_connection
from .encoding import Identity, Subscriber
from .load_plan import LoadPlan
from .load_requests import RequestTemplate, make_templates
from .node import Node
from .secure import client_context
from .spending_limits import SY
from .steps import RequestType
from .wires import Connect, first_message, over_sctp, over_tcp, over_tls

CONNECT_SECONDS = 10.0


class Connection:
    """One connection: its socket, its templates, and the octets not yet read or written."""

    __slots__ = ("_is_stream", "identity", "is_open", "outbox", "rest", "socket", "templates")

    def __init__(
        self,
        identity: Identity,
        connected: socket.socket,
        templates: Mapping[RequestType, RequestTemplate],
    ) -> None:
        self.identity = identity
        self.socket = connected
        self._is_stream = connected.proto != socket.IPPROTO_SCTP
        self.templates = templates
        self.rest = b""
        self.outbox = bytearray()
        self.is_open = True

    def send(self) -> None:
        """Sends what can go of the outbox; raises as the socket does when that is not all."""
        outbox, send = self.outbox, self.socket.send
        while outbox:
            del outbox[: send(outbox if self._is_stream else first_message(outbox))]


def connect_all(plan: LoadPlan) -> list[Connection]:
    """Opens the connections of a plan; raises SimulatorError when the server refuses one."""
    connect = _over(plan)
    first = Subscriber(plan.first_imsi, plan.first_msisdn)
    connections = []
    for number in range(1, plan.connections + 1):
        identity = Identity(
            f"pgw{number}.{plan.origin_realm}", plan.origin_realm, plan.destination_realm
        )
        templates = make_templates(identity, plan.rating_groups, first)
        connected = open_connection(
            plan.host, plan.port, identity, CONNECT_SECONDS, connect=connect
        )
        connections.append(Connection(identity, connected, templates))
    return connections


def connect_policy_server(plan: LoadPlan) -> Connection | None:
    """Opens the connection over which accounts are subscribed; None where none are to be."""
    if not plan.subscribed:
        return None
    identity = Identity(f"pcrf.{plan.origin_realm}", plan.origin_realm, plan.destination_realm)
    connected = open_connection(plan.host, plan.port, identity, CONNECT_SECONDS, SY, _over(plan))
    return Connection(identity, connected, {})


def disconnect_all(connections: Sequence[Connection]) -> None:
    """Takes leave of the server on every connection that is still open."""
    for connection in connections:
        if connection.is_open:
            Node(connection.socket, connection.identity).close()


def _over(plan: LoadPlan) -> Connect:
    """Returns what connects."""
    if plan.over == "tls":
        return over_tls(client_context(plan.authorities, plan.certificate, plan.key))
    return over_sctp if plan.over == "sctp" else over_tcp
