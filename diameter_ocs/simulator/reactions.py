"""What a simulated node makes of a request of the server, as a person writes it.

    REACTION = PART {"/" PART}
    PART     = CODE | silent | drop | still | SECONDS

It answers with the CODE, never (`silent`), or ends the connection instead (`drop`) and connects
again. SECONDS pass before the answer, or until it is connected again. What the request asks for
follows an answer of success, unless the node keeps `still`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from .words import parse_code, parse_duration

SILENT, DROP, STILL = "silent", "drop", "still"
PATIENCE = "patience"


@dataclass(frozen=True, slots=True)
class Reaction:
    """What becomes of a request; `code` None is no answer."""

    code: int | None
    delay_seconds: float = 0.0
    is_dropping: bool = False
    is_still: bool = False

    @property
    def is_followed(self) -> bool:
        """Does what was asked for follow the answer?"""
        return self.code is not None and 2000 <= self.code < 3000 and not self.is_still


USUAL_REACTIONS: Mapping[str, Reaction] = MappingProxyType(
    {"RAR": Reaction(2002), "ASR": Reaction(2001), "SNR": Reaction(2001)}
)


def parse_reaction(where: str, text: str, usual: Reaction) -> Reaction:
    """Reads a reaction; what is not written is as usual. Raises StepError."""
    code, delay, is_dropping, is_still = usual.code, 0.0, False, False
    for part in text.split("/"):
        if part == STILL:
            is_still = True
        elif part in (SILENT, DROP):
            code, is_dropping = None, part == DROP
        elif len(part) == 4 and part.isdigit():
            code = parse_code(where, part)
        else:
            delay = parse_duration(where, part)
    return Reaction(code, delay, is_dropping, is_still)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a node behaves: what it makes of requests of the server, and how long it waits.

    `patience_seconds` bounds the wait for an answer and for a request that a step awaits.
    """

    reactions: Mapping[str, Reaction] = field(default_factory=lambda: USUAL_REACTIONS)
    patience_seconds: float = 10.0

    def having(self, where: str, word: str, value: str) -> "Manners":
        """Returns them with one setting changed; raises StepError."""
        if word == PATIENCE:
            return replace(self, patience_seconds=parse_duration(where, value))
        command = word.upper()
        reaction = parse_reaction(where, value, USUAL_REACTIONS[command])
        return replace(self, reactions={**self.reactions, command: reaction})
