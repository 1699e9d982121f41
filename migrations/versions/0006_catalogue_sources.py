"""The text of catalogues as it was applied, comments included.

Programs of the fifth schema may go on meanwhile: what they apply has no text of its own.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = """
ALTER TABLE catalogue ADD COLUMN source text;
UPDATE schema_version SET version = 6;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
