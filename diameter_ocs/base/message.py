"""Whole messages: the header, decoding, and the answers to a request (RFC 6733 sections 3 and 7).

An answer is built from the request it answers: the ids, the command and the P bit are copied,
Session-Id comes first, Proxy-Info comes back as it was.
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from .codec import Avp, Findings, Group, lay_out
from .dictionary import CommandDefinition, Dictionary, Member, Members
from .errors import DiameterError
from .formats import PADDING, VENDOR_BIT
from .framing import HEADER_OCTETS
from .layouts import OCTETS_MAX, Layout, Layouts

VERSION = 1
REQUEST_BIT = 0x80
PROXIABLE_BIT = 0x40
ERROR_BIT = 0x20
RETRANSMITTED_BIT = 0x10

# Version with length, flags with command code, application, hop-by-hop, end-to-end.
_HEADER = Struct(">5I")
_LOW_24_BITS = 0xFFFFFF
# What of the header makes messages alike: all up to the application but the T bit and what is
# reserved, and none of the ids.
_HEADER_MASK = b"\xff\xff\xff\xff\xe0\xff\xff\xff\xff\xff\xff\xff" + bytes(8)

# The Result-Codes that are answered with the E bit.
PROTOCOL_ERRORS = range(3000, 4000)

# What every answer carries of its own, so that it is never copied from a request.
_OWN_AVPS = frozenset({"Session-Id", "Origin-Host", "Origin-Realm", "Result-Code"})


class Identity(NamedTuple):
    """Who sends: Origin-Host, Origin-Realm and the Origin-State-Id, None to leave it out."""

    origin_host: str
    origin_realm: str
    origin_state_id: int | None = None


class Message:
    """A message received: its header and its AVPs.

    `definition` is None for a command that the dictionary does not know. `fault` is the error
    that decoding ended with; `group` holds what stands before it.
    """

    __slots__ = (
        "application_id",
        "command_code",
        "definition",
        "end_to_end",
        "fault",
        "flags",
        "group",
        "hop_by_hop",
        "octets",
        "version",
    )

    def __init__(self, octets: bytes, layout: Layout) -> None:
        start, command, self.application_id, self.hop_by_hop, self.end_to_end = _HEADER.unpack_from(
            octets
        )
        self.version: int = start >> 24
        self.flags: int = command >> 24
        self.command_code: int = command & _LOW_24_BITS
        self.octets = octets
        self.group = Group(octets, HEADER_OCTETS, layout)
        self.fault: DiameterError | None = None
        self.definition: CommandDefinition | None = None

    @property
    def is_request(self) -> bool:
        """Whether the R bit is set."""
        return bool(self.flags & REQUEST_BIT)

    @property
    def is_proxiable(self) -> bool:
        """Whether the P bit is set."""
        return bool(self.flags & PROXIABLE_BIT)

    @property
    def is_error(self) -> bool:
        """Whether the E bit is set."""
        return bool(self.flags & ERROR_BIT)

    @property
    def is_retransmission(self) -> bool:
        """Whether the T bit is set."""
        return bool(self.flags & RETRANSMITTED_BIT)

    @property
    def name(self) -> str | None:
        """The name of the command, None for one that the dictionary does not know."""
        return None if self.definition is None else self.definition.name

    @property
    def findings(self) -> Findings:
        """What decoding met that a check may have to look at."""
        return Findings(self.group)

    def raw(self, avp: Avp) -> bytes:
        """Returns the whole AVP as it was received, padded, so that it can stand in a message."""
        return self.octets[avp.start : avp.end] + PADDING[(avp.end - avp.start) & 3]

    def data(self, avp: Avp) -> bytes:
        """Returns the data of the AVP as they were received, without header and padding."""
        return self.octets[avp.start + (12 if avp.flags & VENDOR_BIT else 8) : avp.end]


class Decoder:
    """Decodes the messages of one dictionary; those laid out as others before are not walked.

    What is remembered follows from octets and dictionary alone, and is bounded.
    """

    __slots__ = ("_dictionary", "_groups", "_messages")

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._messages = Layouts()
        self._groups = Layouts()

    def decode(self, octets: bytes) -> Message:
        """Returns what the function `decode` returns."""
        length = len(octets)
        is_memorable = length <= OCTETS_MAX
        layout = self._messages.find(length, octets) if is_memorable else None
        if layout is not None:
            return _message(octets, self._dictionary, layout)
        message = _message(octets, self._dictionary, Layout())
        _walk(message, self._dictionary, self._groups)
        if is_memorable and message.fault is None:
            self._messages.learn(length, octets, message.group.layout, _HEADER_MASK)
        return message


def parse_header(octets: bytes) -> Message:
    """Returns a message without its AVPs; the octets hold at least a header."""
    return Message(octets, Layout())


def decode(octets: bytes, dictionary: Dictionary) -> Message:
    """Returns the message; what cannot be decoded is its `fault`, which `checks.check` raises."""
    message = _message(octets, dictionary, Layout())
    _walk(message, dictionary, None)
    return message


def _message(octets: bytes, dictionary: Dictionary, layout: Layout) -> Message:
    message = Message(octets, layout)
    message.definition = dictionary.command(message.application_id, message.command_code)
    return message


def _walk(message: Message, dictionary: Dictionary, groups: Layouts | None) -> None:
    try:
        lay_out(dictionary, message.octets, HEADER_OCTETS, message.group.layout, groups)
    except DiameterError as error:
        message.fault = error


def answer(
    request: Message,
    dictionary: Dictionary,
    identity: Identity,
    members: Members,
    *,
    is_error: bool = False,
) -> bytes:
    """Returns the answer: Session-Id as it was sent, who answers, the members, all Proxy-Info.

    The members stand in the order given and hold what the answer says, Result-Code included.
    """
    session_id = request.group.avp("Session-Id")
    body = b"".join(
        (
            b"" if session_id is None else request.raw(session_id),
            dictionary.encode_avps(_origin(identity, request)),
            dictionary.encode_avps(members),
            b"".join([request.raw(avp) for avp in _proxies(request)]),
        )
    )
    flags = request.flags & PROXIABLE_BIT | (ERROR_BIT if is_error else 0)
    return _header(request, flags, len(body)) + body


def error_answer(
    request: Message, dictionary: Dictionary, identity: Identity, error: DiameterError
) -> bytes:
    """Returns the answer that tells of the error.

    Those of the protocol errors (3xxx) have the E bit and the grammar of RFC 6733 section 7.2. The
    others keep the grammar of their command: what its answer requires and the request has is copied
    (RFC 8506 section 3.2: CC-Request-Type, CC-Request-Number), as far as the request was decoded.
    """
    is_error = error.result_code in PROTOCOL_ERRORS
    members: list[Member] = [("Result-Code", error.result_code)]
    if not is_error:
        members += _copied(request, dictionary)
    if text := str(error):
        members.append(("Error-Message", text))
    if error.failed_avp is not None:
        members.append(("Failed-AVP", error.failed_avp))
    return answer(request, dictionary, identity, members, is_error=is_error)


def request(
    dictionary: Dictionary,
    name: str,
    hop_by_hop: int,
    end_to_end: int,
    members: Members,
) -> bytes:
    """Returns a request of ours: the command's numbers and P bit, then the members in order."""
    command = dictionary.command_named(name)
    body = dictionary.encode_avps(members)
    flags = REQUEST_BIT | (PROXIABLE_BIT if command.is_proxiable else 0)
    return (
        _HEADER.pack(
            VERSION << 24 | HEADER_OCTETS + len(body),
            flags << 24 | command.code,
            command.application_id,
            hop_by_hop,
            end_to_end,
        )
        + body
    )


