"""The dictionary of AVPs and commands, read from XML, and the encoding that it drives.

No AVP or command number stands elsewhere: the code names them, the dictionary knows the numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .elements import DictionaryError, Element, parse
from .formats import (
    FORMATS,
    MANDATORY_BIT,
    PROTECTED_BIT,
    RESERVED_BITS,
    VENDOR_BIT,
    Decode,
    Encode,
    Value,
    data_encoder,
    encoder,
    whole_avp,
)

# The name by which a rule admits every AVP that no other rule names.
ANY_AVP = "AVP"
BASE_APPLICATION_ID = 0

# What a Grouped holds when it is encoded: (name, value), or octets that are AVPs already.
Member = tuple[str, Value] | bytes
Members = Iterable[Member]


@dataclass(frozen=True, slots=True)
class Rule:
    """How often an AVP may stand in a command or a group; `max` None is without limit."""

    avp: str
    required: bool
    max: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The rules of one command or group, in the dictionary's order, and what follows from them.

    `required` names what must be there, `limits` how often at most (0 forbids), `forbidden`
    what must not be there. `known` names every AVP with a rule; with `is_open` others may
    stand there too.
    """

    members: tuple[Rule, ...]
    required: tuple[str, ...]
    limits: Mapping[str, int]
    forbidden: frozenset[str]
    known: frozenset[str]
    is_open: bool


@dataclass(frozen=True, slots=True, eq=False)
class AvpDefinition:
    """One AVP: its numbers, its format, its flags and, for a Grouped, its rules.

    `flags` are the flags that it is sent with, `settled_flags` the bits among V, M and P that
    an AVP received must have as in `flags`. `is_opaque` is a group whose only rule admits
    everything: it is kept as octets and never looked into.
    """

    name: str
    code: int
    vendor_id: int
    type: str
    flags: int
    settled_flags: int
    items: Mapping[int, str]
    rules: Rules
    is_opaque: bool
    encode: Encode = field(repr=False)

    def wrap(self, data: bytes) -> bytes:
        """Returns the whole AVP around data that is encoded already."""
        return whole_avp(self.code, self.flags, self.vendor_id, data)


@dataclass(frozen=True, slots=True, eq=False)
class CommandDefinition:
    """One command: its numbers and the rules of its request and its answer."""

    code: int
    application_id: int
    name: str
    is_proxiable: bool
    request_rules: Rules
    answer_rules: Rules


# A definition as the decoding loop reads it: the definition, its name, the flags that are proper
# and the bits of them that count, the exact size of the data (the least size as a negative number,
# 0 for any), the function that decodes them or None, and whether it is a group to look into.
# A plain tuple, as it unpacks fastest.
Known = tuple[AvpDefinition, str, int, int, int, Decode | None, bool]


