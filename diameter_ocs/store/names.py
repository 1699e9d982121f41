"""The directory: what accounts, devices and subscribers are called, each name once in a tenant."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from ..charging.accounts import Opening
from ..charging.case import Account, AccountState
from ..charging.groups import Device, Group
from .batches import batch_of, same_key, statement_of
from .database import Connection
from .tables import directory

ACCOUNT_NAME, DEVICE_NAME = 0, -1
"""Kinds of names that are no identities but the operator's own; the others are IdentityKind."""

Name = tuple[int, str, str]
"""Kind, value and tenant."""
Entry = tuple[int, str, str, int, int, int | None]
"""A row of the directory: a name, and the group, the account and the device that have it."""

_names = batch_of(*directory.c)
_ADD = statement_of(
    insert(directory)
    .from_select(list(directory.c.keys()), select(*_names.c))
    .on_conflict_do_nothing()
    .returning(directory.c.kind, directory.c.value),
    *directory.c,
)
_key = (directory.c.kind, directory.c.value, directory.c.tenant)
_keys = batch_of(*_key)
_REMOVE = statement_of(delete(directory).where(same_key(_key, _keys)), *_key)


def names_of_opening(tenant: str, opening: Opening) -> list[Entry]:
    """Returns the names of a new root account with all that belongs to it."""
    group_id = opening.account.id
    names = [_of_account(tenant, group_id, opening.account)]
    if opening.device is not None:
        names += _of_device(tenant, group_id, opening.device)
    return names


def names_of_group(group: Group) -> set[Entry]:
    """Returns the names of all that belongs to a group; what was deleted has none."""
    tenant, group_id = group.case.catalogue.tenant, group.case.group_id
    names = {
        _of_account(tenant, group_id, account)
        for account in group.case.accounts.values()
        if account.state is not AccountState.DELETED
    }
    for device in group.devices.values():
        names.update(_of_device(tenant, group_id, device))
    return names


async def add_names(connection: Connection, new: Iterable[Entry]) -> Sequence[str]:
    """Adds names in the caller's transaction; returns those that are taken, or stand there twice.

    If there are any the transaction must not be committed. Whoever takes the same name meanwhile is
    waited for.
    """
    entries = sorted(new, key=lambda entry: entry[:3])
    if not entries:
        return ()
    cursor = await connection.execute(_ADD.text, _ADD.parameters(entries))
    left = set(await cursor.fetchall())
    taken = set()
    for kind, value, *_ in entries:
        if (kind, value) in left:
            left.remove((kind, value))
        else:
            taken.add(value)
    return sorted(taken)


async def remove_names(connection: Connection, names: Iterable[Name]) -> None:
    """Sets names free."""
    rows = sorted(names)
    if rows:
        await connection.execute(_REMOVE.text, _REMOVE.parameters(rows))


def _of_account(tenant: str, group_id: int, account: Account) -> Entry:
    return ACCOUNT_NAME, account.name, tenant, group_id, account.id, None


def _of_device(tenant: str, group_id: int, device: Device) -> list[Entry]:
    names = [(DEVICE_NAME, device.name), *device.identities]
    return [(*name, tenant, group_id, device.account_id, device.id) for name in names]
