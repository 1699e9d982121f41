"""The statements of a batch of requests, in the order in which a transaction sends them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import CollectionAggregate
from sqlalchemy.sql.selectable import LateralFromClause

from .batches import (
    batch_of,
    compiled,
    each_found,
    equal,
    insert_batch,
    looked_for,
    microseconds,
    same_key,
    statement_of,
    together,
    update_batch,
    upsert_batch,
)
from .edrs import ANSWERED, POSTINGS
from .tables import (
    Moment,
    account,
    balance,
    closed_session,
    directory,
    edr,
    outbox,
    session,
    spending_limit,
    standing,
    subscription,
    tenant,
)


def _any(name: str) -> CollectionAggregate[bool]:
    return any_(bindparam(name, type_=ARRAY(BigInteger)))


def _facts_of(sessions: Table) -> list[ColumnElement[Any]]:
    """Returns what open sessions and those that have ended are read by, in the same order."""
    return [
        sessions.c.group_id,
        sessions.c.number,
        sessions.c.account_id,
        sessions.c.session_id,
        sessions.c.sub_session_id,
        sessions.c.service_context,
        sessions.c.origin_host,
        sessions.c.origin_realm,
        microseconds(sessions.c.opened_at),
        microseconds(sessions.c.last_request_at),
        sessions.c.request_number,
        sessions.c.catalogue_version,
        cast(sessions.c.lines, Text),
    ]


def _account_of(table: Table) -> LateralFromClause:
    is_its = (account.c.group_id == table.c.group_id, account.c.id == table.c.account_id)
    return looked_for([account.c.tenant], "owner", *is_its)


def _of_account(table: Table, *facts: ColumnElement[Any]) -> LateralFromClause:
    is_its = (table.c.group_id == account.c.group_id, table.c.account_id == account.c.id)
    return looked_for(facts, f"{table.name}_of_account", *is_its)


def _groups_with(sessions: Table, age: Column[Any]) -> str:
    """Finds the groups and tenants of sessions by their digests, the oldest first."""
    facts = sessions.c
    owner = _account_of(sessions)
    return compiled(
        select(facts.group_id, facts.session_id, facts.sub_session_id, owner.c.tenant)
        .select_from(sessions)
        .join(owner, true())
        .where(facts.digest == _any("digests"))
        .order_by(age)
    )


ANSWERED_MAX = 256
"""EDRs of one type and number that are looked through for a repeat: some clients number alike."""

_UNTIL = bindparam("until", type_=Moment)
"""A bound on the time that keeps partitions of days to come out of a search."""

_identity = (directory.c.kind, directory.c.value)
_identities = batch_of(*_identity)
RESOLVE_IDENTITIES = statement_of(
    each_found(
        (
            directory.c.tenant,
            directory.c.kind,
            directory.c.value,
            directory.c.group_id,
            directory.c.account_id,
        ),
        _identities,
        *equal(_identity, _identities),
    ),
    *_identity,
)

RESOLVE_SESSIONS = _groups_with(session, session.c.opened_at)

RESOLVE_CLOSED_SESSIONS = _groups_with(closed_session, closed_session.c.closed_at)

_subscriber = _account_of(spending_limit)
RESOLVE_SPENDING_LIMITS = compiled(
    select(spending_limit.c.group_id, spending_limit.c.session_id, _subscriber.c.tenant)
    .select_from(spending_limit)
    .join(_subscriber, true())
    .where(spending_limit.c.digest == _any("digests"))
    .order_by(spending_limit.c.opened_at, spending_limit.c.group_id)
)
"""Finds the groups and tenants of subscriptions to counters, the oldest first."""

_is_suspended = cast(tenant.c.suspended_at.is_not(None), Integer)

_facts_of_groups = (
    select(
        account.c.group_id,
        account.c.version,
        microseconds(account.c.last_at),
        tenant.c.name,
        tenant.c.catalogue_version,
        _is_suspended,
    )
    .join(tenant, tenant.c.name == account.c.tenant)
    .where(account.c.group_id == _any("groups"), account.c.id == account.c.group_id)
    .order_by(account.c.group_id)
)
READ_GROUPS = compiled(_facts_of_groups)
LOCK_GROUPS = compiled(
    _facts_of_groups.with_for_update(key_share=True, skip_locked=True, of=account)
)
"""Returns the same of the groups that nobody else holds."""

_subscribed = _of_account(
    subscription, subscription.c.plan, subscription.c.valid_from, subscription.c.valid_until
)
_stands = _of_account(standing, standing.c.standing)
LOAD_ACCOUNTS = compiled(
    select(
        account.c.group_id,
        account.c.id,
        account.c.name,
        account.c.parent_id,
        account.c.state,
        account.c.time_zone,
        _subscribed.c.plan,
        microseconds(_subscribed.c.valid_from),
        microseconds(_subscribed.c.valid_until),
        cast(_stands.c.standing, Text),
    )
    .select_from(account)
    .outerjoin(_subscribed, true())
    .outerjoin(_stands, true())
    .where(account.c.group_id == _any("groups"))
)
"""One row for each subscription of an account, and one for an account that has none."""

LOAD_BALANCES = compiled(
    select(
        balance.c.group_id,
        balance.c.id,
        balance.c.account_id,
        balance.c.balance_type,
        balance.c.priority,
        balance.c.total,
        balance.c.used,
        balance.c.reserved,
        microseconds(balance.c.valid_from),
        microseconds(balance.c.valid_until),
        balance.c.subscription_id,
    ).where(balance.c.group_id == _any("groups"))
)

SPENDING_LIMIT_FACTS = (
    spending_limit.c.group_id,
    spending_limit.c.number,
    spending_limit.c.account_id,
    spending_limit.c.session_id,
    spending_limit.c.origin_host,
    spending_limit.c.origin_realm,
    microseconds(spending_limit.c.opened_at),
    microseconds(spending_limit.c.updated_at),
    cast(spending_limit.c.counters, Text),
    spending_limit.c.features,
    cast(spending_limit.c.announced, Text),
    spending_limit.c.announced_version,
)
"""What a subscription is read from, in the order of `spending_limits.session_of`."""

LOAD_SPENDING_LIMITS = compiled(
    select(*SPENDING_LIMIT_FACTS).where(spending_limit.c.group_id == _any("groups"))
)

SESSION_FACTS = (
    *_facts_of(session),
    cast(session.c.reservations, Text),
    microseconds(session.c.supervise_at),
    cast(session.c.circumstances, Text),
    session.c.charging_id,
    session.c.origin_state_id,
    session.c.cost,
)
"""What an open session is read from, in the order of `sessions.session_of`."""

_sought = (session.c.group_id, session.c.digest, session.c.charging_id)
_seeking = batch_of(*_sought)


def _sessions_by(name: Column[Any], facts: Sequence[ColumnElement[Any]]) -> Select[Any]:
    return each_found(facts, _seeking, *equal((session.c.group_id, name), _seeking))


def _sessions_like(*facts: ColumnElement[Any]) -> CompoundSelect[Any]:
    by_name = _sessions_by(session.c.digest, facts)
    return union_all(by_name, _sessions_by(session.c.charging_id, facts))


LOAD_SESSIONS = statement_of(_sessions_like(*SESSION_FACTS), *_sought)
"""Sessions of groups by their digests, and by their bearers where one is named besides."""

_closed_key = (closed_session.c.group_id, closed_session.c.digest)
_closed_keys = batch_of(*_closed_key)
LOAD_CLOSED_SESSIONS = statement_of(
    each_found(
        (
            *_facts_of(closed_session),
            cast(closed_session.c.circumstances, Text),
            closed_session.c.charging_id,
            closed_session.c.origin_state_id,
            closed_session.c.cost,
            microseconds(closed_session.c.closed_at),
            closed_session.c.reason,
        ),
        _closed_keys,
        closed_session.c.closed_at <= _UNTIL,
        *equal(_closed_key, _closed_keys),
    ),
    *_closed_key,
)

_since, _until = Column("since", Moment), Column("until", Moment)
_asked = (edr.c.group_id, edr.c.session_number, edr.c.action, edr.c.request_number, _since, _until)
_asked_again = batch_of(*_asked)
ANSWERED_FACTS = (
    edr.c.number,
    microseconds(edr.c.at).label("at"),
    edr.c.account_id,
    edr.c.kind,
    edr.c.action,
    edr.c.outcome,
    cast(edr.c.services, Text).label("services"),
    cast(edr.c.told, Text).label("told"),
    *(edr.c[name] for name in (*POSTINGS, *ANSWERED)),
)
"""What an EDR is read from to answer once more, or to give back, as `edrs.answered` reads it."""

_latest_answered = (
    select(*ANSWERED_FACTS)
    .where(
        edr.c.at >= _asked_again.c.since,
        edr.c.at <= _asked_again.c.until,
        *equal(_asked[:4], _asked_again),
    )
    .order_by(edr.c.at.desc(), edr.c.number.desc())
    .limit(literal_column(str(ANSWERED_MAX)))
    .lateral("answered")
)
FIND_ANSWERED = statement_of(
    select(_asked_again.c.group_id, _latest_answered).join(_latest_answered, true()), *_asked
)
"""The latest EDRs of requests whose type and number are asked for again, within a session."""

FIND_DUE_SESSIONS = compiled(
    select(
        session.c.supervise_at,
        session.c.group_id,
        session.c.number,
        session.c.session_id,
        session.c.sub_session_id,
    )
    .where(session.c.supervise_at <= bindparam("now", type_=Moment))
    .order_by(session.c.supervise_at)
    .limit(bindparam("limit", type_=BigInteger))
)

_old_version = Column("old_version", BigInteger)
_group = (account.c.group_id, _old_version, account.c.version, account.c.last_at)
_groups = batch_of(*_group)
_free = (
    select(account.c.group_id)
    .where(account.c.group_id == _any("group_id"), account.c.id == account.c.group_id)
    .order_by(account.c.group_id)
    .with_for_update(key_share=True, skip_locked=True)
    .cte("free")
)
UPDATE_GROUPS = statement_of(
    update(account)
    .values(version=_groups.c.version, last_at=_groups.c.last_at)
    .where(
        account.c.group_id == _groups.c.group_id,
        account.c.id == _groups.c.group_id,
        account.c.version == _groups.c.old_version,
        account.c.group_id == _free.c.group_id,
    ),
    *_group,
)
"""It does not wait for a group that somebody else holds: that one is not found."""

_tenant = (tenant.c.name, tenant.c.catalogue_version, Column("is_suspended", Integer))
_tenants = batch_of(*_tenant)
FIND_TENANTS = statement_of(
    select(tenant.c.name).join(
        _tenants,
        and_(
            tenant.c.name == _tenants.c.name,
            tenant.c.catalogue_version == _tenants.c.catalogue_version,
            _is_suspended == _tenants.c.is_suspended,
        ),
    ),
    *_tenant,
)
"""The tenants, of those named, that still have this catalogue, and are suspended or not."""

UPDATE_BALANCES = update_batch(
    balance,
    (balance.c.group_id, balance.c.id),
    (balance.c.total, balance.c.used, balance.c.reserved),
)

INSERT_SESSIONS = insert_batch(session)

UPDATE_SESSIONS = update_batch(
    session,
    (session.c.group_id, session.c.number),
    (
        session.c.origin_host,
        session.c.origin_realm,
        session.c.last_request_at,
        session.c.request_number,
        session.c.catalogue_version,
        session.c.lines,
        session.c.reservations,
        session.c.supervise_at,
        session.c.circumstances,
        session.c.cost,
    ),
)

_ended = (session.c.group_id, session.c.number)
_endings = batch_of(*_ended)
DELETE_SESSIONS = statement_of(session.delete().where(same_key(_ended, _endings)), *_ended)

INSERT_CLOSED_SESSIONS = insert_batch(closed_session)

INSERT_EDRS = insert_batch(edr)

_FINDING = {"tenants": FIND_TENANTS}
_CHANGING = {
    "groups": UPDATE_GROUPS,
    "balances": UPDATE_BALANCES,
    "ended": DELETE_SESSIONS,
    "continued": UPDATE_SESSIONS,
}
_INSERTING = {
    "opened": INSERT_SESSIONS,
    "closed": INSERT_CLOSED_SESSIONS,
    "journal": INSERT_EDRS,
}
APPLY = together(_FINDING, _CHANGING, _INSERTING)
"""Everything that a batch writes, in one journey to the database."""

_unsubscribed = (spending_limit.c.group_id, spending_limit.c.number)
_ends = batch_of(*_unsubscribed)
_was_not_asked = spending_limit.c.updated_at == literal_column("batch.updated_at")
_SPREADING = {
    **_CHANGING,
    "standings": upsert_batch(standing),
    "resubscribed": update_batch(
        spending_limit,
        (spending_limit.c.group_id, spending_limit.c.number),
        (
            spending_limit.c.origin_host,
            spending_limit.c.origin_realm,
            spending_limit.c.updated_at,
            spending_limit.c.counters,
            spending_limit.c.features,
            spending_limit.c.announced,
            spending_limit.c.announced_version,
        ),
        {"stale_at": case((_was_not_asked, spending_limit.c.stale_at))},
    ),
    "unsubscribed": statement_of(
        spending_limit.delete().where(same_key(_unsubscribed, _ends)),
        *_unsubscribed,
    ),
}
INSERT_OUTBOX = insert_batch(outbox, tuple(outbox.c)[:13])
_LEAVING = {
    **_INSERTING,
    "subscribed": insert_batch(spending_limit),
    "outgoing": INSERT_OUTBOX,
}
APPLY_SPREADING = together(_FINDING, _SPREADING, _LEAVING)
"""The same for a batch of which others are told, or that concerns those who are."""

_presumed = (*_identity, directory.c.group_id, directory.c.account_id)
_presumed_names = batch_of(*_presumed)
_known = looked_for(
    (directory.c.group_id, directory.c.account_id), "known", *equal(_identity, _presumed_names)
)
_is_another = or_(
    func.coalesce(_known.c.group_id, literal_column("0")) != _presumed_names.c.group_id,
    func.coalesce(_known.c.account_id, literal_column("0")) != _presumed_names.c.account_id,
)
FIND_MISNAMED = statement_of(
    select(_presumed_names.c.kind)
    .select_from(_presumed_names)
    .outerjoin(_known, true())
    .where(_is_another),
    *_presumed,
)
"""The identities, of those named, that belong to another account; 0 is nobody's."""

