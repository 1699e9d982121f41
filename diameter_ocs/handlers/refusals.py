"""What a command says when it cannot do what was asked."""


class Refusal(Exception):
    """What was asked is not possible; `code` is stable, the message says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
