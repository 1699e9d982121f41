"""What is to leave, as rows of the change that causes it."""

from collections.abc import Sequence

import msgspec

from ..charging.case import Case
from ..charging.outbox import Outgoing
from .database import Row

_encode = msgspec.json.Encoder().encode


def leaving(after: Case, outgoing: Sequence[Outgoing]) -> list[Row]:
    """Returns the rows of INSERT_OUTBOX."""
    return [
        (
            after.group_id,
            after.version,
            part,
            each.account_id,
            each.kind,
            each.stream,
            each.target,
            each.realm,
            each.session_number,
            each.session_id,
            _encode(each.content),
            after.now,
            after.now,
        )
        for part, each in enumerate(outgoing)
    ]
