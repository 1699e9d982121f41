"""The XML of a dictionary as elements that know their lines, without entities or document types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat


class DictionaryError(Exception):
    """A dictionary that cannot be used; the message names the line and says what is wrong."""


@dataclass(slots=True)
class Element:
    """One XML element and where it stands: the name of its text, if that has one, and the line."""

    tag: str
    place: str
    attributes: Mapping[str, str]
    children: list["Element"] = field(default_factory=list)

    def fail(self, problem: str) -> NoReturn:
        raise DictionaryError(f"{self.place}: {self.tag}: {problem}")

    def text(self, name: str) -> str:
        if name not in self.attributes:
            self.fail(f"the attribute {name} is missing")
        return self.attributes[name]

    def number(self, name: str, default: int | None = None) -> int:
        if default is not None and name not in self.attributes:
            return default
        try:
            return int(self.text(name))
        except ValueError:
            self.fail(f"the attribute {name} must be a whole number")

    def flag(self, name: str, default: str) -> bool:
        value = self.attributes.get(name, default)
        if value not in ("true", "false", "1", "0"):
            self.fail(f"the attribute {name} must be true or false")
        return value in ("true", "1")

    def named(self, tag: str) -> Iterator["Element"]:
        return (child for child in self.children if child.tag == tag)

    def only(self, tag: str) -> "Element":
        found = list(self.named(tag))
        if len(found) != 1:
            self.fail(f"exactly one element {tag} must stand here")
        return found[0]


def parse(text: str, name: str = "") -> Element:
    """Returns the element `diameter` of a text, which errors call by its name, if it has one.

    Raises:
        DictionaryError: the text is no such XML, or has a document type declaration.
    """
    parser = expat.ParserCreate()
    before = f"{name}, " if name else ""
    root = Element("document", f"{before}line 0", {})
    open_elements = [root]

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, f"{before}line {parser.CurrentLineNumber}", attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def refuse(*_arguments: object) -> None:
        place = f"{before}line {parser.CurrentLineNumber}"
        raise DictionaryError(f"{place}: a document type declaration is not allowed")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise DictionaryError(f"{before}this is not XML: {error}") from error
    return root.only("diameter")
