"""Whose groups requests about spending limits concern, by whom they name and by their sessions."""

from collections.abc import Sequence

from ..charging.requests import SessionKey
from ..charging.spending_limits import SpendingLimitEnd, SpendingLimitRequest, Whereabouts
from . import statements
from .arrays import big_ints
from .database import Connection
from .resolving import Directory, by_identity, group_named, identities
from .sessions import digest


async def whereabouts(
    connection: Connection, requests: Sequence[SpendingLimitRequest | SpendingLimitEnd]
) -> Sequence[Whereabouts]:
    """Returns which groups each request concerns."""
    naming = [each for each in requests if isinstance(each, SpendingLimitRequest)]
    directory: Directory = {}
    if any(request.identities for request in naming):
        directory = by_identity(await (await identities(connection, naming)).fetchall())
    digests = sorted({digest(SessionKey(request.session_id)) for request in requests})
    cursor = await connection.execute(
        statements.RESOLVE_SPENDING_LIMITS, {"digests": big_ints(digests)}, binary=True
    )
    held: dict[bytes, list[tuple[str, int]]] = {}
    for group_id, session_id, tenant in await cursor.fetchall():
        held.setdefault(session_id, []).append((tenant, group_id))
    return [
        Whereabouts(
            group_named(request, directory) if isinstance(request, SpendingLimitRequest) else None,
            tuple(
                group_id
                for tenant, group_id in held.get(request.session_id, ())
                if request.tenant in (None, tenant)
            ),
        )
        for request in requests
    ]
