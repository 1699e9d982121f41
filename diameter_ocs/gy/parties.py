"""Who communicates with whom: calls of the IMS, short and multimedia messages (TS 32.299 7.2)."""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple, TypeVar

from ..base.codec import Group
from ..charging.information import Direction
from ..charging.requests import Identity
from .parts import NOTHING, Parts
from .party import Party, carrier_of, party_of_address, party_of_uri

RECIPIENTS_MAX = 32
"""Recipients that are named; further ones are counted only."""

_TEXTS, _PICTURES = "32274", "32270"
_WITH_PARTIES = (_TEXTS, _PICTURES, "32260", "32275", "32276")
_CALLED = ("Called-Party-Address", "Requested-Party-Address", "Called-Asserted-Identity")
_EMERGENCY = 1
_ROLES: dict[object, Direction] = {int(direction): direction for direction in Direction}
_INTERFACES: dict[object, Direction] = {
    1: Direction.ORIGINATING,  # of a mobile that sends
    2: Direction.TERMINATING,  # of a mobile that receives
    3: Direction.TERMINATING,  # of an application that sends to one
    4: Direction.ORIGINATING,  # of an application that one sends to
}
_TEXT_TYPES: dict[object, Direction] = {
    0: Direction.ORIGINATING,  # submission
    3: Direction.TERMINATING,  # device triggers
    4: Direction.TERMINATING,
    5: Direction.ORIGINATING,  # submission by a device
}
_PICTURE_TYPES: dict[object, Direction] = {
    1: Direction.ORIGINATING,  # m-send-req
    2: Direction.ORIGINATING,  # m-send-conf
    3: Direction.TERMINATING,  # m-notification-ind
    4: Direction.TERMINATING,  # m-notifyresp-ind
    5: Direction.TERMINATING,  # m-retrieve-conf
    6: Direction.TERMINATING,  # m-acknowledge-ind
    10: Direction.ORIGINATING,  # m-forward-req
    11: Direction.ORIGINATING,  # m-forward-conf
}


class Parties(NamedTuple):
    """Who communicates with whom, and which of them is charged."""

    direction: Direction | None = None
    calling: Party | None = None
    called: Party | None = None
    """Of several recipients the first."""
    recipients: tuple[Party, ...] = ()
    """Of a message."""
    carrier: str | None = None
    """The code that comes with the number at the other end."""
    is_emergency: bool = False

    @property
    def other(self) -> Party | None:
        """The one at the other end."""
        return self.calling if self.direction is Direction.TERMINATING else self.called


NOBODY = Parties()

Found = TypeVar("Found")


def parties_of(document: str | None, parts: Parts, identities: tuple[Identity, ...]) -> Parties:
    """Returns who communicates in a service, by the document that describes it.

    Messages that the IMS carries may be told of by IMS-Information alone, and a call for help may
    be of a context that nobody knows. `identities` are those of whoever is charged.
    """
    if document == _TEXTS and parts.texts is not NOTHING:
        return _of_text(parts.texts, identities)
    if document == _PICTURES and parts.pictures is not NOTHING:
        return _of_picture(parts.pictures, identities)
    return _of_call(parts.ims) if document in (None, *_WITH_PARTIES) else NOBODY


def _of_call(ims: Group) -> Parties:
    """Reads a call: it goes where it was sent to, else to who was dialled or was reached."""
    direction = _ROLES.get(ims.first("Role-Of-Node"))
    callers = _uris(ims, "Calling-Party-Address")
    calling = next((party for party in callers if party.country_digits), None) or _first(callers)
    ends = [party for name in _CALLED for party in _uris(ims, name)]
    called = _first(ends)
    if direction is Direction.TERMINATING:
        carrier = None if calling is None else calling.carrier
    else:
        ported = carrier_of(ims.first("Number-Portability-Routing-Information"))
        carrier = ported or (None if called is None else called.carrier)
        carrier = carrier or carrier_of(ims.first("Carrier-Select-Routing-Information"))
    is_emergency = ims.first("IMS-Emergency-Indicator") == _EMERGENCY or any(
        party.is_emergency for party in ends
    )
    return Parties(direction, calling, called, (), carrier, is_emergency)


def _of_text(texts: Group, identities: tuple[Identity, ...]) -> Parties:
    """Reads a short message, of which either side may be charged.

    Where the numbers do not tell which side it is the kinds of interfaces do, then the kind of
    message.
    """
    infos = texts.all("Recipient-Info")
    calling = _first(map(party_of_address, texts.all("Originator-Received-Address")))
    recipients = _all(map(_recipient, infos))
    interfaces = [
        *texts.all("Originator-Interface"),
        *[each for info in infos for each in info.all("Destination-Interface")],
    ]
    directions = [
        _charged(calling, recipients, identities),
        *[_INTERFACES.get(each.first("Interface-Type")) for each in interfaces],
        _TEXT_TYPES.get(texts.first("SM-Message-Type")),
    ]
    return _of_message(_first(directions), calling, recipients)


def _of_picture(pictures: Group, identities: tuple[Identity, ...]) -> Parties:
    calling = _first(map(party_of_address, pictures.all("Originator-Address")))
    recipients = _all(map(party_of_address, pictures.all("Recipient-Address")))
    directions = [
        _charged(calling, recipients, identities),
        _PICTURE_TYPES.get(pictures.first("Message-Type")),
    ]
    return _of_message(_first(directions), calling, recipients)


def _of_message(
    direction: Direction | None, calling: Party | None, recipients: tuple[Party, ...]
) -> Parties:
    parties = Parties(direction, calling, _first(recipients), recipients)
    other = parties.other
    return parties if other is None else parties._replace(carrier=other.carrier)


def _recipient(info: Group) -> Party | None:
    """Returns who gets a short message: as it is addressed, else as it was received."""
    addresses = [*info.all("Recipient-Address"), *info.all("Recipient-Received-Address")]
    return _first(map(party_of_address, addresses))


def _charged(
    calling: Party | None, recipients: tuple[Party, ...], identities: tuple[Identity, ...]
) -> Direction | None:
    """Returns the side on which whoever is charged stands; None: on neither, or on both."""
    names = {identity.value for identity in identities}
    is_sender = calling is not None and calling.address in names
    is_recipient = any(recipient.address in names for recipient in recipients)
    if is_sender == is_recipient:
        return None
    return Direction.ORIGINATING if is_sender else Direction.TERMINATING


def _uris(ims: Group, name: str) -> list[Party]:
    return [party for text in ims.all(name)[:RECIPIENTS_MAX] if (party := party_of_uri(text))]


def _first(found: Iterable[Found | None]) -> Found | None:
    return next((each for each in found if each is not None), None)


def _all(parties: Iterable[Party | None]) -> tuple[Party, ...]:
    """Returns those that are known, but not more than RECIPIENTS_MAX."""
    return tuple(islice((party for party in parties if party is not None), RECIPIENTS_MAX))
