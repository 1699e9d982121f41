"""Accounts, their plans and their balances as people read them, made from what commands answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..handlers.amounts import amount_text
from ..handlers.answers import unit_type_of
from .output import table_text

POLICY_TYPES = {"policy": "by conditions", "notification": "by conditions, for notices alone"}
AMOUNTS = ("total", "used", "reserved", "available")

Answer = Mapping[str, Any]


def account_text(answer: Answer) -> str:
    """Writes an account with all that belongs to it."""
    lines = [
        ("account", f"{answer['account']} of tenant {answer['tenant']}"),
        ("state", answer["state"]),
        ("parent", answer["parent"]),
        ("plans", ", ".join(answer["plans"])),
        ("time zone", zone_text(answer)),
    ]
    if answer["money_thresholds"]:
        lines.append(("notices", f"of money below {thresholds_text(answer)}"))
    devices = [
        ("device", f"{device['device']}: {' '.join(device['identities']) or '-'}")
        for device in answer["devices"]
    ]
    return (
        "\n".join(f"{name:<10}{text or '-'}" for name, text in [*lines, *devices])
        + "\n\n"
        + subscriptions_text(answer["subscriptions"])
        + "\n\n"
        + balances_text(answer["balances"], answer["currency"])
        + ("\n\n" + counters_text(answer["counters"]) if answer["counters"] else "")
    )


def thresholds_text(answer: Answer) -> str:
    """Writes the amounts of money below which notices tell."""
    amounts = [amount_text(each, None, answer["currency"]) for each in answer["money_thresholds"]]
    return " or ".join(amounts)


def counters_text(counters: Iterable[Answer]) -> str:
    """Writes counters as a table."""
    rows = [(each["counter"], counted_text(each), each["state"]) for each in counters]
    return table_text(["counter", "counts", "state"], rows)


def counted_text(counter: Answer) -> str:
    """Says what a counter counts: balances of a type, or several things together."""
    return counter["balance_type"] or POLICY_TYPES[counter["type"]]


def zone_text(answer: Answer) -> str:
    """Says by which time zone an account lives."""
    name = str(answer["time_zone"])
    return name if answer["has_own_time_zone"] else f"{name}, as its tenant"


def subscriptions_text(subscriptions: Iterable[Answer]) -> str:
    """Writes subscriptions as a table."""
    columns = ("id", "plan", "from", "until", "state")
    rows = [[each[name] for name in columns] for each in subscriptions]
    return table_text(["subscription", *columns[1:]], rows)


def balances_text(balances: Iterable[Answer], currency: str) -> str:
    """Writes balances as a table."""
    return table_text(
        ["balance", "type", "priority", *AMOUNTS, "from", "until", "state"],
        [
            (
                balance["id"],
                balance["balance_type"],
                balance["priority"],
                *amount_texts(balance, currency),
                balance["from"],
                balance["until"],
                balance["state"],
            )
            for balance in balances
        ],
    )


def amount_texts(balance: Answer, currency: str) -> list[str]:
    """Writes total, used, reserved and available."""
    unit_type = unit_type_of(balance["unit_type"])
    return [amount_text(balance[name], unit_type, currency) for name in AMOUNTS]
