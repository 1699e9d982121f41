"""What a session has cost is kept with it; lines of money know what they were rounded up by.

Servers of earlier schemas cannot read the lines, and would leave the cost as it was: they end
before this.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = """
ALTER TABLE session ADD COLUMN cost bigint NOT NULL DEFAULT 0;
ALTER TABLE closed_session ADD COLUMN cost bigint NOT NULL DEFAULT 0;

UPDATE schema_version SET version = 17, compatible_from = 17;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
