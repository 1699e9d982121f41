"""A pair of peers keeps one connection, whoever has opened it (RFC 6733 section 5.6)."""

import itertools
from dataclasses import dataclass

import pytest

from diameter_ocs.base.pair import TABLE, Action, Input, Order, Pair, State


@dataclass(eq=False)
class Link:
    """A connection, by name."""

    name: str
    is_replaceable: bool = False

    def __repr__(self) -> str:
        return self.name


PLACES = {
    State.CLOSED: set[str](),
    State.WAIT_CONN_ACK: {"initiated"},
    State.WAIT_I_CEA: {"initiated"},
    State.WAIT_RETURNS: {"initiated", "held"},
    State.OPEN: {"opened"},
    State.PROBING: {"opened", "held"},
}
"""Which connections there are in each state."""


class Told:
    """A pair that is told what happens by the names of its connections."""

    def __init__(self, *, wins: bool) -> None:
        self.pair: Pair[Link] = Pair(wins=wins)
        self.links = {name: Link(name) for name in ("own", "peers", "second", "third")}

    def tell(self, *words: str) -> list[tuple[Action, str]]:
        """Does as `start own` says, and so on; returns what the last one has led to."""
        orders: list[Order[Link]] = []
        for word in words:
            what, name = word.split()
            link = self.links[name]
            if what == "doubt":
                link.is_replaceable = True
            else:
                orders = getattr(self.pair, what)(link)
            assert_consistent(self.pair)
        return [(action, link.name) for action, link in orders]


def assert_consistent(pair: Pair[Link]) -> None:
    places = {name: getattr(pair, name) for name in ("opened", "held", "initiated")}
    there = {name: link for name, link in places.items() if link is not None}
    assert set(there) == PLACES[pair.state]
    assert len(set(there.values())) == len(there)


# What leads into each state, where the state allows it.
WAYS = {
    State.CLOSED: (),
    State.WAIT_CONN_ACK: ("start own",),
    State.WAIT_I_CEA: ("start own", "connected own"),
    State.WAIT_RETURNS: ("start own", "connected own", "exchanged peers"),
    State.OPEN: ("exchanged peers",),
    State.PROBING: ("exchanged peers", "exchanged second"),
}


def in_state(state: State, *, wins: bool = False) -> Told:
    told = Told(wins=wins)
    told.tell(*WAYS[state])
    assert told.pair.state is state
    return told


ROWS = [
    # state, what happens, what is to be done, next state
    (State.CLOSED, "start own", [(Action.CONNECT, "own")], State.WAIT_CONN_ACK),
    (State.CLOSED, "exchanged peers", [(Action.TAKE, "peers")], State.OPEN),
    (State.CLOSED, "connected own", [(Action.DECLINE, "own")], State.CLOSED),
    (State.CLOSED, "proved peers", [], State.CLOSED),
    (State.CLOSED, "lost own", [], State.CLOSED),
    (State.WAIT_CONN_ACK, "start second", [(Action.DECLINE, "second")], State.WAIT_CONN_ACK),
    (State.WAIT_CONN_ACK, "connected own", [(Action.INITIATE, "own")], State.WAIT_I_CEA),
    (
        State.WAIT_CONN_ACK,
        "exchanged peers",
        [(Action.GIVE_WAY, "own"), (Action.TAKE, "peers")],
        State.OPEN,
    ),
    (State.WAIT_CONN_ACK, "lost own", [], State.CLOSED),
    (State.WAIT_CONN_ACK, "lost peers", [], State.WAIT_CONN_ACK),
    (State.WAIT_I_CEA, "start second", [(Action.DECLINE, "second")], State.WAIT_I_CEA),
    (State.WAIT_I_CEA, "exchanged peers", [(Action.HOLD, "peers")], State.WAIT_RETURNS),
    (State.WAIT_I_CEA, "exchanged own", [(Action.TAKE, "own")], State.OPEN),
    (State.WAIT_I_CEA, "lost own", [], State.CLOSED),
    (State.WAIT_RETURNS, "start second", [(Action.DECLINE, "second")], State.WAIT_RETURNS),
    (State.WAIT_RETURNS, "exchanged second", [(Action.DECLINE, "second")], State.WAIT_RETURNS),
    (
        State.WAIT_RETURNS,
        "exchanged own",
        [(Action.DISMISS_ELECTED, "peers"), (Action.TAKE, "own")],
        State.OPEN,
    ),
    (State.WAIT_RETURNS, "lost own", [(Action.ADMIT, "peers")], State.OPEN),
    (State.WAIT_RETURNS, "lost peers", [], State.WAIT_I_CEA),
    (State.OPEN, "start own", [(Action.DECLINE, "own")], State.OPEN),
    (State.OPEN, "connected own", [(Action.DECLINE, "own")], State.OPEN),
    (
        State.OPEN,
        "exchanged second",
        [(Action.HOLD, "second"), (Action.PROBE, "peers")],
        State.PROBING,
    ),
    (State.OPEN, "proved peers", [], State.OPEN),
    (State.OPEN, "lost peers", [], State.CLOSED),
    (State.OPEN, "lost second", [], State.OPEN),
    (State.PROBING, "start own", [(Action.DECLINE, "own")], State.PROBING),
    (State.PROBING, "exchanged third", [(Action.DECLINE, "third")], State.PROBING),
    (State.PROBING, "proved peers", [(Action.DISMISS, "second")], State.OPEN),
    (State.PROBING, "proved second", [], State.PROBING),
    (State.PROBING, "lost second", [], State.OPEN),
    (State.PROBING, "lost peers", [(Action.ADMIT, "second")], State.OPEN),
]


