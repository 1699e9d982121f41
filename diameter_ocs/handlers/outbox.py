"""What operators see of what is to leave, and how they have it tried again."""

import re
from typing import Any

from ..charging.commands import Effect
from ..charging.delivery import Key, ListedRow, OutboxAsked, OutboxRow
from ..charging.outbox import OutboxKind
from ..charging.requests import session_id_text
from .commands import NOBODYS, Accounts, CommandWork, Done, Order, perform
from .moments import moment_text, optional_moment_text
from .provisioning import find_account
from .refusals import Refusal

KINDS = {kind.name.lower(): kind for kind in OutboxKind}
"""What each kind is called."""


async def asked_for(
    accounts: Accounts,
    tenant: str | None,
    account: str | None = None,
    kind: str | None = None,
    is_given_up: bool = False,
) -> OutboxAsked:
    """Returns what an operator asks for by names."""
    place = None
    if account is not None:
        found = await find_account(accounts, tenant, account)
        place = found.group_id, found.id
    if kind is not None and kind not in KINDS:
        raise Refusal("outbox_unknown", f"there is no kind {kind!r}: it is one of {_kinds()}")
    return OutboxAsked(tenant, place, None if kind is None else KINDS[kind], None, is_given_up)


def one(tenant: str | None, name: str) -> OutboxAsked:
    """Returns what asks for the row of a name."""
    return OutboxAsked(tenant, key=_key(name))


async def retry(accounts: Accounts, asked: OutboxAsked, order: Order) -> Done:
    """Has rows tried again at once, as if they were new; what is being delivered goes on.

    Raises:
        Refusal: the one that is asked for is not there, or is being delivered.
    """

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        now, _ = stamp
        keys = await work.retry_outbox(asked, now)
        if not keys and asked.key is not None:
            raise Refusal(
                "outbox_unknown",
                f"{_name(asked.key)} has left, is being delivered just now, or never was:"
                " `outbox list` shows what is there",
            )
        return Effect({"retried": [_name(key) for key in keys]}, None, None)

    body = [*asked[1:]]
    return await perform(accounts, order, "outbox retry", (asked.tenant or NOBODYS, body), change)


def outbox_answer(listed: ListedRow) -> dict[str, Any]:
    """Describes a row."""
    row = listed.row
    session = row.session_number
    return {
        "id": _name(row.key),
        "tenant": listed.tenant,
        "account": listed.account,
        "kind": row.kind.name.lower(),
        "target": row.target,
        "realm": row.realm,
        "session": None if session is None else f"{row.group_id}-{session}",
        "session_id": None if row.session_id is None else session_id_text(row.session_id),
        "content": dict(row.content),
        "created_at": moment_text(row.created_at),
        "due_at": moment_text(row.due_at),
        "attempts": row.attempts,
        "delivered_by": row.leased_by,
        "fault": row.fault or _why(row, listed.is_held),
        "given_up_at": optional_moment_text(row.given_up_at),
    }


def _why(row: OutboxRow, is_held: bool) -> str | None:
    """Returns what a row may wait for that nobody has tried to deliver."""
    if row.kind is OutboxKind.NOTICE or not row.target or is_held or row.leased_by is not None:
        return None
    return f"no server is connected to {row.target}"


def _name(key: Key) -> str:
    return "-".join(map(str, key))


def _key(name: str) -> Key:
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,9})", name)
    if found is None:
        raise Refusal("outbox_unknown", f"{name!r} is no id: `outbox list` shows them, as 7-12-0")
    group, number, part = map(int, found.groups())
    return group, number, part


def _kinds() -> str:
    return ", ".join(KINDS)
