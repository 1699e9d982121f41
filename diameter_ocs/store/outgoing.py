"""What is to leave, as rows of the change that causes it."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from ..charging.accounts import Opening
from ..charging.case import Case
from ..charging.delivery import OutboxRow, row_of
from ..charging.outbox import Outgoing
from .database import Row

CHANNEL = "diameter_ocs_outbox"
"""Where servers are told that something waits; they look now and then in any case."""
HINT: LiteralString = f"NOTIFY {CHANNEL}"

_encode = msgspec.json.Encoder().encode


def leaving(after: Case, outgoing: Sequence[Outgoing]) -> list[Row]:
    """Returns the rows of INSERT_OUTBOX."""
    group_id, version, now = after.group_id, after.version, after.now
    return [
        inserted(row_of((group_id, version, part), each, now)) for part, each in enumerate(outgoing)
    ]


def leaving_opening(opening: Opening) -> list[Row]:
    """Returns likewise what a new account without a parent causes."""
    place, at = (opening.account.id, opening.edr.number), opening.edr.at
    rows = [row_of((*place, part), each, at) for part, each in enumerate(opening.outgoing)]
    return [inserted(row) for row in rows]


def inserted(row: OutboxRow) -> Row:
    """Returns a row of INSERT_OUTBOX."""
    key_to_session, content, times = row[:10], row.content, (row.created_at, row.due_at)
    return (*key_to_session, _encode(content), *times)
