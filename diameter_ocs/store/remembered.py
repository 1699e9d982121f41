"""What a process remembers of groups of accounts, so that it need not read them again.

Every change of a group raises its version: what is remembered is used only if the version is still
the one that the database has, which is seen when the group is locked, or when it is written.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping

from ..charging.case import Case
from ..charging.requests import SessionKey
from ..charging.session import Session
from .presumed import Names
from .reading import lasts

GROUPS_REMEMBERED = 100_000
"""Some 4 KB each, where a group is one account."""
PARTS_REMEMBERED = 1_000_000
"""Accounts, balances, subscriptions to counters, and what sessions consist of, in all groups
together: some 0.4 KB each."""
SESSIONS_REMEMBERED = 16
"""Open sessions of a group; when it has more, those of its latest requests are remembered."""
BATCHES_IN_DOUBT = 16
"""After a batch was decided on what was not so any more, so many others are locked first."""


UNKNOWN: tuple[None, int] = None, 0
"""A group that is not remembered, and has no parts."""


class Memory:
    """The cases of groups as they were committed; the oldest are forgotten first.

    Another database may have given out the same versions for something else, as a standby that
    lagged behind: when a new connection is opened, everything is forgotten.
    """

    def __init__(self) -> None:
        self._cases: OrderedDict[int, tuple[Case, int]] = OrderedDict()  # and how many parts
        self._parts = 0
        self._generation = 0
        self._doubts = 0
        self.names = Names()

    def belongs_to(self, generation: int) -> None:
        """Forgets what was read by connections of another generation."""
        if generation != self._generation:
            self._generation = generation
            self._cases.clear()
            self.names.forget()
            self._parts = 0

    def get(self, group_id: int) -> Case | None:
        """Returns a group as it was left; it may have changed since."""
        case, _ = self._cases.get(group_id, UNKNOWN)
        return case

    def trusted(self, group_ids: Iterable[int], now: int) -> Mapping[int, Case] | None:
        """Returns those groups that are remembered as they probably are still; None: in doubt.

        Where several processes take turns with the same groups, what one of them remembers is
        often outdated, and a batch that was decided on it has to be decided again.
        """
        if self._doubts:
            return None
        found = {}
        for group_id in group_ids:
            case, _ = self._cases.get(group_id, UNKNOWN)
            if case is not None and lasts(case, now):
                found[group_id] = case
        return found

    def keep(self, cases: Iterable[Case]) -> None:
        """Remembers groups as they were committed."""
        for case in cases:
            kept = case.without_requests(_latest(case.sessions))
            parts = _parts(kept)
            _, before = self._cases.pop(case.group_id, UNKNOWN)
            self._cases[case.group_id] = kept, parts
            self._parts += parts - before
        while len(self._cases) > GROUPS_REMEMBERED or self._parts > PARTS_REMEMBERED:
            _, (_, parts) = self._cases.popitem(last=False)
            self._parts -= parts

    def confirm(self, are_right: bool) -> None:
        """Takes note whether what is remembered was right when it was compared."""
        self._doubts = max(self._doubts - 1, 0) if are_right else BATCHES_IN_DOUBT

    def forget(self, group_ids: Collection[int]) -> None:
        """Forgets groups of which nobody knows how they were left."""
        for group_id in group_ids:
            _, parts = self._cases.pop(group_id, UNKNOWN)
            self._parts -= parts


def _parts(case: Case) -> int:
    """Returns how many parts a group has."""
    parts = len(case.accounts) + len(case.balances) + len(case.spending_limits)
    for session in case.sessions.values():
        parts += 1 + len(session.lines) + len(session.reservations)
    return parts


def _latest(sessions: Mapping[SessionKey, Session]) -> Mapping[SessionKey, Session]:
    if len(sessions) <= SESSIONS_REMEMBERED:
        return sessions
    latest = sorted(sessions.values(), key=lambda session: -session.last_request_at)
    return {session.key: session for session in latest[:SESSIONS_REMEMBERED]}
