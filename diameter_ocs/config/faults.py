"""What is wrong with a configuration: each fault with its key, in a sentence."""

import difflib
from collections.abc import Iterable

ENVIRONMENT_PREFIX = "OCS_"

Fault = tuple[tuple[int | str, ...], str, str]
"""The path of a key, the kind of what is wrong with it, and that in words."""


class ConfigurationError(Exception):
    """The configuration cannot be used; `faults` holds one sentence for each reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def variable(key: str) -> str:
    """Returns the name of a key in the environment."""
    return f"{ENVIRONMENT_PREFIX}{key.upper()}"


def near(name: str, known: Iterable[str]) -> str:
    """Returns which known name may have been meant, as the end of a sentence."""
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""
