"""Which keys of a catalogue each running server knows.

Servers of the eighth schema may go on meanwhile: they do not say, and no document with keys is
applied beside them.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = """
ALTER TABLE running_server ADD COLUMN catalogue_keys text[] NOT NULL DEFAULT '{}';

UPDATE schema_version SET version = 9;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
