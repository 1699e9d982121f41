"""What a quota held, out of which its parts are paid before anything else pays."""

from collections.abc import Iterable

from .ledger import Ledger
from .session import Amounts, Line
from .settlement import release


class Purse:
    """What a line held: it was released, and is reserved anew from here.

    So it pays though its balances have ended since.
    """

    __slots__ = ("_amounts", "_ledger")

    def __init__(self, line: Line, ledger: Ledger) -> None:
        """Releases all that a line holds."""
        self._amounts: dict[int, int] = {}
        self._ledger = ledger
        for held in line.holds:
            for balance_id, amount in held.amounts:
                self._amounts[balance_id] = self._amounts.get(balance_id, 0) + amount
        release(line, 0, ledger)

    def paying(self, balance_types: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the balances of some types, in the order in which they held."""
        type_of = self._ledger.type_of
        return tuple([number for number in self._amounts if type_of(number) in balance_types])

    def available(self, balance_id: int) -> int:
        """Returns what is left of what was held."""
        return min(self._amounts[balance_id], self._ledger.available(balance_id))

    def reserve(self, balance_ids: Iterable[int], amount: int) -> tuple[Amounts, int]:
        """Holds what is left, as a ledger does."""
        parts: Amounts = ()
        for balance_id in balance_ids:
            wanted = min(amount, self._amounts[balance_id])
            part, lacking = self._ledger.reserve((balance_id,), wanted)
            self._amounts[balance_id] -= wanted - lacking
            amount -= wanted - lacking
            parts += part
        return parts, amount
