"""Two nodes that connect to each other, with real machines, over links whose pace a test sets."""

import itertools
from collections import deque
from dataclasses import replace
from functools import partial

from diameter_ocs.base.capabilities import CerDecision, PeerAccepted, PeerRefused
from diameter_ocs.base.election import wins_election
from diameter_ocs.base.errors import ElectionLost
from diameter_ocs.base.events import CerFacts, CloseReason, Event, PeerClosed, PeerProved
from diameter_ocs.base.message import Identity
from diameter_ocs.base.pair import Action, Order, Pair, State
from diameter_ocs.base.peer import Peer
from tests.base.peers import LOCAL

BACK_OFF_SECONDS = 20.0
"""A node that has no connection connects again after so long."""
END = b""
"""What is delivered last."""


class End:
    """One end of a link, and the machine that drives it, once the transport is there."""

    def __init__(self, node: "Node", number: int) -> None:
        self.node = node
        self.number = number
        self.inbox: deque[bytes] = deque()
        self.other: End | None = None
        self.peer: Peer | None = None
        self.is_over = False
        self.is_deaf = False
        """Nobody is there any more, and the other end does not know."""
        self.reason: CloseReason | None = None

    @property
    def is_replaceable(self) -> bool:
        return self.peer is None or self.peer.is_suspect or not self.peer.is_open

    @property
    def is_open(self) -> bool:
        return self.peer is not None and self.peer.is_open

    def begin(self) -> None:
        self.peer = Peer(
            self.node.local,
            partial(self.node.authorise, self),
            next_identifier=self.node.identifiers.__next__,
            jitter=lambda: 0.0,
            now=self.node.world.now,
        )

    def handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, PeerProved):
                self.node.obey(self.node.pair.proved(self))
            elif isinstance(event, PeerClosed):
                self.reason = event.reason
                self._flush()
                self.hang_up()
        self._flush()

    def hang_up(self) -> None:
        """Ends the connection; the other end hears of it after all that was sent."""
        if not self.is_over:
            self.is_over = True
            if self.other is not None:
                self.other.inbox.append(END)
            self.node.obey(self.node.pair.lost(self))

    def deliver(self) -> None:
        octets = self.inbox.popleft()
        if self.is_over:
            return
        assert self.peer is not None
        now = self.node.world.now
        if octets is END:
            self.handle(self.peer.connection_lost(now))
        else:
            self.handle(self.peer.receive_data(octets, now))

    def vanish(self) -> None:
        """Loses the connection without a word to the other end."""
        self.is_deaf = True
        other, self.other = self.other, None
        assert self.peer is not None
        self.handle(self.peer.connection_lost(self.node.world.now))
        self.other = other

    def _flush(self) -> None:
        assert self.peer is not None
        messages = self.peer.messages_to_send()
        if self.other is not None and not self.other.is_deaf and not self.is_over:
            self.other.inbox.extend(messages)


class Node:
    """A node that does with its connections what the pair says."""

    def __init__(self, world: "World", host: str, other_host: str) -> None:
        self.world = world
        self.host = host
        self.other_host = other_host
        self.local = replace(LOCAL, identity=Identity(host, "example"))
        self.pair: Pair[End] = Pair(wins=wins_election(host, other_host))
        self.identifiers = itertools.count(1)
        self.started_at: float | None = None

    def authorise(self, end: End, _facts: CerFacts) -> CerDecision | None:
        return self.obey(self.pair.exchanged(end), end)

    def obey(self, orders: list[Order[End]], newcomer: End | None = None) -> CerDecision | None:
        decision: CerDecision | None = None
        for action, end in orders:
            if end is newcomer:
                decision = DECISIONS[action]
            else:
                self._act(action, end)
        return decision

    def _act(self, action: Action, end: End) -> None:
        peer, now = end.peer, self.world.now
        match action:
            case Action.GIVE_WAY if peer is None:
                end.is_over = True  # it was on its way only
            case Action.REPLACE | Action.DECLINE:
                end.hang_up()
            case _:
                assert peer is not None
                end.handle(self._told(action, peer, now))

    def _told(self, action: Action, peer: Peer, now: float) -> list[Event]:
        if action is Action.INITIATE:
            return peer.initiate(self.other_host, now)
        if action is Action.GIVE_WAY:
            return peer.give_way(now)
        if action is Action.PROBE:
            return peer.probe(now)
        decision = DECISIONS[action]
        assert decision is not None
        return peer.decide(decision, now)


DECISIONS: dict[Action, CerDecision | None] = {
    Action.TAKE: PeerAccepted(),
    Action.ADMIT: PeerAccepted(),
    Action.HOLD: None,
    Action.DECLINE: PeerRefused(None, "it is here already"),
    Action.DISMISS: PeerRefused(None, "it is here already"),
    Action.DISMISS_ELECTED: PeerRefused(ElectionLost("the other one is kept"), "the other is kept"),
}


