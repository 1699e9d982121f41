"""Reads what requests say of their service, and remembers what the octets that say it mean."""

from typing import NamedTuple

from ..base.codec import Avp
from ..base.layouts import Layout
from ..base.message import Message
from ..charging.information import ServiceInformation
from ..charging.requests import Identity
from .information import access_avps, information_of
from .location import USER_LOCATION
from .numbering import Numbering
from .remembered import Remembered
from .user_location import START_OCTETS, may_be_text

AVP_OCTETS_MAX = 512
"""Octets of an AVP that is remembered."""

LAYOUTS_REMEMBERED = 256
INFORMATION_REMEMBERED = 4096


class AccessPlaces(NamedTuple):
    """Where all stands that a request says, where it says nothing but where and over what."""

    avps: tuple[slice, ...]
    """With their headers; of a user location the start."""
    user_location: int | None
    """Where the data of the user location begin, if there are any."""


class InformationReader:
    """Reads each request as if it had met none before."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._places: Remembered[Layout, AccessPlaces] = Remembered(LAYOUTS_REMEMBERED)
        self._known: Remembered[bytes, ServiceInformation] = Remembered(INFORMATION_REMEMBERED)

    def read(
        self, message: Message, document: str | None, identities: tuple[Identity, ...]
    ) -> ServiceInformation:
        """Returns what a request says of the service that a document describes."""
        places = self._places.get(message.group.layout)
        if places is not None:
            return self.at(message, places)
        return information_of(message.group, document, identities, self._numbering)

    def at(self, message: Message, places: AccessPlaces) -> ServiceInformation:
        """Returns what a request says at known places."""
        octets = message.octets
        told = b"".join([octets[at] for at in places.avps])
        information = self._known.get(told)
        if information is None:
            information = information_of(message.group, None, (), self._numbering)
            at = places.user_location
            if at is None or not may_be_text(octets[at]):
                self._known.keep(told, information)
        return information

    def learn(self, message: Message) -> None:
        """Takes note of where everything stands in messages laid out like this one."""
        places = access_places_of(message)
        if places is not None:
            self._places.keep(message.group.layout, places)


def access_places_of(message: Message) -> AccessPlaces | None:
    """Returns where all stands that is said; None: there is more, or it is unusually long."""
    avps = access_avps(message.group)
    if avps is None:
        return None
    places = AccessPlaces(
        tuple([_told(message, avp) for avp in avps]),
        next((_start(message, avp) for avp in avps if _is_location(avp) and avp.value), None),
    )
    is_short = all(at.stop - at.start <= AVP_OCTETS_MAX for at in places.avps)
    return places if is_short else None


def _told(message: Message, avp: Avp) -> slice:
    """Returns where the octets of an AVP stand that say something."""
    if _is_location(avp):
        return slice(avp.start, min(avp.end, _start(message, avp) + START_OCTETS))
    return slice(avp.start, avp.end)


def _start(message: Message, avp: Avp) -> int:
    return avp.end - len(message.data(avp))


def _is_location(avp: Avp) -> bool:
    return avp.definition is not None and avp.definition.name == USER_LOCATION