class Dictionary:
    """All definitions of the texts that were loaded; read only.

    `names` are those of AVPs without a definition, by `avp_key`: people read them, no check does.
    """

    def __init__(
        self,
        avps: Sequence[AvpDefinition],
        commands: Sequence[CommandDefinition],
        names: Mapping[int, str],
    ) -> None:
        self.avps_by_name = {avp.name: avp for avp in avps}
        self.known = {avp_key(avp.code, avp.vendor_id): _known(avp) for avp in avps}
        self._names = names
        self._commands = {(each.application_id, each.code): each for each in commands}
        self._command_codes = frozenset(each.code for each in commands)
        self._encoders: dict[str, Encode] = {avp.name: avp.encode for avp in avps}
        for avp in avps:
            if avp.type == "Grouped":
                self._encoders[avp.name] = self._group_encoder(avp)

    def avp(self, name: str) -> AvpDefinition:
        """Returns the definition of an AVP by its name.

        Raises:
            DictionaryError: no AVP has the name.
        """
        try:
            return self.avps_by_name[name]
        except KeyError:
            raise DictionaryError(f"no AVP is named {name}: add it to a dictionary") from None

    def example(self, name: str) -> bytes:
        """Returns the least AVP that can be, as Failed-AVP shows a missing one.

        A group holds what it must, because some gateways read Failed-AVP by the grammar too.

        Raises:
            DictionaryError: no AVP has the name.
        """
        avp = self.avp(name)
        members = b"".join(self.example(member) for member in avp.rules.required)
        return avp.wrap(FORMATS[avp.type].example + members)

    def name_of(self, code: int, vendor_id: int) -> str:
        """Returns what to call an AVP in a text for a person, also one that is not defined."""
        key = avp_key(code, vendor_id)
        known = self.known.get(key)
        if known is not None:
            return known[1]
        numbers = f"AVP {code} of vendor {vendor_id}"
        name = self._names.get(key)
        return numbers if name is None else f"{name} ({numbers})"

    def command(self, application_id: int, code: int) -> CommandDefinition | None:
        """Returns the command, which for the base protocol's own is one of every application."""
        found = self._commands.get((application_id, code))
        return found or self._commands.get((BASE_APPLICATION_ID, code))

    def knows_command(self, code: int) -> bool:
        """Whether any application has a command of this code."""
        return code in self._command_codes

    def command_named(self, name: str) -> CommandDefinition:
        """Returns the first command of a name.

        Raises:
            DictionaryError: no command has the name.
        """
        for command in self._commands.values():
            if command.name == name:
                return command
        raise DictionaryError(f"no command is named {name}: add it to a dictionary")

    def encode(self, name: str, value: Value) -> bytes:
        """Returns one AVP with header and padding, its flags and numbers as defined.

        A Grouped takes its members as (name, value) or as octets that are AVPs already, or all of
        them as one run of octets. Text is str or bytes, Time is Unix seconds, Address is (family,
        octets).

        Raises:
            DictionaryError: no AVP has the name.
            ValueError: the value lies outside the format.
        """
        try:
            encode = self._encoders[name]
        except KeyError:
            raise DictionaryError(f"no AVP is named {name}: add it to a dictionary") from None
        return encode(value)

    def encode_avps(self, members: Members) -> bytes:
        """Returns the AVPs one after the other, as `encode` writes them."""
        encoders = self._encoders
        try:
            return b"".join(
                [
                    member if isinstance(member, bytes) else encoders[member[0]](member[1])
                    for member in members
                ]
            )
        except KeyError as error:
            raise DictionaryError(f"no AVP is named {error}: add it to a dictionary") from error

    def _group_encoder(self, avp: AvpDefinition) -> Encode:
        frame = data_encoder(avp.code, avp.flags, avp.vendor_id)
        encode_avps = self.encode_avps

        def encode(members: Members | bytes) -> bytes:
            return frame(members if isinstance(members, bytes) else encode_avps(members))

        return encode


def avp_key(code: int, vendor_id: int) -> int:
    """Returns code and vendor as one number, the key of `Dictionary.known`."""
    return vendor_id << 32 | code


def _known(definition: AvpDefinition) -> Known:
    layout = FORMATS[definition.type]
    return (
        definition,
        definition.name,
        definition.flags,
        definition.settled_flags,
        layout.octets or -layout.octets_min,
        layout.decode,
        definition.type == "Grouped" and not definition.is_opaque,
    )


def load(*texts: str, names: Sequence[str] = (), fallback: str | None = None) -> Dictionary:
    """Returns the dictionary of all the XML texts; their AVPs and commands may name each other.

    `names`, which are as many as the texts or none, are what errors call the texts.

    The AVPs of the text `fallback` get a name and nothing else. They stay unknown to every check:
    nobody has said that a request may hold them, and the types of a table that no standard was
    compared with must not refuse a subscriber whose gateway is right.

    Raises:
        DictionaryError: a text is no well-formed dictionary, has a document type declaration,
            names an AVP that none of the texts defines, or defines something twice.
    """
    roots = [parse(*text) for text in zip(texts, names or ("",) * len(texts), strict=True)]
    avps = [_avp(element) for root in roots for _, element in _elements(root, "avp")]
    commands = [
        _command(element, application_id)
        for root in roots
        for application_id, element in _elements(root, "command")
    ]
    _check_unique(avps, commands)
    defined = {avp.name for avp in avps}
    for root in roots:
        _check_rules(root, defined)
    return Dictionary(avps, commands, {} if fallback is None else _names(parse(fallback)))


