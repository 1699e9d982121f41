"""What is to leave as commands list it, and try it again, in the store without a database."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from ..charging.delivery import Key, ListedRow, OutboxAsked, OutboxRow
from .memory_groups import Group


def listed(
    rows: Collection[OutboxRow], groups: Mapping[int, Group], asked: OutboxAsked
) -> Sequence[ListedRow]:
    """Returns the rows that are asked for; servers hold no peers here."""
    return sorted(_meant(rows, groups, asked), key=lambda each: (each.row.created_at, each.row.key))


def retried(
    rows: Mapping[Key, OutboxRow], groups: Mapping[int, Group], asked: OutboxAsked, now: int
) -> Mapping[Key, OutboxRow]:
    """Returns the rows that are tried again, as they are then."""
    return {
        row.key: row._replace(attempts=0, created_at=now, due_at=now, fault=None, given_up_at=None)
        for row, *_ in _meant(rows.values(), groups, asked)
        if row.leased_until is None
    }


def _meant(
    rows: Collection[OutboxRow], groups: Mapping[int, Group], asked: OutboxAsked
) -> Iterator[ListedRow]:
    for row in rows:
        group = groups.get(row.group_id)
        tenant = None if group is None else group.tenant
        account = None if group is None else group.accounts.get(row.account_id)
        if (
            asked.tenant in (None, tenant)
            and asked.account in (None, (row.group_id, row.account_id))
            and asked.kind in (None, row.kind)
            and asked.key in (None, row.key)
            and (row.given_up_at is not None or not asked.is_given_up)
        ):
            yield ListedRow(row, tenant, None if account is None else account.name, False)
