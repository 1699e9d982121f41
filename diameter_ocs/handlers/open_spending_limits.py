"""What operators see of policy servers' subscriptions to counters."""

import re
from typing import Any

from ..charging.commands import OpenSpendingLimit, SessionsAsked
from ..charging.counters import PolicyCounter, PolicyCounterType
from ..charging.requests import session_id_text
from ..charging.spending_limits import ABORT_FEATURE, CounterStatus
from .answers import identity_texts
from .commands import Accounts
from .moments import moment_text, optional_moment_text
from .refusals import Refusal

NAMED_MAX = 10
"""Subscriptions of one Session-Id that are named where one of them has to be chosen."""


async def find_spending_limit(
    accounts: Accounts, tenant: str | None, name: str
) -> OpenSpendingLimit:
    """Returns the one subscription that is meant, by its id or by its Session-Id."""
    place = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", name)
    found: list[OpenSpendingLimit] = []
    if place is not None:
        asked = SessionsAsked(tenant, place=(int(place[1]), int(place[2])))
        found += await accounts.find_spending_limits(asked, 1)
    if not found:
        octets = name.encode(errors="surrogateescape")
        asked = SessionsAsked(tenant, session_id=octets)
        found += await accounts.find_spending_limits(asked, NAMED_MAX)
    if not found:
        raise Refusal(
            "session_unknown", f"no policy server has a session {name!r}; `sy list` shows them"
        )
    if len(found) > 1:
        ids = ", ".join(map(_name, found))
        raise Refusal("session_needed", f"several sessions are called {name!r}: name {ids}")
    return found[0]


async def show_spending_limit(
    accounts: Accounts, tenant: str | None, name: str, now: int
) -> dict[str, Any]:
    """Describes a subscription, what its policy server is told, and how the counters stand."""
    found = await find_spending_limit(accounts, tenant, name)
    session, states, identities = found.session, dict[str, str](), list[str]()
    version = (await accounts.tenants())[found.tenant]
    # A deleted account is not found: it has no counters any more.
    for account in await accounts.find_accounts(found.tenant, found.account, 1):
        assert version is not None
        catalogue = await accounts.read_catalogue(found.tenant, version)
        identities = identity_texts(account.identities)
        states = {
            counter.name: state
            for counter, state in account.counters(catalogue, now)
            if not isinstance(counter, PolicyCounter) or counter.type is PolicyCounterType.POLICY
        }
    told = {each.name: each.at(now) for each in session.told}
    wanted = [name for name in {*told, *states} if session.wants(name)]
    return {
        **spending_limit_answer(found),
        "identities": identities,
        "statuses": [_status(each, told.get(each), states.get(each)) for each in sorted(wanted)],
    }


def spending_limit_answer(found: OpenSpendingLimit) -> dict[str, Any]:
    """Describes a subscription to counters."""
    session = found.session
    return {
        "session": _name(found),
        "account": found.account,
        "tenant": found.tenant,
        "session_id": session_id_text(session.session_id),
        "origin_host": session.origin_host,
        "origin_realm": session.origin_realm,
        "opened_at": moment_text(session.opened_at),
        "last_request_at": moment_text(session.updated_at),
        "counters": None if session.counters is None else list(session.counters),
        "may_be_aborted": bool(session.features & ABORT_FEATURE),
        "reports_waiting": found.waiting,
        "stale_at": optional_moment_text(found.stale_at),
    }


def _name(found: OpenSpendingLimit) -> str:
    """Returns the subscription's id, (group, number), as one word."""
    return f"{found.group_id}-{found.session.number}"


def _status(name: str, told: CounterStatus | None, state: str | None) -> dict[str, Any]:
    pending = () if told is None else told.pending
    return {
        "counter": name,
        "told": None if told is None else told.status,
        "state": state,
        "pending": [
            {"status": each.status, "change_at": moment_text(each.change_at)} for each in pending
        ],
    }
