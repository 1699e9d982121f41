"""What only event requests say: what is to be done, and for how many messages (RFC 8506 8.41)."""

from collections.abc import Iterable

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.errors import InvalidAvpValue, MissingAvp
from ..base.message import Message
from ..charging.requests import EventAction

_NOT_SERVED = frozenset({EventAction.REFUND, EventAction.PRICE_ENQUIRY})
_ACTIONS = {int(action): action for action in EventAction}
_NAMES = ("DIRECT_DEBITING", "REFUND_ACCOUNT", "CHECK_BALANCE", "PRICE_ENQUIRY")


def action_of(message: Message, dictionary: Dictionary) -> EventAction:
    """Returns what an event asks to be done.

    Raises:
        MissingAvp: it does not say.
        InvalidAvpValue: nobody knows that, or it is not served.
    """
    avp = message.group.avp("Requested-Action")
    if avp is None:
        raise MissingAvp(
            "An event does not say what is to be done; send a Requested-Action",
            dictionary.example("Requested-Action"),
        )
    action = _ACTIONS.get(avp.value)
    if action is None:
        reason = f"Requested-Action {avp.value} is unknown"
        raise InvalidAvpValue(reason, message.raw(avp))
    if action in _NOT_SERVED:
        reason = f"{_NAMES[action]} is not served yet; DIRECT_DEBITING and CHECK_BALANCE are"
        raise InvalidAvpValue(reason, message.raw(avp))
    return action


def check_units(groups: Iterable[Group], message: Message) -> None:
    """Refuses events that ask for an amount of money.

    Raises:
        InvalidAvpValue: always then; to take money for a unit would charge another amount.
    """
    for group in groups:
        requested = group.first("Requested-Service-Unit")
        money = None if requested is None else requested.avp("CC-Money")
        if money is not None:
            reason = "CC-Money is not served yet; ask for units"
            raise InvalidAvpValue(reason, message.raw(money))


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