def numbered(octets: bytes, hop_by_hop: int) -> bytes:
    """Returns a message under another hop-by-hop id."""
    return octets[:12] + hop_by_hop.to_bytes(4) + octets[16:]


def retransmitted(octets: bytes) -> bytes:
    """Returns a request that may have arrived before, by which it says so: with the T bit."""
    return octets[:4] + bytes((octets[4] | RETRANSMITTED_BIT,)) + octets[5:]


def _origin(identity: Identity, request: Message) -> Iterable[Member]:
    """Yields who answers; Origin-State-Id only where the answer's grammar has it."""
    yield "Origin-Host", identity.origin_host
    yield "Origin-Realm", identity.origin_realm
    command = request.definition
    if identity.origin_state_id is None or command is None:
        return
    if "Origin-State-Id" in command.answer_rules.known:
        yield "Origin-State-Id", identity.origin_state_id


def _header(request: Message, flags: int, body_octets: int) -> bytes:
    return _HEADER.pack(
        VERSION << 24 | HEADER_OCTETS + body_octets,
        flags << 24 | request.command_code,
        request.application_id,
        request.hop_by_hop,
        request.end_to_end,
    )


def _proxies(request: Message) -> Iterable[Avp]:
    """Returns what agents on the way need; a Proxy-Info that decoding ended in would break them."""
    proxies = request.group.avps("Proxy-Info")
    if request.fault is not None:
        return [avp for avp in proxies if avp.value.layout.avps or not request.data(avp)]
    return proxies


def _copied(request: Message, dictionary: Dictionary) -> Iterable[Member]:
    """Yields what the answer's grammar requires and the request tells."""
    if request.definition is None:
        return
    for name in request.definition.answer_rules.required:
        avp = request.group.avp(name)
        if name in _OWN_AVPS:
            continue
        if avp is not None:
            yield request.raw(avp)
        elif name == "Auth-Application-Id":
            # It equals the header's (RFC 6733 section 6.8), so it is known also without the AVP.
            yield dictionary.encode(name, request.application_id)
