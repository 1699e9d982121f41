"""Over what peers may come, what their certificates have to prove, and who is not there, and why.

Servers of the schema before this tell nobody who is not there.
"""

from alembic import op

revision = "0024"
down_revision = "0023"

STATEMENTS = """
ALTER TABLE accepted_peer ADD wires text[] NOT NULL DEFAULT '{}', ADD certificate text;
ALTER TABLE running_server ADD absent json NOT NULL DEFAULT '[]';

UPDATE schema_version SET version = 24;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
