"""What requests would get if they came now: decided as others are, and nothing of it is stored."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from ..charging.case import Case
from ..charging.decisions import Decision, Outcome
from ..charging.faults import StaleCase
from ..charging.requests import NAMING, ChargingRequest
from ..charging.spooled import Owed
from .credit_control import Fault, fold
from .ports import Store
from .refusals import Refusal

TRIES = 10


class Enquired(NamedTuple):
    """What requests would get, each on what the one before would leave."""

    results: Sequence[Decision | Fault]
    """In the order of the requests."""
    case: Case | None = None
    """What they would find, with a catalogue that explains in full; None: nobody knows whose they
    are."""


class _OnlyAsked(Exception):
    """Ends a transaction of which nothing is to be stored."""


async def enquire(store: Store, requests: Sequence[ChargingRequest], now: int) -> Enquired:
    """Decides requests of one subscriber at a time, in microseconds since 1970.

    What they need is read as for requests that are charged, and not locked.

    Raises:
        Refusal: what they need was changed each time while it was read.
        CasesUnavailable, BrokenBatch: the store does not answer, or cannot be read.
    """
    (group,) = await store.resolve(requests[:1])
    if group is None:
        return Enquired([Decision(_unknown(request)) for request in requests])
    for _ in range(TRIES):
        with suppress(StaleCase):
            return await _tried(store, [(group, request) for request in requests], now)
    raise Refusal("busy", "the account is busy: try again")


def _unknown(request: ChargingRequest) -> Outcome:
    is_naming = request.request_type in NAMING
    return Outcome.USER_UNKNOWN if is_naming else Outcome.SESSION_UNKNOWN


async def _tried(store: Store, asked: Sequence[tuple[int, ChargingRequest]], now: int) -> Enquired:
    enquired = None
    group = asked[0][0]
    with suppress(_OnlyAsked):
        async with store.work() as work:
            locked = await work.lock([group], asked, now)
            cases, moved = await work.load(asked, now)
            if not locked or moved:
                raise StaleCase("its identities have moved to another group")
            case = _explaining(cases[group])
            steps = [(group, Owed(request)) for _, request in asked]
            folded = fold(steps, {group: case})
            folded.tell()
            enquired = Enquired(folded.results, case)
            raise _OnlyAsked
    assert enquired is not None, "what was asked ended the transaction"
    return enquired


def _explaining(case: Case) -> Case:
    """Returns a case whose decisions say of every service why it was passed over."""
    return case._replace(catalogue=replace(case.catalogue, explains_in_full=True))
