"""The tables, as SQLAlchemy Core knows them; `migrations/` makes them.

`group_id` is the id of the root account of a group of accounts that share balances. It comes first
in every hot table's key: one transaction locks, reads and writes whole groups.
"""

import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData()

Moment = DateTime(timezone=True)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def moment(microseconds: int) -> datetime.datetime:
    """Returns a value for a column of type Moment, from microseconds since 1970."""
    return EPOCH + datetime.timedelta(microseconds=microseconds)


def microseconds_of(at: datetime.datetime) -> int:
    """Returns microseconds since 1970, from a value of such a column."""
    return (at - EPOCH) // datetime.timedelta(microseconds=1)


tenant = Table(
    "tenant",
    metadata,
    Column("name", Text, primary_key=True),
    Column("catalogue_version", Integer),  # none applied yet: NULL
    Column("suspended_at", Moment),  # not suspended: NULL
)

catalogue = Table(
    "catalogue",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("applied_at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("source", Text),  # the YAML as it was written
)

account = Table(
    "account",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    # On the root account these two stand for the whole group.
    Column("version", BigInteger, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("parent_id", BigInteger),
    Column("state", SmallInteger, nullable=False),  # AccountState
    Column("time_zone", Text),  # the tenant's: NULL
)

device = Table(
    "device",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
)

# Who an identity is; kind 0 is an account's own name, -1 a device's, the others are IdentityKind.
directory = Table(
    "directory",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("group_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("device_id", BigInteger),
)

subscription = Table(
    "subscription",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("plan", Text, nullable=False),
    Column("subscribed_at", Moment, nullable=False),
    Column("valid_from", Moment),  # since it was subscribed to: NULL
    Column("valid_until", Moment),  # without an end: NULL
)

balance = Table(
    "balance",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("balance_type", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("valid_from", Moment),
    Column("valid_until", Moment),
    Column("subscription_id", BigInteger),  # what brought it
)

session = Table(
    "session",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),  # of Session-Id and CC-Sub-Session-Id
    Column("session_id", LargeBinary, nullable=False),
    Column("sub_session_id", BigInteger),
    Column("service_context", Text),
    Column("origin_host", Text, nullable=False),
    Column("origin_realm", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_request_at", Moment, nullable=False),
    Column("request_number", BigInteger, nullable=False),
    Column("catalogue_version", Integer, nullable=False),
    Column("lines", JSON, nullable=False),  # fields in the order of charging.session.Line
    Column("reservations", JSON, nullable=False),  # likewise Reservation
    Column("supervise_at", Moment, nullable=False),
    Column("circumstances", JSON(none_as_null=True)),  # likewise charging.location.Circumstances
    Column("charging_id", BigInteger),
    Column("origin_state_id", BigInteger),
    Column("cost", BigInteger, nullable=False, server_default="0"),
)

# What is remembered of a session that has ended; of several with one digest the newest counts.
closed_session = Table(
    "closed_session",
    metadata,
    Column("group_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("session_id", LargeBinary, nullable=False),
    Column("sub_session_id", BigInteger),
    Column("service_context", Text),
    Column("origin_host", Text, nullable=False),
    Column("origin_realm", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("last_request_at", Moment, nullable=False),
    Column("request_number", BigInteger, nullable=False),
    Column("catalogue_version", Integer, nullable=False),
    Column("lines", JSON, nullable=False),
    Column("closed_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("circumstances", JSON(none_as_null=True)),
    Column("charging_id", BigInteger),
    Column("origin_state_id", BigInteger),
    Column("cost", BigInteger, nullable=False, server_default="0"),
)

edr = Table(
    "edr",
    metadata,
    Column("group_id", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("session_id", LargeBinary),
    Column("request_number", BigInteger),
    Column("origin_host", Text),
    Column("end_to_end_id", BigInteger),
    Column("catalogue_version", Integer),
    Column("actor", Text),
    Column("services", JSON, nullable=False),  # fields in the order of ServiceRecord
    Column("posting_balances", ARRAY(BigInteger), nullable=False),
    Column("posting_totals", ARRAY(BigInteger), nullable=False),
    Column("posting_useds", ARRAY(BigInteger), nullable=False),
    Column("posting_reserveds", ARRAY(BigInteger), nullable=False),
    Column("session_number", BigInteger),
    Column("digest", BigInteger),
    Column("reason", Text),
    Column("circumstances", JSON(none_as_null=True)),
    Column("considered", Text),
    Column("told", JSON(none_as_null=True)),  # likewise charging.decisions.Told
    Column("charging_id", BigInteger),
    Column("correlation_id", LargeBinary),
)

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, nullable=False),
    Column("compatible_from", Integer, nullable=False),
)

# What EDRs posted that are no longer kept: added up when their partition is dropped.
opening = Table(
    "opening",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("balance_id", BigInteger, primary_key=True),
    Column("total", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("through", Moment, nullable=False),  # the end of the last day that was added
)

# The transaction ids of commands, with what was answered to each; the tenant is "" for nobody's.
command = Table(
    "command",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("transaction_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # of what was asked
    Column("at", Moment, nullable=False),
    Column("answer", JSON(none_as_null=True)),
)

# What commands have changed, and who gave them; rows are only added.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("account", Text),
    Column("actor", Text, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)

accepted_peer = Table(
    "accepted_peer",
    metadata,
    Column("host", Text, primary_key=True),  # a name in lower case, or a pattern
    Column("realm", Text),
    Column("tenant", Text),
    Column("profile", Text),
    Column("addresses", ARRAY(Text), nullable=False),
    Column("accepted_at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("wires", ARRAY(Text), nullable=False, server_default="{}"),
    Column("certificate", Text),
)

# Peers that no rule names: the latest few, so that nobody fills the database by connecting.
refused_peer = Table(
    "refused_peer",
    metadata,
    Column("host", Text, primary_key=True),
    Column("realm", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("application_ids", ARRAY(BigInteger), nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("times", BigInteger, nullable=False),
)

# What each server tells of itself; one that is not seen for long has ended.
running_server = Table(
    "running_server",
    metadata,
    Column("id", Text, primary_key=True),
    Column("origin_host", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("profiles", ARRAY(Text), nullable=False),
    Column("configured", JSON, nullable=False),  # fields of charging.peers.ConfiguredPeer
    Column("connected", JSON, nullable=False),  # likewise ConnectedPeer
    Column("catalogue_keys", ARRAY(Text), nullable=False, server_default="{}"),
    Column("clock_ahead", BigInteger),  # of the test clock that it has followed
    Column("absent", JSON, nullable=False, server_default="[]"),  # likewise AbsentPeer
)

# One row where the database's time is not that of the world, else none.
test_clock = Table(
    "test_clock",
    metadata,
    Column("is_there", Boolean, primary_key=True, server_default="true"),
    Column("ahead", BigInteger, nullable=False),  # microseconds
)

# The greatest Origin-State-Id of each gateway whose restarts matter, and the search for the
# sessions that it lost: after this one, from then on; NULL: it has ended.
gateway_state = Table(
    "gateway_state",
    metadata,
    Column("origin_host", Text, primary_key=True),  # in lower case
    Column("origin_state_id", BigInteger, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("group_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("search_at", Moment),
)

# When something of a group begins or ends next, and until when it is told what did; groups of
# which nothing will have no row.
wake = Table(
    "wake",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("woken_at", Moment, nullable=False),
    Column("wake_at", Moment, nullable=False),
)

# How the counters of an account stand, where they do not as a new one's.
standing = Table(
    "standing",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("account_id", BigInteger, primary_key=True),
    Column("standing", JSON, nullable=False),  # fields of charging.standing.Standing
)

# Subscriptions to the counters of accounts; `number` is that of the EDR that opened it.
spending_limit = Table(
    "spending_limit",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),  # of the Session-Id
    Column("session_id", LargeBinary, nullable=False),
    Column("origin_host", Text, nullable=False),
    Column("origin_realm", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("counters", JSON(none_as_null=True)),  # all: NULL
    Column("features", BigInteger, nullable=False),
    # What was answered last, or is to be reported since: fields of spending_limits.CounterStatus.
    Column("announced", JSON, nullable=False),
    Column("announced_version", BigInteger, nullable=False),  # the group's at the last answer
    Column("stale_at", Moment),  # when it was given up to report to it
)

# What is to leave, in the order of `number` and `part` within each stream of a group.
outbox = Table(
    "outbox",
    metadata,
    Column("group_id", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),  # the group's version that causes it
    Column("part", Integer, primary_key=True),
    Column("account_id", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),  # OutboxKind
    Column("stream", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("realm", Text),
    Column("session_number", BigInteger),
    Column("session_id", LargeBinary),
    Column("content", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_by", Text),
    Column("leased_until", Moment),
    Column("end_to_end_id", BigInteger),  # of the request, as it was sent first
    Column("fault", Text),  # why it has not left yet
    Column("given_up_at", Moment),
)

# Which server holds the connection of which peer, for as long as it says so.
peer_connection = Table(
    "peer_connection",
    metadata,
    Column("host", Text, primary_key=True),  # in lower case
    Column("server_id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("is_relay", Boolean, nullable=False),
    Column("application_ids", ARRAY(BigInteger), nullable=False),
    Column("leased_until", Moment, nullable=False),
)
