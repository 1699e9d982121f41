"""Tenants, catalogues, accounts, balances, sessions and the journal.

Two roles: the owner makes tables and partitions; the application reads and writes, but can neither
change nor delete an EDR.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE schema_version (
    version integer NOT NULL,
    compatible_from integer NOT NULL
);

CREATE TABLE tenant (
    name text PRIMARY KEY,
    catalogue_version integer
);

CREATE TABLE catalogue (
    tenant text NOT NULL REFERENCES tenant,
    version integer NOT NULL,
    document json NOT NULL,
    applied_at timestamptz NOT NULL,
    actor text NOT NULL,
    PRIMARY KEY (tenant, version)
);

CREATE SEQUENCE account_number;

CREATE TABLE account (
    group_id bigint NOT NULL,
    id bigint NOT NULL,
    tenant text NOT NULL REFERENCES tenant,
    name text NOT NULL,
    version bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE device (
    group_id bigint NOT NULL,
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, account_id) REFERENCES account
);

CREATE TABLE directory (
    kind smallint NOT NULL,
    value text NOT NULL,
    tenant text NOT NULL,
    group_id bigint NOT NULL,
    account_id bigint NOT NULL,
    device_id bigint,
    PRIMARY KEY (kind, value, tenant)
);
CREATE INDEX ON directory (group_id, account_id);

CREATE TABLE subscription (
    group_id bigint NOT NULL,
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    plan text NOT NULL,
    subscribed_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id)
);

CREATE TABLE balance (
    group_id bigint NOT NULL,
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    balance_type text NOT NULL,
    priority integer NOT NULL,
    total bigint NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    reserved bigint NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (group_id, id),
    CHECK (total - used - reserved >= 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE session (
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
    reservations json NOT NULL,
    held_balances bigint[] NOT NULL,
    held_amounts bigint[] NOT NULL,
    PRIMARY KEY (group_id, number)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 2);
CREATE INDEX ON session (digest);

CREATE TABLE edr (
    group_id bigint NOT NULL,
    at timestamptz NOT NULL,
    number bigint NOT NULL,
    account_id bigint NOT NULL,
    kind smallint NOT NULL,
    action text NOT NULL,
    outcome smallint NOT NULL,
    session_id bytea,
    request_number bigint,
    origin_host text,
    end_to_end_id bigint,
    catalogue_version integer,
    actor text,
    services json NOT NULL,
    posting_balances bigint[] NOT NULL,
    posting_totals bigint[] NOT NULL,
    posting_useds bigint[] NOT NULL,
    posting_reserveds bigint[] NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX ON edr (group_id, at);
CREATE TABLE edr_default PARTITION OF edr DEFAULT;

INSERT INTO schema_version VALUES (1, 1);
"""

RIGHTS = """
GRANT SELECT ON ALL TABLES IN SCHEMA public TO diameter_ocs_application;
GRANT INSERT, UPDATE, DELETE ON
    tenant, account, device, directory, subscription, balance, session
    TO diameter_ocs_application;
GRANT INSERT ON catalogue, edr TO diameter_ocs_application;
GRANT USAGE ON SEQUENCE account_number TO diameter_ocs_application;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RIGHTS)
