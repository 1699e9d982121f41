"""Reservations say which line holds for them, where they last beyond a change of price.

Servers of earlier schemas would refuse the sessions: they end before this.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = """
UPDATE schema_version SET version = 15, compatible_from = 15;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
