"""The values of single AVPs of a request, and what is said of one that cannot be (5004)."""

from typing import Any

from .codec import Group
from .errors import InvalidAvpValue
from .message import Message


def required(group: Group, name: str) -> Any:
    """Returns the value of an AVP that the checks of the command have found to be there."""
    value = group.first(name)
    assert value is not None
    return value


def invalid(message: Message, name: str, reason: str) -> InvalidAvpValue:
    """Returns the error that shows an AVP at the top of a message, if it is there."""
    avp = message.group.avp(name)
    return InvalidAvpValue(reason, None if avp is None else message.raw(avp))


def check_application(message: Message) -> None:
    """Passes a message that names no other application than its header (RFC 6733 section 6.8).

    Raises:
        InvalidAvpValue: it does.
    """
    application_id = message.group.first("Auth-Application-Id")
    if application_id is not None and application_id != message.application_id:
        reason = f"Auth-Application-Id {application_id} is not that of the header"
        raise invalid(message, "Auth-Application-Id", reason)
