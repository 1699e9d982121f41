"""The states of one connection, whichever side opened it, as a table (RFC 6733 section 5.6).

Which of several connections with a peer is kept says `pair`. What is absent from the table is
forbidden: it ends the connection.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from .events import CloseReason


class State(Enum):
    """Where the connection stands; WAIT_CER is Closed of the RFC with a transport.

    HELD and HELD_CEA are Wait-Returns as one connection sees it.
    """

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    WAIT_CER = auto()
    # The CER is here and waits for the decision of the rim.
    HELD = auto()
    # Our CER waits for its CEA.
    WAIT_CEA = auto()
    # The CEA is here and waits for the decision of the rim.
    HELD_CEA = auto()
    OPEN = auto()
    # A DPR of ours waits for its DPA.
    CLOSING = auto()
    # The DPA came, requests that arrived before are still to be answered.
    DRAINING = auto()
    # The peer sent a DPR and has its DPA; it closes the transport.
    LEAVING = auto()
    CLOSED = auto()


class Input(Enum):
    """What can happen to a connection."""

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    # This node has opened the connection.
    INITIATE = auto()
    # What becomes of the peer whose CER, or CEA, it is.
    HELD = auto()
    ACCEPTED = auto()
    REFUSED = auto()
    # Before that, what may have overtaken the CEA, and what cannot come.
    EARLY = auto()
    UNEXPECTED = auto()
    # Another connection of the peer is kept instead of ours.
    GIVE_WAY = auto()
    CER_REPEATED = auto()
    CER_CHANGED = auto()
    REQUEST = auto()
    ANSWER = auto()
    DWR = auto()
    DWA = auto()
    DPR = auto()
    # A DPA that finds every request answered, and one that does not.
    DPA = auto()
    DPA_EARLY = auto()
    # An answer to no request of ours that is open.
    STRAY_ANSWER = auto()
    STOP = auto()
    TIMEOUT = auto()
    WATCHDOG_LOST = auto()
    PROBE_LOST = auto()
    TRANSPORT_LOST = auto()


class Action(Enum):
    """What the machine does on its way into the next state."""

    IGNORE = auto()
    # Gives out the answer to a request of ours.
    REPORT = auto()
    DROP_ANSWER = auto()
    TAKE_REQUEST = auto()
    # Answers a request that comes while the connection is being closed.
    TURN_AWAY = auto()
    SEND_CAPABILITIES = auto()
    # Leaves the decision on the peer to the rim, for a while.
    HOLD = auto()
    # Keeps a message until the connection is open.
    KEEP = auto()
    OPEN = auto()
    ANSWER_AND_OPEN = auto()
    ANSWER_CAPABILITIES = auto()
    ANSWER_WATCHDOG = auto()
    ANSWER_DISCONNECT = auto()
    SEND_DISCONNECT = auto()
    # Ends the connection for the reason that the refusal of the peer gives.
    END_REFUSED = auto()
    # Likewise, for a message before the capabilities.
    END_UNEXPECTED = auto()


class Ending(NamedTuple):
    """The action that ends the connection, for a reason that is always the same."""

    reason: CloseReason
    detail: str


Step = tuple[Action | Ending, State]


def _end(reason: CloseReason, detail: str) -> Step:
    return Ending(reason, detail), State.CLOSED


FORBIDDEN = _end(CloseReason.UNEXPECTED_MESSAGE, "the peer sent what cannot come now")
_LATE = _end(CloseReason.CAPABILITIES_LATE, "no CER came in time")
_UNDECIDED = _end(CloseReason.CAPABILITIES_LATE, "nothing was decided on the CER in time")
_CEA_LATE = _end(CloseReason.CAPABILITIES_LATE, "no CEA came in time")
_UNDECIDED_CEA = _end(CloseReason.CAPABILITIES_LATE, "nothing was decided on the CEA in time")
_CUT_OFF = _end(
    CloseReason.CONNECTION_LOST,
    "the peer ended the connection instead of a CEA: it may not know this node's Origin-Host, or"
    " speak TLS on this port: its log says why",
)
_GAVE_WAY = _end(CloseReason.GAVE_WAY, "the peer's own connection to this node is kept")
_CHANGED = _end(CloseReason.CAPABILITIES_CHANGED, "a second CER tells of another peer")
_SILENT = _end(CloseReason.WATCHDOG, "the peer is silent and answers no DWR")
_REPLACED = _end(CloseReason.REPLACED, "the peer came again and is silent here")
_LOST = _end(CloseReason.CONNECTION_LOST, "the transport is gone")
_LEFT = _end(CloseReason.DISCONNECTED_BY_PEER, "the peer disconnected")
_DONE = _end(CloseReason.DISCONNECTED_BY_US, "this node disconnected")
_UNANSWERED = _end(CloseReason.DISCONNECT_LATE, "no DPA came in time")

TABLE: Mapping[tuple[State, Input], Step] = {
    (State.WAIT_CER, Input.INITIATE): (Action.SEND_CAPABILITIES, State.WAIT_CEA),
    (State.WAIT_CER, Input.HELD): (Action.HOLD, State.HELD),
    (State.WAIT_CER, Input.ACCEPTED): (Action.ANSWER_AND_OPEN, State.OPEN),
    (State.WAIT_CER, Input.REFUSED): (Action.END_REFUSED, State.CLOSED),
    (State.WAIT_CER, Input.UNEXPECTED): (Action.END_UNEXPECTED, State.CLOSED),
    (State.WAIT_CER, Input.STOP): _DONE,
    (State.WAIT_CER, Input.TIMEOUT): _LATE,
    (State.WAIT_CER, Input.TRANSPORT_LOST): _LOST,
    (State.HELD, Input.ACCEPTED): (Action.ANSWER_AND_OPEN, State.OPEN),
    (State.HELD, Input.REFUSED): (Action.END_REFUSED, State.CLOSED),
    (State.HELD, Input.UNEXPECTED): (Action.END_UNEXPECTED, State.CLOSED),
    (State.HELD, Input.STOP): _DONE,
    (State.HELD, Input.TIMEOUT): _UNDECIDED,
    (State.HELD, Input.TRANSPORT_LOST): _LOST,
    (State.WAIT_CEA, Input.HELD): (Action.HOLD, State.HELD_CEA),
    (State.WAIT_CEA, Input.ACCEPTED): (Action.OPEN, State.OPEN),
    (State.WAIT_CEA, Input.REFUSED): (Action.END_REFUSED, State.CLOSED),
    (State.WAIT_CEA, Input.EARLY): (Action.KEEP, State.WAIT_CEA),
    (State.WAIT_CEA, Input.UNEXPECTED): (Action.END_UNEXPECTED, State.CLOSED),
    (State.WAIT_CEA, Input.GIVE_WAY): _GAVE_WAY,
    (State.WAIT_CEA, Input.STOP): _DONE,
    (State.WAIT_CEA, Input.TIMEOUT): _CEA_LATE,
    (State.WAIT_CEA, Input.TRANSPORT_LOST): _CUT_OFF,
    (State.HELD_CEA, Input.ACCEPTED): (Action.OPEN, State.OPEN),
    (State.HELD_CEA, Input.REFUSED): (Action.END_REFUSED, State.CLOSED),
    (State.HELD_CEA, Input.EARLY): (Action.KEEP, State.HELD_CEA),
    (State.HELD_CEA, Input.UNEXPECTED): (Action.END_UNEXPECTED, State.CLOSED),
    (State.HELD_CEA, Input.GIVE_WAY): _GAVE_WAY,
    (State.HELD_CEA, Input.STOP): _DONE,
    (State.HELD_CEA, Input.TIMEOUT): _UNDECIDED_CEA,
    (State.HELD_CEA, Input.TRANSPORT_LOST): _LOST,
    (State.OPEN, Input.CER_REPEATED): (Action.ANSWER_CAPABILITIES, State.OPEN),
    (State.OPEN, Input.CER_CHANGED): _CHANGED,
    (State.OPEN, Input.REQUEST): (Action.TAKE_REQUEST, State.OPEN),
    (State.OPEN, Input.ANSWER): (Action.REPORT, State.OPEN),
    (State.OPEN, Input.STRAY_ANSWER): (Action.DROP_ANSWER, State.OPEN),
    (State.OPEN, Input.DWR): (Action.ANSWER_WATCHDOG, State.OPEN),
    (State.OPEN, Input.DWA): (Action.IGNORE, State.OPEN),
    (State.OPEN, Input.DPR): (Action.ANSWER_DISCONNECT, State.LEAVING),
    (State.OPEN, Input.STOP): (Action.SEND_DISCONNECT, State.CLOSING),
    (State.OPEN, Input.WATCHDOG_LOST): _SILENT,
    (State.OPEN, Input.PROBE_LOST): _REPLACED,
    (State.OPEN, Input.TRANSPORT_LOST): _LOST,
    (State.CLOSING, Input.REQUEST): (Action.TURN_AWAY, State.CLOSING),
    (State.CLOSING, Input.ANSWER): (Action.REPORT, State.CLOSING),
    (State.CLOSING, Input.STRAY_ANSWER): (Action.DROP_ANSWER, State.CLOSING),
    (State.CLOSING, Input.DWR): (Action.ANSWER_WATCHDOG, State.CLOSING),
    (State.CLOSING, Input.DWA): (Action.IGNORE, State.CLOSING),
    (State.CLOSING, Input.DPR): (Action.ANSWER_DISCONNECT, State.CLOSING),
    (State.CLOSING, Input.DPA): _DONE,
    (State.CLOSING, Input.DPA_EARLY): (Action.IGNORE, State.DRAINING),
    (State.CLOSING, Input.STOP): (Action.IGNORE, State.CLOSING),
    (State.CLOSING, Input.TIMEOUT): _UNANSWERED,
    (State.CLOSING, Input.TRANSPORT_LOST): _DONE,
    (State.DRAINING, Input.REQUEST): (Action.TURN_AWAY, State.DRAINING),
    (State.DRAINING, Input.ANSWER): (Action.REPORT, State.DRAINING),
    (State.DRAINING, Input.STRAY_ANSWER): (Action.DROP_ANSWER, State.DRAINING),
    (State.DRAINING, Input.DWR): (Action.ANSWER_WATCHDOG, State.DRAINING),
    (State.DRAINING, Input.DWA): (Action.IGNORE, State.DRAINING),
    (State.DRAINING, Input.DPR): (Action.ANSWER_DISCONNECT, State.DRAINING),
    (State.DRAINING, Input.STOP): (Action.IGNORE, State.DRAINING),
    (State.DRAINING, Input.TIMEOUT): _DONE,
    (State.DRAINING, Input.TRANSPORT_LOST): _DONE,
    (State.LEAVING, Input.REQUEST): (Action.TURN_AWAY, State.LEAVING),
    (State.LEAVING, Input.ANSWER): (Action.REPORT, State.LEAVING),
    (State.LEAVING, Input.STRAY_ANSWER): (Action.DROP_ANSWER, State.LEAVING),
    (State.LEAVING, Input.DWR): (Action.ANSWER_WATCHDOG, State.LEAVING),
    (State.LEAVING, Input.DWA): (Action.IGNORE, State.LEAVING),
    (State.LEAVING, Input.DPR): (Action.ANSWER_DISCONNECT, State.LEAVING),
    (State.LEAVING, Input.STOP): (Action.IGNORE, State.LEAVING),
    (State.LEAVING, Input.TIMEOUT): _LEFT,
    (State.LEAVING, Input.TRANSPORT_LOST): _LEFT,
}
