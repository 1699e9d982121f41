"""Reports of how counters stand, as SNR, and what an SNA says of one (TS 29.219 section 4.5.2)."""

from enum import Enum, auto
from typing import NamedTuple

from ..base.dictionary import Dictionary, Member
from ..base.message import Identity, Message, request, retransmitted
from ..charging.spending_limits import CounterStatus
from .reports import reports

COMMAND = "Spending-Status-Notification"

_NORMAL_REQUEST = 0x1
_ABORT_SESSION_REQUEST = 0x2
_UNABLE_TO_DELIVER = 3002
_TOO_BUSY = 3004
_UNKNOWN_SESSION_ID = 5002
_SUCCESSES = range(2000, 3000)
_TRANSIENT_FAILURES = range(4000, 5000)


class StatusNotification(NamedTuple):
    """What a policy server is told."""

    session_id: bytes
    """As it sent it."""
    host: str
    """Its Origin-Host."""
    realm: str
    statuses: tuple[CounterStatus, ...] = ()
    is_abort: bool = False
    """It is asked to end its subscription (TS 29.219 section 4.5.4)."""


class Reception(Enum):
    """What became of a report."""

    TAKEN = auto()
    SESSION_UNKNOWN = auto()
    """The policy server has no such session."""
    NOT_NOW = auto()
    """It may be taken later."""
    REFUSED = auto()


class NotificationAnswer(NamedTuple):
    """What an SNA says."""

    reception: Reception
    code: int | None
    """Result-Code or Experimental-Result-Code; None: it has none."""


class Notifier:
    """Writes the reports of one node."""

    def __init__(self, dictionary: Dictionary, identity: Identity) -> None:
        self._dictionary = dictionary
        self.application_id = dictionary.command_named(COMMAND).application_id
        own: list[Member] = [
            ("Origin-Host", identity.origin_host),
            ("Origin-Realm", identity.origin_realm),
        ]
        state_id = identity.origin_state_id
        self._origin = dictionary.encode_avps(own)
        self._origin_state = (
            b"" if state_id is None else dictionary.encode("Origin-State-Id", state_id)
        )

    def encode(
        self, notification: StatusNotification, end_to_end: int, *, is_retransmission: bool = False
    ) -> bytes:
        """Returns the SNR; its hop-by-hop id, which is 0, is for its connection to give."""
        members: list[Member] = [
            ("Session-Id", notification.session_id),
            self._origin,
            ("Destination-Realm", notification.realm),
            ("Destination-Host", notification.host),
            ("Auth-Application-Id", self.application_id),
            self._origin_state,
            *reports(notification.statuses),
        ]
        if notification.is_abort:
            reported = _NORMAL_REQUEST if notification.statuses else 0
            members.append(("SN-Request-Type", _ABORT_SESSION_REQUEST | reported))
        octets = request(self._dictionary, COMMAND, 0, end_to_end, members)
        return retransmitted(octets) if is_retransmission else octets


def answered(message: Message, host: str) -> NotificationAnswer:
    """Returns what an SNA says, whatever it holds.

    Only the policy server itself, which is `host`, knows which sessions it has: where another host
    on the way does not, the report went astray.
    """
    said = _said(message)
    origin_host: str = message.group.first("Origin-Host") or ""
    if said.reception is Reception.SESSION_UNKNOWN and origin_host.lower() != host.lower():
        return said._replace(reception=Reception.NOT_NOW)
    return said


def _said(message: Message) -> NotificationAnswer:
    code = message.group.first("Result-Code")
    if code is not None:
        return NotificationAnswer(_reception(code), code)
    for experimental in message.group.all("Experimental-Result"):
        code = experimental.first("Experimental-Result-Code")
        if code is not None:
            return NotificationAnswer(_reception(code, experimental.first("Vendor-Id") or 0), code)
    return NotificationAnswer(Reception.REFUSED, None)


def _reception(code: int, vendor_id: int = 0) -> Reception:
    """Returns what a code means; its classes are those of the base protocol for every vendor."""
    if code in _SUCCESSES:
        return Reception.TAKEN
    if (code, vendor_id) == (_UNKNOWN_SESSION_ID, 0):
        return Reception.SESSION_UNKNOWN
    is_transient = code in _TRANSIENT_FAILURES or code in (_UNABLE_TO_DELIVER, _TOO_BUSY)
    return Reception.NOT_NOW if is_transient else Reception.REFUSED
