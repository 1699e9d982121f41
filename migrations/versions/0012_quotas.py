"""What reservations and grants say of quotas has become longer; what answers tell besides.

Servers of earlier schemas cannot read the reservations, and would refuse the sessions: they end
before this.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

STATEMENTS = """
ALTER TABLE edr ADD COLUMN told json;

UPDATE schema_version SET version = 12, compatible_from = 12;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
