"""Accepted peers, refused peers, and the servers with their connections.

Servers of the sixth schema may go on meanwhile: they take only the peers of their configuration.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = """
CREATE TABLE accepted_peer (
    host text PRIMARY KEY,
    realm text,
    tenant text REFERENCES tenant,
    profile text,
    addresses text[] NOT NULL,
    accepted_at timestamptz NOT NULL,
    actor text NOT NULL
);

CREATE TABLE refused_peer (
    host text NOT NULL,
    realm text NOT NULL,
    reason text NOT NULL,
    address text NOT NULL,
    product_name text NOT NULL,
    application_ids bigint[] NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (host, realm)
);

CREATE TABLE running_server (
    id text PRIMARY KEY,
    origin_host text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    profiles text[] NOT NULL,
    configured json NOT NULL,
    connected json NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON accepted_peer, refused_peer, running_server
    TO diameter_ocs_application;

UPDATE schema_version SET version = 7;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
