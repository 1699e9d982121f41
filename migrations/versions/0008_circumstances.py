"""Where a subscriber was and what a price depends on; why services were passed over; time zones.

Servers of the seventh schema may go on meanwhile: what they write says nothing of these.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = """
ALTER TABLE account ADD COLUMN time_zone text;
ALTER TABLE session ADD COLUMN circumstances json;
ALTER TABLE closed_session ADD COLUMN circumstances json;
ALTER TABLE edr ADD COLUMN circumstances json, ADD COLUMN considered text;

UPDATE schema_version SET version = 8;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
