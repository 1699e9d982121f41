"""How outcomes are told: Result-Codes (RFC 6733 section 7.1, RFC 8506 section 9).

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
    Outcome.USER_UNKNOWN: 5030,
    Outcome.RATING_FAILED: 5031,
}
"""The code of a command."""

SERVICE_CODES = {**COMMAND_CODES, Outcome.LOCATION_UNKNOWN: 4010}
"""The code of a service, which is the command's where the service stands at command level."""
