"""The tenant of the steps: its catalogue, and a range of accounts for each stack."""

from pathlib import Path

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Accounts, Order
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from tests.interop.offer import CREDIT, PLANS
from tests.interop.requests import identity

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
TENANT = "interop"
ERLANG, FREE_DIAMETER = 1000, 2000
"""Where the subscribers of a stack begin."""


async def furnish(accounts: Accounts, order: Order) -> None:
    """Make the tenant with its catalogue and its accounts."""
    await create_tenant(accounts, TENANT, order)
    await apply_catalogue(accounts, read_document((CAPTURES / "catalogue.yaml").read_text()), order)
    new = [
        account(first + subscriber, plan)
        for first in (ERLANG, FREE_DIAMETER)
        for subscriber, plan in PLANS.items()
    ]
    await create_accounts(accounts, TENANT, new, order)


def account(number: int, plan: str) -> NewAccount:
    imsi = Identity(IdentityKind.IMSI, identity(number))
    return NewAccount(f"{plan}-{number}", (plan,), (imsi,), CREDIT)


async def furnish_database(conninfo: str) -> None:
    """Do so in a database."""
    database = Database(conninfo)
    await furnish(PostgresAccounts(database, Catalogues(read_stored)), Order("a test"))
    await database.close()
