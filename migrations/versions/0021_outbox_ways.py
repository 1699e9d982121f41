"""What waits is found by whom it is for, and what is put off as a whole waits as a whole.

Servers of the schema before this deliver nothing, and go on.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

STATEMENTS = """
DROP INDEX outbox_due_at_idx;
CREATE INDEX ON outbox (kind, target, due_at) WHERE given_up_at IS NULL;
CREATE INDEX ON outbox (given_up_at) WHERE given_up_at IS NOT NULL;

UPDATE schema_version SET version = 21;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