@pytest.mark.parametrize(
    ("state", "what", "orders", "after"), ROWS, ids=[f"{row[0].name} {row[1]}" for row in ROWS]
)
def test_what_happens_leads_on(
    state: State, what: str, orders: list[tuple[Action, str]], after: State
) -> None:
    told = in_state(state)
    assert told.tell(what) == orders
    assert told.pair.state is after


@pytest.mark.parametrize("state", [State.WAIT_CONN_ACK, State.WAIT_I_CEA])
def test_who_wins_the_election_keeps_the_connection_of_the_peer(state: State) -> None:
    told = in_state(state, wins=True)
    orders = told.tell("exchanged peers")
    assert orders == [(Action.GIVE_WAY, "own"), (Action.TAKE, "peers")]
    assert told.pair.opened is told.links["peers"]
    # Its own comes too late now, and its end means nothing.
    assert told.tell("connected own") == [(Action.DECLINE, "own")]
    assert told.tell("lost own") == []
    assert told.pair.state is State.OPEN


@pytest.mark.parametrize("first", ["own", "peers"])
def test_an_open_connection_that_seems_dead_is_replaced_whoever_opened_it(first: str) -> None:
    told = in_state(State.CLOSED)
    ways = {"own": ("start own", "connected own", "exchanged own"), "peers": ("exchanged peers",)}
    told.tell(*ways[first], f"doubt {first}")
    orders = told.tell("exchanged second")
    assert orders == [(Action.REPLACE, first), (Action.TAKE, "second")]
    assert told.pair.opened is told.links["second"]
    assert told.tell(f"lost {first}") == []


def test_a_connection_of_our_own_is_asked_too_when_the_peer_comes() -> None:
    told = in_state(State.CLOSED)
    told.tell("start own", "connected own", "exchanged own")
    assert told.tell("exchanged peers") == [(Action.HOLD, "peers"), (Action.PROBE, "own")]
    assert told.tell("lost own") == [(Action.ADMIT, "peers")]


def test_only_one_waits_even_when_the_open_one_seems_dead_meanwhile() -> None:
    told = in_state(State.PROBING)
    assert told.tell("doubt peers", "exchanged third") == [(Action.DECLINE, "third")]


def test_the_table_has_no_more_and_no_less_than_what_can_happen() -> None:
    """Walks all that connections can do, up to some length, and looks at what was used."""
    used = set[tuple[State, Input]]()
    words = [
        f"{what} {name}"
        for what in ("start", "connected", "exchanged", "proved", "lost", "doubt")
        for name in ("own", "peers", "second")
    ]

    class Noting(Pair[Link]):
        def _apply(self, what: Input, newcomer: Link | None = None) -> list[Order[Link]]:
            used.add((self.state, what))
            return super()._apply(what, newcomer)

    def signature(told: Told) -> tuple[object, ...]:
        pair = told.pair
        doubts = tuple(link.is_replaceable for link in told.links.values())
        return pair.state, pair.opened, pair.held, pair.initiated, doubts

    for wins in (True, False):
        seen = set[str]()
        ways: list[tuple[str, ...]] = [()]
        while ways:
            way = ways.pop()
            for word in words:
                told = Told(wins=wins)
                told.pair = Noting(wins=wins)
                told.tell(*way)
                if not is_possible(told, word):
                    continue
                told.tell(word)
                if str(signature(told)) not in seen:
                    seen.add(str(signature(told)))
                    ways.append((*way, word))
    assert used == set(TABLE)


def is_possible(told: Told, word: str) -> bool:
    """Whether a connection can do that: ours connects, is there, and exchanges capabilities."""
    what, name = word.split()
    link, pair = told.links[name], told.pair
    is_known = link in (pair.opened, pair.held, pair.initiated)
    is_up = pair.state in (State.WAIT_I_CEA, State.WAIT_RETURNS)
    if what == "start":
        return not is_known
    if what == "connected":
        return (link is pair.initiated and not is_up) or not is_known
    if what == "exchanged":
        return (link is pair.initiated and is_up) or not is_known
    return True


def test_what_is_absent_from_the_table_cannot_happen() -> None:
    absent = set(itertools.product(State, Input)) - set(TABLE)
    assert (State.CLOSED, Input.CEA) in absent
    assert (State.OPEN, Input.CONN_ACK) in absent
    told = in_state(State.WAIT_CONN_ACK)
    with pytest.raises(KeyError):
        told.tell("exchanged own")
