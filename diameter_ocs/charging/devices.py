"""What commands make of an account's devices and of what networks call them."""

from collections.abc import Iterable

from .decisions import EdrKind
from .groups import Deed, Device, Group, GroupChange, changed
from .requests import Identity


def add_device(group: Group, device: Device, actor: str) -> GroupChange:
    """Gives an account one more device."""
    assert device.id not in group.devices
    return changed(group, group.with_device(device), _deed("create device", device, actor))


def remove_device(group: Group, device_id: int, actor: str) -> GroupChange:
    """Takes a device away, with its identities; open sessions stay with their account."""
    devices = dict(group.devices)
    device = devices.pop(device_id)
    return changed(group, group._replace(devices=devices), _deed("delete device", device, actor))


def set_identities(
    group: Group, device_id: int, identities: Iterable[Identity], actor: str
) -> GroupChange:
    """Has a device called by these identities and no others."""
    device = group.devices[device_id]._replace(identities=tuple(sorted(identities)))
    return changed(group, group.with_device(device), _deed("update device", device, actor))


def _deed(action: str, device: Device, actor: str) -> Deed:
    return Deed(action, device.account_id, actor, device.name, EdrKind.DEVICE)
