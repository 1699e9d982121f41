"""The watchdog of one connection as a table of states and events (RFC 3539 section 3.4.1).

What is absent from the table cannot happen; a watchdog is dropped with its connection. Requests
that arrive in REOPEN are answered all the same: the text would throw them away, which costs the
client its session.
"""

from collections.abc import Callable
from enum import Enum, auto

WATCHDOG_SECONDS_MIN = 6
# As many answers as show that a connection after a failure can be trusted.
REOPEN_ANSWERS = 3


class State(Enum):
    """What is known of the peer."""

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    INITIAL = auto()
    OKAY = auto()
    SUSPECT = auto()
    DOWN = auto()
    REOPEN = auto()


class Event(Enum):
    """What can happen. The timer is told apart by whether a DWA is awaited."""

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    CONNECTION_UP = auto()
    MESSAGE_RECEIVED = auto()
    ANSWER_RECEIVED = auto()
    LAST_ANSWER_RECEIVED = auto()
    TIMER_EXPIRED = auto()
    TIMER_EXPIRED_UNANSWERED = auto()
    TIMER_EXPIRED_UNANSWERED_AGAIN = auto()


class Action(Enum):
    """What the owner of the watchdog has to do."""

    NOTHING = auto()
    SEND_WATCHDOG = auto()
    FAIL_OVER = auto()
    FAIL_BACK = auto()
    CLOSE = auto()


TABLE = {
    (State.INITIAL, Event.CONNECTION_UP): (Action.NOTHING, State.OKAY),
    (State.DOWN, Event.CONNECTION_UP): (Action.SEND_WATCHDOG, State.REOPEN),
    (State.OKAY, Event.MESSAGE_RECEIVED): (Action.NOTHING, State.OKAY),
    (State.OKAY, Event.ANSWER_RECEIVED): (Action.NOTHING, State.OKAY),
    (State.OKAY, Event.TIMER_EXPIRED): (Action.SEND_WATCHDOG, State.OKAY),
    (State.OKAY, Event.TIMER_EXPIRED_UNANSWERED): (Action.FAIL_OVER, State.SUSPECT),
    (State.SUSPECT, Event.MESSAGE_RECEIVED): (Action.FAIL_BACK, State.OKAY),
    (State.SUSPECT, Event.ANSWER_RECEIVED): (Action.FAIL_BACK, State.OKAY),
    (State.SUSPECT, Event.TIMER_EXPIRED_UNANSWERED): (Action.CLOSE, State.DOWN),
    (State.REOPEN, Event.MESSAGE_RECEIVED): (Action.NOTHING, State.REOPEN),
    (State.REOPEN, Event.ANSWER_RECEIVED): (Action.NOTHING, State.REOPEN),
    (State.REOPEN, Event.LAST_ANSWER_RECEIVED): (Action.FAIL_BACK, State.OKAY),
    (State.REOPEN, Event.TIMER_EXPIRED): (Action.SEND_WATCHDOG, State.REOPEN),
    (State.REOPEN, Event.TIMER_EXPIRED_UNANSWERED): (Action.NOTHING, State.REOPEN),
    (State.REOPEN, Event.TIMER_EXPIRED_UNANSWERED_AGAIN): (Action.CLOSE, State.DOWN),
}


class Watchdog:
    """The state of one connection and the time at which its timer ends.

    `seconds` is Twinit; `jitter` is drawn for every arming and lies within 2 seconds of 0.
    With `is_reopened` the peer was lost before, so that it starts in REOPEN. `deadline` is None
    while the timer does not run.
    """

    __slots__ = (
        "_answers",
        "_is_pending",
        "_jitter",
        "_seconds",
        "deadline",
        "state",
    )

    def __init__(
        self, seconds: float, jitter: Callable[[], float], *, is_reopened: bool = False
    ) -> None:
        if seconds < WATCHDOG_SECONDS_MIN:
            raise ValueError(f"a watchdog takes at least {WATCHDOG_SECONDS_MIN} seconds")
        self._seconds = seconds
        self._jitter = jitter
        self._is_pending = False
        self._answers = 0
        self.state = State.DOWN if is_reopened else State.INITIAL
        self.deadline: float | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether a DWA is overdue."""
        return self.state is State.SUSPECT

    @property
    def is_on_trial(self) -> bool:
        """Whether the peer was lost before and has not shown yet that it stays."""
        return self.state is State.REOPEN

    def connection_up(self, now: float) -> Action:
        """Starts the timer."""
        self._arm(now)
        return self._apply(Event.CONNECTION_UP)

    def message_received(self, now: float) -> Action:
        """Takes note of any message that is not a DWA; it defers the timer, but in REOPEN."""
        if self.state is not State.REOPEN:
            self._arm(now)
        return self._apply(Event.MESSAGE_RECEIVED)

    def answer_received(self, now: float) -> Action:
        """Takes note of a DWA."""
        self._is_pending = False
        if self.state is not State.REOPEN:
            self._arm(now)
            return self._apply(Event.ANSWER_RECEIVED)
        self._answers += 1
        is_last = self._answers >= REOPEN_ANSWERS
        return self._apply(Event.LAST_ANSWER_RECEIVED if is_last else Event.ANSWER_RECEIVED)

    def timer_expired(self, now: float) -> Action:
        """Decides what silence means and arms the timer again."""
        self._arm(now)
        if not self._is_pending:
            return self._apply(Event.TIMER_EXPIRED)
        if self.state is State.REOPEN and self._answers < 0:
            return self._apply(Event.TIMER_EXPIRED_UNANSWERED_AGAIN)
        self._answers = -1
        return self._apply(Event.TIMER_EXPIRED_UNANSWERED)

    def _arm(self, now: float) -> None:
        self.deadline = now + self._seconds + self._jitter()

    def _apply(self, event: Event) -> Action:
        action, self.state = TABLE[self.state, event]
        if action is Action.SEND_WATCHDOG:
            self._is_pending = True
        if self.state is State.DOWN:
            self.deadline = None
        return action
