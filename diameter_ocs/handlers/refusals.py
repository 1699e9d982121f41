"""What a command says when it cannot do what was asked."""

import difflib
from collections.abc import Iterable


class Refusal(Exception):
    """What was asked is not possible; `code` is stable, the sentences say why and what to do."""

    def __init__(self, code: str, *sentences: str) -> None:
        super().__init__("; ".join(sentences))
        self.code = code
        self.sentences = sentences


def is_name(text: str, length: int) -> bool:
    """Says whether a text may be a name: printable, and not too long."""
    return text == text.strip() and text.isprintable() and 0 < len(text) <= length


def check_name(whose: str, text: str, length: int) -> None:
    """Refuses what may be no name."""
    if not is_name(text, length):
        raise Refusal("invalid_name", f"{whose}'s name has 1 to {length} printable characters")


def no_tenant(name: str) -> Refusal:
    """Says that there is no tenant of that name."""
    return Refusal("tenant_unknown", f"there is no tenant {name!r}; `tenant list` names them")


def suggestion(word: object, known: Iterable[object]) -> str:
    """Returns the end of a sentence that names what may have been meant."""
    near = difflib.get_close_matches(str(word), [str(name) for name in known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
