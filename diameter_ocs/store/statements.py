"""The statements of a batch of requests, in the order in which a transaction sends them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import CollectionAggregate

from .batches import (
    batch_of,
    compiled,
    insert_batch,
    microseconds,
    statement_of,
    together,
    update_batch,
)
from .edrs import ANSWERED
from .tables import (
    Moment,
    account,
    balance,
    closed_session,
    directory,
    edr,
    session,
    subscription,
    tenant,
)


def _any(name: str) -> CollectionAggregate[bool]:
    return any_(bindparam(name, type_=ARRAY(BigInteger)))


ANSWERED_MAX = 256
"""EDRs of one type and number that are looked through for a repeat: some clients number alike."""

_UNTIL = bindparam("until", type_=Moment)
"""A bound on the time that keeps partitions of days to come out of a search."""

_identity = (directory.c.kind, directory.c.value)
_identities = batch_of(*_identity)
RESOLVE_IDENTITIES = statement_of(
    select(
        directory.c.tenant,
        directory.c.kind,
        directory.c.value,
        directory.c.group_id,
        directory.c.account_id,
    ).join(_identities, and_(*(name == _identities.c[name.name] for name in _identity))),
    *_identity,
)

RESOLVE_SESSIONS = compiled(
    select(session.c.group_id, session.c.session_id, session.c.sub_session_id, account.c.tenant)
    .join(
        account,
        and_(account.c.group_id == session.c.group_id, account.c.id == session.c.account_id),
    )
    .where(session.c.digest == _any("digests"))
    .order_by(session.c.opened_at)
)

RESOLVE_CLOSED_SESSIONS = compiled(
    select(
        closed_session.c.group_id,
        closed_session.c.session_id,
        closed_session.c.sub_session_id,
        account.c.tenant,
    )
    .join(
        account,
        and_(
            account.c.group_id == closed_session.c.group_id,
            account.c.id == closed_session.c.account_id,
        ),
    )
    .where(closed_session.c.digest == _any("digests"))
    .order_by(closed_session.c.closed_at)
)

LOCK_GROUPS = compiled(
    select(account.c.group_id, account.c.version, microseconds(account.c.last_at))
    .where(account.c.group_id == _any("groups"), account.c.id == account.c.group_id)
    .order_by(account.c.group_id)
    .with_for_update(key_share=True, skip_locked=True)
)

LOAD_ACCOUNTS = compiled(
    select(
        account.c.group_id,
        account.c.id,
        account.c.name,
        func.array(
            select(subscription.c.plan)
            .where(
                subscription.c.group_id == account.c.group_id,
                subscription.c.account_id == account.c.id,
            )
            .order_by(subscription.c.id)
            .scalar_subquery()
        ),
        tenant.c.name,
        tenant.c.catalogue_version,
    )
    .join(tenant, tenant.c.name == account.c.tenant)
    .where(account.c.group_id == _any("groups"))
)

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
    ).where(balance.c.group_id == _any("groups"))
)

_key = (session.c.group_id, session.c.digest)
_keys = batch_of(*_key)
LOAD_SESSIONS = statement_of(
    select(
        session.c.group_id,
        session.c.number,
        session.c.account_id,
        session.c.session_id,
        session.c.sub_session_id,
        session.c.service_context,
        session.c.origin_host,
        session.c.origin_realm,
        microseconds(session.c.opened_at),
        microseconds(session.c.last_request_at),
        session.c.request_number,
        session.c.catalogue_version,
        cast(session.c.lines, Text),
        cast(session.c.reservations, Text),
        microseconds(session.c.supervise_at),
    ).join(_keys, and_(*(name == _keys.c[name.name] for name in _key))),
    *_key,
)

_closed_key = (closed_session.c.group_id, closed_session.c.digest)
_closed_keys = batch_of(*_closed_key)
LOAD_CLOSED_SESSIONS = statement_of(
    select(
        closed_session.c.group_id,
        closed_session.c.number,
        closed_session.c.account_id,
        closed_session.c.session_id,
        closed_session.c.sub_session_id,
        closed_session.c.service_context,
        closed_session.c.origin_host,
        closed_session.c.origin_realm,
        microseconds(closed_session.c.opened_at),
        microseconds(closed_session.c.last_request_at),
        closed_session.c.request_number,
        closed_session.c.catalogue_version,
        cast(closed_session.c.lines, Text),
        microseconds(closed_session.c.closed_at),
        closed_session.c.reason,
    )
    .join(_closed_keys, and_(*(name == _closed_keys.c[name.name] for name in _closed_key)))
    .where(closed_session.c.closed_at <= _UNTIL),
    *_closed_key,
)

_since, _until = Column("since", Moment), Column("until", Moment)
_asked = (edr.c.group_id, edr.c.session_number, edr.c.action, edr.c.request_number, _since, _until)
_asked_again = batch_of(*_asked)
_latest_answered = (
    select(
        edr.c.number,
        microseconds(edr.c.at).label("at"),
        edr.c.account_id,
        edr.c.kind,
        edr.c.action,
        edr.c.outcome,
        cast(edr.c.services, Text).label("services"),
        *(edr.c[name] for name in ANSWERED),
    )
    .where(
        edr.c.at >= _asked_again.c.since,
        edr.c.at <= _asked_again.c.until,
        *(name == _asked_again.c[name.name] for name in _asked[:4]),
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
    select(session.c.group_id, session.c.session_id, session.c.sub_session_id)
    .where(session.c.supervise_at <= bindparam("now", type_=Moment))
    .order_by(session.c.supervise_at)
    .limit(bindparam("limit", type_=BigInteger))
)

_old_version = Column("old_version", BigInteger)
_group = (account.c.group_id, _old_version, account.c.version, account.c.last_at)
_groups = batch_of(*_group)
UPDATE_GROUPS = statement_of(
    update(account)
    .values(version=_groups.c.version, last_at=_groups.c.last_at)
    .where(
        account.c.group_id == _groups.c.group_id,
        account.c.id == _groups.c.group_id,
        account.c.version == _groups.c.old_version,
    ),
    *_group,
)

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
    ),
)

_ended = (session.c.group_id, session.c.number)
_endings = batch_of(*_ended)
DELETE_SESSIONS = statement_of(
    session.delete().where(*(name == _endings.c[name.name] for name in _ended)), *_ended
)

INSERT_CLOSED_SESSIONS = insert_batch(closed_session)

INSERT_EDRS = insert_batch(edr)

APPLY = together(
    changing={
        "groups": UPDATE_GROUPS,
        "balances": UPDATE_BALANCES,
        "ended": DELETE_SESSIONS,
        "continued": UPDATE_SESSIONS,
    },
    inserting={
        "opened": INSERT_SESSIONS,
        "closed": INSERT_CLOSED_SESSIONS,
        "journal": INSERT_EDRS,
    },
)
"""Everything that a batch writes, in one journey to the database."""
