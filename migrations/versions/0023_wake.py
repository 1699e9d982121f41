"""When something of a group of accounts begins or ends next, and until when that is told.

What has begun and ended before counts as told. Servers of the schema before this tell nothing.
"""

from alembic import op

revision = "0023"
down_revision = "0022"

STATEMENTS = """
CREATE TABLE wake (
    group_id bigint PRIMARY KEY,
    woken_at timestamptz NOT NULL,
    wake_at timestamptz NOT NULL CHECK (wake_at > woken_at)
);

INSERT INTO wake
SELECT group_id, present.at, min(dates.at)
FROM (SELECT now() + coalesce(max(ahead), 0) * interval '1 microsecond' AS at FROM test_clock)
    AS present,
    (SELECT group_id, valid_from AS at FROM subscription
    UNION ALL SELECT group_id, valid_until FROM subscription
    UNION ALL SELECT group_id, valid_from FROM balance
    UNION ALL SELECT group_id, valid_until FROM balance) AS dates
WHERE dates.at > present.at
GROUP BY group_id, present.at;

CREATE INDEX ON wake (wake_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON wake TO diameter_ocs_application;

UPDATE schema_version SET version = 23;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
