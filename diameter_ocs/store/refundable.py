"""What is to be refunded or taken back: the EDRs that charged it, and what of them was before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Column, literal_column, or_, select, true

from ..charging.references import UNDOING, Reference, references_of
from ..charging.requests import EventAction
from . import edrs
from .asking import Asked
from .batches import batch_of, each_found, statement_of
from .database import Connection
from .reading import Reading
from .statements import ANSWERED_FACTS
from .tables import Moment, edr

_REFUND = EventAction.REFUND  # a member takes 0.1 µs to be looked up in its class

REFERRED_MAX = 1000
"""EDRs that one reference means, at most: those of a session that went on for very long."""

_span = (edr.c.group_id, Column("since", Moment), Column("until", Moment))
_named = (edr.c.number, edr.c.session_number, edr.c.correlation_id)

_references = batch_of(*_span, *_named)
_latest_referred = (
    select(*ANSWERED_FACTS)
    .where(
        edr.c.group_id == _references.c.group_id,
        edr.c.at >= _references.c.since,
        edr.c.at <= _references.c.until,
        or_(*(name == _references.c[name.name] for name in _named)),
    )
    .order_by(edr.c.at.desc(), edr.c.number.desc())
    .limit(literal_column(str(REFERRED_MAX)))
    .lateral("referred")
)
FIND_REFERRED = statement_of(
    select(_references.c.group_id, _latest_referred).join(_latest_referred, true()),
    *_span,
    *_named,
)
"""The latest EDRs that are meant by what is to be refunded or taken back."""

_spans = batch_of(*_span)
FIND_UNDOING = statement_of(
    each_found(
        (edr.c.group_id, *ANSWERED_FACTS),
        _spans,
        edr.c.group_id == _spans.c.group_id,
        edr.c.at >= _spans.c.since,
        edr.c.at <= _spans.c.until,
        edr.c.action.in_([literal_column(f"'{action}'") for action in UNDOING]),
    ),
    *_span,
)
"""All refunds and reversals of a span of time, which have an index of their own."""


def meant(
    readings: Mapping[int, Reading], requests: Sequence[Asked]
) -> Iterator[tuple[int, Reference]]:
    """Yields group and reference of what requests want refunded, or taken back."""
    for group, request in requests:
        if request.refunds or request.action is _REFUND:
            reading = readings[group]
            for each in references_of(
                request, group, reading.sessions, reading.closed, reading.now
            ):
                yield group, each


async def read_refundable(
    connection: Connection,
    readings: Mapping[int, Reading],
    references: Iterable[tuple[int, Reference]],
) -> None:
    """Reads what (group, reference) means."""
    rows = [
        (group, each.since, each.until, each.number, each.session_number, each.correlation_id)
        for group, each in dict.fromkeys(references)
    ]
    if not rows:
        return
    since: dict[int, int] = {}
    for group, begin, *_ in rows:
        since[group] = min(begin, since.get(group, begin))
    spans = [(group, begin, readings[group].now) for group, begin in since.items()]
    referred = await FIND_REFERRED.ask(connection, rows)
    undoing = await FIND_UNDOING.ask(connection, spans)
    for cursor in (referred, undoing):
        for group, *row in await cursor.fetchall():
            readings[group].add_refundable(edrs.answered(tuple(row)))