class World:
    """Two nodes, their links, and what can happen next.

    `dialling` are the hosts that connect, `faults` so many faults may happen.
    """

    def __init__(self, dialling: str = "ab", faults: int = 0) -> None:
        self.now = 0.0
        self.faults = faults
        self.dialling = dialling
        self.nodes = {
            "a": Node(self, "a.example", "b.example"),
            "b": Node(self, "b.example", "a.example"),
        }
        self.links: list[tuple[End, End]] = []
        """The end that connects, and the one that is called."""

    def choices(self) -> list[str]:
        """Returns all that can happen next, time only when nothing else can."""
        choices = [f"start {name}" for name in self.dialling if self._may_start(self.nodes[name])]
        for number, link in enumerate(self.links):
            choices += self._choices_of(number, link)
        return choices or ([] if self.is_settled else ["tick"])

    def do(self, choice: str) -> None:
        what, *words = choice.split()
        if what == "start":
            self._start(self.nodes[words[0]])
        elif what == "tick":
            self._tick()
        else:
            link = self.links[int(words[0])]
            getattr(self, f"_{what}")(link, *map(int, words[1:]))

    @property
    def is_settled(self) -> bool:
        """Whether one connection is open at both ends, and there is no other."""
        alive = [link for link in self.links if not all(end.is_over for end in link)]
        return len(alive) == 1 and all(
            end.is_open and end.node.pair.opened is end for end in alive[0]
        )

    @property
    def open_links(self) -> int:
        return sum(all(end.is_open and not end.is_over for end in link) for link in self.links)

    def signature(self) -> tuple[object, ...]:
        """Returns all that what follows depends on."""
        ends = [end for link in self.links for end in link]
        return (
            self.faults,
            tuple((node.pair.state, self._next_start(node)) for node in self.nodes.values()),
            tuple(
                (
                    end.node.host,
                    end.peer and (end.peer.state, end.peer.is_suspect, self._until(end.peer)),
                    end.is_over,
                    end.is_deaf,
                    tuple(each[4:8] for each in end.inbox),
                    end is end.node.pair.opened,
                    end is end.node.pair.held,
                    end is end.node.pair.initiated,
                )
                for end in ends
            ),
        )

    def _until(self, peer: Peer) -> float | None:
        deadline = peer.next_timer()
        return None if deadline is None else deadline - self.now

    def _may_start(self, node: Node) -> bool:
        """Says whether it is time to connect: the first time whether there is need or not."""
        until = self._next_start(node)
        return until is None or (until == 0 and node.pair.state is State.CLOSED)

    def _next_start(self, node: Node) -> float | None:
        """Returns how long it takes until a node may connect again; None: it never has."""
        if node.started_at is None:
            return None
        return max(node.started_at + BACK_OFF_SECONDS - self.now, 0.0)

    def _start(self, node: Node) -> None:
        node.started_at = self.now
        end = End(node, len(self.links))
        other = self.nodes["b" if node is self.nodes["a"] else "a"]
        (order,) = node.pair.start(end)
        if order.action is Action.CONNECT:
            self.links.append((end, End(other, len(self.links))))

    def _choices_of(self, number: int, link: tuple[End, End]) -> list[str]:
        own = link[0]
        if own.peer is None:
            may_fail = self.faults and not own.is_over
            return [f"ack {number}", f"nack {number}"] if may_fail else [f"ack {number}"]
        choices = [f"deliver {number} {side}" for side, end in enumerate(link) if end.inbox]
        if self.faults:
            choices += [
                f"vanish {number} {side}" for side, end in enumerate(link) if not end.is_over
            ]
        return choices

    def _ack(self, link: tuple[End, End]) -> None:
        """The transport is there; who has given way meanwhile ends it."""
        own, other = link
        own.other, other.other = other, own
        own.begin()
        other.begin()
        if own.is_over:
            other.inbox.append(END)
        else:
            own.node.obey(own.node.pair.connected(own))

    def _nack(self, link: tuple[End, End]) -> None:
        self.faults -= 1
        own, other = link
        other.is_over = True
        own.begin()
        own.hang_up()

    def _deliver(self, link: tuple[End, End], side: int) -> None:
        link[side].deliver()

    def _vanish(self, link: tuple[End, End], side: int) -> None:
        self.faults -= 1
        link[side].vanish()

    def _tick(self) -> None:
        """Lets time go by until a machine has something to do."""
        ends = [end for link in self.links for end in link if not end.is_over]
        times = [self._until(end.peer) for end in ends if end.peer is not None]
        times += [self._next_start(self.nodes[name]) for name in self.dialling]
        self.now += min(until for until in times if until)
        for end in ends:
            if end.peer is not None and not end.is_over:
                end.handle(end.peer.timer_expired(self.now))
