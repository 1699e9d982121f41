"""What a strict peer is refused for where text is tolerated of others: the standard's error."""

from collections.abc import Callable, Collection, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from .codec import Avp, Group
from .dictionary import Dictionary
from .errors import DiameterError, InvalidAvpValue
from .message import Message
from .tolerance import Tolerated

Errors = Mapping[StrEnum, Callable[[Message, Dictionary], DiameterError]]
"""By what is tolerated, in the order in which a request is checked: what is missing, what is too
much, values."""


def refusal(
    message: Message, tolerated: Collection[StrEnum], dictionary: Dictionary, errors: Errors
) -> DiameterError:
    """Returns the error of the first thing that was tolerated in a request; there is one."""
    kind = next(kind for kind in errors if kind in tolerated)
    return errors[kind](message, dictionary)


def shown(message: Message, name: str) -> bytes:
    """Returns an AVP at the top of a message, which is there, as it came."""
    avp = message.group.avp(name)
    assert avp is not None
    return message.raw(avp)


def _odd_session_id(message: Message, _dictionary: Dictionary) -> DiameterError:
    return InvalidAvpValue(
        "Session-Id does not begin with an identity and a semicolon", shown(message, "Session-Id")
    )


def _odd_text(message: Message, _dictionary: Dictionary) -> DiameterError:
    avp = next(each for each in _texts(message.group) if _is_odd(each.value))
    return InvalidAvpValue("a text has NUL, or is no UTF-8", message.raw(avp))


def _texts(group: Group) -> Iterator[Avp]:
    """Yields the texts at all depths."""
    for avp in group.in_order():
        if isinstance(avp.value, Group):
            yield from _texts(avp.value)
        elif isinstance(avp.value, str):
            yield avp


def _is_odd(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


TEXT_ERRORS: Errors = MappingProxyType(
    {
        Tolerated.ODD_SESSION_ID: _odd_session_id,
        Tolerated.NUL_IN_TEXT: _odd_text,
        Tolerated.OCTETS_IN_TEXT: _odd_text,
    }
)
"""What may be odd about the texts of any request."""
