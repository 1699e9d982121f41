"""Answers about spending limits as SLA and STA (TS 29.219 sections 5.6.3 and 5.6.7)."""

from ..base.dictionary import Dictionary, Member
from ..base.message import Identity, Message, answer
from ..base.text import clean
from ..charging.spending_limits import SpendingLimitAnswer, SpendingLimitOutcome
from .decode import SESSION_TERMINATION, Decoded
from .features import supported_features
from .reports import reports

_NAME = "Policy-Counter-Identifier"

RESULT_CODES = {
    SpendingLimitOutcome.SUCCESS: 2001,
    SpendingLimitOutcome.SESSION_UNKNOWN: 5002,
    SpendingLimitOutcome.USER_UNKNOWN: 5030,
}
EXPERIMENTAL_RESULT_CODES = {
    SpendingLimitOutcome.NO_COUNTERS: 4241,
    SpendingLimitOutcome.UNKNOWN_COUNTERS: 5570,
}
"""Those of 3GPP (TS 29.219 section 5.5)."""

ERROR_MESSAGES = {
    SpendingLimitOutcome.SESSION_UNKNOWN: (
        "No session is open under this Session-Id; open one with SL-Request-Type INITIAL_REQUEST"
    ),
    SpendingLimitOutcome.USER_UNKNOWN: (
        "The names in Subscription-Id are not those of one account; create the account, or send "
        "the IMSI or MSISDN that it has"
    ),
    SpendingLimitOutcome.NO_COUNTERS: (
        "The account has no counters: add some to the tenant's catalogue"
    ),
    SpendingLimitOutcome.UNKNOWN_COUNTERS: (
        "The counters that Failed-AVP shows are not in the tenant's catalogue: add them there, or "
        "ask for those that are"
    ),
}
"""What is said of each failure: why, and what to do."""


class Encoder:
    """Writes the answers of one node."""

    def __init__(self, dictionary: Dictionary, identity: Identity) -> None:
        self._dictionary = dictionary
        self._identity = identity
        self._vendor_id = dictionary.avp("Policy-Counter-Status").vendor_id

    def encode(self, decided: SpendingLimitAnswer, decoded: Decoded) -> bytes:
        """Returns the answer to a request, with its ids, Session-Id and Proxy-Info."""
        message = decoded.message
        members = [self._result(decided.outcome)]
        if message.name != SESSION_TERMINATION:
            members.append(("Auth-Application-Id", message.application_id))
            if decided.features is not None:
                members.append(supported_features(decided.features, self._dictionary))
            members += reports(decided.statuses)
        if decided.outcome in ERROR_MESSAGES:
            members.append(("Error-Message", ERROR_MESSAGES[decided.outcome]))
        if decided.unknown:
            members.append(("Failed-AVP", self._named(message, decided.unknown)))
        return answer(message, self._dictionary, self._identity, members)

    def _result(self, outcome: SpendingLimitOutcome) -> Member:
        code = RESULT_CODES.get(outcome)
        if code is not None:
            return "Result-Code", code
        members = [
            ("Vendor-Id", self._vendor_id),
            ("Experimental-Result-Code", EXPERIMENTAL_RESULT_CODES[outcome]),
        ]
        return "Experimental-Result", members

    def _named(self, message: Message, counters: tuple[str, ...]) -> list[bytes]:
        """Returns the names of counters as they came."""
        names = message.group.avps(_NAME)
        shown = {clean(name.value, set()): message.raw(name) for name in reversed(names)}
        encode = self._dictionary.encode
        return [shown.get(counter) or encode(_NAME, counter) for counter in counters]


def result_code(outcome: SpendingLimitOutcome) -> int:
    """Returns the code of an outcome, wherever it stands in the answer."""
    return {**RESULT_CODES, **EXPERIMENTAL_RESULT_CODES}[outcome]
