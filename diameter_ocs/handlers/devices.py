"""What operators do to devices and to what networks call them."""

from collections.abc import Sequence

from ..charging.devices import add_device, remove_device, set_identities
from ..charging.groups import Device, GroupChange
from ..charging.requests import Identity
from .answers import device_answer, identity_texts
from .commands import Accounts, Busy, Done, Order
from .groups import Decided, Find, Found, change_group, named, with_device, with_identity
from .provisioning import IDENTITIES_MAX
from .refusals import Refusal, is_name

DEVICES_MAX = 100
"""Devices of one account."""


async def create_device(
    accounts: Accounts,
    tenant: str | None,
    asked: tuple[str, str, Sequence[Identity]],
    order: Order,
) -> Done:
    """Gives an account a device; `asked` is the account, the device and its identities."""
    account, name, identities = asked

    async def decide(found: Found) -> Decided:
        if not is_name(name, 100):
            raise Refusal("invalid_name", "a device's name has 1 to 100 printable characters")
        if len(found.account.devices) >= DEVICES_MAX:
            raise Refusal("too_many", f"account {account!r} has {DEVICES_MAX} devices already")
        _check_count(name, identities)
        (number,) = await found.work.numbers(1)
        new = Device(number, found.account.id, name, tuple(sorted(set(identities))))
        return _decided(found, add_device(found.group, new, found.actor), new)

    return await change_group(
        accounts, tenant, named(account), ("device add", asked, order), decide
    )


async def delete_device(accounts: Accounts, tenant: str | None, name: str, order: Order) -> Done:
    """Takes a device away; its name and its identities are free again."""

    async def decide(found: Found) -> Decided:
        device = _device(found, name)
        return _decided(found, remove_device(found.group, device.id, found.actor), device)

    return await change_group(
        accounts, tenant, with_device(name), ("device remove", name, order), decide
    )


async def add_identities(
    accounts: Accounts, tenant: str | None, asked: tuple[str, Sequence[Identity]], order: Order
) -> Done:
    """Has a device called by more identities."""
    name, identities = asked

    async def decide(found: Found) -> Decided:
        device = _device(found, name)
        known = set(device.identities) & set(identities)
        if known:
            texts = ", ".join(identity_texts(sorted(known)))
            raise Refusal("exists", f"these belong to the device already: {texts}")
        return _renamed(found, device, {*device.identities, *identities})

    return await change_group(
        accounts, tenant, with_device(name), ("identity add", asked, order), decide
    )


async def remove_identity(
    accounts: Accounts, tenant: str | None, identity: Identity, order: Order
) -> Done:
    """Has nobody called by an identity any more; sessions that are open go on."""

    async def decide(found: Found) -> Decided:
        device = _only([each for each in found.account.devices if identity in each.identities])
        return _renamed(found, device, {*device.identities} - {identity})

    find: Find = with_identity(identity)
    return await change_group(accounts, tenant, find, ("identity remove", identity, order), decide)


def _device(found: Found, name: str) -> Device:
    return _only([device for device in found.account.devices if device.name == name])


def _only(devices: Sequence[Device]) -> Device:
    """Returns the device by which the account was found; it may have gone before the lock."""
    if not devices:
        raise Busy
    return devices[0]


def _renamed(found: Found, device: Device, identities: set[Identity]) -> Decided:
    _check_count(device.name, identities)
    change = set_identities(found.group, device.id, identities, found.actor)
    return _decided(found, change, change.after.devices[device.id])


def _decided(found: Found, change: GroupChange, device: Device) -> Decided:
    account = found.account
    answer = {"account": account.name, "tenant": account.tenant, **device_answer(device)}
    return Decided(change, answer)


def _check_count(name: str, identities: Sequence[Identity] | set[Identity]) -> None:
    if len(identities) > IDENTITIES_MAX:
        raise Refusal("too_many", f"device {name!r} can have {IDENTITIES_MAX} identities at most")
