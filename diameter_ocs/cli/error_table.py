"""Every error code with its meaning, and the exit status that it leads to."""

from collections.abc import Mapping
from typing import NamedTuple

REFUSED, WRONG_INPUT, UNAVAILABLE, NOT_BALANCED, INTERRUPTED = 1, 2, 3, 4, 130
STATUSES = {
    0: "It was done, or had been done before.",
    REFUSED: "As things stand it cannot be done; nothing was changed.",
    WRONG_INPUT: "What was given is wrong: the command line, a file, the configuration.",
    UNAVAILABLE: "Something that it needs is not there now; it may work later as it is.",
    NOT_BALANCED: "It was done, and the books do not add up.",
    INTERRUPTED: "It was interrupted, as by Ctrl-C; `audit list` says what was done.",
}
"""The exit statuses."""


class Error(NamedTuple):
    """What is said of a code."""

    status: int
    meaning: str


ERRORS: Mapping[str, Error] = {
    "account_active": Error(REFUSED, "The account is not suspended."),
    "account_in_use": Error(REFUSED, "Other things need the account: children, sessions."),
    "account_suspended": Error(REFUSED, "The account is suspended already."),
    "account_unknown": Error(REFUSED, "There is no such account."),
    "address_unavailable": Error(UNAVAILABLE, "The server cannot listen on an address."),
    "backup_invalid": Error(WRONG_INPUT, "The file is no backup, or not a whole one."),
    "backup_needed": Error(REFUSED, "The schema of what holds something changes: save it first."),
    "backup_not_saved": Error(UNAVAILABLE, "The backup could not be written."),
    "balance_ended": Error(REFUSED, "The balance has ended."),
    "balance_needed": Error(REFUSED, "Several balances are of that type: name one."),
    "balance_type_in_use": Error(REFUSED, "Accounts have balances of a type that would change."),
    "balance_type_unknown": Error(REFUSED, "The catalogue has no such balance type."),
    "balance_unknown": Error(REFUSED, "The account has no such balance."),
    "busy": Error(REFUSED, "The account was being charged all the time: try again."),
    "catalogue_invalid": Error(WRONG_INPUT, "The document is wrong; each fault is told."),
    "catalogue_missing": Error(REFUSED, "No catalogue was applied for the tenant yet."),
    "catalogue_unreadable": Error(UNAVAILABLE, "A newer program applied the catalogue."),
    "client_ended": Error(UNAVAILABLE, "The load client of `bench` ended without a report."),
    "clocks_apart": Error(UNAVAILABLE, "The clocks of server and database are too far apart."),
    "configuration_invalid": Error(WRONG_INPUT, "The configuration is wrong; each fault is told."),
    "conflict": Error(REFUSED, "Somebody else changed the same at that moment."),
    "currency_in_use": Error(REFUSED, "Accounts have balances in the currency that would change."),
    "database_in_use": Error(REFUSED, "A server or a command works on the database."),
    "database_missing": Error(UNAVAILABLE, "There is no database in the data directory."),
    "database_not_empty": Error(REFUSED, "The database holds something: say `--replace`."),
    "database_refused": Error(REFUSED, "The database refused what was to be stored."),
    "database_unavailable": Error(UNAVAILABLE, "The database cannot be reached or started."),
    "device_unknown": Error(REFUSED, "There is no such device."),
    "dictionary_invalid": Error(WRONG_INPUT, "A dictionary or the networks cannot be read."),
    "edr_unknown": Error(REFUSED, "There is no such EDR."),
    "exists": Error(REFUSED, "A name or an identity belongs to somebody already."),
    "file_unreadable": Error(WRONG_INPUT, "A file cannot be read."),
    "identity_unknown": Error(REFUSED, "There is no such identity."),
    "insufficient_balance": Error(REFUSED, "Less is available than would be taken."),
    "invalid_account": Error(WRONG_INPUT, "An account cannot be like that."),
    "invalid_amount": Error(WRONG_INPUT, "An amount cannot be read, or a balance cannot hold it."),
    "invalid_identity": Error(WRONG_INPUT, "An identity cannot be read."),
    "invalid_name": Error(WRONG_INPUT, "A name is too long, or not printable."),
    "invalid_peer": Error(WRONG_INPUT, "A peer cannot be like that."),
    "invalid_priority": Error(WRONG_INPUT, "A priority is out of bounds."),
    "invalid_time": Error(WRONG_INPUT, "A time cannot be read, or ends before it begins."),
    "invalid_time_zone": Error(WRONG_INPUT, "There is no such time zone."),
    "invalid_transaction_id": Error(WRONG_INPUT, "A transaction id is too long, or not printable."),
    "no_money": Error(REFUSED, "The catalogue has no balance type of money."),
    "no_tests_here": Error(REFUSED, "The tests are not part of what is installed."),
    "not_compiled": Error(UNAVAILABLE, "The charging rules could not be compiled."),
    "nothing_to_do": Error(REFUSED, "It is so already."),
    "output_failed": Error(UNAVAILABLE, "What is printed could not be written."),
    "peer_configured": Error(REFUSED, "The peer stands in a server's configuration."),
    "peer_unknown": Error(REFUSED, "No such peer was accepted."),
    "pgbench_failed": Error(UNAVAILABLE, "`pgbench`, which `bench` compares with, did not run."),
    "plan_in_use": Error(REFUSED, "Accounts have a plan that the document lacks."),
    "plan_needed": Error(REFUSED, "An account has to have a plan."),
    "plan_unknown": Error(REFUSED, "The catalogue has no such plan."),
    "profile_unknown": Error(REFUSED, "No server that runs has such a profile."),
    "rows_wrong": Error(WRONG_INPUT, "Lines of a file of accounts are wrong; each is told."),
    "schema_incompatible": Error(UNAVAILABLE, "The database's schema is not one of this program."),
    "server_outdated": Error(REFUSED, "A server that runs could not read the document."),
    "server_not_following": Error(UNAVAILABLE, "A server has not followed the test clock in time."),
    "server_not_ready": Error(UNAVAILABLE, "The server of `bench` was not ready in time."),
    "session_needed": Error(REFUSED, "Several sessions have that Session-Id: name one by its id."),
    "session_unknown": Error(REFUSED, "There is no such open session."),
    "simulator_stopped": Error(UNAVAILABLE, "The simulated gateway got no answer that it needs."),
    "spool_unusable": Error(UNAVAILABLE, "The spool's directory cannot be used."),
    "step_invalid": Error(WRONG_INPUT, "A step of the simulated gateway cannot be read."),
    "subscription_ended": Error(REFUSED, "The subscription has ended already."),
    "subscription_unknown": Error(REFUSED, "The account has no such subscription."),
    "tenant_exists": Error(REFUSED, "There is a tenant of that name already."),
    "tenant_needed": Error(REFUSED, "There is no tenant, or more than one: say `--tenant`."),
    "tenant_state": Error(REFUSED, "The tenant is suspended already, or is not."),
    "tenant_unknown": Error(REFUSED, "There is no such tenant."),
    "test_clock_missing": Error(REFUSED, "The database has no test clock."),
    "test_clock_needed": Error(REFUSED, "The database is for trials: say `--test-clock`."),
    "test_clock_refused": Error(REFUSED, "The database was charged in by the time of the world."),
    "time_past": Error(REFUSED, "The test clock has passed that time."),
    "too_deep": Error(REFUSED, "Too many accounts would stand above each other."),
    "too_many": Error(REFUSED, "A group of accounts, or an account, has as much as it can have."),
    "transaction_id_reused": Error(REFUSED, "The transaction id was used for something else."),
    "usage": Error(WRONG_INPUT, "The command line cannot be understood."),
    "version_unknown": Error(REFUSED, "The tenant's catalogue has no such version."),
}
"""Every code that an error may have; a code keeps its meaning and its status."""
