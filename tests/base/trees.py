"""Messages as plain values, so that two ways of decoding can be compared."""

from diameter_ocs.base.checks import check
from diameter_ocs.base.codec import Avp, Group
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import DiameterError
from diameter_ocs.base.message import Message

Tree = tuple[object, ...]


def tree(group: Group) -> Tree:
    """Everything that a group tells, at all depths."""
    known = {name: tuple(map(_plain, avps)) for name, avps in group.by_name.items()}
    return known, tuple(map(_plain, group.unknown)), group.is_repeated


def verdict(message: Message, dictionary: Dictionary, *, strict: bool) -> Tree:
    """What a check says: what it tolerates, or the error in full."""
    try:
        return check(message, dictionary, strict=strict, applications={4})
    except DiameterError as error:
        return _told(error)


def whole(message: Message, dictionary: Dictionary) -> Tree:
    """Everything that decoding and checking tell of a message; its check may be kept for others."""
    fault = None if message.fault is None else _told(message.fault)
    found = message.findings
    return (
        (message.name, message.flags, message.hop_by_hop, message.end_to_end, fault),
        tree(message.group),
        [_plain(avp) for avp in found.groups],
        [_plain(avp) for avp in found.odd_flags],
        [
            (_plain(avp), [_plain(each) for each in around])
            for avp, around in found.unknown_mandatory
        ],
        verdict(message, dictionary, strict=False),
        verdict(message, dictionary, strict=True),
    )


def _plain(avp: Avp) -> Tree:
    value = tree(avp.value) if isinstance(avp.value, Group) else avp.value
    return *avp[:4], value, avp.start, avp.end


def _told(error: DiameterError) -> Tree:
    return type(error), str(error), error.failed_avp
