"""What commands leave: their transaction ids with the answers, and the audit.

Programs of the fourth schema may go on meanwhile; what they change is not in the audit.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = """
CREATE TABLE command (
    tenant text NOT NULL,
    operation text NOT NULL,
    transaction_id text NOT NULL,
    digest bytea NOT NULL,
    at timestamptz NOT NULL,
    answer json,
    PRIMARY KEY (tenant, operation, transaction_id)
);
CREATE INDEX ON command (at);

CREATE TABLE audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    tenant text NOT NULL,
    operation text NOT NULL,
    account text,
    actor text NOT NULL,
    transaction_id text NOT NULL,
    before json,
    after json
);
CREATE INDEX ON audit (at);
CREATE INDEX ON audit (account, at);

GRANT SELECT, INSERT, UPDATE, DELETE ON command TO diameter_ocs_application;
GRANT SELECT, INSERT ON audit TO diameter_ocs_application;
UPDATE schema_version SET version = 5;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
