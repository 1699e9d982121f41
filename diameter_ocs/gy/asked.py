"""What a gateway asks for beyond what it says, by the terms on which it is answered."""

from ..charging.requests import RequestType, ServiceUsage, Units
from .decode import Decoded
from .terms import AnswerTerms

_INITIAL, _UPDATE, _, _ = RequestType


def on_terms(decoded: Decoded, terms: AnswerTerms) -> Decoded:
    """Returns the request of a gateway that is answered on some terms."""
    request = decoded.request
    if terms.tells_free and not decoded.is_command_level:
        # Units at command level would end the session by it: they are granted like all others.
        request = request._replace(tells_free=True)
    if terms.quota_pools and not decoded.is_command_level:
        request = request._replace(has_pool=True)
    if terms.tells_money:
        request = request._replace(tells_money=True)
    if terms.grants_unasked and request.request_type is _UPDATE:
        request = request._replace(usages=tuple(map(_asking_for_more, request.usages)))
    if terms.grants_at_start and request.request_type is _INITIAL and not request.usages:
        request = request._replace(wants_default=True)
    return decoded._replace(request=request)


def _asking_for_more(usage: ServiceUsage) -> ServiceUsage:
    """Returns what a service asks for that reports usage and goes on."""
    if usage.requested is not None or usage.is_quota_returned or not usage.used:
        return usage
    return usage._replace(requested=Units())
