"""What open sessions say of their prices, and EDRs of what was granted, has become longer.

Servers of earlier schemas cannot read it, and would refuse the sessions: they end before this.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = """
UPDATE schema_version SET version = 11, compatible_from = 11;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
