"""Spending limits, in no protocol's words: who wants to know how the counters of whom stand.

TS 29.219 and TS 29.594 ask the same of it.
"""

from enum import IntEnum
from typing import NamedTuple

from .requests import Identity

ABORT_FEATURE = 0x1
"""Of feature list 1: a policy server may be asked to end a subscription (TS 29.219 4.5.4)."""
SUPPORTED_FEATURES = ABORT_FEATURE


class SpendingLimitRequest(NamedTuple):
    """A subscription to counters that begins, or changes (SLR, TS 29.219 section 5.6.2)."""

    is_initial: bool
    session_id: bytes
    origin_host: str
    origin_realm: str
    end_to_end_id: int
    is_retransmission: bool
    tenant: str | None
    """Whose policy server asks; None: any tenant's."""
    identities: tuple[Identity, ...]
    """Ascending by kind; those of a session that goes on say nothing."""
    counters: tuple[str, ...] = ()
    """The names of counters, without repeats; empty: all that there are."""
    features: int | None = None
    """The bits of feature list 1 that it supports; None: it did not say."""


class SpendingLimitEnd(NamedTuple):
    """A subscription that its policy server ends (STR, TS 29.219 section 5.6.6)."""

    session_id: bytes
    origin_host: str
    origin_realm: str
    tenant: str | None
    updated_at: int | None = None
    """It ends if this is when its policy server asked last; None: in any case."""


class Whereabouts(NamedTuple):
    """The groups that a request about spending limits concerns, as far as its tenant's go."""

    named: int | None
    """The only one that its identities belong to; None: there is none, or they do not matter."""
    holders: tuple[int, ...]
    """Those that have a subscription of its name; the newest comes last."""


class PendingStatus(NamedTuple):
    """The status that a counter will have from some time on if nothing else happens."""

    status: str
    change_at: int
    """Microseconds since 1970."""


class CounterStatus(NamedTuple):
    """How a counter stands."""

    name: str
    status: str
    pending: tuple[PendingStatus, ...] = ()
    """In the order of their times."""

    def at(self, now: int) -> "CounterStatus":
        """Returns it as it has become by itself; in microseconds since 1970."""
        if not self.pending or self.pending[0].change_at > now:
            return self
        past = [each for each in self.pending if each.change_at <= now]
        return CounterStatus(self.name, past[-1].status, self.pending[len(past) :])


class SpendingLimitOutcome(IntEnum):
    """How a request about spending limits was decided."""

    SUCCESS = 0
    USER_UNKNOWN = 1
    SESSION_UNKNOWN = 2
    NO_COUNTERS = 3
    """The account has none."""
    UNKNOWN_COUNTERS = 4
    """Some that were asked for are unknown, and the tenant does not have them ignored."""


class SpendingLimitAnswer(NamedTuple):
    """What is answered to a subscription, or to its end."""

    outcome: SpendingLimitOutcome
    statuses: tuple[CounterStatus, ...] = ()
    """Of all counters that are subscribed to, by name."""
    unknown: tuple[str, ...] = ()
    """The names that nobody knows, as they were asked for."""
    features: int | None = None
    """Those of feature list 1 that both sides support; None: nothing is said of them."""


class SpendingLimitSession(NamedTuple):
    """A subscription of a policy server to the counters of an account, as it is stored."""

    number: int
    """The number of the EDR that opened it: unique in its group."""
    account_id: int
    session_id: bytes
    origin_host: str
    origin_realm: str
    opened_at: int
    """Microseconds since 1970, as the next."""
    updated_at: int
    """When the policy server asked last."""
    counters: tuple[str, ...] | None = None
    """None: all that there are."""
    features: int = 0
    """Those of feature list 1 that both sides support."""
    told: tuple[CounterStatus, ...] = ()
    """What was answered last, with what is to be reported since, be it delivered or not.

    Whoever delivers a report leaves it as it is: it is what the next report is compared with.
    """
    answered_version: int = 0
    """The version of the group when its policy server was answered last: it was told of all that
    had happened until then."""

    def wants(self, counter: str) -> bool:
        """Is a counter one of those that it is for?"""
        return self.counters is None or counter in self.counters
