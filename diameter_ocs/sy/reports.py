"""How counters stand, as Policy-Counter-Status-Reports (TS 29.219 section 5.3.3)."""

from collections.abc import Iterable

from ..base.dictionary import Member
from ..base.formats import UNIX_SECONDS_MAX
from ..charging.spending_limits import CounterStatus, PendingStatus

_SECOND = 1_000_000


def reports(statuses: Iterable[CounterStatus]) -> list[Member]:
    """Returns a report of each counter."""
    return [("Policy-Counter-Status-Report", _report(status)) for status in statuses]


def _report(counter: CounterStatus) -> list[Member]:
    """Returns the members of a report; a change that no Time can tell of is left out."""
    members: list[Member] = [
        ("Policy-Counter-Identifier", counter.name),
        ("Policy-Counter-Status", counter.status),
    ]
    for pending in counter.pending:
        change_at = _seconds(pending)
        if change_at <= UNIX_SECONDS_MAX:
            information: list[Member] = [
                ("Policy-Counter-Status", pending.status),
                ("Pending-Policy-Counter-Change-Time", change_at),
            ]
            members.append(("Pending-Policy-Counter-Information", information))
    return members


def _seconds(pending: PendingStatus) -> int:
    """Returns the first whole second at which the status is the counter's."""
    return -(-pending.change_at // _SECOND)
