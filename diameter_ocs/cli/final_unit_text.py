"""What gateways do when the last units are used, as commands print it."""

from collections.abc import Mapping
from typing import Any

from ..charging.final_units import FinalUnit, FinalUnitAction


def final_unit_json(final_unit: FinalUnit) -> dict[str, Any]:
    """Describes it for programs."""
    kind = final_unit.address_type
    return {
        "action": final_unit.action.name,
        "address_type": None if kind is None else kind.name,
        "address": final_unit.address or None,
        "filter_rules": list(final_unit.filter_rules),
        "filter_ids": list(final_unit.filter_ids),
    }


def final_unit_text(described: Mapping[str, Any]) -> str:
    """Says what becomes of users then, of what `final_unit_json` has described."""
    filters = ", ".join([*described["filter_rules"], *described["filter_ids"]])
    if described["action"] == FinalUnitAction.TERMINATE.name:
        return "the service ends"
    if described["action"] == FinalUnitAction.RESTRICT_ACCESS.name:
        return f"only what filters permit goes on ({filters})"
    rest = f", and may use what filters permit ({filters})" if filters else ""
    return f"users are redirected to {described['address']}{rest}"
