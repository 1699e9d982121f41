"""A stand-in for the server, made of python-diameter's classes, that grants what is asked."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from diameter.message import Avp, Message, MessageHeader, constants
from diameter.message.avp.grouped import GrantedServiceUnit, VendorSpecificApplicationId
from diameter.message.commands import (
    DeviceWatchdogRequest,
)

HOST = b"ocs.test.example"
REALM = b"test.example"
SERVED = (
    constants.CMD_CREDIT_CONTROL,
    constants.CMD_SPENDING_LIMIT,
    constants.CMD_SESSION_TERMINATION,
)


@dataclass
class FakeServer:
    """Listens on loopback and serves each connection in a thread until the test ends.

    `capabilities_code` is the code of its CEA. `answer` makes the octets of each answer, or b""
    for silence; None in place of octets closes the connection. `watchdog` sends a DWR before each
    answer, `after` makes what the server sends by itself behind it. `requests` are the CCRs, SLRs
    and STRs received, `others` whatever else came.
    """

    answer: Callable[[Message], bytes | None]
    capabilities_code: int = constants.E_RESULT_CODE_DIAMETER_SUCCESS
    watchdog: bool = False
    has_sy: bool = True
    after: Callable[[Message], Iterable[bytes]] = lambda request: ()
    requests: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    port: int = 0
    connections: dict[bytes, socket.socket] = field(default_factory=dict)
    """By the Origin-Host of who has connected."""

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while header := stream.read(20):
                octets = header + stream.read(int.from_bytes(header[1:4], "big") - 20)
                # What the library would make of a message of Sy is not what came.
                is_sy = MessageHeader.from_bytes(octets).application_id == constants.APP_3GPP_SY
                message = Message.from_bytes(octets, plain_msg=is_sy)
                if message.header.command_code == constants.CMD_CAPABILITIES_EXCHANGE:
                    self.connections[message.origin_host] = connection
                for reply in self.replies(message):
                    if reply is None:
                        return
                    connection.sendall(reply)

    def replies(self, message: Message) -> Iterator[bytes | None]:
        if message.header.command_code == constants.CMD_CAPABILITIES_EXCHANGE:
            answer = message.to_answer()
            answer.result_code = self.capabilities_code
            answer.origin_host, answer.origin_realm = HOST, REALM
            answer.host_ip_address = ["127.0.0.1"]
            answer.vendor_id, answer.product_name = constants.VENDOR_TGPP, "stand-in"
            answer.auth_application_id = [constants.APP_DIAMETER_CREDIT_CONTROL_APPLICATION]
            if self.has_sy:
                sy = VendorSpecificApplicationId(constants.VENDOR_TGPP, constants.APP_3GPP_SY)
                answer.vendor_specific_application_id = [sy]
            yield answer.as_bytes()
        elif message.header.command_code in SERVED and message.header.is_request:
            self.requests.append(message)
            if self.watchdog:
                request = DeviceWatchdogRequest()
                request.origin_host, request.origin_realm = HOST, REALM
                yield request.as_bytes()
            yield self.answer(message)
            yield from self.after(message)
        else:
            self.others.append(message)
            if message.header.command_code == constants.CMD_DISCONNECT_PEER:
                answer = message.to_answer()
                answer.result_code = constants.E_RESULT_CODE_DIAMETER_SUCCESS
                answer.origin_host, answer.origin_realm = HOST, REALM
                yield answer.as_bytes()
                yield None


def grant_all(request: Message) -> bytes:
    """Answers 2001 and grants each service the octets it asks for, without any account."""
    answer = request.to_answer()
    answer.session_id = request.session_id
    answer.origin_host, answer.origin_realm = HOST, REALM
    answer.result_code = constants.E_RESULT_CODE_DIAMETER_SUCCESS
    answer.cc_request_type = request.cc_request_type
    answer.cc_request_number = request.cc_request_number
    for service in request.multiple_services_credit_control:
        asked = service.requested_service_unit
        answer.add_multiple_services_credit_control(
            granted_service_unit=asked
            and GrantedServiceUnit(cc_total_octets=asked.cc_total_octets),
            rating_group=service.rating_group,
            validity_time=3600 if asked else None,
            result_code=constants.E_RESULT_CODE_DIAMETER_SUCCESS,
        )
    return answer.as_bytes()


def asking(command_code: int, session_id: str, *further: Avp, flags: int = 0xC0) -> bytes:
    """Makes a RAR or an ASR of the server."""
    header = MessageHeader(
        command_code=command_code,
        command_flags=flags,
        application_id=constants.APP_DIAMETER_CREDIT_CONTROL_APPLICATION,
        hop_by_hop_identifier=0x01020304,
        end_to_end_identifier=0x05060708,
    )
    avps = [
        Avp.new(constants.AVP_SESSION_ID, value=session_id),
        Avp.new(constants.AVP_ORIGIN_HOST, value=HOST),
        Avp.new(constants.AVP_ORIGIN_REALM, value=REALM),
        Avp.new(constants.AVP_DESTINATION_REALM, value=b"test.example"),
        Avp.new(constants.AVP_DESTINATION_HOST, value=b"pgw.test.example"),
        Avp.new(constants.AVP_AUTH_APPLICATION_ID, value=4),
        *further,
    ]
    return Message(header, avps).as_bytes()


def rar(session_id: str, *rating_groups: int, flags: int = 0xC0) -> bytes:
    """Makes a RAR for a session, or for some of its rating groups."""
    groups = [Avp.new(constants.AVP_RATING_GROUP, value=group) for group in rating_groups]
    kind = Avp.new(constants.AVP_RE_AUTH_REQUEST_TYPE, value=0)
    return asking(constants.CMD_RE_AUTH, session_id, kind, *groups, flags=flags)


def asr(session_id: str) -> bytes:
    """Makes an ASR for a session."""
    return asking(constants.CMD_ABORT_SESSION, session_id)


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    server = FakeServer(answer=grant_all)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
