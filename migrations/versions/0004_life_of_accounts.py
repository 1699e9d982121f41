"""Parents, suspension, devices with names, and dates of subscriptions and balances.

Servers of an older schema would charge what has ended and serve who is suspended: they cannot go
on.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = """
ALTER TABLE tenant ADD COLUMN suspended_at timestamptz;

ALTER TABLE account
    ADD COLUMN parent_id bigint,
    ADD COLUMN state smallint NOT NULL DEFAULT 0,
    ADD FOREIGN KEY (group_id, parent_id) REFERENCES account (group_id, id);

ALTER TABLE device ADD COLUMN name text;
UPDATE device SET name = account.name FROM account
    WHERE account.group_id = device.group_id AND account.id = device.account_id;
ALTER TABLE device ALTER COLUMN name SET NOT NULL;
INSERT INTO directory (kind, value, tenant, group_id, account_id, device_id)
    SELECT -1, device.name, account.tenant, device.group_id, account.id, device.id
    FROM device JOIN account
    ON account.group_id = device.group_id AND account.id = device.account_id;

UPDATE subscription SET id = nextval('account_number');
ALTER TABLE subscription
    ADD COLUMN valid_from timestamptz,
    ADD COLUMN valid_until timestamptz,
    ADD CHECK (valid_from < valid_until);

ALTER TABLE balance
    ADD COLUMN valid_from timestamptz,
    ADD COLUMN valid_until timestamptz,
    ADD COLUMN subscription_id bigint;

UPDATE schema_version SET version = 4, compatible_from = 4;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
