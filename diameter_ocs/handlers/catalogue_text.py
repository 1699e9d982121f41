"""A catalogue's YAML: plain values, and where in the text each of them stands.

There are no tags and no aliases, so nothing in a document is made, repeated or grown by it. All
scalars are text: what they are the model says. So no amount becomes a float, no name a boolean, and
no number is octal.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

DOCUMENT_OCTETS_MAX = 4 * 2**20
LEVELS_MAX = 64
"""Mappings and lists within each other."""
FAULTS_MAX = 100
"""Faults that are told of one document; looking for more ends there."""
NULLS = ("", "~", "null", "Null", "NULL")
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, fifty times as fast, where PyYAML was built with it."""

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


class Fault(NamedTuple):
    """Something that is wrong in a document; lines and columns count from 1."""

    line: int | None
    """None: the document as a whole."""
    column: int | None
    path: str
    """Empty: the document as a whole."""
    reason: str

    def told(self, source: str = "") -> str:
        """Returns the fault in one line, as FILE:LINE:COLUMN: path: reason."""
        place = [] if self.line is None else [str(self.line), str(self.column or 1)]
        begin = ":".join(filter(None, [source, *place]))
        return ": ".join(filter(None, [begin, self.path, self.reason]))


class CatalogueError(Exception):
    """A catalogue document is wrong; `faults` says in how many ways, in the text's order."""

    def __init__(self, faults: Sequence[Fault], source: str = "") -> None:
        """`source` is the file that the document was read from."""
        self.faults = sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0))
        self.source = source
        super().__init__("\n".join(self.sentences()))

    def sentences(self) -> list[str]:
        """Returns a line for each fault, as FILE:LINE:COLUMN: path: reason, up to FAULTS_MAX."""
        told = [fault.told(self.source) for fault in self.faults[:FAULTS_MAX]]
        if len(self.faults) > FAULTS_MAX:
            told.append(f"{self.source or 'the document'}: there are more faults")
        return told


class Node(NamedTuple):
    """A value of a document, and where it begins; line and column count from 0."""

    content: "str | list[Node] | dict[str, tuple[Node, Node]] | None"
    """A mapping holds, by its keys, a node for the key and one for its value."""
    line: int
    column: int

    def plain(self) -> Any:
        """Returns the value without its places."""
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        if isinstance(self.content, dict):
            return {key: node.plain() for key, (_, node) in self.content.items()}
        return self.content

    def find(self, path: Path, *, is_key: bool = False) -> "Node":
        """Returns what a path leads to, its key, or the last that is there on the way."""
        node = self
        for number, step in enumerate(path, 1):
            content = node.content
            if isinstance(content, list) and isinstance(step, int) and step < len(content):
                node = content[step]
            elif isinstance(content, dict) and str(step) in content:
                key, value = content[str(step)]
                node = key if is_key and number == len(path) else value
            else:
                break
        return node

    def fault(self, path: Path, reason: str, *, is_key: bool = False) -> Fault:
        """Returns what is wrong at a path, with its place."""
        node = self.find(path, is_key=is_key)
        return Fault(node.line + 1, node.column + 1, written(path), reason)


def written(path: Path) -> str:
    """Writes a path as plans[0].services[1].price."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def read_text(text: str) -> tuple[Node, list[Fault]]:
    """Reads YAML; what a catalogue may not have, but can be read over, is returned as faults.

    Raises:
        CatalogueError: it is no YAML, too long, too deep, or no mapping.
    """
    if len(text) > DOCUMENT_OCTETS_MAX:
        raise _whole(f"the document is longer than {DOCUMENT_OCTETS_MAX} characters")
    try:
        text = text.removeprefix("\ufeff")
        events = yaml.parse(text, YAML)
        composer = _Composer(events)
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        reason = f"this is no YAML: {_syntax(error, text)}"
        raise CatalogueError([Fault(line, column, "", reason)]) from None
    except yaml.reader.ReaderError as error:
        number = int(error.character)
        line = text.count("\n", 0, text.find(chr(number))) + 1
        reason = f"this is no YAML: the character U+{number:04X} may not be used"
        raise CatalogueError([Fault(line, None, "", reason)]) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise CatalogueError([Fault(line, None, "", "this is no text")]) from None
    if not isinstance(root.content, dict):
        kind = "a list" if isinstance(root.content, list) else "a word"
        raise _whole(f"a catalogue is a mapping, `tenant: NAME` and so on; this is {kind}")
    return root, composer.faults


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    """Says what YAML does not allow, and where it began or how it is mostly mended."""
    begun, found = error.context_mark, error.problem_mark
    reason = ", ".join(filter(None, (error.context, error.problem)))
    if "alias" in reason or "tag" in reason:
        return f'{reason}; what begins with * or ! stands in quotes: "*"'
    if found is not None and text.startswith("\t", found.index):
        return f"{reason}; lines are indented with spaces, not with tabs"
    if begun is not None and found is not None and begun.line < found.line:
        return f"{reason}; look from line {begun.line + 1}, column {begun.column + 1} on"
    return reason


def _whole(reason: str) -> CatalogueError:
    return CatalogueError([Fault(None, None, "", reason)])


class _Composer:
    """Makes nodes of the parser's events, and notes what is not allowed."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self.faults: list[Fault] = []

    def document(self) -> Node:
        """Returns the only document of the text."""
        next(self._events)  # the stream begins
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _whole("the document is empty")
        root = self._node(next(self._events), ())
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._add(after, (), "a file holds one document, and here another one begins")
        return root

    def _node(self, event: Any, path: Path) -> Node:
        if len(path) > LEVELS_MAX:
            self._add(event, (), f"more than {LEVELS_MAX} mappings and lists within each other")
            raise CatalogueError(self.faults)
        place = event.start_mark.line, event.start_mark.column
        if isinstance(event, yaml.AliasEvent):
            self._add(event, path, "aliases are not allowed: write the value out")
            return Node(None, *place)
        if event.tag is not None:
            quoted = "" if event.tag.startswith("tag:") else ', or in quotes: "!DE"'
            self._add(event, path, f"tags are not allowed: write the value alone{quoted}")
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.implicit[0] and event.value in NULLS
            return Node(None if is_null else event.value, *place)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._list(path), *place)
        return Node(self._mapping(path), *place)

    def _list(self, path: Path) -> list[Node]:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            nodes.append(self._node(event, (*path, len(nodes))))
        return nodes

    def _mapping(self, path: Path) -> dict[str, tuple[Node, Node]]:
        nodes: dict[str, tuple[Node, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, (*path, "?"))
            name = key.content if isinstance(key.content, str) else ""
            value = self._node(next(self._events), (*path, name))
            if not name:
                self._add(event, path, "a key is a word")
            elif name in nodes:
                before = nodes[name][0].line + 1
                self._add(event, (*path, name), f"this key is used before, in line {before}")
            else:
                nodes[name] = key, value
        return nodes

    def _add(self, event: Any, path: Path, reason: str) -> None:
        mark = event.start_mark
        self.faults.append(Fault(mark.line + 1, mark.column + 1, written(path), reason))
        if len(self.faults) > FAULTS_MAX:
            raise CatalogueError(self.faults)
