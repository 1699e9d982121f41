"""A packet gateway (PGW) on one blocking TCP connection: CER, sessions of I/U/T steps, DPR."""

import random
import socket
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from .answers import (
    SUCCESS,
    Answer,
    ServiceAnswer,
    code_text,
    read_answer,
    read_capabilities,
    unmet_expectation,
)
from .encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    answer_to_request,
    capabilities_exchange_request,
    credit_control_request,
    disconnect_peer_request,
    is_disconnect,
)
from .errors import SimulatorError
from .information import UNSIGNED32_MAX
from .steps import (
    DEFAULT_STEPS,
    RequestedAction,
    RequestType,
    Step,
    StepError,
    parse_steps,
)

__all__ = [
    "DEFAULT_STEPS",
    "Answer",
    "Gateway",
    "Identity",
    "RequestType",
    "ServiceAnswer",
    "Session",
    "SimulatorError",
    "Step",
    "StepError",
    "Subscriber",
    "connect",
    "open_connection",
    "parse_steps",
    "receive_message",
    "unmet_expectation",
]

HEADER_OCTETS = 20
REQUEST_BIT = 0x80
DISCONNECT_SECONDS = 2.0


def connect(host: str, port: int, identity: Identity, timeout_seconds: float = 10.0) -> "Gateway":
    """Connects to a server and exchanges capabilities.

    `timeout_seconds` bounds the connecting and, later, the wait for each answer. Raises
    SimulatorError when nobody listens or the server does not accept the gateway.
    """
    return Gateway(open_connection(host, port, identity, timeout_seconds), identity)


def open_connection(
    host: str, port: int, identity: Identity, timeout_seconds: float
) -> socket.socket:
    """Returns a connected socket on which CER and CEA have been exchanged."""
    where = f"{host}:{port}"
    try:
        connection = socket.create_connection((host, port), timeout_seconds)
    except OSError as error:
        raise SimulatorError(
            f"cannot connect to {where} ({error}); start the server there or name another address"
        ) from error
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = connection.getsockname()[0]
        _send(connection, capabilities_exchange_request(identity, address, random.getrandbits(32)))
        capabilities = read_capabilities(receive_message(connection))
    except BaseException:
        connection.close()
        raise
    if capabilities.result_code != SUCCESS or not capabilities.has_credit_control:
        connection.close()
        reason = (
            code_text(capabilities.result_code)
            if capabilities.result_code != SUCCESS
            else "an answer that does not offer credit control"
        )
        message = f": {capabilities.error_message}" if capabilities.error_message else ""
        raise SimulatorError(
            f"the server at {where} met {identity.origin_host} with {reason}{message}; "
            f"`peer accept {identity.origin_host}` lets it in, or the server's [[peers]]"
        )
    return connection


