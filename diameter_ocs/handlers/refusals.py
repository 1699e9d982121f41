"""What a command says when it cannot do what was asked."""


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
