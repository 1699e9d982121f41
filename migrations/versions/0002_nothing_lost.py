"""What is needed to answer repeats, and to look after sessions that nobody ends.

What a session holds of its balances is read from its lines alone, so that it is not written twice:
servers of the first schema, which write it, cannot go on.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE session
    ADD COLUMN supervise_at timestamptz NOT NULL DEFAULT now(),
    DROP COLUMN held_balances,
    DROP COLUMN held_amounts;
CREATE INDEX ON session (supervise_at);

ALTER TABLE edr
    ADD COLUMN session_number bigint,
    ADD COLUMN digest bigint,
    ADD COLUMN reason text;

CREATE TABLE closed_session (
    group_id bigint NOT NULL,
    number bigint NOT NULL,
    account_id bigint NOT NULL,
    digest bigint NOT NULL,
    session_id bytea NOT NULL,
    sub_session_id bigint,
    service_context text,
    origin_host text NOT NULL,
    origin_realm text NOT NULL,
    opened_at timestamptz NOT NULL,
    last_request_at timestamptz NOT NULL,
    request_number bigint NOT NULL,
    catalogue_version integer NOT NULL,
    lines json NOT NULL,
    closed_at timestamptz NOT NULL,
    reason text NOT NULL
) PARTITION BY RANGE (closed_at);
CREATE INDEX ON closed_session (digest);
CREATE TABLE closed_session_default PARTITION OF closed_session DEFAULT;

GRANT SELECT, INSERT ON closed_session TO diameter_ocs_application;

UPDATE schema_version SET version = 2, compatible_from = 2;
"""


def upgrade() -> None:
    op.execute(TABLES)
