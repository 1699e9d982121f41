"""The rows that the statement APPLY writes of changes."""

from collections.abc import Mapping, Sequence

from ..charging.case import Case, Change
from . import edrs, outgoing, sessions, spending_limits, standings
from .database import Row

SPREADING = ("standings", "subscribed", "resubscribed", "unsubscribed", "outgoing")
"""The parts that most batches have no rows for."""


def changed_rows(changes: Sequence[Change]) -> Mapping[str, list[Row]]:
    """Returns the rows of APPLY, one final row a group, balance and session, by group."""
    changes = sorted(changes, key=lambda change: change.before.group_id)
    groups, balances, opened, continued, ended, journal, closed = ([], [], [], [], [], [], [])
    tenants = {_tenant(change.before) for change in changes}
    spread: dict[str, list[Row]] = {name: [] for name in SPREADING}
    for before, after, new, leaving in changes:
        group = before.group_id
        if after.accounts is not before.accounts:
            spread["standings"] += standings.changed(group, before.accounts, after.accounts)
        if after.spending_limits is not before.spending_limits:
            spending_limits.add_changed(spread, before, after)
        if leaving:
            spread["outgoing"] += outgoing.leaving(after, leaving)
        groups.append((group, before.version, after.version, after.now))
        balances += [
            (group, balance.id, balance.total, balance.used, balance.reserved)
            for balance in after.balances.values()
            if balance is not before.balances.get(balance.id, balance)
        ]
        journal += [edrs.inserted(group, edr) for edr in new]
        closed += [
            sessions.closed(group, ended_session)
            for key, ended_session in after.closed.items()
            if ended_session is not before.closed.get(key)
        ]
        for key in before.sessions.keys() | after.sessions.keys():
            was, now = before.sessions.get(key), after.sessions.get(key)
            if now is was:
                continue
            if was is not None and (now is None or now.number != was.number):
                ended.append((group, was.number))
                was = None
            if now is not None and was is None:
                opened.append(sessions.inserted(group, now))
            elif now is not None:
                continued.append(sessions.updated(group, now))
    return {
        "tenants": sorted(tenants),
        "groups": groups,
        "balances": balances,
        "ended": ended,
        "continued": continued,
        "opened": opened,
        "closed": closed,
        "journal": journal,
        **spread,
    }


def _tenant(case: Case) -> Row:
    return case.catalogue.tenant, case.catalogue.version, int(case.is_tenant_suspended)
