"""Who a request is about."""

from collections.abc import Iterable, Mapping

from .requests import Identity


def subscriber(identities: Iterable[Identity], directory: Mapping[Identity, int]) -> int | None:
    """Returns the account that the identities name; None: they name none, or more than one."""
    accounts = {directory[identity] for identity in identities if identity in directory}
    return accounts.pop() if len(accounts) == 1 else None
