"""A spool without a disk, for tests on virtual time; it passes the tests of the real one."""

from collections.abc import Collection, Sequence

from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.charging.spooled import SpooledRequest


class MemorySpool:
    """Keeps requests as long as it lives."""

    def __init__(self, left: Sequence[SpooledRequest] = ()) -> None:
        self.left = left
        self.outstanding = {each.number: each for each in left}
        self.is_full = False
        self.writes = 0
        self._last_number = max(self.outstanding, default=0)

    async def keep(
        self, requests: Sequence[ChargingRequest], at: int
    ) -> Sequence[SpooledRequest | None]:
        """Return each request as it is kept; None: it could not be."""
        self.writes += 1
        if self.is_full:
            return [None] * len(requests)
        kept = []
        for request in requests:
            self._last_number += 1
            kept.append(SpooledRequest(self._last_number, at, request))
        self.outstanding |= {each.number: each for each in kept}
        return kept

    async def settle(self, numbers: Collection[int]) -> None:
        """Forget requests."""
        for number in numbers:
            self.outstanding.pop(number, None)
