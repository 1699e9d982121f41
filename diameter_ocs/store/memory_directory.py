"""Whose names and sessions are whose, in a store without a database."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..charging.identification import other_identity
from ..charging.requests import NAMING, ChargingRequest, Identity, SessionKey
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest, Whereabouts
from .memory_groups import Group
from .names import Entry, Name


class MemoryDirectory:
    """The names of accounts, devices and subscribers, and the groups that have sessions."""

    def __init__(self, groups: Mapping[int, Group]) -> None:
        self._groups = groups
        self._names: dict[Name, tuple[int, int]] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        """Takes names, each with whom it belongs to."""
        for kind, value, tenant, group_id, account_id, _ in entries:
            self._names[kind, value, tenant] = group_id, account_id

    def remove(self, entries: Iterable[Entry]) -> None:
        """Frees names."""
        for entry in entries:
            del self._names[entry[:3]]

    def owner(self, name: Name) -> int | None:
        """Returns the account that has a name."""
        return self._names.get(name, (0, None))[1]

    def taken(self, new: Collection[Entry], freed: Collection[Entry] = ()) -> Sequence[str]:
        """Returns the names that others have, or that stand twice among new ones."""
        free = {entry[:3] for entry in freed}
        keys = [entry[:3] for entry in new]
        return sorted(
            {
                key[1]
                for key in keys
                if (key in self._names and key not in free) or keys.count(key) > 1
            }
        )

    def is_misplaced(self, number: int, request: ChargingRequest) -> bool:
        """Says whether an identity of an INITIAL or an EVENT belongs to another group."""
        return request.request_type in NAMING and bool(self._groups_named(request) - {number})

    def group_of(self, request: ChargingRequest) -> int | None:
        """Returns the group of a request; None: nobody's, or more than one group's."""
        if request.request_type in NAMING:
            groups = self._groups_named(request)
        else:
            groups = (
                self._newest_by_tenant(self._opened(request.session_key), request.tenant)
                or self._newest_by_tenant(self._ended(request.session_key), request.tenant)
                or self._groups_named(request)
            )
        return groups.pop() if len(groups) == 1 else None

    def whereabouts(self, request: SpendingLimitRequest | SpendingLimitEnd) -> Whereabouts:
        """Returns which groups a request about spending limits concerns."""
        named: set[int] = set()
        if isinstance(request, SpendingLimitRequest):
            named = self._groups_named(request)
        holders = [
            (each.spending_limits[request.session_id].opened_at, number)
            for number, each in self._groups.items()
            if request.session_id in each.spending_limits and request.tenant in (None, each.tenant)
        ]
        group = named.pop() if len(named) == 1 else None
        return Whereabouts(group, tuple(number for _, number in sorted(holders)))

    def accounts_named(
        self, identities: Iterable[Identity], number: int, tenant: str
    ) -> dict[Identity, int]:
        """Returns the accounts of a group that identities belong to."""
        found = {each: self._names.get((*each, tenant), (0, 0)) for each in identities}
        return {each: account for each, (group, account) in found.items() if group == number}

    def on_net(self, requests: Iterable[ChargingRequest], tenant: str) -> frozenset[str]:
        """Returns who of those at the other end of requests is known to a tenant."""
        others = (other_identity(request.information) for request in requests)
        return frozenset(each.value for each in others if each and (*each, tenant) in self._names)

    def _groups_named(self, request: ChargingRequest | SpendingLimitRequest) -> set[int]:
        return {
            number
            for (kind, value, tenant), (number, _) in self._names.items()
            if (kind, value) in request.identities and request.tenant in (None, tenant)
        }

    def _opened(self, key: SessionKey) -> dict[int, int]:
        """Returns the groups with an open session of that key, and since when."""
        groups = self._groups.items()
        return {n: each.sessions[key].opened_at for n, each in groups if key in each.sessions}

    def _ended(self, key: SessionKey) -> dict[int, int]:
        """Returns the groups that remember a session of that key, and since when."""
        groups = self._groups.items()
        return {n: each.closed[key].closed_at for n, each in groups if key in each.closed}

    def _newest_by_tenant(self, found: Mapping[int, int], tenant: str | None) -> set[int]:
        """Returns of groups, each with a time, the newest of each tenant that is asked for."""
        newest = {}
        for number in sorted(found, key=lambda number: (found[number], number)):
            newest[self._groups[number].tenant] = number
        return {number for owner, number in newest.items() if tenant in (None, owner)}
