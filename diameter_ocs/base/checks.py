"""Checks a request against the dictionary and raises what its answer must say (RFC 6733 section 7).

Real clients break small rules; what is accepted all the same is returned by name, so that it can
be counted. A strict check turns each into its error.
"""

from collections.abc import Container, Iterator
from typing import NamedTuple

from .codec import Avp, Findings, Group
from .dictionary import BASE_APPLICATION_ID, CommandDefinition, Dictionary, Rules
from .errors import (
    ApplicationUnsupported,
    AvpNotAllowed,
    AvpOccursTooManyTimes,
    AvpUnsupported,
    CommandUnsupported,
    InvalidAvpBits,
    InvalidHeaderBits,
    MissingAvp,
)
from .formats import MANDATORY_BIT, RESERVED_BITS, whole_avp
from .layouts import Layout
from .message import Message
from .tolerance import Tolerated

# The vendors whose mandatory AVPs are never ignored: the IETF and 3GPP. What their specifications
# let a request hold the dictionaries define; an AVP that has only a name may change what is owed.
STANDARD_VENDORS = frozenset({0, 10415})

# AVPs that clients repeat with equal values.
_REPEATABLE = frozenset({"Origin-Host", "Origin-Realm"})


class _Place(NamedTuple):
    """A group with its rules: the message's own, without a holder, or that of a Grouped AVP."""

    holder: Avp | None
    group: Group
    rules: Rules


def check(
    message: Message, dictionary: Dictionary, *, strict: bool, applications: Container[int]
) -> tuple[Tolerated, ...]:
    """Returns what was tolerated, each kind once; `applications` are the ids served here.

    An answer is held to the same, by the grammar of answers.

    Raises:
        DiameterError: the first fault in this order: header bits, command, application, AVP syntax,
            AVP flags, unknown mandatory AVPs, missing, too many, not allowed.
    """
    layout = message.group.layout
    known = layout.tolerated
    if known is not None and not (strict and known):
        _check_served(message, applications)
        return known
    command = _command(message, dictionary, applications)
    if message.fault is not None:
        raise message.fault
    kinds = [*_check_header(message, command, strict)]
    if layout.has_findings:
        findings = message.findings
        kinds += _check_flags(message, dictionary, findings, strict)
        kinds += _check_unknown(message, dictionary, findings, strict)
    rules = command.request_rules if message.is_request else command.answer_rules
    places = _irregular_places(message, rules)
    for place in places:
        kinds += _check_missing(message, dictionary, place, strict)
    for place in places:
        kinds += _check_repeated(message, place, strict)
    for place in places:
        kinds += _check_not_allowed(message, place, strict)
    tolerated = tuple(dict.fromkeys(kinds))
    if Tolerated.REPEATED_ORIGIN not in tolerated:
        # That alone depends on values: all else is the same for every message of the layout.
        layout.tolerated = tolerated
    return tolerated


def _command(
    message: Message, dictionary: Dictionary, applications: Container[int]
) -> CommandDefinition:
    command = message.definition
    if message.is_error:
        raise InvalidHeaderBits(f"{_kind(message)} must not have the E bit")
    if command is not None and message.is_proxiable and not command.is_proxiable:
        raise InvalidHeaderBits(f"{command.name} must not have the P bit")
    if not dictionary.knows_command(message.command_code):
        raise CommandUnsupported(f"the command {message.command_code} is not known here")
    _check_served(message, applications)
    if command is None:
        raise CommandUnsupported(
            f"the application {message.application_id} has no command {message.command_code}"
        )
    return command


def _kind(message: Message) -> str:
    return "a request" if message.is_request else "an answer that says success"


def _check_served(message: Message, applications: Container[int]) -> None:
    command = message.definition
    if command is not None and command.application_id == BASE_APPLICATION_ID:
        return
    if message.application_id not in applications:
        raise ApplicationUnsupported(f"the application {message.application_id} is not served here")


def _check_header(
    message: Message, command: CommandDefinition, strict: bool
) -> Iterator[Tolerated]:
    if command.is_proxiable and not message.is_proxiable:
        if strict:
            raise InvalidHeaderBits(f"{command.name} must have the P bit")
        yield Tolerated.PROXIABLE_BIT_MISSING
    if message.application_id != command.application_id:
        if strict:
            raise ApplicationUnsupported(f"{command.name} belongs to the application 0")
        yield Tolerated.BASE_COMMAND_APPLICATION


def _check_flags(
    message: Message, dictionary: Dictionary, findings: Findings, strict: bool
) -> Iterator[Tolerated]:
    for avp in findings.odd_flags:
        if strict or avp.flags & RESERVED_BITS:
            name = dictionary.name_of(avp.code, avp.vendor_id)
            raise InvalidAvpBits(
                f"{name} has flags 0x{avp.flags:02x} that it cannot have", message.raw(avp)
            )
        yield Tolerated.AVP_FLAGS


