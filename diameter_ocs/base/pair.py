"""Which connections this node keeps with one peer, as a table (RFC 6733 section 5.6).

The peer may come, this node may go to it, or both at once: one connection stays. Closing of the
RFC belongs to the machine of each connection (`states`): one that is being closed may be replaced.
What is absent from the table cannot happen.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Generic, NamedTuple, Protocol, TypeVar


class State(Enum):
    """Which connections there are. A connection that is held waits for the answer to its CER."""

    CLOSED = auto()
    # Our own is on its way.
    WAIT_CONN_ACK = auto()
    # Our own waits for its CEA.
    WAIT_I_CEA = auto()
    # Likewise, and the peer's is held: the peer has won the election.
    WAIT_RETURNS = auto()
    # One is open (R-Open, I-Open) or being closed (Closing).
    OPEN = auto()
    # Likewise, it is asked whether it is there still, and another one of the peer is held.
    PROBING = auto()


class Input(Enum):
    """What can happen to the connections of a pair."""

    # This node would like to connect.
    START = auto()
    # The transport of our own is there (I-Rcv-Conn-Ack).
    CONN_ACK = auto()
    # The peer comes, and the rules take it (R-Conn-CER). Told apart: this node wins the election
    # while its own CER waits for the CEA; the open one seems to be dead, or is being closed.
    CER = auto()
    CER_ELECTED = auto()
    CER_SUCCEEDING = auto()
    # Our own has a CEA that is taken.
    CEA = auto()
    # The one that was asked is there still.
    PROVED = auto()
    # Our own came to nothing, or is over before it was open.
    INITIATED_LOST = auto()
    HELD_LOST = auto()
    OPENED_LOST = auto()


class Action(Enum):
    """What has to be done to a connection."""

    # It may connect.
    CONNECT = auto()
    # It sends its CER.
    INITIATE = auto()
    # It is taken: whoever comes, and who was held.
    TAKE = auto()
    ADMIT = auto()
    # It waits for the answer to its CER.
    HOLD = auto()
    # It is not wanted, as there is another one: whoever comes, and who was held.
    DECLINE = auto()
    DISMISS = auto()
    # Likewise: it is refused with DIAMETER_ELECTION_LOST.
    DISMISS_ELECTED = auto()
    # Our own ends, for the peer's.
    GIVE_WAY = auto()
    # It is asked whether it is there still.
    PROBE = auto()
    # It is given up at once, as another one has its place.
    REPLACE = auto()


Step = tuple[tuple[Action, ...], State]

_CONNECTED: Step = ((Action.TAKE,), State.OPEN)
_ADMITTED: Step = ((Action.ADMIT,), State.OPEN)

TABLE: Mapping[tuple[State, Input], Step] = {
    (State.CLOSED, Input.START): ((Action.CONNECT,), State.WAIT_CONN_ACK),
    (State.CLOSED, Input.CER): _CONNECTED,
    (State.WAIT_CONN_ACK, Input.START): ((Action.DECLINE,), State.WAIT_CONN_ACK),
    (State.WAIT_CONN_ACK, Input.CONN_ACK): ((Action.INITIATE,), State.WAIT_I_CEA),
    # Our CER is not on its way, so there is nothing to elect. In Wait-Conn-Ack/Elect of the RFC the
    # peer's would wait here for a connection that may not come to be, and give up.
    (State.WAIT_CONN_ACK, Input.CER): ((Action.GIVE_WAY, Action.TAKE), State.OPEN),
    (State.WAIT_CONN_ACK, Input.INITIATED_LOST): ((), State.CLOSED),
    (State.WAIT_I_CEA, Input.START): ((Action.DECLINE,), State.WAIT_I_CEA),
    (State.WAIT_I_CEA, Input.CER): ((Action.HOLD,), State.WAIT_RETURNS),
    (State.WAIT_I_CEA, Input.CER_ELECTED): ((Action.GIVE_WAY, Action.TAKE), State.OPEN),
    (State.WAIT_I_CEA, Input.CEA): _CONNECTED,
    (State.WAIT_I_CEA, Input.INITIATED_LOST): ((), State.CLOSED),
    (State.WAIT_RETURNS, Input.START): ((Action.DECLINE,), State.WAIT_RETURNS),
    (State.WAIT_RETURNS, Input.CER): ((Action.DECLINE,), State.WAIT_RETURNS),
    (State.WAIT_RETURNS, Input.CEA): ((Action.DISMISS_ELECTED, Action.TAKE), State.OPEN),
    (State.WAIT_RETURNS, Input.INITIATED_LOST): _ADMITTED,
    (State.WAIT_RETURNS, Input.HELD_LOST): ((), State.WAIT_I_CEA),
    (State.OPEN, Input.START): ((Action.DECLINE,), State.OPEN),
    (State.OPEN, Input.CER): ((Action.HOLD, Action.PROBE), State.PROBING),
    (State.OPEN, Input.CER_SUCCEEDING): ((Action.REPLACE, Action.TAKE), State.OPEN),
    # Who was held while it was asked is gone.
    (State.OPEN, Input.PROVED): ((), State.OPEN),
    (State.OPEN, Input.OPENED_LOST): ((), State.CLOSED),
    (State.PROBING, Input.START): ((Action.DECLINE,), State.PROBING),
    (State.PROBING, Input.CER): ((Action.DECLINE,), State.PROBING),
    (State.PROBING, Input.PROVED): ((Action.DISMISS,), State.OPEN),
    (State.PROBING, Input.HELD_LOST): ((), State.OPEN),
    (State.PROBING, Input.OPENED_LOST): _ADMITTED,
}


class Replaceable(Protocol):
    """A connection as far as a pair looks at it."""

    @property
    def is_replaceable(self) -> bool:
        """Whether, once open, it seems to be dead or is being closed, so that another may come."""


Kept = TypeVar("Kept", bound=Replaceable)


class Order(NamedTuple, Generic[Kept]):
    """What has to be done to which connection."""

    action: Action
    connection: Kept


class Pair(Generic[Kept]):
    """The connections of this node with one peer: at most one of each kind.

    `wins` is the result of the election between the two. Each method takes what has happened and
    returns what has to be done, in order; what it says was taken note of already. A connection
    that is over, or had to give way, is forgotten: what is told of it later means nothing.
    """

    __slots__ = ("_wins", "held", "initiated", "opened", "state")

    def __init__(self, *, wins: bool) -> None:
        self._wins = wins
        self.state = State.CLOSED
        self.opened: Kept | None = None
        self.held: Kept | None = None
        self.initiated: Kept | None = None
        """Our own, while it is not open."""

    def start(self, connection: Kept) -> list[Order[Kept]]:
        """Lets this node connect, if the peer neither is here nor on its way: CONNECT, DECLINE."""
        return self._apply(Input.START, connection)

    def connected(self, connection: Kept) -> list[Order[Kept]]:
        """Takes note that the transport of our own is there: INITIATE, or, too late, DECLINE."""
        if connection is not self.initiated:
            return [Order(Action.DECLINE, connection)]
        return self._apply(Input.CONN_ACK, connection)

    def exchanged(self, connection: Kept) -> list[Order[Kept]]:
        """Decides on a connection whose CER, or for our own CEA, is here and in order.

        One of the orders is for that connection: TAKE, HOLD or DECLINE.
        """
        if connection is self.initiated:
            return self._apply(Input.CEA, connection)
        return self._apply(self._cer(), connection)

    def proved(self, connection: Kept) -> list[Order[Kept]]:
        """Takes note that a connection that was asked is there still."""
        return self._apply(Input.PROVED) if connection is self.opened else []

    def lost(self, connection: Kept) -> list[Order[Kept]]:
        """Takes note that a connection is over, or came to nothing."""
        if connection is self.opened:
            self.opened = None
            return self._apply(Input.OPENED_LOST)
        if connection is self.held:
            self.held = None
            return self._apply(Input.HELD_LOST)
        if connection is self.initiated:
            self.initiated = None
            return self._apply(Input.INITIATED_LOST)
        return []

    def _cer(self) -> Input:
        if self._wins and self.state is State.WAIT_I_CEA:
            return Input.CER_ELECTED
        if self.state is State.OPEN and self.opened is not None and self.opened.is_replaceable:
            return Input.CER_SUCCEEDING
        return Input.CER

    def _apply(self, what: Input, newcomer: Kept | None = None) -> list[Order[Kept]]:
        actions, self.state = TABLE[self.state, what]
        return [Order(action, self._move(action, newcomer)) for action in actions]

    def _move(self, action: Action, newcomer: Kept | None) -> Kept:
        """Returns the connection that an action is for, once it has its new place."""
        concerned: Kept | None = newcomer
        match action:
            case Action.CONNECT:
                self.initiated = newcomer
            case Action.TAKE:
                self.opened = newcomer
                self.initiated = None
            case Action.HOLD:
                self.held = newcomer
            case Action.ADMIT:
                concerned = self.opened = self.held
                self.held = None
            case Action.DISMISS | Action.DISMISS_ELECTED:
                concerned, self.held = self.held, None
            case Action.GIVE_WAY:
                concerned, self.initiated = self.initiated, None
            case Action.PROBE | Action.REPLACE:
                concerned = self.opened
        assert concerned is not None, "the state says which connections there are"
        return concerned
