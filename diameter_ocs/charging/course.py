"""How decisions change the cases of groups, one after the other, and what follows from each."""

from collections.abc import Mapping

from .case import Case, Change
from .consequences import consequences
from .decisions import Decision, Edr
from .groups import GroupChange
from .notices import commanded
from .outbox import Outgoing
from .tuples import new


class Course:
    """The cases of groups as decisions change them, one after the other."""

    __slots__ = ("_before", "_edrs", "_outgoing", "cases")

    def __init__(self, cases: Mapping[int, Case]) -> None:
        self._before = cases
        self._edrs: dict[int, list[Edr]] = {}
        self._outgoing: dict[int, list[Outgoing]] = {}
        self.cases = dict(cases)

    def take(self, case: Case, decision: Decision) -> None:
        """Goes on with what a decision makes of a case, which is the latest of its group."""
        self.go_on(case, case.after(decision), decision.edrs)

    def go_on(self, case: Case, after: Case, edrs: tuple[Edr, ...]) -> None:
        """Goes on with a case in the place of the latest of its group."""
        group = case.group_id
        after, outgoing = consequences(case, after, edrs)
        self.cases[group] = after
        self._edrs.setdefault(group, []).extend(edrs)
        if outgoing:
            self._outgoing.setdefault(group, []).extend(outgoing)

    def changes(self) -> list[Change]:
        """Returns what has become of the groups that were decided on."""
        return [
            new(
                Change,
                (
                    self._before[group],
                    self.cases[group],
                    tuple(edrs),
                    tuple(self._outgoing.get(group, ())),
                ),
            )
            for group, edrs in self._edrs.items()
        ]


def followed(change: Change) -> Change:
    """Returns a change with what follows from it."""
    after, outgoing = consequences(change.before, change.after, change.edrs)
    return change._replace(after=after, outgoing=(*change.outgoing, *outgoing))


def followed_group(change: GroupChange) -> GroupChange:
    """Returns what a command makes of a group with what follows from it."""
    told = commanded(change.before, change.after)
    after, outgoing = consequences(change.before.case, change.after.case, change.edrs, told)
    group = change.after._replace(case=after)
    return change._replace(after=group, outgoing=(*change.outgoing, *outgoing))
