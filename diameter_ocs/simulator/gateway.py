"""A packet gateway (PGW) on one blocking TCP connection: CER, sessions of I/U/T steps, DPR."""

import random
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from .answers import SUCCESS, Answer, ServiceAnswer, read_answer, unmet_expectation
from .connection import open_connection, receive_message
from .encoding import Identity, RequestKeys, Subscriber, credit_control_request
from .errors import SimulatorError, StepError
from .following import Services
from .information import UNSIGNED32_MAX
from .node import Node
from .server_requests import ServerRequest
from .steps import DEFAULT_STEPS, RequestedAction, RequestType, Step, parse_steps
from .wires import Connect, over_tcp

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


def connect(
    host: str,
    port: int,
    identity: Identity,
    timeout_seconds: float = 10.0,
    over: Connect = over_tcp,
) -> "Gateway":
    """Connects to a server and exchanges capabilities.

    `timeout_seconds` bounds the connecting and, later, the wait for each answer. Raises
    SimulatorError when nobody listens or the server does not accept the gateway.
    """

    def dial() -> socket.socket:
        return open_connection(host, port, identity, timeout_seconds, connect=over)

    return Gateway(dial(), identity, dial)


class Gateway:
    """A node whose sessions send their requests one at a time."""

    def __init__(
        self,
        connected: socket.socket,
        identity: Identity,
        dial: Callable[[], socket.socket] | None = None,
    ) -> None:
        self.identity = identity
        self.node = Node(connected, identity, dial)

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
        return self.node.next_identifiers()

    def exchange(self, request: bytes, hop_by_hop: int) -> bytes:
        """Sends a request and returns the answer with its id."""
        return self.node.exchange(request, hop_by_hop)

    def close(self) -> None:
        """Takes leave of the server with DPR."""
        self.node.close()


class Session:
    """One credit-control session of a subscriber: keeps the Session-Id and numbers the requests.

    An initial step that is not the first begins anew under another Session-Id. An event has a
    Session-Id of its own, and leaves the session as it was; a refund without Refund-Information
    has that of the last event that was to be paid. Sub-sessions have numbers of their own.
    """

    session_id: str
    is_aborted: bool
    """Has it been ended because the server asked for it?"""
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

    def follow(self, request: ServerRequest, step: Step | None) -> Answer:
        """Sends what a RAR or ASR asks for: the step, or where it names no services, all that the
        session uses, of which nothing has been used since."""
        is_over = request.command == "ASR"
        kind = RequestType.TERMINATE if is_over else RequestType.UPDATE
        step = step or Step(kind, information=self._services.information)
        if not step.services:
            services = self._services.last() if is_over else self._services.again(request)
            step = replace(step, services=services)
        answer = self._ask(step)
        self.is_aborted = is_over
        return answer

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
        open_sessions = self._gateway.node.open_sessions
        if step.request_type is RequestType.TERMINATE:
            open_sessions.discard(self.session_id.encode())
        answer = read_answer(self._gateway.exchange(request, hop_by_hop), keys, step.request_type)
        if step.request_type is RequestType.INITIAL and answer.result_code == SUCCESS:
            open_sessions.add(self.session_id.encode())
        self._services.note(step, answer)
        if answer.origin_host is not None and answer.result_code == SUCCESS:
            self._identity = replace(self._identity, destination_host=answer.origin_host)
        return answer

    def _begin(self) -> None:
        self._identity = self._gateway.identity
        self._request_numbers = {}
        self._services = Services()
        self.is_aborted = False
        self._charging_id = random.randint(1, UNSIGNED32_MAX)
        self.session_id = (
            f"{self._identity.origin_host};{int(time.time())};{random.getrandbits(32)}"
        )
