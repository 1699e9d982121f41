"""What only event requests say: what is to be done, and for how many messages (RFC 8506 8.41)."""

from collections.abc import Iterable

from ..base.codec import Group
from ..base.dictionary import Dictionary
from ..base.errors import InvalidAvpValue, MissingAvp
from ..base.message import Message

_DIRECT_DEBITING = 0
_ACTIONS = {1: "REFUND_ACCOUNT", 2: "CHECK_BALANCE", 3: "PRICE_ENQUIRY"}


def check_action(message: Message, dictionary: Dictionary) -> None:
    """Refuses what an event asks to be done, unless units are to be debited.

    Raises:
        MissingAvp: it does not say.
        InvalidAvpValue: it is not served.
    """
    avp = message.group.avp("Requested-Action")
    if avp is None:
        raise MissingAvp(
            "An event does not say what is to be done; send a Requested-Action",
            dictionary.example("Requested-Action"),
        )
    if avp.value == _DIRECT_DEBITING:
        return
    name = _ACTIONS.get(avp.value)
    reason = f"Requested-Action {avp.value} is unknown"
    if name is not None:
        reason = f"{name} is not served yet; of the actions of events, DIRECT_DEBITING is"
    raise InvalidAvpValue(reason, message.raw(avp))


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
