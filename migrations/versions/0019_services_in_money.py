"""EDRs say which services were charged in money.

Servers of earlier schemas cannot read what EDRs say of services, and end before this.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS = """
UPDATE schema_version SET version = 19, compatible_from = 19;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
