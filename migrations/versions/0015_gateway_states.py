"""What gateways count their restarts with.

Servers of the schema before close nothing of what a gateway has lost.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = """
CREATE TABLE gateway_state (
    origin_host text PRIMARY KEY,
    origin_state_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    group_id bigint NOT NULL,
    number bigint NOT NULL,
    search_at timestamptz
);

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_state TO diameter_ocs_application;

UPDATE schema_version SET version = 15;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
