"""What is wrong with a configuration: each fault with its key, in a sentence."""

import difflib
from collections.abc import Iterable, Iterator

from pydantic import ValidationError

ENVIRONMENT_PREFIX = "OCS_"

Fault = tuple[tuple[int | str, ...], str, str]
"""The path of a key, the kind of what is wrong with it, and that in words."""
Misfit = tuple[str, str]
"""A key of a table that does not fit its others, and why."""


class ConfigurationError(Exception):
    """The configuration cannot be used; `faults` holds one sentence for each reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Misfits(ValueError):
    """Keys of a table that are right one by one and do not fit together."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in misfits))
        self.misfits = misfits


def refuse(misfits: Iterable[Misfit]) -> None:
    """Raises Misfits, if there are any."""
    found = list(misfits)
    if found:
        raise Misfits(found)


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """Yields the faults of an error, one for each key even where several do not fit together."""
    for fault in error.errors(include_url=False, include_input=False):
        cause = fault.get("ctx", {}).get("error")
        if isinstance(cause, Misfits):
            for key, reason in cause.misfits:
                yield (*fault["loc"], key), "misfit", reason
        else:
            reason = fault["msg"].removeprefix("Value error, ")
            yield fault["loc"], fault["type"], f"{reason[:1].lower()}{reason[1:]}"


def variable(*keys: str) -> str:
    """Returns the name of a key in the environment, after that of its table if it has one."""
    return ENVIRONMENT_PREFIX + "_".join(keys).upper()


def near(name: str, known: Iterable[str]) -> str:
    """Returns which known name may have been meant, as the end of a sentence."""
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""
