"""Our dictionaries beside python-diameter's: its table of AVPs, its groups and its commands."""

from collections.abc import Iterator
from typing import Any

import pytest
from diameter.message import commands as stack_commands
from diameter.message.avp import dictionary as stack

from diameter_ocs.base.dictionary import AvpDefinition, Dictionary, Rules, load
from diameter_ocs.base.formats import MANDATORY_BIT
from tests.dictionaries.beside_python_diameter import EXPLANATIONS
from tests.dictionaries.differences import (
    FALLBACK,
    Difference,
    check_explained,
    own_dictionary,
    text,
)

Key = tuple[int, int]

TABLE: dict[Key, Any] = {
    (code, vendor_id): entry
    for vendor_id, entries in (stack.AVP_VENDOR_DICTIONARY | {0: stack.AVP_DICTIONARY}).items()
    for code, entry in entries.items()
}

# How that table can say one of our formats: it has no identity, no URI, no filter rule, and writes
# an enumeration, which has the octets of an Integer32, as one.
FORMATS = {
    "Enumerated": {"Integer32"},
    "DiameterIdentity": {"OctetString", "Utf8String"},
    "DiameterURI": {"Utf8String"},
    "IPFilterRule": {"OctetString"},
    "UTF8String": {"Utf8String"},
}

# Our commands and that stack's classes of their requests and answers.
COMMANDS = {
    "Capabilities-Exchange": "CapabilitiesExchange",
    "Device-Watchdog": "DeviceWatchdog",
    "Disconnect-Peer": "DisconnectPeer",
    "Credit-Control": "CreditControl",
    "Re-Auth": "ReAuth",
    "Abort-Session": "AbortSession",
    "Session-Termination": "SessionTermination",
    "Spending-Limit": "SpendingLimit",
    "Spending-Status-Notification": "SpendingStatusNotification",
}


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return own_dictionary()


def key_of(avp: AvpDefinition) -> Key:
    return avp.code, avp.vendor_id


def format_of(entry: Any) -> str:
    name: str = entry["type"].__name__
    return name.removeprefix("Avp")


def members_of(cls: Any) -> dict[Key, Any]:
    return {(each.avp_code, each.vendor_id): each for each in cls.avp_def}


def is_repeatable(cls: Any, member: Any) -> bool:
    """Say whether that stack takes more than one of a member: it keeps these in a list."""
    annotations = [vars(each).get("__annotations__", {}) for each in cls.__mro__]
    found = [each[member.attr_name] for each in annotations if member.attr_name in each]
    return str(found[0]).startswith("list")


def group_classes() -> dict[Key, Any]:
    """Find the class of each group that a command of that stack holds, at any depth."""
    found: dict[Key, Any] = {}
    waiting = [each for each in vars(stack_commands).values() if hasattr(each, "avp_def")]
    while waiting:
        for member in waiting.pop().avp_def:
            key = (member.avp_code, member.vendor_id)
            if member.type_class is not None and key not in found:
                found[key] = member.type_class
                waiting.append(member.type_class)
    return found


def avp_differences(avp: AvpDefinition) -> Iterator[Difference]:
    entry = TABLE.get(key_of(avp))
    if entry is None:
        yield "absent there", avp.name
        return
    if entry["name"] != avp.name:
        yield "name", f"{avp.name}:{entry['name']}"
    if format_of(entry) not in FORMATS.get(avp.type, {avp.type}):
        yield "type", f"{avp.name}:{format_of(entry)}"
    if bool(entry.get("mandatory")) != bool(avp.flags & MANDATORY_BIT):
        yield ("M bit there" if entry.get("mandatory") else "no M bit there"), avp.name


def rule_differences(
    dictionary: Dictionary, place: str, rules: Rules, cls: Any
) -> Iterator[Difference]:
    theirs = members_of(cls)
    ours = {key_of(dictionary.avp(name)): name for name in rules.known - rules.forbidden}
    for key in theirs.keys() - ours.keys():
        name = TABLE[key]["name"] if key in TABLE else "-".join(map(str, key))
        yield "member there", f"{place}/{name}"
    for key in ours.keys() - theirs.keys():
        yield "member here", f"{place}/{ours[key]}"
    for key in ours.keys() & theirs.keys():
        if theirs[key].is_required != (ours[key] in rules.required):
            kind = "required there" if theirs[key].is_required else "required here"
            yield kind, f"{place}/{ours[key]}"
        if is_repeatable(cls, theirs[key]) != (ours[key] not in rules.limits):
            kind = "once here" if ours[key] in rules.limits else "any number here"
            yield kind, f"{place}/{ours[key]}"


def differences(dictionary: Dictionary) -> Iterator[Difference]:
    classes = group_classes()
    for avp in dictionary.avps_by_name.values():
        yield from avp_differences(avp)
        cls = classes.get(key_of(avp))
        if cls is not None and not avp.is_opaque:
            yield from rule_differences(dictionary, avp.name, avp.rules, cls)
    for name, stem in COMMANDS.items():
        command = dictionary.command_named(name)
        for kind, rules in (("Request", command.request_rules), ("Answer", command.answer_rules)):
            cls = getattr(stack_commands, stem + kind)
            yield from rule_differences(dictionary, stem + kind, rules, cls)


def test_every_difference_is_explained(dictionary: Dictionary) -> None:
    check_explained(set(differences(dictionary)), EXPLANATIONS)


# What a request of Gx may hold, which that stack reads with the same class; and its SIP-Method.
NOT_OF_GY = {
    "AN-GW-Address",
    "Access-Network-Charging-Address",
    "Access-Network-Charging-Identifier-Gx",
    "Bearer-Usage",
    "Default-EPS-Bearer-QoS",
    "Event-Trigger",
    "Network-Request-Support",
    "Offline",
    "Online",
    "SIP-Method",
}


def test_what_that_stack_can_write_into_a_request_is_known(dictionary: Dictionary) -> None:
    definitions = {key_of(avp): avp for avp in dictionary.avps_by_name.values()}
    unknown, seen = set(), set()
    waiting: list[Any] = [stack_commands.CreditControlRequest]
    while waiting:
        for member in waiting.pop().avp_def:
            key = (member.avp_code, member.vendor_id)
            definition = definitions.get(key)
            if definition is None:
                unknown.add(TABLE[key]["name"])
            elif member.type_class is not None and not definition.is_opaque and key not in seen:
                seen.add(key)
                waiting.append(member.type_class)
    assert unknown == NOT_OF_GY


def test_the_fallback_holds_the_rest_of_the_table_and_nothing_else(dictionary: Dictionary) -> None:
    fallback = {key_of(avp): avp for avp in load(text(FALLBACK)).avps_by_name.values()}
    own = {key_of(avp) for avp in dictionary.avps_by_name.values()}
    assert fallback.keys() == TABLE.keys() - own
    for (code, vendor_id), avp in fallback.items():
        entry = TABLE[code, vendor_id]
        assert avp.name in (entry["name"], f"{entry['name']}-{vendor_id}-{code}")
        assert format_of(entry) in FORMATS.get(avp.type, {avp.type})
        assert bool(avp.flags & MANDATORY_BIT) == bool(entry.get("mandatory"))
        assert avp.type != "Grouped" or avp.is_opaque
