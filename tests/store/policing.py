"""An operator in a store whose balances have counters, and what a policy server asks about them."""

from collections.abc import Collection
from typing import Any

from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    SpendingLimitEnd,
    SpendingLimitRequest,
)
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.commands import Accounts
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.tenants import create_tenant
from tests.store.scenario import DOCUMENT, ORDER, imsi, open_accounts

SESSION = b"pcrf;1;\xff/%"
COUNTED = DOCUMENT.replace(
    "- {name: octets, unit_type: volume}",
    """- name: octets
    unit_type: volume
    counters:
      - name: data left
        states: [{name: low, threshold: "100"}, {name: gone, threshold: "1"}]""",
)
"""An account has 1000 octets: the counter turns when more than 900 are used, and at the end."""


async def furnish_counted(
    accounts: Accounts, numbers: Collection[int] = (1, 2, 3), tenant: str = "demo"
) -> list[int]:
    """Make a tenant whose accounts have a counter; return their groups."""
    await create_tenant(accounts, tenant, ORDER)
    document = read_document(COUNTED.replace("tenant: demo", f"tenant: {tenant}"))
    await apply_catalogue(accounts, document, ORDER)
    return await open_accounts(accounts, numbers, tenant)


def slr(
    subscriber: int = 1, session_id: bytes = SESSION, *counters: str, **others: Any
) -> SpendingLimitRequest:
    request = SpendingLimitRequest(
        is_initial=True,
        session_id=session_id,
        origin_host="pcrf.example",
        origin_realm="example",
        end_to_end_id=1,
        is_retransmission=False,
        tenant=None,
        identities=(imsi(subscriber),),
        counters=counters,
    )
    return request._replace(**others)


def intermediate(
    session_id: bytes = SESSION, *counters: str, **others: Any
) -> SpendingLimitRequest:
    return slr(0, session_id, *counters, is_initial=False, identities=(), **others)


def str_(session_id: bytes = SESSION, **others: Any) -> SpendingLimitEnd:
    return SpendingLimitEnd(session_id, "pcrf.example", "example", None)._replace(**others)


NORMAL, LOW, GONE = (CounterStatus("data left", name) for name in ("normal", "low", "gone"))
