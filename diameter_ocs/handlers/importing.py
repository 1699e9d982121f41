"""Many accounts at once, read row by row: all of them are opened, or none is."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ..charging.accounts import NewAccount, Opening, numbers_needed, open_account
from ..charging.catalogue import Catalogue
from ..charging.commands import Effect
from ..charging.requests import Identity, IdentityKind
from .answers import identity_texts
from .commands import Accounts, CommandWork, Done, Order, perform
from .provisioning import catalogue_of, check_account, tenant_named
from .refusals import Refusal

ROWS_TOGETHER = 1000
"""Rows that are in memory at once."""
FAULTS_MAX = 100
"""Faults that are told; then the rest of the file is not read."""
ACCOUNT_NAME = 0
"""What the store calls the kind of an account's own name."""

Name = tuple[int, str]
"""The kind of an identity, or of the account's own name, and its value."""
Tell = Callable[[int], None]
"""Hears how many rows have been read."""


class Row(NamedTuple):
    """An account as a file says it, or what is wrong with the line."""

    line: int
    account: NewAccount | None
    fault: str = ""


class ImportFile(NamedTuple):
    """A file of accounts."""

    name: str
    digest: str
    rows: Callable[[], Iterable[Row]]
    """Reads it from the beginning."""


async def import_accounts(
    accounts: Accounts, tenant: str | None, file: ImportFile, order: Order, tell: Tell
) -> Done:
    """Opens the accounts of a file; the answer says how many.

    The rows are stored while they are read, in the one transaction of the command: it locks nothing
    of accounts that are there, but no catalogue of the tenant can be applied meanwhile.
    """
    name = await tenant_named(accounts, tenant)

    async def change(work: CommandWork, stamp: tuple[int, str]) -> Effect:
        reading = _Reading(work, await catalogue_of(work, name), stamp)
        rows = iter(file.rows())
        while not reading.is_enough and (some := list(islice(rows, ROWS_TOGETHER))):
            await reading.take(some)
            tell(len(reading.lines))
        reading.finish()
        answer = {"tenant": name, "accounts": len(reading.lines)}
        return Effect(answer, None, {**answer, "file": file.name, "sha256": file.digest})

    return await perform(accounts, order, "account import", (name, file.digest), change)


class _Reading:
    """A file while its rows are stored; what is wrong with it is gathered."""

    def __init__(self, work: CommandWork, catalogue: Catalogue, stamp: tuple[int, str]) -> None:
        self._work = work
        self._catalogue = catalogue
        self._stamp = stamp
        self._faults: list[tuple[int, str]] = []
        self._ids = array("q")
        self.lines = array("q")
        """Of the accounts, as their ids: to say where a name stood first."""

    @property
    def is_enough(self) -> bool:
        """Says whether there are more faults than are told."""
        return len(self._faults) > FAULTS_MAX

    async def take(self, rows: Sequence[Row]) -> None:
        """Stores rows, or finds out what is wrong with them."""
        right = [row for row in rows if self._is_right(row)]
        new = {row.line: row.account for row in right if row.account is not None}
        count = sum(numbers_needed(account, self._catalogue) for account in new.values())
        numbers = iter(await self._work.numbers(count))
        openings = self._open(new.values(), numbers)
        self._ids.extend(opening.account.id for opening in openings)
        self.lines.extend(new)
        if await self._work.add_accounts(self._catalogue.tenant, openings):
            await self._find_taken(list(new), openings)

    def finish(self) -> None:
        """Refuses a file with faults, or without accounts."""
        if not self._faults and not self.lines:
            raise Refusal("rows_wrong", "there is no account in the file")
        if not self._faults:
            return
        told = sorted(self._faults, key=lambda fault: fault[0])[:FAULTS_MAX]
        sentences = [f"line {line}: {fault}" for line, fault in told]
        if self.is_enough:
            sentences.append(f"and more: the first {FAULTS_MAX} are told")
        raise Refusal("rows_wrong", *sentences)

    def _is_right(self, row: Row) -> bool:
        """Says whether a row tells an account that can be opened."""
        fault = row.fault
        if row.account is not None:
            try:
                check_account(row.account, self._catalogue)
            except Refusal as refusal:
                fault = str(refusal)
        if fault:
            self._faults.append((row.line, fault))
        return not fault

    def _open(self, new: Iterable[NewAccount], numbers: Iterator[int]) -> list[Opening]:
        return [open_account(each, self._catalogue, numbers, self._stamp) for each in new]

    async def _find_taken(self, lines: Sequence[int], openings: Sequence[Opening]) -> None:
        """Says of each line which of its names belong to another account, and where that stands."""
        wanted = [name for opening in openings for name in _names(opening)]
        owners = await self._work.owners(self._catalogue.tenant, wanted)
        for line, opening in zip(lines, openings, strict=True):
            for name in _names(opening):
                owner = owners.get(name)
                if owner is not None and owner != opening.account.id:
                    self._faults.append((line, f"{_text(name)} {self._place(owner)}"))

    def _place(self, owner: int) -> str:
        """Says where the account stands that has a name."""
        index = bisect_left(self._ids, owner)
        if index < len(self._ids) and self._ids[index] == owner:
            return f"stands on line {self.lines[index]} already"
        return "belongs to an account already"


def _names(opening: Opening) -> list[Name]:
    """Returns what an account and its subscriber are called."""
    identities = () if opening.device is None else opening.device.identities
    return [(ACCOUNT_NAME, opening.account.name), *((i.kind, i.value) for i in identities)]


def _text(name: Name) -> str:
    kind, value = name
    if kind == ACCOUNT_NAME:
        return f"the account {value!r}"
    return identity_texts([Identity(IdentityKind(kind), value)])[0]
