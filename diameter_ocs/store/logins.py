"""The login's own connections: for what the application role may not do."""

from typing import Any

import psycopg

from ..charging.faults import CasesUnavailable

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 5


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


def first_line(error: BaseException) -> str:
    """Returns what an error of the database says, without its details."""
    return str(error).strip().splitlines()[0]
