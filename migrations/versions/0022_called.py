"""How counters stand says which sessions were refused, and which are called to ask again.

Servers of earlier schemas cannot read it, and end before this.
"""

from alembic import op

revision = "0022"
down_revision = "0021"

STATEMENTS = """
DELETE FROM standing;

UPDATE schema_version SET version = 22, compatible_from = 22;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
