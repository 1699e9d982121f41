"""Whether the journal, the balances and the open sessions say the same."""

import datetime
from typing import NamedTuple

from sqlalchemy import JSON, BigInteger, Select, func, literal, or_, select, text, true, union_all

from ..charging.session import Hold, Line
from .database import Database
from .tables import balance, edr, opening, session

FAULTS_MAX = 100
"""Faults that are listed; there may be more."""


class Fault(NamedTuple):
    """A balance on which two records disagree."""

    group_id: int
    balance_id: int
    field: str
    """`total`, `used`, `reserved`, or `held`: what open sessions hold of it."""
    stored: int
    """What the balance says."""
    recorded: int
    """What the postings, or the sessions, add up to."""


class Books(NamedTuple):
    """What was compared, in one snapshot, and what disagrees."""

    balances: int
    edrs: int
    sessions: int
    faults: tuple[Fault, ...]
    since: datetime.datetime | None = None
    """What was posted before is known as opening balances only; None: every EDR is kept."""

    @property
    def are_balanced(self) -> bool:
        """Whether everything adds up."""
        return not self.faults


async def check_books(database: Database) -> Books:
    """Adds up all postings and all that sessions hold, and compares with the balances.

    Which partitions there are is not part of a snapshot: nobody may drop or fill one between the
    snapshot and the sum, so the journal is locked before anything is read.
    """
    async with database.transaction("REPEATABLE READ") as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = on"))  # it reads everything
        await connection.execute(text(f"LOCK TABLE {edr.name} IN ACCESS SHARE MODE"))
        since = (await connection.execute(select(func.max(opening.c.through)))).scalar_one()
        balances, edrs, sessions = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (balance, edr, session)
        ]
        posted = (await connection.execute(_posted())).all()
        held = (await connection.execute(_held())).all()
    faults = [
        Fault(row.group_id, row.id, name, getattr(row, name), getattr(row, f"posted_{name}"))
        for row in posted
        for name in ("total", "used", "reserved")
        if getattr(row, name) != getattr(row, f"posted_{name}")
    ]
    faults += [Fault(row.group_id, row.id, "held", row.reserved, row.held) for row in held]
    return Books(balances, edrs, sessions, tuple(faults), since)


def _posted() -> Select[tuple[int, ...]]:
    """Returns the balances that are not what the opening and the postings since add up to."""
    names = ("total", "used", "reserved")
    postings = union_all(
        select(
            opening.c.group_id,
            opening.c.balance_id.label("id"),
            *(opening.c[name] for name in names),
        ),
        select(
            edr.c.group_id,
            func.unnest(edr.c.posting_balances),
            func.unnest(edr.c.posting_totals),
            func.unnest(edr.c.posting_useds),
            func.unnest(edr.c.posting_reserveds),
        ),
    ).subquery("posting")
    sums = (
        select(
            postings.c.group_id,
            postings.c.id,
            *(func.sum(postings.c[name]).cast(BigInteger).label(name) for name in names),
        )
        .group_by(postings.c.group_id, postings.c.id)
        .subquery("posted")
    )
    pairs = [(func.coalesce(balance.c[name], 0), func.coalesce(sums.c[name], 0)) for name in names]
    same = (balance.c.group_id == sums.c.group_id) & (balance.c.id == sums.c.id)
    return (
        select(
            func.coalesce(balance.c.group_id, sums.c.group_id).label("group_id"),
            func.coalesce(balance.c.id, sums.c.id).label("id"),
            *(stored.label(name) for name, (stored, _) in zip(names, pairs, strict=True)),
            *(
                recorded.label(f"posted_{name}")
                for name, (_, recorded) in zip(names, pairs, strict=True)
            ),
        )
        .select_from(balance.outerjoin(sums, same, full=True))
        .where(or_(*(stored != recorded for stored, recorded in pairs)))
        .limit(FAULTS_MAX)
    )


def _held() -> Select[tuple[int, ...]]:
    """Returns the balances whose reserved amount is not what open sessions hold."""
    lines = func.json_array_elements(session.c.lines).table_valued("value", name="line").lateral()
    on_line = lines.c.value.cast(JSON)[Line._fields.index("holds")]
    each = func.json_array_elements(on_line).table_valued("value", name="hold").lateral()
    of_hold = each.c.value.cast(JSON)[Hold._fields.index("amounts")]
    amounts = func.json_array_elements(of_hold).table_valued("value", name="amount").lateral()
    balance_id, amount = [
        amounts.c.value.cast(JSON)[n].as_string().cast(BigInteger) for n in (0, 1)
    ]
    holds = (
        select(session.c.group_id, balance_id.label("id"), amount.label("amount"))
        .select_from(session.join(lines, true()).join(each, true()).join(amounts, true()))
        .subquery("held_amount")
    )
    sums = (
        select(
            holds.c.group_id, holds.c.id, func.sum(holds.c.amount).cast(BigInteger).label("held")
        )
        .group_by(holds.c.group_id, holds.c.id)
        .subquery("held")
    )
    same = (balance.c.group_id == sums.c.group_id) & (balance.c.id == sums.c.id)
    reserved = func.coalesce(balance.c.reserved, literal(0))
    held = func.coalesce(sums.c.held, literal(0))
    return (
        select(
            func.coalesce(balance.c.group_id, sums.c.group_id).label("group_id"),
            func.coalesce(balance.c.id, sums.c.id).label("id"),
            reserved.label("reserved"),
            held.label("held"),
        )
        .select_from(balance.outerjoin(sums, same, full=True))
        .where(reserved != held)
        .limit(FAULTS_MAX)
    )