def _names(root: Element) -> dict[int, str]:
    return {
        avp_key(avp.number("code"), avp.number("vendor-id", 0)): avp.text("name")
        for _, avp in _elements(root, "avp")
    }


def _elements(root: Element, tag: str) -> Iterator[tuple[int, Element]]:
    for application in root.named("application"):
        application_id = application.number("id")
        for element in application.named(tag):
            yield application_id, element


def _rules(element: Element) -> Rules:
    rules = []
    for each in element.named("rule"):
        limit = each.number("max") if "max" in each.attributes else None
        required = each.flag("required", "false") or each.number("min", 0) > 0
        rules.append(Rule(each.text("avp"), required, limit))
    members = tuple(rule for rule in rules if rule.avp != ANY_AVP)
    return Rules(
        members=members,
        required=tuple(rule.avp for rule in members if rule.required),
        limits={rule.avp: rule.max for rule in members if rule.max is not None},
        forbidden=frozenset(rule.avp for rule in members if rule.max == 0),
        known=frozenset(rule.avp for rule in members),
        is_open=any(rule.avp == ANY_AVP for rule in rules),
    )


def _avp(element: Element) -> AvpDefinition:
    data = element.only("data")
    type_name = data.text("type")
    if type_name not in FORMATS:
        data.fail(f"the type {type_name} is none of {', '.join(sorted(FORMATS))}")
    code, vendor_id = element.number("code"), element.number("vendor-id", 0)
    flags = _flags(element, "must")
    if bool(vendor_id) != bool(flags & VENDOR_BIT):
        element.fail("the V flag must be in must exactly when there is a vendor-id")
    rules = _rules(data)
    return AvpDefinition(
        name=element.text("name"),
        code=code,
        vendor_id=vendor_id,
        type=type_name,
        flags=flags,
        settled_flags=RESERVED_BITS | flags | _flags(element, "must-not"),
        items={item.number("code"): item.text("name") for item in data.named("item")},
        rules=rules,
        is_opaque=type_name == "Grouped" and rules.is_open and not rules.members,
        encode=encoder(type_name, code, flags, vendor_id),
    )


def _flags(element: Element, attribute: str) -> int:
    bits = {"V": VENDOR_BIT, "M": MANDATORY_BIT, "P": PROTECTED_BIT}
    text = element.attributes.get(attribute, "-")
    flags = 0
    for letter in text.split(",") if text not in ("", "-") else ():
        if letter not in bits:
            element.fail(f"the attribute {attribute} must hold V, M or P with commas between")
        flags |= bits[letter]
    return flags


def _command(element: Element, application_id: int) -> CommandDefinition:
    return CommandDefinition(
        code=element.number("code"),
        application_id=application_id,
        name=element.text("name"),
        is_proxiable=element.flag("proxiable", "true"),
        request_rules=_rules(element.only("request")),
        answer_rules=_rules(element.only("answer")),
    )


def _check_unique(avps: Sequence[AvpDefinition], commands: Sequence[CommandDefinition]) -> None:
    seen: set[object] = set()
    for avp in avps:
        for key in (avp.name, (avp.code, avp.vendor_id)):
            if key in seen:
                raise DictionaryError(f"the AVP {avp.name} is defined twice: its name or its code")
            seen.add(key)
    codes = {(each.application_id, each.code) for each in commands}
    if len(codes) != len(commands):
        raise DictionaryError("a command of one application is defined twice")


def _check_rules(element: Element, names: set[str]) -> None:
    if element.tag == "rule" and element.text("avp") not in names | {ANY_AVP}:
        element.fail(f"no dictionary that is loaded defines the AVP {element.text('avp')}")
    for child in element.children:
        _check_rules(child, names)
