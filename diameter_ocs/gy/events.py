"""What only event requests say: what is to be done, and for how many messages (RFC 8506 8.41)."""

from collections.abc import Iterable

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.errors import InvalidAvpValue, MissingAvp
from ..base.message import Message
from ..charging.decisions import Decision, Outcome
from ..charging.requests import ChargingRequest, EventAction

CORRELATION_ID_OCTETS_MAX = 255
"""Of a CC-Correlation-Id that is kept."""

_ACTIONS = {int(action): action for action in EventAction}


def action_of(message: Message, dictionary: Dictionary) -> EventAction:
    """Returns what an event asks to be done.

    Raises:
        MissingAvp: it does not say.
        InvalidAvpValue: nobody knows that.
    """
    avp = message.group.avp("Requested-Action")
    if avp is None:
        raise MissingAvp(
            "An event does not say what is to be done; send a Requested-Action",
            dictionary.example("Requested-Action"),
        )
    action = _ACTIONS.get(avp.value)
    if action is None:
        reason = f"Requested-Action {avp.value} is unknown; send one from 0 to 3"
        raise InvalidAvpValue(reason, message.raw(avp))
    return action


def mark_of(decision: Decision, request: ChargingRequest) -> bytes | None:
    """Returns by what an event that was debited may be refunded; None: there is nothing."""
    is_debited = request.action is EventAction.DEBIT and decision.outcome is Outcome.SUCCESS
    return str(decision.event).encode() if is_debited and decision.event is not None else None


def correlation_id_of(command: Group) -> bytes | None:
    """Returns by which an event belongs with others; None: none is said, or one too long."""
    said: bytes | None = command.first("CC-Correlation-Id")
    return said if said and len(said) <= CORRELATION_ID_OCTETS_MAX else None


def marks_of(groups: Iterable[Group], command: Group) -> tuple[bytes, ...]:
    """Returns by what each service of a request is to be refunded; empty: by something else.

    It stands in the services, or at command level for all of them.
    """
    of_all = command.first("Refund-Information") or b""
    return tuple([group.first("Refund-Information") or of_all for group in groups])


def messages_of(group: Group) -> int:
    """Returns how many messages a command is about: what it says, else one for each recipient."""
    information = group.first("Service-Information")
    if information is None:
        return 1
    texts = information.first("SMS-Information")
    pictures = information.first("MMS-Information")
    said = recipients = 0
    if texts is not None:
        said = texts.first("Number-Of-Messages-Sent") or 0
        recipients = len(texts.avps("Recipient-Info"))
    elif pictures is not None:
        recipients = len(pictures.avps("Recipient-Address"))
    return said or recipients or 1