def _check_unknown(
    message: Message, dictionary: Dictionary, findings: Findings, strict: bool
) -> Iterator[Tolerated]:
    for avp, around in findings.unknown_mandatory:
        if not all(group.flags & MANDATORY_BIT for group in around):
            # The group itself may be ignored, and so may what it holds (RFC 6733 section 4.4).
            continue
        if strict or avp.vendor_id in STANDARD_VENDORS:
            name = dictionary.name_of(avp.code, avp.vendor_id)
            raise AvpUnsupported(
                f"the mandatory {name} is not supported here",
                wrapped(message.raw(avp), around),
            )
        yield Tolerated.UNKNOWN_MANDATORY_AVP


def _irregular_places(message: Message, rules: Rules) -> list[_Place]:
    """Returns the groups that do not plainly obey their rules, the message's own first."""
    places = []
    layout = message.group.layout
    if _is_irregular(layout, rules):
        places.append(_Place(None, message.group, rules))
    if _has_irregular_group(layout):
        for avp in message.findings.groups:
            definition = avp.definition
            assert definition is not None, "a group that was decoded has a definition"
            if _is_irregular(avp.value.layout, definition.rules):
                places.append(_Place(avp, avp.value, definition.rules))
    return places


def _has_irregular_group(layout: Layout) -> bool:
    """Whether a group below, at any depth, does not plainly obey its rules."""
    for _, _, _, inner, _, _, _, _, definition in layout.groups:
        assert inner is not None, "a group has a layout"
        assert definition is not None, "a group that was decoded has a definition"
        if inner.is_irregular is None:
            is_irregular = _is_irregular(inner, definition.rules) or _has_irregular_group(inner)
            inner.is_irregular = is_irregular
        if inner.is_irregular:
            return True
    return False


def _is_irregular(layout: Layout, rules: Rules) -> bool:
    """Whether something is missing, out of place, forbidden or repeated over a limit."""
    by_name = layout.fields
    for name in rules.required:
        if name not in by_name:
            return True
    if layout.is_repeated:
        limits = rules.limits
        for name, fields in by_name.items():
            if len(fields) > 1 and len(fields) > limits.get(name, len(fields)):
                return True
    if rules.is_open:
        return not rules.forbidden.isdisjoint(by_name)
    return not rules.known.issuperset(by_name)


def _check_missing(
    message: Message, dictionary: Dictionary, place: _Place, strict: bool
) -> Iterator[Tolerated]:
    for name in place.rules.required:
        if name in place.group:
            continue
        kind = _tolerated_absence(name, place)
        if strict or kind is None:
            raise MissingAvp(
                f"{name} is missing{_where(place)}",
                wrapped(dictionary.example(name), _chain(message, place)),
            )
        yield kind


def _tolerated_absence(name: str, place: _Place) -> Tolerated | None:
    if name == "Host-IP-Address":
        return Tolerated.HOST_IP_ADDRESS_MISSING
    if name == "Auth-Application-Id" and any(
        name in group for group in place.group.all("Vendor-Specific-Application-Id")
    ):
        return Tolerated.APPLICATION_ID_IN_VENDOR_GROUP
    return None


def _check_repeated(message: Message, place: _Place, strict: bool) -> Iterator[Tolerated]:
    for name, avps in place.group.by_name.items():
        limit = place.rules.limits.get(name)
        if not limit or len(avps) <= limit:
            continue
        is_same = name in _REPEATABLE and len({avp.value.casefold() for avp in avps}) == 1
        if strict or not is_same:
            raise AvpOccursTooManyTimes(
                f"{name} stands {len(avps)} times{_where(place)}, and may {limit} times",
                message.raw(avps[limit]),
            )
        yield Tolerated.REPEATED_ORIGIN


def _check_not_allowed(message: Message, place: _Place, strict: bool) -> Iterator[Tolerated]:
    rules = place.rules
    for name, avps in place.group.by_name.items():
        if name in rules.forbidden or (strict and not rules.is_open and name not in rules.known):
            raise AvpNotAllowed(
                f"{name} must not stand{_where(place)}",
                wrapped(message.raw(avps[0]), _chain(message, place)),
            )
        if not rules.is_open and name not in rules.known:
            yield Tolerated.AVP_OUT_OF_PLACE


def _where(place: _Place) -> str:
    holder = place.holder
    if holder is None:
        return ""
    assert holder.definition is not None, "a group that was decoded has a definition"
    return f" in {holder.definition.name}"


def _chain(message: Message, place: _Place) -> list[Avp]:
    """Returns the groups down to this one, the outermost first."""
    holder = place.holder
    if holder is None:
        return []
    groups = message.findings.groups
    return [each for each in groups if each.start <= holder.start and holder.end <= each.end]


def wrapped(octets: bytes, around: list[Avp]) -> bytes:
    """Returns the groups one in the other, the innermost holding only the octets.

    Failed-AVP may show the groups (RFC 6733 section 7.5). Where one of them must hold more, as
    those of vendors may for all that the dictionary says, the octets stand alone: some peers read
    Failed-AVP by the grammar too, and drop the whole answer.
    """
    if any(map(_must_hold_more, around)):
        return octets
    for group in reversed(around):
        octets = whole_avp(group.code, group.flags, group.vendor_id, octets)
    return octets


def _must_hold_more(group: Avp) -> bool:
    definition = group.definition
    return definition is None or bool(definition.vendor_id or definition.rules.required)
