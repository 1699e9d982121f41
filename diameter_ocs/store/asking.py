"""What a batch asks the database for at once, and what comes of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..charging.identification import other_identity
from ..charging.ledger import Balance
from ..charging.requests import ChargingRequest, Identity, IdentityKind, SessionKey
from . import sessions, spending_limits, statements
from .arrays import big_ints
from .database import Connection, Cursor
from .presumed import Presumed
from .reading import Reading
from .resolving import Directory, by_identity, identities
from .tables import moment

Asked = tuple[int, ChargingRequest]
"""A request and its group."""
About = tuple[Cursor, Cursor]
"""Whom requests name, and what is remembered of their sessions."""


class AskedFor(NamedTuple):
    """What the database was asked for and has not been read yet; None: nothing was needed."""

    accounts: Cursor | None = None
    balances: Cursor | None = None
    spending_limits: Cursor | None = None
    sessions: Cursor | None = None
    naming: Sequence[Asked] = ()
    about: About | None = None
    """What was asked about those requests."""
    presumed: Sequence[Presumed] = ()
    """Of other requests, what need not be read."""


async def ask_for_cases(
    connection: Connection,
    groups: Collection[int],
    keys: Sequence[tuple[int, SessionKey, int | None]],
) -> AskedFor:
    """Asks for accounts and balances of groups, and for open sessions by name and bearer."""
    accounts = balances = limits = found = None
    if groups:
        named = {"groups": big_ints(sorted(groups))}
        accounts = await connection.execute(statements.LOAD_ACCOUNTS, named, binary=True)
        balances = await connection.execute(statements.LOAD_BALANCES, named, binary=True)
        limits = await connection.execute(statements.LOAD_SPENDING_LIMITS, named, binary=True)
    if keys:
        rows = [(group, sessions.digest(key), bearer or 0) for group, key, bearer in keys]
        found = await statements.LOAD_SESSIONS.ask(connection, sorted(set(rows)))
    return AskedFor(accounts, balances, limits, found)


async def read_cases(asked_for: AskedFor, readings: Mapping[int, Reading]) -> None:
    """Reads accounts, balances, subscriptions to counters and open sessions into the groups."""
    if asked_for.accounts is not None:
        for row in await asked_for.accounts.fetchall():
            if row[0] in readings:
                readings[row[0]].add_account(row)
    if asked_for.balances is not None:
        for group, *balance in await asked_for.balances.fetchall():
            if group in readings:
                readings[group].balances[balance[0]] = Balance(*balance)
    if asked_for.spending_limits is not None:
        for row in await asked_for.spending_limits.fetchall():
            if row[0] in readings:
                readings[row[0]].add_spending_limit(spending_limits.session_of(row))
    if asked_for.sessions is not None:
        for row in await asked_for.sessions.fetchall():
            if row[0] in readings:
                readings[row[0]].add_session(sessions.session_of(row))


async def ask_about(connection: Connection, requests: Sequence[Asked], until: int) -> About:
    """Asks whom requests name and call, and what is remembered of their sessions.

    `until` bounds, in microseconds since 1970, when a session may have ended.
    """
    asking = [request for _, request in requests]
    others = [other_identity(request.information) for request in asking]
    named = await identities(connection, asking, filter(None, others))
    keys = sorted({(group, sessions.digest(r.session_key)) for group, r in requests})
    statement = statements.LOAD_CLOSED_SESSIONS
    parameters = {**statement.parameters(keys), "until": moment(until)}
    return named, await connection.execute(statement.text, parameters, binary=True)


async def read_about(about: About, readings: Mapping[int, Reading]) -> Directory:
    """Reads what is remembered of sessions; returns what the directory says of identities."""
    named, remembered = about
    directory = by_identity(await named.fetchall())
    for row in await remembered.fetchall():
        if row[0] in readings:
            readings[row[0]].add_closed(sessions.closed_session_of(row))
    return directory


async def read_names(
    connection: Connection, readings: Mapping[int, Reading], names: Collection[Identity]
) -> None:
    """Reads which of some names belong to accounts of the groups."""
    cursor = await statements.RESOLVE_IDENTITIES.ask(connection, sorted(names))
    for _, kind, value, group, account_id in await cursor.fetchall():
        if group in readings:
            readings[group].add_name(Identity(IdentityKind(kind), value), account_id)
