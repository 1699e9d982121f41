"""What a request, its session and its tenant say of the circumstances in which it is charged."""

from collections.abc import Set

from .bounded import keep
from .catalogue import Catalogue
from .information import Direction, ServiceInformation
from .location import Circumstances, determine

CIRCUMSTANCES_REMEMBERED = 4096
"""Different ones, for each version of a catalogue."""


def may_come_again(information: ServiceInformation) -> bool:
    """Whether it is worth remembering: a message to several is one of its kind, and long."""
    return len(information.recipients) < 2


def circumstances_of(
    information: ServiceInformation,
    before: Circumstances,
    catalogue: Catalogue,
    on_net: Set[str] = frozenset(),
) -> Circumstances:
    """Returns the circumstances of a request whose session had others before.

    `on_net` are those of the numbers at other ends that are the tenant's own, where it was looked
    for; who was on-net before still is. Those of most requests are the same, and found once.
    """
    known = catalogue.circumstances
    found = known.get((information, before))
    if found is None:
        found = _found(information, before, catalogue)
        if may_come_again(information) and may_come_again(before.information):
            keep(known, (information, before), found, CIRCUMSTANCES_REMEMBERED)
    other = information.other_party
    if other is None or found.is_on_net or other not in on_net or _is_to_several(information):
        return found
    return found._replace(is_on_net=True)


def _found(
    information: ServiceInformation, before: Circumstances, catalogue: Catalogue
) -> Circumstances:
    location = determine(
        information.reports, before.location, catalogue.prefixes, catalogue.sgsn_addresses
    )
    joined = _joined(information, before.information)
    if _calls_for_help(joined, catalogue):
        joined = joined._replace(is_emergency=True)
    other = joined.other_party
    is_on_net = None
    if other is not None and _is_to_several(joined):
        is_on_net = False
    elif other is not None:
        is_same = other == before.information.other_party
        is_of_carrier = joined.carrier is not None and joined.carrier == catalogue.carrier_code
        is_on_net = is_of_carrier or (is_same and before.is_on_net is True)
    return Circumstances(location, joined, is_on_net)


def _is_to_several(information: ServiceInformation) -> bool:
    """Has a message several recipients? Who they are is asked of the first alone."""
    if len(information.recipients) < 2 or information.direction is Direction.TERMINATING:
        return False
    return len(set(information.recipients)) > 1


def _calls_for_help(information: ServiceInformation, catalogue: Catalogue) -> bool:
    """Is anybody called, or written to, who helps in emergencies?"""
    numbers = catalogue.emergency_numbers
    if not numbers or information.direction is Direction.TERMINATING:
        return False
    return information.called in numbers or not numbers.isdisjoint(information.recipients)


def _joined(new: ServiceInformation, old: ServiceInformation) -> ServiceInformation:
    """Returns what is said now, and what was said before of what is not spoken of any more.

    Who communicates with whom is one thing, said as a whole.
    """
    parties = old if new.calling is new.called is None else new
    return ServiceInformation(
        (),
        old.direction if new.direction is None else new.direction,
        parties.calling,
        parties.called,
        parties.recipients,
        parties.other_countries,
        parties.carrier,
        new.is_emergency or old.is_emergency,
        old.apn if new.apn is None else new.apn,
        old.rat_type if new.rat_type is None else new.rat_type,
        old.access if new.access is None else new.access,
        new.message_octets,
    )
