"""Reservations say which line holds for them, where they last beyond a change of price.

Servers of earlier schemas would refuse the sessions: they end before this.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = """
UPDATE schema_version SET version = 16, compatible_from = 16;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
