"""How the counters of an account stand, and what operators have set about them."""

from typing import NamedTuple

from .counters import BalanceCounter


class Standing(NamedTuple):
    """What is stored of an account besides its balances; most accounts have nothing of it."""

    states: tuple[tuple[str, str], ...] = ()
    """Name and state of each counter that is not in its default state, by name."""
    blocked: tuple[str, ...] = ()
    """The balance types that pay for nothing new until a counter says otherwise, in order."""
    overrides: tuple[BalanceCounter, ...] = ()
    """Counters of its own, in the place of the catalogue's of the same name."""
    thresholds: tuple[int, ...] = ()
    """Notices tell when its default balance of money falls below these, in micro-units."""
    short: tuple[tuple[int, int], ...] = ()
    """Sessions, by number, and their rating groups that were refused or got their last quota, and
    were not called to ask again since."""
    called: tuple[int, ...] = ()
    """Sessions, by number, that are called to ask again and have not asked yet."""


NO_STANDING = Standing()
