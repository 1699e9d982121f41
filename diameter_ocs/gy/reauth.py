"""Has a client ask for its quotas again, or end a session, and reads what it says to that.

RAR and RAA are of RFC 8506 section 5.5 and RFC 6733 section 8.3, ASR and ASA of RFC 6733 section
8.5. A client that takes a RAR sends a CCR of its own, which is charged as any other.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from ..base.dictionary import Dictionary, Member
from ..base.message import Identity, Message, request

RE_AUTH = "Re-Auth"
ABORT_SESSION = "Abort-Session"
AUTHORIZE_ONLY = 0


class Client(NamedTuple):
    """Whose session it is, as its last request said."""

    session_id: bytes
    origin_host: str
    origin_realm: str
    sub_session_id: int | None = None


class Reaction(StrEnum):
    """What a client says to a RAR or an ASR."""

    ASKS_AGAIN = "asks_again"
    """A request follows (RFC 8506 section 5.5)."""
    DONE = "done"
    """A RAR found a request under way, or one follows all the same; an ASR ends the session, and
    its last request follows."""
    SESSION_UNKNOWN = "session_unknown"
    """There is no such session: it has ended, or was forgotten."""
    NOT_DELIVERED = "not_delivered"
    """It did not arrive, or could not be done now: try again later."""
    UNSUPPORTED = "unsupported"
    """The client never takes such a request."""
    REFUSED = "refused"
    """What else may be said, and what cannot be read."""


_REACTIONS: Mapping[int, Reaction] = {
    2001: Reaction.DONE,
    2002: Reaction.ASKS_AGAIN,
    3001: Reaction.UNSUPPORTED,
    3002: Reaction.NOT_DELIVERED,
    3003: Reaction.NOT_DELIVERED,
    3004: Reaction.NOT_DELIVERED,
    3005: Reaction.NOT_DELIVERED,
    3006: Reaction.NOT_DELIVERED,
    3007: Reaction.UNSUPPORTED,
    5002: Reaction.SESSION_UNKNOWN,
    5012: Reaction.NOT_DELIVERED,
}


class Caller:
    """Writes the requests of one node.

    Their hop-by-hop id is 0: the connection that sends a request gives it one of its own.
    """

    def __init__(self, dictionary: Dictionary, identity: Identity) -> None:
        self._dictionary = dictionary
        self._identity = identity
        self.application_id = dictionary.command_named(RE_AUTH).application_id

    def reauthorization(
        self, client: Client, end_to_end: int, rating_group: int | None = None
    ) -> bytes:
        """Returns a RAR for a session or sub-session, or one of its rating groups."""
        members: list[Member] = [("Re-Auth-Request-Type", AUTHORIZE_ONLY)]
        if client.sub_session_id is not None:
            members.append(("CC-Sub-Session-Id", client.sub_session_id))
        if rating_group is not None:
            members.append(("Rating-Group", rating_group))
        return self._request(RE_AUTH, client, end_to_end, members)

    def abort(self, client: Client, end_to_end: int) -> bytes:
        """Returns an ASR, which is for the whole session."""
        return self._request(ABORT_SESSION, client, end_to_end, [])

    def _request(
        self, command: str, client: Client, end_to_end: int, members: list[Member]
    ) -> bytes:
        identity = self._identity
        whole: list[Member] = [
            ("Session-Id", client.session_id),
            ("Origin-Host", identity.origin_host),
            ("Origin-Realm", identity.origin_realm),
            ("Destination-Realm", client.origin_realm),
            ("Destination-Host", client.origin_host),
            ("Auth-Application-Id", self.application_id),
            *members,
        ]
        if identity.origin_state_id is not None:
            whole.append(("Origin-State-Id", identity.origin_state_id))
        return request(self._dictionary, command, 0, end_to_end, whole)


def reaction(answer: Message, client: Client) -> Reaction:
    """Returns what the answer to a RAR or an ASR says, by its Result-Code.

    Temporary failures (4xxx, RFC 6733 section 7.1.4) are worth another try. Only the client itself
    knows which sessions it has: where another host on the way does not, the request went astray.
    """
    code: int | None = answer.group.first("Result-Code")
    if code is None:
        return Reaction.REFUSED
    if code in range(4000, 5000):
        return Reaction.NOT_DELIVERED
    said = _REACTIONS.get(code, Reaction.REFUSED)
    if said is Reaction.SESSION_UNKNOWN and not _is_from(answer, client):
        return Reaction.NOT_DELIVERED
    return said


def _is_from(answer: Message, client: Client) -> bool:
    origin_host: str = answer.group.first("Origin-Host") or ""
    return origin_host.lower() == client.origin_host.lower()
