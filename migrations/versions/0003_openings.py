"""Opening balances: what the EDRs posted that are no longer kept.

Programs of the second schema may go on meanwhile; their `books` are right until a newer server
drops the first day of EDRs.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = """
CREATE TABLE opening (
    group_id bigint NOT NULL,
    balance_id bigint NOT NULL,
    total bigint NOT NULL,
    used bigint NOT NULL,
    reserved bigint NOT NULL,
    through timestamptz NOT NULL,
    PRIMARY KEY (group_id, balance_id)
);
GRANT SELECT ON opening, closed_session_default TO diameter_ocs_application;
UPDATE schema_version SET version = 3;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
