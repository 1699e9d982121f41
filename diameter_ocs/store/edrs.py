"""EDRs as rows, and rows as EDRs."""

from typing import Any

import msgspec
from sqlalchemy import JSON, Numeric, Row, and_, func, select, true

from ..charging.decisions import Edr, EdrKind, Outcome, ServiceRecord, Settlement, Told
from ..charging.ledger import Posting
from .database import Database
from .sessions import circumstances_of, circumstances_text
from .tables import edr

_services = msgspec.json.Decoder(tuple[ServiceRecord, ...])
_told = msgspec.json.Decoder(Told)
_encode = msgspec.json.Encoder().encode
PLAIN = (
    "account_id",
    "kind",
    "action",
    "outcome",
    "session_id",
    "request_number",
    "origin_host",
    "end_to_end_id",
    "catalogue_version",
    "actor",
    "session_number",
    "digest",
    "reason",
    "considered",
    "charging_id",
    "correlation_id",
)
ANSWERED = (
    "session_number",
    "request_number",
    "origin_host",
    "end_to_end_id",
    "digest",
    "reason",
    "correlation_id",
)
POSTINGS = ("posting_balances", "posting_totals", "posting_useds", "posting_reserveds")


def inserted(group_id: int, record: Edr) -> tuple[Any, ...]:
    """Returns the values of INSERT_EDRS."""
    postings = record.postings
    return (
        group_id,
        record.at,
        record.number,
        record.account_id,
        record.kind,
        record.action,
        record.outcome,
        record.session_id,
        record.request_number,
        record.origin_host,
        record.end_to_end_id,
        record.catalogue_version,
        record.actor,
        _encode(record.services),
        [posting.balance_id for posting in postings],
        [posting.total for posting in postings],
        [posting.used for posting in postings],
        [posting.reserved for posting in postings],
        record.session_number,
        record.digest,
        record.reason,
        circumstances_text(record.circumstances),
        record.considered,
        None if record.told is None else _encode(record.told),
        record.charging_id,
        record.correlation_id,
    )


def answered(row: tuple[Any, ...]) -> Edr:
    """Reads a row of FIND_ANSWERED: what is needed to answer again, or to give it back."""
    number, at, account_id, kind, action, outcome, services, told, *others = row
    postings, named = others[: len(POSTINGS)], others[len(POSTINGS) :]
    return Edr(
        number,
        at,
        account_id,
        EdrKind(kind),
        action,
        Outcome(outcome),
        _postings(*postings),
        services=_services.decode(services),
        told=_told_of(told),
        **dict(zip(ANSWERED, named, strict=True)),
    )


async def usage_recorded(database: Database) -> tuple[int, int]:
    """Returns how many EDRs charge sessions, and the units that they say were reported."""
    services = func.json_array_elements(edr.c.services).table_valued("value").lateral()
    settlement = ServiceRecord._fields.index("settlement")
    reported = Settlement._fields.index("reported")
    units = services.c.value.cast(JSON)[settlement][reported].as_string().cast(Numeric)
    charges = edr.c.kind.in_((EdrKind.CHARGING, EdrKind.BILLING))
    in_session = and_(charges, edr.c.session_id.is_not(None))
    async with database.transaction() as connection:
        count = await connection.execute(select(func.count()).select_from(edr).where(in_session))
        total = await connection.execute(
            select(func.coalesce(func.sum(units), 0))
            .select_from(edr.join(services, true()))
            .where(in_session)
        )
        return count.scalar_one(), int(total.scalar_one())


def edr_of(row: Row[Any]) -> Edr:
    """Reads a whole EDR, by the names of its columns."""
    return Edr(
        number=row.number,
        at=row.at,
        kind=EdrKind(row.kind),
        outcome=Outcome(row.outcome),
        postings=_postings(*(getattr(row, name) for name in POSTINGS)),
        services=_services.decode(row.services),
        circumstances=circumstances_of(row.circumstances),
        told=_told_of(row.told),
        **{name: getattr(row, name) for name in PLAIN if name not in ("kind", "outcome")},
    )


def _told_of(document: str | None) -> Told | None:
    return None if document is None else _told.decode(document)


def _postings(*columns: list[int]) -> tuple[Posting, ...]:
    return tuple([Posting(*posting) for posting in zip(*columns, strict=True)])
