"""A test clock, which a database has or has not, and how far servers have followed it.

Servers of the thirteenth schema may go on meanwhile: they work on no database that has one.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS = """
CREATE TABLE test_clock (
    is_there boolean PRIMARY KEY DEFAULT true CHECK (is_there),
    ahead bigint NOT NULL CHECK (ahead >= 0)
);

ALTER TABLE running_server ADD COLUMN clock_ahead bigint;

GRANT SELECT, INSERT, UPDATE ON test_clock TO diameter_ocs_application;

UPDATE schema_version SET version = 14;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
