"""The login's own connections: for what the application role may not do."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ..charging.faults import CasesUnavailable

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 5
SECRETS = frozenset({"password", "sslpassword"})
"""Parameters of an address that nobody else may see."""


class SchemaError(Exception):
    """The database cannot be used as it is; the message says what to do."""


def connect(conninfo: str, autocommit: bool = False) -> Connection:
    """Opens a connection that acts as the login itself.

    Raises:
        SchemaError: the address is malformed.
        CasesUnavailable: the database cannot be reached.
    """
    try:
        return psycopg.connect(conninfo, autocommit=autocommit, connect_timeout=CONNECT_SECONDS)
    except psycopg.ProgrammingError:
        # Its text would show the address, and with it the password.
        raise SchemaError(
            "the database's address is malformed: write postgresql://USER@HOST/DATABASE"
        ) from None
    except psycopg.Error as error:
        raise CasesUnavailable(first_line(error)) from error


def has_password(conninfo: str) -> bool:
    """Says whether an address holds a password; one that is malformed is refused elsewhere."""
    try:
        return not SECRETS.isdisjoint(conninfo_to_dict(conninfo))
    except psycopg.ProgrammingError:
        return False


def first_line(error: BaseException) -> str:
    """Returns what an error of the database says, without its details."""
    return str(error).strip().splitlines()[0]
