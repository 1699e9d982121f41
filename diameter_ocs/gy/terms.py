"""What the answers to a peer say besides codes and quotas."""

from enum import IntEnum
from typing import NamedTuple


class FailureHandling(IntEnum):
    """What a client does that gets no answer (Credit-Control-Failure-Handling, RFC 8506 8.14)."""

    TERMINATE = 0
    CONTINUE = 1
    RETRY_AND_TERMINATE = 2


class DebitingFailureHandling(IntEnum):
    """Likewise for events (Direct-Debiting-Failure-Handling, RFC 8506 section 8.15)."""

    TERMINATE_OR_BUFFER = 0
    CONTINUE = 1


class AnswerTerms(NamedTuple):
    """How a peer is answered."""

    announcements: bool = True
    """Announcement-Information is sent; it has the M bit, and some clients fail on it."""
    location_triggers: bool = True
    """Data whose price depends on the place asks for a report when that changes."""
    quota_thresholds: bool = True
    """Quotas come with a threshold and a time of idleness; else the gateway's own count."""
    quota_pools: bool = False
    """Quotas that are paid by the same money are a pool: one may be used for another."""
    tells_free: bool = False
    """What is free is answered with 4011 instead of a quota."""
    refuses_at_end: bool = False
    """A service that has nothing to use, and does something instead, gets 4012, not 2001."""
    qos_final_units: bool = False
    """What it does is said in QoS-Final-Unit-Indication, too."""
    refund_information: bool = False
    """The answer to an event says by what it may be refunded."""
    session_failover: bool = True
    failure_handling: FailureHandling = FailureHandling.RETRY_AND_TERMINATE
    debiting_failure_handling: DebitingFailureHandling = DebitingFailureHandling.TERMINATE_OR_BUFFER
    cost_information: bool = False
    """What the session, or the event, has cost is told; so are the next two."""
    remaining_balance: bool = False
    """What money is left."""
    low_balance_indication: bool = False
    """Whether that is little."""

    grants_unasked: bool = False
    """Who reports usage and asks for nothing gets a quota, unless it gives its quota back."""
    grants_at_start: bool = False
    """Who opens a session and names no service gets a quota of the context's rating group."""

    @property
    def changes_requests(self) -> bool:
        """Does a gateway that is answered so ask for more than it says?"""
        grants = self.grants_unasked or self.grants_at_start
        return grants or self.tells_free or self.tells_money or self.quota_pools

    @property
    def tells_money(self) -> bool:
        """Is anything told of money?"""
        return self.cost_information or self.remaining_balance or self.low_balance_indication


AS_USUAL = AnswerTerms()
