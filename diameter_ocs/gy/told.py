"""What an answer tells besides codes and quotas (RFC 8506 sections 8.5 and 8.6)."""

from typing import Any

from ..charging.decisions import Told

_ENOUGH_CREDIT, _NO_CREDIT = 0, 1


def told_avps(told: Told) -> list[tuple[str, Any]]:
    """Returns the AVPs, by name, that say what is told."""
    if told.has_enough is None:
        return []
    return [("Check-Balance-Result", _ENOUGH_CREDIT if told.has_enough else _NO_CREDIT)]
