"""How outcomes are told: Result-Codes and Error-Messages (RFC 6733 section 7, RFC 8506 section 9).

A command's failure ends the session at the client, a service's failure only the service.
"""

from ..charging.decisions import Outcome

SUCCESS = 2001

COMMAND_CODES = {
    Outcome.SUCCESS: SUCCESS,
    Outcome.SERVICE_DENIED: 4010,
    Outcome.NOT_APPLICABLE: 4011,
    Outcome.LIMIT_REACHED: 4012,
    Outcome.SESSION_UNKNOWN: 5002,
    Outcome.LOCATION_UNKNOWN: 5004,
    Outcome.FOREIGN_CURRENCY: 5004,
    Outcome.USER_UNKNOWN: 5030,
    Outcome.RATING_FAILED: 5031,
}
"""The code of a command."""

SERVICE_CODES = {**COMMAND_CODES, Outcome.LOCATION_UNKNOWN: 4010}
"""The code of a service, which is the command's where the service stands at command level."""

ERROR_MESSAGES = {
    4010: (
        "This may not be used: the account or its tenant is suspended, or no plan covers the "
        "service, the place and the time; see the account's plans. Of what is to be refunded "
        "nothing is left, or what paid for it has ended"
    ),
    4011: "This is free: no credit control is needed",
    4012: "Nothing is left that could pay: credit the account",
    5002: "No session is open under this Session-Id; open one with CC-Request-Type INITIAL_REQUEST",
    5004: (
        "What Failed-AVP shows cannot be used: money must be in the currency of the tenant; and "
        "where every plan that could serve a request depends on the place, a "
        "3GPP-User-Location-Info that can be read must say where the subscriber is"
    ),
    5030: (
        "The names in Subscription-Id are not those of one account; create the account, or send "
        "the IMSI or MSISDN that it has"
    ),
    5031: (
        "What Failed-AVP shows cannot be rated: the tenant's catalogue does not have it, or "
        "measures it in other units; add it there, or send what is there. What is to be refunded "
        "was not charged to this account, or is forgotten"
    ),
}
"""What is said of each failure of a command: why, and what to do."""
