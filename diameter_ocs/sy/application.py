"""What of spending limits is served, as peers are told of it (TS 29.219 sections 5.1 and 5.6.1)."""

from ..base.capabilities import Application
from ..base.dictionary import Dictionary
from .decode import SESSION_TERMINATION, SPENDING_LIMIT


def application(dictionary: Dictionary) -> Application:
    """Returns the application, which is announced inside Vendor-Specific-Application-Id."""
    return Application(
        dictionary.command_named(SPENDING_LIMIT).application_id,
        frozenset({SPENDING_LIMIT, SESSION_TERMINATION}),
        dictionary.avp("Policy-Counter-Status").vendor_id,
    )
