"""Sessions are found by their bearers, sub-sessions by what they belong to; gateways' restarts.

Servers of the schema before find what a new session replaces by its name alone.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = """
ALTER TABLE session
    ADD COLUMN charging_id bigint CHECK (charging_id > 0),
    ADD COLUMN origin_state_id bigint;

CREATE INDEX ON session (charging_id) WHERE charging_id IS NOT NULL;

ALTER TABLE closed_session
    ADD COLUMN charging_id bigint,
    ADD COLUMN origin_state_id bigint;

CREATE INDEX ON session USING hash (session_id) WHERE sub_session_id IS NOT NULL;

CREATE INDEX ON closed_session USING hash (session_id) WHERE sub_session_id IS NOT NULL;

ALTER TABLE edr ADD COLUMN charging_id bigint;

UPDATE schema_version SET version = 13;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