class Gateway:
    """One connection to the server; sessions send their requests through it, one at a time.

    Requests of the server are answered whenever an answer is awaited: DWR and DPR with 2001,
    others with 3001.
    """

    def __init__(self, connection: socket.socket, identity: Identity) -> None:
        self.identity = identity
        self._connection = connection
        self._hop_by_hop = random.getrandbits(32)
        # RFC 6733 section 3: the low 12 bits of the time, then 20 random bits.
        self._end_to_end = (int(time.time()) & 0xFFF) << 20 | random.getrandbits(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def session(self, subscriber: Subscriber) -> "Session":
        """Returns a new session of a subscriber; nothing is sent yet."""
        return Session(self, subscriber)

    def next_identifiers(self) -> tuple[int, int]:
        """Returns a hop-by-hop and an end-to-end id that no earlier request had."""
        self._hop_by_hop = (self._hop_by_hop + 1) & UNSIGNED32_MAX
        self._end_to_end = (self._end_to_end + 1) & UNSIGNED32_MAX
        return self._hop_by_hop, self._end_to_end

    def exchange(self, request: bytes, hop_by_hop: int) -> bytes:
        """Sends a request and returns the answer with its id; other answers are dropped.

        Raises SimulatorError when the connection ends or no answer comes in time.
        """
        _send(self._connection, request)
        while True:
            octets = receive_message(self._connection)
            if not octets[4] & REQUEST_BIT:
                if int.from_bytes(octets[12:16], "big") == hop_by_hop:
                    return octets
                continue
            command_code, reply = answer_to_request(self.identity, octets)
            _send(self._connection, reply)
            if is_disconnect(command_code):
                raise SimulatorError(
                    "the server is going down (DPR); start it again, then repeat the session"
                )

    def close(self) -> None:
        """Sends DPR, waits a moment for DPA, and closes; a connection already gone is no fault."""
        hop_by_hop, _ = self.next_identifiers()
        try:
            self._connection.settimeout(DISCONNECT_SECONDS)
            self.exchange(disconnect_peer_request(self.identity, hop_by_hop), hop_by_hop)
        except SimulatorError:
            pass
        finally:
            self._connection.close()


class Session:
    """One credit-control session of a subscriber: keeps the Session-Id and numbers the requests.

    An initial step that is not the first begins anew under another Session-Id. An event has a
    Session-Id of its own, and leaves the session as it was; a refund without Refund-Information
    has that of the last event that was to be paid. Sub-sessions have numbers of their own.
    """

    session_id: str
    _identity: Identity
    _charging_id: int
    _request_numbers: dict[str, int]
    """The next one of each sub-session."""

    def __init__(self, gateway: Gateway, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self._gateway = gateway
        self._paid: Session | None = None
        self._mark: str | None = None
        self._begin()

    def credit_control(self, step: Step) -> Answer:
        """Sends the request of one step and returns the server's answer.

        Raises SimulatorError when the connection ends, no answer comes in time, or no answer has
        told by what an event is refunded.
        """
        if step.request_type is RequestType.EVENT:
            answer = self._event(step)._ask(self._marked(step))
            if step.action is RequestedAction.DIRECT_DEBITING:
                marks = [each.refund_information for each in answer.services]
                self._mark = next(filter(None, marks), None)
            return answer
        is_begun = step.information.sub in self._request_numbers
        if step.request_type is RequestType.INITIAL and is_begun:
            self._begin()
        return self._ask(step)

    def _event(self, step: Step) -> "Session":
        """Returns the session whose name an event has."""
        session = self if not self._request_numbers else Session(self._gateway, self.subscriber)
        if step.action is RequestedAction.REFUND_ACCOUNT:
            is_named = any(each.refund_information is not None for each in step.services)
            return session if is_named or self._paid is None else self._paid
        if step.action is RequestedAction.DIRECT_DEBITING:
            self._paid = session
        return session

    def _marked(self, step: Step) -> Step:
        """Returns a step whose refunds name what the last event's answer told."""
        if all(each.refund_information != "" for each in step.services):
            return step
        if self._mark is None:
            raise SimulatorError(
                "no answer to an event has told its Refund-Information; give the gateway's profile"
                " refund_information = true, or write refund=TEXT"
            )
        services = [
            replace(each, refund_information=self._mark) if each.refund_information == "" else each
            for each in step.services
        ]
        return replace(step, services=tuple(services))

    def _ask(self, step: Step) -> Answer:
        hop_by_hop, end_to_end = self._gateway.next_identifiers()
        sub_session = step.information.sub
        number = self._request_numbers.get(sub_session, 0)
        keys = RequestKeys(
            session_id=self.session_id,
            charging_id=self._charging_id,
            request_number=number,
            hop_by_hop=hop_by_hop,
            end_to_end=end_to_end,
            event_time=int(time.time()),
        )
        request = credit_control_request(self._identity, self.subscriber, step, keys)
        self._request_numbers[sub_session] = number + 1
        answer = read_answer(self._gateway.exchange(request, hop_by_hop), keys, step.request_type)
        if answer.origin_host is not None and answer.result_code == SUCCESS:
            self._identity = replace(self._identity, destination_host=answer.origin_host)
        return answer

    def _begin(self) -> None:
        self._identity = self._gateway.identity
        self._request_numbers = {}
        self._charging_id = random.randint(1, UNSIGNED32_MAX)
        self.session_id = (
            f"{self._identity.origin_host};{int(time.time())};{random.getrandbits(32)}"
        )


def receive_message(connection: socket.socket) -> bytes:
    """Reads one whole message; raises SimulatorError on silence, the end, or lost framing."""
    header = _receive(connection, HEADER_OCTETS)
    length = int.from_bytes(header[1:4], "big")
    if header[0] != 1 or length < HEADER_OCTETS:
        raise SimulatorError(
            f"what came is no Diameter message (it begins {header.hex()}); "
            "is another service listening on this port?"
        )
    return header + _receive(connection, length - HEADER_OCTETS)


def _receive(connection: socket.socket, size: int) -> bytes:
    octets = bytearray()
    while len(octets) < size:
        try:
            chunk = connection.recv(size - len(octets))
        except TimeoutError as error:
            raise SimulatorError(
                f"no answer within {connection.gettimeout():g} s; read the server's log, "
                "and its /readyz page for the state of the database"
            ) from error
        except OSError as error:
            raise _lost(error) from error
        if not chunk:
            raise _lost("closed by the server")
        octets += chunk
    return bytes(octets)


def _send(connection: socket.socket, octets: bytes) -> None:
    try:
        connection.sendall(octets)
    except OSError as error:
        raise _lost(error) from error


def _lost(reason: object) -> SimulatorError:
    return SimulatorError(
        f"the connection was lost ({reason}); read the server's log for why, then try again"
    )
