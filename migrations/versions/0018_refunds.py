"""What events paid stands in their EDRs, by what they belong with; refunds are found by an index.

Servers of earlier schemas cannot read what EDRs say of services, and end before this.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = """
ALTER TABLE edr ADD COLUMN correlation_id bytea;

CREATE INDEX ON edr (group_id, at) WHERE action IN ('refund', 'reversal');

UPDATE schema_version SET version = 18, compatible_from = 18;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
