"""What a demonstration's journal holds of gateways' requests."""

from collections import Counter
from typing import NamedTuple

import psycopg

from diameter_ocs.charging.decisions import Settlement


class Journalled(NamedTuple):
    """One EDR of a session: the key of its request, and what was reported by rating group."""

    session_id: str
    action: str
    request_number: int
    reported: tuple[tuple[int, int], ...]


def journal(conninfo: str) -> Counter[Journalled]:
    """Return every EDR of a gateway's request and how often it is there."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT session_id, action, request_number, services FROM edr"
            " WHERE session_id IS NOT NULL AND request_number IS NOT NULL"
        ).fetchall()
    found: Counter[Journalled] = Counter()
    for session_id, action, number, services in rows:
        reported = tuple(sorted((service[0], service[3][0]) for service in services))
        found[Journalled(session_id.decode(), action, number, reported)] += 1
    return found


def settlements(conninfo: str) -> list[tuple[int, Settlement]]:
    """Return what became of every service of every EDR, with its rating group."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT services FROM edr").fetchall()
    return [(service[0], Settlement(*service[3])) for (services,) in rows for service in services]


def paid(conninfo: str) -> list[tuple[int, int]]:
    """Return what each EDR says was charged in money, and what it took of balances of money."""
    with psycopg.connect(conninfo) as connection:
        money = {
            number
            for (number,) in connection.execute(
                "SELECT id FROM balance WHERE balance_type = 'money'"
            )
        }
        rows = connection.execute(
            "SELECT services, posting_balances, posting_useds FROM edr"
        ).fetchall()
    return [
        (
            sum(Settlement(*service[3]).charged_amount for service in services),
            sum(used for number, used in zip(balances, useds, strict=True) if number in money),
        )
        for services, balances, useds in rows
    ]
