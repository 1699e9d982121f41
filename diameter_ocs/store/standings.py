"""How counters stand, as rows."""

from collections.abc import Mapping

import msgspec

from ..charging.case import Account
from ..charging.standing import NO_STANDING, Standing
from .database import Row

_standing = msgspec.json.Decoder(Standing)
_encode = msgspec.json.Encoder().encode


def standing_of(document: str | None) -> Standing:
    """Reads how the counters of an account stand."""
    return NO_STANDING if document is None else _standing.decode(document)


def begun(account: Account) -> list[Row]:
    """Returns the row of an account that is new, and a root, if its counters need one."""
    standing = account.standing
    return [] if standing == NO_STANDING else [(account.id, account.id, _encode(standing))]


def changed(
    group_id: int, before: Mapping[int, Account], after: Mapping[int, Account]
) -> list[Row]:
    """Returns the rows of the accounts whose counters stand otherwise, by account."""
    rows: list[Row] = []
    for number, account in sorted(after.items()):
        old = before.get(number)
        standing = NO_STANDING if old is None else old.standing
        if account.standing is not standing and account.standing != standing:
            rows.append((group_id, number, _encode(account.standing)))
    return rows
