"""Counters' states, spending limits, and what leaves later, as rows of what causes it.

Servers of earlier schemas would change balances and tell nobody, and end before this.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = """
CREATE TABLE standing (
    group_id bigint NOT NULL,
    account_id bigint NOT NULL,
    standing json NOT NULL,
    PRIMARY KEY (group_id, account_id)
);

CREATE TABLE spending_limit (
    group_id bigint NOT NULL,
    number bigint NOT NULL,
    account_id bigint NOT NULL,
    digest bigint NOT NULL,
    session_id bytea NOT NULL,
    origin_host text NOT NULL,
    origin_realm text NOT NULL,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    counters json,
    features bigint NOT NULL,
    announced json NOT NULL,
    announced_version bigint NOT NULL,
    stale_at timestamptz,
    PRIMARY KEY (group_id, number)
);
CREATE INDEX ON spending_limit (digest);

CREATE TABLE outbox (
    group_id bigint NOT NULL,
    number bigint NOT NULL,
    part integer NOT NULL,
    account_id bigint NOT NULL,
    kind smallint NOT NULL,
    stream text NOT NULL,
    target text NOT NULL,
    realm text,
    session_number bigint,
    session_id bytea,
    content json NOT NULL,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_by text,
    leased_until timestamptz,
    end_to_end_id bigint,
    fault text,
    given_up_at timestamptz,
    PRIMARY KEY (group_id, number, part)
);
CREATE INDEX ON outbox (due_at) WHERE given_up_at IS NULL;
CREATE INDEX ON outbox (group_id, stream, number, part);

CREATE TABLE peer_connection (
    host text NOT NULL,
    server_id text NOT NULL,
    realm text NOT NULL,
    is_relay boolean NOT NULL,
    application_ids bigint[] NOT NULL,
    leased_until timestamptz NOT NULL,
    PRIMARY KEY (host, server_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON standing, spending_limit, outbox, peer_connection
    TO diameter_ocs_application;

UPDATE schema_version SET version = 20, compatible_from = 20;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
