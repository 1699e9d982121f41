"""What this node says on one connection: its answers, its requests and whom it awaits."""

from collections.abc import Callable, Iterable

from .capabilities import LocalNode
from .dictionary import Member
from .errors import DiameterError
from .message import Message, answer, error_answer
from .message import request as encode_request

SUCCESS = 2001


class Outgoing:
    """The messages that wait for the transport, and the ids of our requests without an answer.

    `next_identifier` gives hop-by-hop and end-to-end ids, unlike any other of this node.
    """

    __slots__ = ("_local", "_next_identifier", "awaited", "messages")

    def __init__(self, local: LocalNode, next_identifier: Callable[[], int]) -> None:
        self._local = local
        self._next_identifier = next_identifier
        self.messages: list[bytes] = []
        self.awaited: dict[int, int] = {}
        """By hop-by-hop id: the command code of the answer."""

    def take(self) -> list[bytes]:
        """Returns the messages that wait, and forgets them."""
        messages, self.messages = self.messages, []
        return messages

    def request(self, name: str, members: Iterable[Member]) -> None:
        """Sends a request of the base protocol, whose answer is awaited from now on."""
        local = self._local
        identifier = self._next_identifier()
        own: list[Member] = [
            ("Origin-Host", local.identity.origin_host),
            ("Origin-Realm", local.identity.origin_realm),
            *members,
        ]
        self.send(encode_request(local.dictionary, name, identifier, identifier, own))

    def send(self, octets: bytes) -> None:
        """Sends a request of ours, whose answer is awaited from now on."""
        self.awaited[int.from_bytes(octets[12:16])] = int.from_bytes(octets[5:8])
        self.messages.append(octets)

    def is_awaited(self, message: Message) -> bool:
        """Says whether an answer is one to a request of ours, and awaits it no more."""
        if self.awaited.get(message.hop_by_hop) != message.command_code:
            return False
        del self.awaited[message.hop_by_hop]
        return True

    def answer(self, message: Message, members: Iterable[Member] = ()) -> None:
        """Answers with success."""
        local = self._local
        all_members: list[Member] = [("Result-Code", SUCCESS), *members]
        self.messages.append(answer(message, local.dictionary, local.identity, all_members))

    def refuse(self, message: Message, error: DiameterError) -> None:
        """Answers with the error."""
        local = self._local
        self.messages.append(error_answer(message, local.dictionary, local.identity, error))
