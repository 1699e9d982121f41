"""How counters stand says which sessions were refused, and which are called to ask again.

Servers of earlier schemas cannot read it, and end before this.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

STATEMENTS = """
DELETE FROM standing;

UPDATE schema_version SET version = 21, compatible_from = 21;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
