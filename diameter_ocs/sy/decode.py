"""Requests about spending limits, from the octets of SLR and STR (TS 29.219 section 5.6)."""

from enum import StrEnum
from typing import NamedTuple

from ..base.dictionary import Dictionary
from ..base.errors import AvpOccursTooManyTimes, MissingAvp
from ..base.message import Message
from ..base.subscriptions import names_of
from ..base.text import clean, note_session_id
from ..base.values import check_application, invalid, required
from ..charging.identities import identities_in
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest
from .features import features_of

SPENDING_LIMIT = "Spending-Limit"
SESSION_TERMINATION = "Session-Termination"

COUNTERS_MAX = 256
"""Policy-Counter-Identifiers in one request; one more is refused."""

_INITIAL, _INTERMEDIATE = 0, 1


class Decoded(NamedTuple):
    """A request, and what of it is the protocol's business alone."""

    request: SpendingLimitRequest | SpendingLimitEnd
    tolerated: tuple[StrEnum, ...]
    """What was accepted against the standard, each kind once."""
    message: Message
    """As it came, for its answer."""


def decode(message: Message, tenant: str | None, dictionary: Dictionary) -> Decoded:
    """Returns what an SLR or an STR asks; it has passed the checks of its command.

    Raises:
        InvalidAvpValue: an SL-Request-Type that is not known, or another application than the
            header's.
        MissingAvp: an initial SLR that names nobody.
        AvpOccursTooManyTimes: more counters than COUNTERS_MAX.
    """
    check_application(message)
    tolerated: set[StrEnum] = set()
    request: SpendingLimitRequest | SpendingLimitEnd
    if message.name == SESSION_TERMINATION:
        request = _end(message, tenant, tolerated)
    else:
        request = _limit(message, tenant, dictionary, tolerated)
    return Decoded(request, tuple(sorted(tolerated)), message)


def _limit(
    message: Message, tenant: str | None, dictionary: Dictionary, tolerated: set[StrEnum]
) -> SpendingLimitRequest:
    group = message.group
    is_initial = _is_initial(message)
    identities = identities_in(names_of(group, tolerated))
    if identities is None and is_initial:
        raise MissingAvp(
            "Nobody is named; send a Subscription-Id", dictionary.example("Subscription-Id")
        )
    session_id, origin_host, origin_realm = _whose(message, tolerated)
    return SpendingLimitRequest(
        is_initial,
        session_id,
        origin_host,
        origin_realm,
        message.end_to_end,
        message.is_retransmission,
        tenant,
        identities or (),
        _counters(message, tolerated),
        features_of(group, dictionary),
    )


def _end(message: Message, tenant: str | None, tolerated: set[StrEnum]) -> SpendingLimitEnd:
    """Reads an STR; whatever its Termination-Cause, the session has ended for its owner."""
    return SpendingLimitEnd(*_whose(message, tolerated), tenant)


def _is_initial(message: Message) -> bool:
    number = required(message.group, "SL-Request-Type")
    if number not in (_INITIAL, _INTERMEDIATE):
        raise invalid(message, "SL-Request-Type", f"SL-Request-Type {number} is unknown")
    return bool(number == _INITIAL)


def _whose(message: Message, tolerated: set[StrEnum]) -> tuple[bytes, str, str]:
    """Returns the Session-Id, octet by octet as it was sent, and who sent it."""
    group = message.group
    session_id = group.avp("Session-Id")
    assert session_id is not None
    note_session_id(session_id.value, tolerated)
    return (
        message.data(session_id),
        clean(required(group, "Origin-Host"), tolerated),
        clean(required(group, "Origin-Realm"), tolerated),
    )


def _counters(message: Message, tolerated: set[StrEnum]) -> tuple[str, ...]:
    names = message.group.avps("Policy-Counter-Identifier")
    if len(names) > COUNTERS_MAX:
        raise AvpOccursTooManyTimes(
            f"more than {COUNTERS_MAX} counters are named", message.raw(names[COUNTERS_MAX])
        )
    return tuple(dict.fromkeys(clean(name.value, tolerated) for name in names))
