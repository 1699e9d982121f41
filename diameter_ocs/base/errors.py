"""The errors that become Diameter answers, one class per Result-Code (RFC 6733 section 7.1)."""

from typing import ClassVar

TEXT_LENGTH_MAX = 300
"""Characters of what an error says: it may quote what a peer sent."""


class DiameterError(Exception):
    """A request that is answered with an error Result-Code.

    `failed_avp` is one or more whole encoded AVPs: what Failed-AVP of the answer holds; None
    leaves Failed-AVP out. What is said is short and printable, whatever it quotes.
    """

    result_code: ClassVar[int]

    def __init__(self, message: str, failed_avp: bytes | None = None) -> None:
        super().__init__(_tame(message))
        self.failed_avp = failed_avp


class CommandUnsupported(DiameterError):
    """The command code is not known here."""

    result_code = 3001


class UnableToDeliver(DiameterError):
    """The Destination-Host is another host than this one."""

    result_code = 3002


class RealmNotServed(DiameterError):
    """The Destination-Realm is not served here."""

    result_code = 3003


class TooBusy(DiameterError):
    """There is no room for the request now; the client may try elsewhere."""

    result_code = 3004


class ApplicationUnsupported(DiameterError):
    """The header's Application-Id is not served here."""

    result_code = 3007


class InvalidHeaderBits(DiameterError):
    """The command flags do not fit the command."""

    result_code = 3008


class InvalidAvpBits(DiameterError):
    """The flags of an AVP do not fit its definition."""

    result_code = 3009


class UnknownPeer(DiameterError):
    """The CER comes from a peer that is not configured."""

    result_code = 3010


class ElectionLost(DiameterError):
    """The peer and this node connected to each other, and this node's connection is kept."""

    result_code = 4003


class AvpUnsupported(DiameterError):
    """An AVP with the M bit is not known here."""

    result_code = 5001


class InvalidAvpValue(DiameterError):
    """An AVP has a value that cannot be."""

    result_code = 5004


class MissingAvp(DiameterError):
    """A required AVP is absent."""

    result_code = 5005


class ContradictingAvps(DiameterError):
    """Several AVPs cannot be true at once."""

    result_code = 5007


class AvpNotAllowed(DiameterError):
    """An AVP is present that the command or the group forbids."""

    result_code = 5008


class AvpOccursTooManyTimes(DiameterError):
    """An AVP is present more often than the command or the group allows."""

    result_code = 5009


class NoCommonApplication(DiameterError):
    """The CER names no application that is served here."""

    result_code = 5010


class UnsupportedVersion(DiameterError):
    """The header's version is not 1."""

    result_code = 5011


class UnableToComply(DiameterError):
    """The request fails for a reason of our own."""

    result_code = 5012


class InvalidAvpLength(DiameterError):
    """The length of an AVP leaves its message or its group, or does not fit its format."""

    result_code = 5014


class InvalidMessageLength(DiameterError):
    """The length of a message cannot be; its stream cannot be followed any more."""

    result_code = 5015


class NoCommonSecurity(DiameterError):
    """The CER asks for an in-band security that is not offered here."""

    result_code = 5017


def _tame(text: str) -> str:
    if len(text) > TEXT_LENGTH_MAX:
        text = text[:TEXT_LENGTH_MAX] + "..."
    return text if text.isprintable() else ascii(text)[1:-1]
