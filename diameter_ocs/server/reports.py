"""Tells policy servers how counters stand (TS 29.219 section 4.5.2)."""

from collections.abc import Callable

from ..charging.delivery import Claimed, Fate, Result
from ..charging.reporting import as_known_now, due_report, report_of
from ..charging.spending_limits import SpendingLimitSession
from ..jobs.clocks import MovedClock
from ..sy.notify import Notifier, Reception, StatusNotification, answered
from ..transport.routes import Destination
from .moved import foreseen_in_world_time
from .sending import BUSY, Correspondence

SETTLED_MICROSECONDS = 10_000_000
"""So long after it was answered a policy server may not know its session yet."""
DONE = Fate(Result.DELIVERED)
GONE = Fate(Result.DROPPED)
AGAIN = BUSY._replace(seconds=0.05)
"""It is read anew before it is tried again: a policy server that asks is told what is new."""
BEHIND = AGAIN._replace(fault="its counters have turned since")
"""Likewise, with what is new; where nothing is, it was given up once, and what is new was told."""

Forget = Callable[[SpendingLimitSession], None]
"""Ends a subscription that its policy server does not know any more."""


class Reports:
    """Delivers reports, as SNR; `clock` gives microseconds since 1970.

    `is_busy` says whether a policy server waits for an answer about a session, or has got one since
    what is claimed was read.
    """

    def __init__(
        self,
        correspondence: Correspondence,
        notifier: Notifier,
        is_busy: Callable[[bytes, int], bool],
        forget: Forget,
        clock: Callable[[], int],
    ) -> None:
        self._correspondence = correspondence
        self._notifier = notifier
        self._is_busy = is_busy
        self._forget = forget
        self._clock = clock
        self._moved = clock if isinstance(clock, MovedClock) else None

    def serves(self, target: str) -> bool:
        """Says that all of them go to peers."""
        return False

    async def deliver(self, claimed: Claimed) -> Fate:
        """Sends what one policy server has not been told of one subscription."""
        session = claimed.session
        if not isinstance(session, SpendingLimitSession):
            return GONE
        waiting = [(row.number, report_of(row.content)) for row in claimed.rows]
        report = due_report(session, waiting, self._clock(), claimed.may_be_known)
        if report is None:
            return GONE
        if self._is_busy(session.session_id, claimed.at):
            return AGAIN
        latest = as_known_now(report, session, self._clock())
        if latest != report and claimed.rows[-1].fault != BEHIND.fault:
            return BEHIND
        report = latest
        host, realm, statuses = session.origin_host, session.origin_realm, report.statuses
        if self._moved is not None:
            statuses = foreseen_in_world_time(statuses, self._moved.ahead)
        told = StatusNotification(session.session_id, host, realm, statuses, report.is_abort)
        octets = self._notifier.encode(
            told, claimed.end_to_end_id, is_retransmission=claimed.was_sent
        )
        destination = Destination(host, realm, self._notifier.application_id)
        answer = await self._correspondence.ask(destination, octets)
        if isinstance(answer, Fate):
            return answer
        reception, code = answered(answer, host)
        if reception is Reception.TAKEN:
            return DONE
        is_settled = self._clock() - session.updated_at > SETTLED_MICROSECONDS
        if reception is Reception.SESSION_UNKNOWN and is_settled:
            self._forget(session)
            return GONE
        return Fate(Result.PUT_OFF, f"its policy server said {code}", is_answered=True)