FIND_OPEN = statement_of(_sessions_like(session.c.number), *_sought)
"""The sessions, of those named, that are open, or have the bearer."""

_forgotten = (*_closed_key, _until)
_forgotten_keys = batch_of(*_forgotten)
_still_remembered = (
    select(closed_session.c.number)
    .where(
        closed_session.c.closed_at <= _forgotten_keys.c.until,
        *equal(_closed_key, _forgotten_keys),
    )
    .limit(literal_column("1"))
    .lateral("remembered")
)
FIND_REMEMBERED = statement_of(
    select(_still_remembered).join_from(_forgotten_keys, _still_remembered, true()), *_forgotten
)
"""The sessions, of those named, that have ended and are remembered."""

_MISSING = {"misnamed": FIND_MISNAMED, "open": FIND_OPEN, "remembered": FIND_REMEMBERED}
APPLY_PRESUMING = together(_FINDING, _CHANGING, _INSERTING, _MISSING)
"""The same as APPLY, if what was taken for granted of new sessions is so; see `presumed`."""
APPLY_PRESUMING_SPREADING = together(_FINDING, _SPREADING, _LEAVING, _MISSING)
"""Both."""
APPLYING = {
    (False, False): APPLY,
    (True, False): APPLY_PRESUMING,
    (False, True): APPLY_SPREADING,
    (True, True): APPLY_PRESUMING_SPREADING,
}
"""What writes a batch: does it take new sessions for granted, and do others hear of it?"""
